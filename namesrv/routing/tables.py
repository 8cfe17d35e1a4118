"""The six tables, and the only functions that change topic queues in them.

Whatever changes an answer marks exactly the topics whose answers it changes; nothing is
encoded here. Source: `RouteInfoManager`, protocol.md section 3.1.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from namesrv._impl import BrokerLiveInfo, BrokerLiveTable, RouteAnswers
from namesrv.routing.broker_data import BrokerData, TopicQueues
from namesrv.wire.bodies import QueueData, TopicQueueMappingInfo

MOST_TOPIC_NUMBER: Final = 2**32 - 1
"""What a snapshot has room for."""


class RouteTables:
    """topic_queue_table, broker_addr_table, cluster_addr_table, broker_live_table,
    filter_server_table and topic_queue_mapping_info_table.

    `gone_since` holds, in monotonic milliseconds, since when a group that static-topic
    mappings name is gone; `mapped_topics` the topics that name it. `topic_changes`
    counts what may have changed a list of topics, `group_changes` what may have changed
    a group's part of routes, `changes` what may have changed anything that is kept.
    `routes` is how many entries of groups in topics, and static-topic mappings, there
    are. `queues_added`, `queues_changed`, `queues_removed` and `mapping_changes` count
    what became of such entries and of mappings.
    """

    def __init__(self, route_answers: RouteAnswers) -> None:
        self.route_answers = route_answers
        self._mark = route_answers.mark
        self.topic_queue_table: dict[str, TopicQueues] = {}
        self.broker_addr_table: dict[str, BrokerData] = {}
        self.cluster_addr_table: dict[str, set[str | None]] = {}
        self.broker_live_table = BrokerLiveTable()
        self.filter_server_table: dict[tuple[str, str], list[str | None]] = {}
        self.topic_queue_mapping_info_table: dict[
            str, dict[str | None, TopicQueueMappingInfo]
        ] = {}
        self.mapped_topics: dict[str | None, set[str]] = {}
        self.gone_since: dict[str | None, int] = {}
        self.topic_changes = 0
        self.group_changes = 0
        self.changes = 0
        self.routes = 0
        self.queues_added = 0
        self.queues_changed = 0
        self.queues_removed = 0
        self.mapping_changes = 0
        self._next_number = 0

    def set_queues(
        self, data: BrokerData, queue_datas: Mapping[str, QueueData]
    ) -> None:
        """Store a group's queues by topic; a registration may bring 10,000."""
        table, name, mark = self.topic_queue_table, data.broker_name, self._mark
        changed = 0
        refs = len(data.topic_refs)
        for topic, queue_data in queue_datas.items():
            entry = table.get(topic)
            if entry is None:
                entry = table[topic] = TopicQueues(topic, self._number())
                mark(topic)
            queues = entry.queues
            size = len(queues)
            old = queues.setdefault(name, queue_data)
            if len(queues) > size:
                data.topic_refs.append(entry)
            elif old is queue_data or old == queue_data:
                continue
            else:
                queues[name] = queue_data
                changed += 1
            if entry.is_answered:
                entry.is_answered = False
                mark(topic)
        added = len(data.topic_refs) - refs
        self.routes += added
        self.queues_added += added
        self.queues_changed += changed
        if added or changed:
            self.topic_changes += 1
            self._note_change(data)

    def has(self, topic: str, data: BrokerData) -> bool:
        """Whether a topic has an entry of a group."""
        entry = self.topic_queue_table.get(topic)
        return entry is not None and data.broker_name in entry.queues

    def remove_queue(self, entry: TopicQueues, broker_name: str) -> None:
        """Take a group's entry out of a topic, and the topic out if it was the last."""
        if entry.queues.pop(broker_name, None) is None:
            return
        self.routes -= 1
        self.queues_removed += 1
        self.topic_changes += 1
        data = self.broker_addr_table.get(broker_name)
        if data is not None:
            data.lost_topic()
            self._note_change(data)
        if entry.queues:
            self._mark_changed(entry)
        else:
            del self.topic_queue_table[entry.topic]
            self.route_answers.remove(entry.topic)

    def remove_topic(self, topic: str) -> list[str]:
        """Drop a topic completely; the names of the groups that had entries."""
        entry = self.topic_queue_table.get(topic)
        if entry is None:
            return []
        names = list(entry.queues)
        for name in names:
            self.remove_queue(entry, name)
        return names

    def group_changed(self, data: BrokerData) -> None:
        """A group's addresses, zone or flag changed: its topics' answers did too."""
        data.changed()
        self.group_changes += 1
        self._note_change(data)
        self.forget_digests((data.broker_name,))
        for entry in data.topics():
            if entry.is_answered:
                self._mark_changed(entry)

    def topic_changed(self, topic: str) -> None:
        """Something else that a topic's answer holds changed."""
        entry = self.topic_queue_table.get(topic)
        if entry is not None:
            self._mark_changed(entry)

    def answered(self, entry: TopicQueues, standard: bool, body: bytes) -> None:
        """Keep a topic's route as it was written, until something in it changes."""
        entry.is_answered = True
        self.route_answers.put(entry.topic, standard, body)

    def forget_digests(self, broker_names: Iterable[str]) -> None:
        """The next registration of every broker of these groups is looked at whole."""
        for name in broker_names:
            data = self.broker_addr_table.get(name)
            if data is None:
                continue
            for key in data.live_keys:
                info = self.broker_live_table.get(*key)
                if info is not None and info.digest is not None:
                    info.digest = None
                    self._note_change(data)

    def forget_all_digests(self) -> None:
        """As `forget_digests`, for every broker."""
        for info in self.broker_live_table.entries():
            if info.digest is not None:
                info.digest = None
                data = self.broker_addr_table.get(info.broker_name)
                if data is not None:
                    self._note_change(data)

    def put_live(self, data: BrokerData, info: BrokerLiveInfo, now_ms: int) -> None:
        """Store a live entry of a group."""
        old = self.broker_live_table.get(*info.key)
        said = info.broker_name, info.ha_server_addr
        if old is not None and (old.broker_name, old.ha_server_addr) != said:
            # Its slaves are answered with it; another group may have had this address.
            self.remove_live(*info.key)
        self.broker_live_table.put(info, now_ms)
        data.live_keys.add(info.key)
        self._note_change(data)

    def remove_live(self, cluster: str, broker_addr: str) -> BrokerLiveInfo | None:
        """Take a live entry out; what its slaves were answered is out of date."""
        info = self.broker_live_table.remove(cluster, broker_addr)
        if info is not None:
            self.forget_digests((info.broker_name,))
            data = self.broker_addr_table.get(info.broker_name)
            if data is not None:
                data.live_keys.discard(info.key)
                self._note_change(data)
        return info

    def set_filter_servers(
        self, key: tuple[str, str], servers: list[str | None] | None
    ) -> None:
        """Store a broker's filter servers; none for None and for an empty list."""
        old = self.filter_server_table.pop(key, [])
        if servers:
            self.filter_server_table[key] = servers
        if old != (servers or []):
            self.changes += 1
            # They show in the routes of every group that has this address.
            self.group_changes += 1
            self.route_answers.forget_bodies()

    def set_mapping(self, topic: str, info: TopicQueueMappingInfo, now_ms: int) -> None:
        """Store a static topic's mapping under the group that it names, which may be
        null as in Java."""
        mappings = self.topic_queue_mapping_info_table.setdefault(topic, {})
        self.routes += info.bname not in mappings
        self.mapping_changes += mappings.get(info.bname) != info
        mappings[info.bname] = info
        self.changes += 1
        self.mapped_topics.setdefault(info.bname, set()).add(topic)
        if info.bname not in self.broker_addr_table:
            self.gone_since.setdefault(info.bname, now_ms)
        self.topic_changed(topic)

    def remove_mappings(self, broker_name: str | None) -> None:
        """Drop every mapping that names a group."""
        self.changes += 1
        for topic in self.mapped_topics.pop(broker_name, ()):
            mappings = self.topic_queue_mapping_info_table[topic]
            del mappings[broker_name]
            self.routes -= 1
            if not mappings:
                del self.topic_queue_mapping_info_table[topic]
            self.topic_changed(topic)

    def add_group(self, cluster: str, broker_name: str) -> BrokerData:
        """A new group without addresses; a snapshot may have another of that name."""
        data = self.broker_addr_table[broker_name] = BrokerData(cluster, broker_name)
        self.gone_since.pop(broker_name, None)
        self._note_change(data)
        return data

    def remove_group(self, broker_name: str, now_ms: int) -> None:
        """Drop a group and its topic entries; the cluster's entry is not touched."""
        data = self.broker_addr_table[broker_name]
        for entry in list(data.topics()):
            self.remove_queue(entry, broker_name)
        del self.broker_addr_table[broker_name]
        self.changes += 1
        if broker_name in self.mapped_topics:
            self.gone_since[broker_name] = now_ms

    def join_cluster(self, cluster: str, broker_name: str | None) -> None:
        """Put a name into a cluster, which is made if it is the first."""
        names = self.cluster_addr_table.setdefault(cluster, set())
        if broker_name not in names:
            names.add(broker_name)
            self.topic_changes += 1
            self.changes += 1

    def leave_cluster(self, cluster: str, broker_name: str | None) -> None:
        """Take a name out of a cluster, and the cluster out if it was the last."""
        names = self.cluster_addr_table.get(cluster)
        if names is not None:
            names.discard(broker_name)
            self.changes += 1
            if not names:
                del self.cluster_addr_table[cluster]

    def reserve_number(self, number: int) -> None:
        """A snapshot has this number of a topic that is gone; no other ever gets it."""
        self._next_number = max(self._next_number, number + 1)

    def take_over_topics(self, entries: Iterable[TopicQueues]) -> None:
        """Put topics of a snapshot into the empty table, those that have queues."""
        for entry in entries:
            self._next_number = max(self._next_number, entry.number + 1)
            if entry.queues:
                self.topic_queue_table[entry.topic] = entry
                self.routes += len(entry.queues)
                self._mark(entry.topic)
        self.topic_changes += 1

    def _mark_changed(self, entry: TopicQueues) -> None:
        entry.is_answered = False
        self._mark(entry.topic)

    def _number(self) -> int:
        """The next number of a topic; when they run out all topics get new ones."""
        number = self._next_number
        if number > MOST_TOPIC_NUMBER:
            for number, entry in enumerate(self.topic_queue_table.values()):
                entry.number = number
            number = len(self.topic_queue_table)
            for data in self.broker_addr_table.values():
                self._note_change(data)
        self._next_number = number + 1
        return number

    def _note_change(self, data: BrokerData) -> None:
        """What a snapshot holds of a group is out of date."""
        self.changes += 1
        data.change = self.changes
