"""One broker group: the brokers that share a name, and what is derived from them.

Source: `BrokerData` of RocketMQ; protocol.md sections 2.7 and 3.1.
"""

from collections.abc import Callable
from typing import Final

from namesrv.codes import MASTER_ID
from namesrv.wire.bodies import QueueData, write_broker_data, write_queue_data

_MOST_SHARED: Final = 4096
_MOST_REPLACED: Final = 16
_BY_TURNS_MILLIS: Final = 600_000


class TopicQueues:
    """One topic: its queues by broker name. `topic` is the one copy of the name,
    `number` its short name in a snapshot, which no other topic ever has; `is_answered`
    says that its route may be among the ready answers."""

    __slots__ = ("is_answered", "number", "queues", "topic")

    def __init__(self, topic: str, number: int) -> None:
        self.topic = topic
        self.number = number
        self.is_answered = False
        self.queues: dict[str, QueueData] = {}


class BrokerData:
    """A broker group.

    `broker_addrs` maps broker id to address (null only when a sender left it out);
    `live_keys` are the (cluster, address) of its live entries;
    `topic_refs` refers to every topic with an entry of this group, and may hold
    stale or repeated references until `topics` tidies it. `change` is the number of the
    last change to anything that a snapshot holds of it.
    """

    __slots__ = (
        "_queue_texts",
        "_replaced",
        "_shared",
        "_stale_refs",
        "_texts",
        "broker_addrs",
        "broker_name",
        "change",
        "cluster",
        "enable_acting_master",
        "live_keys",
        "topic_refs",
        "zone_name",
    )

    def __init__(self, cluster: str, broker_name: str) -> None:
        self.cluster = cluster
        self.broker_name = broker_name
        self.broker_addrs: dict[int, str | None] = {}
        self.change = 0
        self.enable_acting_master = False
        self.zone_name: str | None = None
        self.live_keys: set[tuple[str, str]] = set()
        self.topic_refs: list[TopicQueues] = []
        self._stale_refs = False
        self._replaced: dict[int, tuple[str, int]] = {}
        self._texts: dict[bool, str] = {}
        self._shared: dict[tuple[int, int, int, int], QueueData] = {}
        self._queue_texts: dict[QueueData, str] = {}

    @property
    def min_broker_id(self) -> int | None:
        """Lowest id, or None for a group without addresses."""
        return min(self.broker_addrs, default=None)

    @property
    def lacks_master(self) -> bool:
        """Whether there are brokers and none of them is the master."""
        return bool(self.broker_addrs) and min(self.broker_addrs) > MASTER_ID

    def comes_back(
        self, broker_id: int, addr: str | None, old_addr: str, now_ms: int
    ) -> bool:
        """`addr` replaces `old_addr` as the holder of an id; whether it is the address
        that the other way round was replaced not long ago."""
        replaced = self._replaced
        was = replaced.pop(broker_id, None)
        if len(replaced) >= _MOST_REPLACED:
            del replaced[next(iter(replaced))]
        replaced[broker_id] = old_addr, now_ms
        if was is None:
            return False
        return was[0] == addr and now_ms - was[1] <= _BY_TURNS_MILLIS

    def topics(self) -> list[TopicQueues]:
        """Every topic with an entry of this group, each once."""
        if self._stale_refs:
            name = self.broker_name
            self.topic_refs = [
                ref for ref in dict.fromkeys(self.topic_refs) if name in ref.queues
            ]
            self._stale_refs = False
        return self.topic_refs

    def lost_topic(self) -> None:
        """An entry of this group was taken out of some topic."""
        self._stale_refs = True

    def changed(self) -> None:
        """Addresses, zone or flag changed: what was written of them is out of date."""
        self._texts.clear()

    def shared(self, perm: int, read: int, flag: int, write: int) -> QueueData:
        """The one QueueData of this group with these values."""
        key = perm, read, flag, write
        queue_data = self._shared.get(key)
        if queue_data is None:
            if len(self._shared) >= _MOST_SHARED:
                self._shared.clear()
            queue_data = QueueData(self.broker_name, *key)
            self._shared[key] = queue_data
        return queue_data

    def queues_with_perm(self, change: Callable[[int], int]) -> dict[str, QueueData]:
        """The queues of all its topics with changed permissions, by topic."""
        name = self.broker_name
        changed: dict[QueueData, QueueData] = {}
        for old in {id(e.queues[name]): e.queues[name] for e in self.topics()}.values():
            changed[old] = self.shared(
                change(old.perm),
                old.read_queue_nums,
                old.topic_sys_flag,
                old.write_queue_nums,
            )
        return {entry.topic: changed[entry.queues[name]] for entry in self.topics()}

    def queue_text(self, queue_data: QueueData) -> str:
        """JSON of a QueueData of this group."""
        text = self._queue_texts.get(queue_data)
        if text is None:
            if len(self._queue_texts) >= _MOST_SHARED:
                self._queue_texts.clear()
            text = self._queue_texts[queue_data] = write_queue_data(queue_data)
        return text

    def text(self, *, standard: bool) -> str:
        """JSON of this BrokerData in the legacy or the standard dialect."""
        text = self._texts.get(standard)
        if text is None:
            text = self.text_with(self.broker_addrs, standard=standard)
            self._texts[standard] = text
        return text

    def text_with(self, broker_addrs: dict[int, str | None], *, standard: bool) -> str:
        """JSON of this BrokerData with other addresses (acting master)."""
        return write_broker_data(
            self.cluster,
            self.broker_name,
            {key: addr for key, addr in broker_addrs.items() if addr is not None},
            self.enable_acting_master,
            self.zone_name,
            quoted=standard,
        )
