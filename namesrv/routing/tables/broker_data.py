"""One broker group: the brokers that share a name, and the texts derived from them.

Source: `BrokerData` of RocketMQ; protocol.md sections 2.7 and 3.1.
"""

from collections.abc import Callable, Collection, Iterable
from struct import Struct
from typing import Final

from namesrv._impl import TopicQueues
from namesrv.codes import MASTER_ID
from namesrv.routing.tables.broker_addrs import BrokerAddrs
from namesrv.wire.bodies import (
    QueueData,
    write_broker_addrs,
    write_broker_data,
    write_queue_data,
)

_MOST_SHARED: Final = 4096
_FEW: Final = 16
"""So much may be kept that no topic has any more, in groups of few topics, too."""
_MOST_FIRST_SHARED: Final = 64
"""Few: CPython hashes numbers without a seed, and a peer chooses these."""
# Bytes are hashed with a seed.
_NUMBERS: Final = Struct("=4i").pack
_MOST_REPLACED: Final = 16
_BY_TURNS_MILLIS: Final = 600_000


class BrokerData:
    """A broker group.

    `broker_addrs` maps broker id to address; `live_keys` are the (cluster, address) of
    its live entries, which `add_live` and `discard_live` change; one address may be
    live in several clusters. `digest_keys` are those whose next registration may be
    recognised; `topic_refs` refers to every topic with an entry of
    this group, and may hold stale or repeated references until `topics` tidies it.
    `change` is the number of the last change to anything that a snapshot holds of it,
    `marked_answers` how many answers there had been when those of its topics were
    marked last; `is_read_only` means that no topic of it may be written to.
    """

    __slots__ = (
        "_addrs_text",
        "_first_shared",
        "_live_clusters_at",
        "_lives_in",
        "_queue_texts",
        "_replaced",
        "_shared",
        "_stale_refs",
        "_texts",
        "broker_addrs",
        "broker_name",
        "change",
        "cluster",
        "coming_topics",
        "digest_keys",
        "enable_acting_master",
        "is_read_only",
        "live_keys",
        "marked_answers",
        "topic_refs",
        "zone_name",
    )

    def __init__(self, cluster: str, broker_name: str) -> None:
        self.cluster = cluster
        self.broker_name = broker_name
        self.broker_addrs = BrokerAddrs()
        self.change = 0
        self.enable_acting_master = False
        self.is_read_only = False
        self.zone_name: str | None = None
        self.live_keys: set[tuple[str, str]] = set()
        self._live_clusters_at: dict[str, tuple[str, ...]] = {}
        self._lives_in: dict[str, int] = {}
        self.digest_keys: set[tuple[str, str]] = set()
        self.marked_answers = -1
        self.topic_refs: list[TopicQueues] = []
        self.coming_topics = 0
        self._stale_refs = 0
        self._replaced: dict[int, tuple[str, int]] = {}
        self._texts: dict[bool, str] = {}
        self._addrs_text: str | None = None
        self._first_shared: dict[tuple[int, int, int, int], QueueData] = {}
        self._shared: dict[bytes, QueueData] = {}
        # By the id of the queue data, which is kept, too, so that no other one gets it.
        self._queue_texts: dict[int, tuple[str, QueueData]] = {}

    @property
    def min_broker_id(self) -> int | None:
        """Lowest id, or None for a group without addresses."""
        return self.broker_addrs.lowest

    @property
    def has_master(self) -> bool:
        """Whether a broker of it has the master's id."""
        lowest = self.broker_addrs.lowest
        if lowest is None or lowest >= MASTER_ID:
            return lowest == MASTER_ID
        return MASTER_ID in self.broker_addrs

    @property
    def lacks_master(self) -> bool:
        """Whether all of its brokers have ids above the master's."""
        lowest = self.broker_addrs.lowest
        return lowest is not None and lowest > MASTER_ID

    @property
    def topic_count(self) -> int:
        """The number of topics with an entry of this group."""
        return len(self.topic_refs) - self._stale_refs

    def add_live(self, key: tuple[str, str]) -> None:
        """A live entry of this group was stored."""
        if key in self.live_keys:
            return
        cluster, addr = key
        self.live_keys.add(key)
        self._live_clusters_at[addr] = (*self.live_clusters_at(addr), cluster)
        self._lives_in[cluster] = self._lives_in.get(cluster, 0) + 1

    def discard_live(self, key: tuple[str, str]) -> None:
        """A live entry of this group was taken out."""
        if key not in self.live_keys:
            return
        cluster, addr = key
        self.live_keys.remove(key)
        clusters = self._live_clusters_at.pop(addr)
        if len(clusters) > 1:
            others = tuple(other for other in clusters if other != cluster)
            self._live_clusters_at[addr] = others
        self._lives_in[cluster] -= 1
        if not self._lives_in[cluster]:
            del self._lives_in[cluster]

    def live_clusters_at(self, addr: str) -> Collection[str]:
        """The clusters in which an address of this group is live."""
        return self._live_clusters_at.get(addr, ())

    def lives_in(self, cluster: str) -> bool:
        """Whether any broker of this group is live in a cluster."""
        return cluster in self._lives_in

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

    def has(self, entry: TopicQueues | None) -> bool:
        """Whether a topic, None for an unknown one, has an entry of this group."""
        return entry is not None and self.broker_name in entry.queues

    def topics(self) -> list[TopicQueues]:
        """Every topic with an entry of this group, each once."""
        if self._stale_refs:
            name = self.broker_name
            self.topic_refs = [
                ref for ref in dict.fromkeys(self.topic_refs) if name in ref.queues
            ]
            self._stale_refs = 0
        return self.topic_refs

    def lost_topic(self) -> None:
        """An entry of this group was taken out of some topic."""
        self._stale_refs += 1
        # Topics that come and go while nobody asks for all of them would add up.
        if self._stale_refs > max(_FEW, len(self.topic_refs) // 8):
            self.topics()

    def changed(self) -> None:
        """Addresses, zone or flag changed: their texts are out of date."""
        self._texts.clear()
        self._addrs_text = None

    def shared(self, perm: int, read: int, flag: int, write: int) -> QueueData:
        """The one QueueData of this group with these values."""
        numbers = perm, read, flag, write
        queue_data = self._first_shared.get(numbers)
        if queue_data is not None:
            return queue_data
        if len(self._first_shared) < _MOST_FIRST_SHARED:
            queue_data = QueueData(self.broker_name, *numbers)
            self._first_shared[numbers] = queue_data
            return queue_data
        key = _NUMBERS(*numbers)
        queue_data = self._shared.get(key)
        if queue_data is None:
            if len(self._shared) >= self._most_shared:
                self._shared.clear()
            queue_data = self._shared[key] = QueueData(self.broker_name, *numbers)
        return queue_data

    @property
    def _most_shared(self) -> int:
        """How many queue data, and texts, may be kept that no topic has."""
        topics = len(self.topic_refs) + self.coming_topics
        return min(_MOST_SHARED, topics + _FEW)

    def queues_with_perm(
        self, entries: Iterable[TopicQueues], change: Callable[[int], int]
    ) -> list[QueueData]:
        """The queues of some of its topics with changed permissions."""
        changed: list[QueueData] = []
        for entry in entries:
            old = entry.queues[self.broker_name]
            queue_data = self.shared(
                change(old.perm),
                old.read_queue_nums,
                old.topic_sys_flag,
                old.write_queue_nums,
            )
            changed.append(queue_data)
        return changed

    def queue_text(self, queue_data: QueueData) -> str:
        """JSON of a QueueData of this group."""
        kept = self._queue_texts.get(id(queue_data))
        if kept is not None:
            return kept[0]
        if len(self._queue_texts) >= self._most_shared:
            self._queue_texts.clear()
        text = write_queue_data(queue_data)
        self._queue_texts[id(queue_data)] = text, queue_data
        return text

    def text(self, *, standard: bool) -> str:
        """JSON of this BrokerData in the legacy or the standard dialect."""
        text = self._texts.get(standard)
        if text is None:
            text = self._text_with(self.broker_addrs.known(), standard)
            self._texts[standard] = text
        return text

    def addrs_text(self) -> str:
        """JSON of its addresses by id, in the legacy dialect."""
        if self._addrs_text is None:
            known = self.broker_addrs.known()
            self._addrs_text = write_broker_addrs(known, quoted=False)
        return self._addrs_text

    def acting_text(self, *, standard: bool) -> str:
        """JSON of this BrokerData with its lowest broker in the master's place."""
        addrs = [*self.broker_addrs.known()]
        if addrs and addrs[0][0] == self.min_broker_id:
            addrs[0] = MASTER_ID, addrs[0][1]
        return self._text_with(sorted(addrs), standard)

    def _text_with(self, addrs: Iterable[tuple[int, str]], standard: bool) -> str:
        return write_broker_data(
            self.cluster,
            self.broker_name,
            write_broker_addrs(addrs, quoted=standard),
            self.enable_acting_master,
            self.zone_name,
        )
