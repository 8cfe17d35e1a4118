"""The six tables, and the only functions that change topic queues in them.

Whatever changes an answer marks exactly the topics whose answers it changes; nothing is
encoded here. Source: `RouteInfoManager`, protocol.md section 3.1.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from namesrv._impl import (
    BrokerLiveInfo,
    BrokerLiveTable,
    Connection,
    RouteAnswers,
    TopicQueues,
    find_topics,
    make_topics,
    names_of,
    put_topics,
    take_answered,
)
from namesrv.routing.events import TopicChanges
from namesrv.routing.tables.answer_marks import AnswerMarks
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.busy_groups import BusyGroups
from namesrv.routing.tables.change_order import ChangeOrder
from namesrv.routing.tables.cluster_names import ClusterNames
from namesrv.routing.tables.leftovers import LeftoverKind, Leftovers
from namesrv.routing.tables.live_owners import change_owner, lose_owner
from namesrv.routing.tables.ordered_texts import BLOCK_GROUPS, OrderedTexts
from namesrv.routing.tables.queue_sets import QueueSets, Stored
from namesrv.routing.tables.topic_log import TopicLog
from namesrv.routing.tables.topic_numbers import TopicNumbers
from namesrv.wire.bodies import QueueData, TopicQueueMappingInfo
from namesrv.wire.java_json.write import write_string
from namesrv.work import STEP_UNITS, Cost, Steps, batches

Mappings = dict[str | None, TopicQueueMappingInfo]
"""Of one static topic, by the group that each names."""


class RouteTables:
    """topic_queue_table, broker_addr_table, cluster_addr_table, broker_live_table,
    filter_server_table and topic_queue_mapping_info_table.

    The caller of a function that returns or collects differences puts the event.
    `gone_since` has the time (monotonic ms) since which a group that mappings name is
    gone, the oldest first; `mapped_topics` which topics name it. `group_changes` counts
    changes of a group's part of routes, `changes` those of anything that is kept,
    `topic_removals` topics that went, `digests_forgotten` how often all digests were;
    `routes` are entries of groups in topics, and mappings.
    """

    def __init__(self, route_answers: RouteAnswers) -> None:
        self.topic_queue_table: dict[str, TopicQueues] = {}
        self.broker_addr_table: dict[str, BrokerData] = {}
        self.marks = AnswerMarks(route_answers, self.broker_addr_table)
        self.cluster_names = ClusterNames()
        self.broker_live_table = BrokerLiveTable()
        self.busy, self.change_order = BusyGroups(), ChangeOrder()
        self.filter_server_table: dict[tuple[str, str], list[str | None]] = {}
        self.topic_queue_mapping_info_table: dict[str, Mappings] = {}
        self.mapped_topics: dict[str | None, set[str]] = {}
        self.gone_since: OrderedDict[str | None, int] = OrderedDict()
        self.group_texts = OrderedTexts(self._write_group, BLOCK_GROUPS)
        self.leftovers, self.topic_log = Leftovers(), TopicLog()
        self.group_changes = self.changes = self.routes = 0
        self.digests_forgotten = self.topic_removals = 0
        self._with_addrs = OrderedTexts(write_string)
        self.numbers, self.queue_sets = TopicNumbers(), QueueSets()

    @property
    def route_answers(self) -> RouteAnswers:
        """The ready answers."""
        return self.marks.route_answers

    @property
    def cluster_addr_table(self) -> dict[str, set[str | None]]:
        """Cluster -> broker names."""
        return self.cluster_names.table

    @property
    def first_addr(self) -> str | None:
        """The address of the lowest broker of the first group that has one."""
        name = self._with_addrs.first
        addrs = None if name is None else self.broker_addr_table[name].broker_addrs
        return addrs[next(iter(addrs))] if addrs else None

    def store_queues(
        self,
        data: BrokerData,
        topics: list[TopicQueues | str],
        queue_datas: list[QueueData],
        changes: TopicChanges,
    ) -> Stored:
        """Store a group's queues of as many of the first topics as a step has room for.
        A topic that was found before may be gone."""
        rounds, table = self.numbers.rounds, self.topic_queue_table
        found, unknown = find_topics(topics, table)
        number = self.numbers.take(len(unknown), table)
        new = make_topics(found, number, self.queue_sets.none)
        entries = cast(list[TopicQueues], found)
        stored = self.queue_sets.store(entries, queue_datas, data.broker_name)
        marks = put_topics(new, table)
        marks += take_answered(stored.added) + take_answered(stored.changed)
        self.route_answers.mark_all(marks)
        data.topic_refs += stored.added
        added = names_of(stored.added)
        changes.added += added
        changes.changed += names_of(stored.changed)
        self.routes += len(added)
        if added or stored.changed:
            data.is_read_only = False
            self._note_change(data)
        if self.numbers.rounds != rounds:
            for other in self.broker_addr_table.values():
                self._note_change(other)
        if self.topic_log.is_read:
            names = names_of(stored.flagged) + added
            self.topic_log.note(names, len(self.topic_queue_table))
        return stored

    def remove_queue(
        self, entry: TopicQueues, broker_name: str, changes: TopicChanges
    ) -> None:
        """Remove a group's entry from a topic, and the topic if it was the last."""
        if broker_name not in entry.queues:
            return
        self.queue_sets.give(entry, broker_name, None)
        changes.removed.append(entry.topic)
        self.routes -= 1
        self.topic_log.note((entry.topic,), len(self.topic_queue_table))
        data = self.broker_addr_table.get(broker_name)
        if data is not None:
            data.lost_topic()
            self._note_change(data)
        if entry.queues:
            self.marks.mark(entry)
        else:
            del self.topic_queue_table[entry.topic]
            self.topic_removals += 1
            self.route_answers.remove(entry.topic)

    def remove_queues(
        self, entries: Sequence[TopicQueues], broker_name: str, changes: TopicChanges
    ) -> Steps[None]:
        """`remove_queue` for each of some topics."""
        units, copied = 0, self.queue_sets.copy_units
        for entry in entries:
            self.remove_queue(entry, broker_name, changes)
            units += Cost.TOPIC_CHANGED + self.queue_sets.copy_units - copied
            copied = self.queue_sets.copy_units
            if units >= STEP_UNITS:
                yield units
                units, copied = 0, self.queue_sets.copy_units
        yield units

    def group_changed(self, data: BrokerData) -> Steps[None]:
        """A group's addresses, zone or flag changed: its topics' answers did too.

        Until the last step some ready answers are those from before.
        """
        data.changed()
        self.group_texts.changed(data.broker_name)
        self.group_changes += 1
        self._note_change(data)
        self.forget_digests((data.broker_name,))
        yield from self.marks.mark_group(data)

    def set_addr(self, data: BrokerData, broker_id: int, addr: str | None) -> None:
        """Give a broker of a group an address; `group_changed` has to follow."""
        name, addrs = data.broker_name, data.broker_addrs
        if broker_id in addrs:
            self.drop_addr(data, broker_id)
        addrs[broker_id] = addr
        self._with_addrs.add(name)
        self.leftovers.settle(LeftoverKind.GROUP, name, None)
        if addr is None or not data.live_clusters_at(addr):
            self.leftovers.note(LeftoverKind.ADDRESS, name, addr)

    def drop_addr(self, data: BrokerData, broker_id: int) -> None:
        """Take a broker out of a group; `group_changed` or `remove_group` has to
        follow."""
        name, addr = data.broker_name, data.broker_addrs.pop(broker_id)
        if not data.broker_addrs.ids_of(addr):
            self.leftovers.settle(LeftoverKind.ADDRESS, name, addr)
        if not data.broker_addrs:
            self._with_addrs.discard(name)
            self.leftovers.note(LeftoverKind.GROUP, name, None)

    def topic_changed(self, topic: str) -> None:
        """Something else that a topic's answer holds changed."""
        entry = self.topic_queue_table.get(topic)
        if entry is not None:
            self.marks.mark(entry)

    def keep_digest(
        self, data: BrokerData, info: BrokerLiveInfo, digest: bytes | None
    ) -> None:
        """A broker's next registration may be recognised by this; None: may not."""
        info.digest = digest
        data.digest_keys.discard(info.key)
        if digest is not None:
            data.digest_keys.add(info.key)

    def forget_digests(self, broker_names: Iterable[str]) -> None:
        """The next registration of every broker of these groups is read whole."""
        for name in broker_names:
            data = self.broker_addr_table.get(name)
            if data is None or not data.digest_keys:
                continue
            for key in data.digest_keys:
                if (info := self.broker_live_table.get(*key)) is not None:
                    info.digest = None
            data.digest_keys.clear()
            self._note_change(data)

    def forget_all_digests(self) -> Steps[None]:
        """As `forget_digests`, for every broker, those under way included."""
        self.digests_forgotten += 1
        for names in batches(list(self.broker_addr_table), Cost.GROUP):
            self.forget_digests(names)
            yield len(names) * Cost.GROUP

    def put_live(
        self, data: BrokerData, info: BrokerLiveInfo, now_ms: int
    ) -> BrokerLiveInfo | None:
        """Store a live entry of a group; the one before it, if there was one."""
        self._note_change(data)
        old = self.broker_live_table.get(*info.key)
        names = info.broker_name, info.ha_server_addr
        if old is not None and (old.broker_name, old.ha_server_addr) != names:
            # Its slaves are answered with it; another group may have had this address.
            self._leave_group(old)
        self.leftovers.settle(LeftoverKind.ADDRESS, data.broker_name, info.broker_addr)
        self.broker_live_table.put(info, now_ms)
        data.add_live(info.key)
        data.digest_keys.discard(info.key)
        change_owner(info, None if old is None else old.owner)
        return old

    def renew_live(
        self, info: BrokerLiveInfo, owner: Connection | None, now_ms: int
    ) -> None:
        """A broker registered again, and changed nothing but its owner."""
        former = info.owner
        self.broker_live_table.renew(info, owner, now_ms)
        change_owner(info, former)

    def remove_live(
        self,
        cluster: str,
        broker_addr: str,
        on_removed: Callable[[BrokerLiveInfo], None],
    ) -> Steps[None]:
        """Take a live entry out, and report it at once; then the filter servers of the
        address, some of which Java keeps for ever."""
        info = self.broker_live_table.remove(cluster, broker_addr)
        if info is not None:
            self._leave_group(info)
            lose_owner(info)
            on_removed(info)
        yield from self.set_filter_servers((cluster, broker_addr), None)

    def set_filter_servers(
        self, key: tuple[str, str], servers: list[str | None] | None
    ) -> Steps[bool]:
        """Store a broker's filter servers at once, if there are any; whether they
        differ. Until the last step some ready answers are those from before."""
        old = self.filter_server_table.pop(key, [])
        if servers:
            self.filter_server_table[key] = servers
        if old == (servers or []):
            return False
        self.changes += 1
        self.group_changes += 1
        yield from self.marks.mark_address(*key)
        return True

    def set_mapping(self, topic: str, info: TopicQueueMappingInfo, now_ms: int) -> bool:
        """Store a static topic's mapping under the group that it names, which may be
        null as in Java; whether it differs."""
        mappings = self.topic_queue_mapping_info_table.setdefault(topic, {})
        self.routes += info.bname not in mappings
        is_other = mappings.get(info.bname) != info
        mappings[info.bname] = info
        self.changes += 1
        self.mapped_topics.setdefault(info.bname, set()).add(topic)
        if info.bname not in self.broker_addr_table:
            self.gone_since.setdefault(info.bname, now_ms)
        self.topic_changed(topic)
        return is_other

    def remove_mappings(self, broker_name: str | None) -> list[str]:
        """Remove every mapping that names a group; the topics of these."""
        self.changes += 1
        topics = sorted(self.mapped_topics.pop(broker_name, ()))
        for topic in topics:
            mappings = self.topic_queue_mapping_info_table[topic]
            del mappings[broker_name]
            self.routes -= 1
            if not mappings:
                del self.topic_queue_mapping_info_table[topic]
            self.topic_changed(topic)
        return topics

    def add_group(self, cluster: str, broker_name: str) -> BrokerData:
        """A new group without addresses; a snapshot may have another of that name."""
        data = self.broker_addr_table[broker_name] = BrokerData(cluster, broker_name)
        self.group_texts.add(broker_name)
        self.leftovers.note(LeftoverKind.GROUP, broker_name, None)
        for joined in self.cluster_names.clusters_of(broker_name):
            self.leftovers.settle(LeftoverKind.NAME, broker_name, joined)
        self.gone_since.pop(broker_name, None)
        self._note_change(data)
        return data

    def remove_group(
        self, broker_name: str, changes: TopicChanges, now_ms: int
    ) -> Steps[None]:
        """Remove a group, then its topic entries, which are added to `changes`; the
        cluster keeps its name.

        Until the last step some topics name a group that is not there.
        """
        data = self.broker_addr_table.pop(broker_name)
        self.group_texts.discard(broker_name)
        self.change_order.discard(broker_name)
        self.leftovers.settle(LeftoverKind.GROUP, broker_name, None)
        for joined in self.cluster_names.clusters_of(broker_name):
            self.leftovers.note(LeftoverKind.NAME, broker_name, joined)
        self.changes += 1
        if broker_name in self.mapped_topics:
            self.gone_since[broker_name] = now_ms
        yield from self.remove_queues(data.topics(), broker_name, changes)

    def join_cluster(self, cluster: str, broker_name: str | None) -> bool:
        """Put a name into a cluster, perhaps a new one; False if it was there."""
        if not self.cluster_names.join(cluster, broker_name):
            return False
        self.changes += 1
        self._log_group(broker_name)
        if broker_name is None or broker_name not in self.broker_addr_table:
            self.leftovers.note(LeftoverKind.NAME, broker_name, cluster)
        return True

    def leave_cluster(self, cluster: str, broker_name: str | None) -> bool:
        """Remove a name from a cluster, which may go; False if it was not there."""
        if not self.cluster_names.leave(cluster, broker_name):
            return False
        self.changes += 1
        self._log_group(broker_name)
        self.leftovers.settle(LeftoverKind.NAME, broker_name, cluster)
        return True

    def leases_changed(self) -> None:
        """The leases of the last snapshot are out of date."""
        self.changes += 1

    def take_over_topics(self, entries: Iterable[TopicQueues]) -> None:
        """Put topics of a snapshot into the empty table, those that have queues."""
        for entry in entries:
            self.numbers.reserve(entry.number)
            if entry.queues:
                self.topic_queue_table[entry.topic] = entry
                self.routes += len(entry.queues)
                self.route_answers.mark(entry.topic)
        self.topic_log.restart()

    def _log_group(self, broker_name: str | None) -> None:
        """All topics of a group may belong to other lists now."""
        data = self.broker_addr_table.get(broker_name or "")
        if data is not None and broker_name is not None and self.topic_log.is_read:
            names = [entry.topic for entry in data.topic_refs]
            self.topic_log.note(names, len(self.topic_queue_table))

    def _write_group(self, broker_name: str) -> str:
        """`"name":{...}`, a member of brokerAddrTable."""
        text = self.broker_addr_table[broker_name].text(standard=False)
        return f"{write_string(broker_name)}:{text}"

    def _leave_group(self, info: BrokerLiveInfo) -> None:
        """A live entry of a group is gone, or differs."""
        self.forget_digests((info.broker_name,))
        if (data := self.broker_addr_table.get(info.broker_name)) is None:
            return
        self._note_change(data)
        data.discard_live(info.key)
        data.digest_keys.discard(info.key)
        addr = info.broker_addr
        if data.broker_addrs.ids_of(addr) and not data.live_clusters_at(addr):
            self.leftovers.note(LeftoverKind.ADDRESS, data.broker_name, addr)

    def _note_change(self, data: BrokerData) -> None:
        """The snapshot's record of a group is out of date."""
        self.changes += 1
        self.change_order.note(data, self.changes)
