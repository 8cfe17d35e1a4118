"""Lists of topics (206, 224, 311 to 313), in order and as they were last written.

Dashboards request them often. The first request makes a list in full; later ones cost
the changes of topics since and one join. The lists have a limit of memory; those not
requested for longest are dropped first.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from namesrv._impl import TopicQueues
from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import write_topic_list
from namesrv.wire.java_json.write import write_string
from namesrv.work import Cost, Steps

MOST_LISTS: Final = 1024
MOST_KEPT_BYTES: Final = 1 << 26
"""Of all lists, names and text."""
_NAME_BYTES: Final = 16
_STEP_NAMES: Final = 128
_QUEUES_PER_UNIT: Final = 32

_Key = tuple[str | int, ...]


class _KeptList:
    """One list: the names that belong to it, as of a number of the topic log.
    `counted_bytes` is its size as counted last."""

    def __init__(
        self,
        key: _Key,
        tables: RouteTables,
        belongs: Callable[[TopicQueues], bool],
        candidates: Callable[[], Iterator[list[str]]],
    ) -> None:
        self.key = key
        self._tables = tables
        self._belongs = belongs
        self._candidates = candidates
        self.counted_bytes = 0
        self._is_new = True
        self._texts = OrderedTexts(write_string)
        self._number = 0
        self._waiting: Iterator[list[str]] = iter(())

    @property
    def kept_bytes(self) -> int:
        """Its approximate size in bytes."""
        return _NAME_BYTES * len(self._texts) + self._texts.written_bytes

    def __len__(self) -> int:
        return len(self._texts)

    def body(self) -> Steps[bytes]:
        """TopicList as JSON, with everything that changed before this was called."""
        texts = yield from self.names()
        parts = yield from texts.parts()
        yield sum(map(len, parts)) * Cost.ANSWER_KILOBYTE // 1024
        return write_topic_list(parts)

    def names(self) -> Steps[OrderedTexts]:
        """The names, with everything that changed before this was called.

        Several may be under way: each takes the next names, so that none is left out.
        """
        log = self._tables.topic_log
        wanted = log.follow()
        if self._is_new:
            self._begin()
        while (names := self._next(wanted)) is not None:
            yield self._look_at(names)
        return self._texts

    def _begin(self) -> None:
        """Look at every topic that may belong to it."""
        self._is_new = False
        self._texts = OrderedTexts(write_string)
        self._number = self._tables.topic_log.end
        self._waiting = self._candidates()

    def _next(self, wanted: int) -> list[str] | None:
        """The next names to look at, None when all of the log that is wanted was."""
        names = next(self._waiting, None)
        if names is None and self._number < wanted:
            log = self._tables.topic_log
            if self._number < log.start:
                self._begin()
                return []
            names = [*log.read(self._number, _STEP_NAMES)]
            self._number += len(names)
        return names

    def _look_at(self, names: list[str]) -> int:
        """Put each name in or take it out; the units spent."""
        table, texts = self._tables.topic_queue_table, self._texts
        units = int(Cost.GROUP)
        for name in names:
            entry = table.get(name)
            if entry is None:
                texts.discard(name)
                units += Cost.TOPIC
                continue
            units += Cost.TOPIC + len(entry.queues) // _QUEUES_PER_UNIT
            if self._belongs(entry):
                texts.add(name)
            else:
                texts.discard(name)
        return units


class TopicLists:
    """The lists that are kept."""

    def __init__(self, tables: RouteTables) -> None:
        self._tables = tables
        self._kept: OrderedDict[_Key, _KeptList] = OrderedDict()
        self._kept_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def kept_bytes(self) -> int:
        """Their approximate size in bytes."""
        return self._kept_bytes

    def all(self) -> Steps[bytes]:
        """Every topic."""
        return self._body(self._list(("all",), lambda entry: True, self._all_names))

    def names(self) -> Steps[OrderedTexts]:
        """The names of all topics, as of now. The next request brings them up to date;
        a name may be that of a topic that is gone."""
        key = ("all",)
        kept = self._list(key, lambda entry: True, self._all_names)
        texts = yield from kept.names()
        self._count(kept)
        return texts

    def of_cluster(self, cluster: str) -> Steps[bytes]:
        """Topics with an entry of any broker of a cluster."""
        if cluster not in self._tables.cluster_addr_table:
            return self._nothing()
        return self._body(self._list_of_cluster(cluster))

    def size_of_cluster(self, cluster: str) -> Steps[int]:
        """The number of these topics."""
        if cluster not in self._tables.cluster_addr_table:
            return 0
        kept = self._list_of_cluster(cluster)
        yield from kept.names()
        self._count(kept)
        return len(kept)

    def _list_of_cluster(self, cluster: str) -> _KeptList:
        tables = self._tables

        def belongs(entry: TopicQueues) -> bool:
            names = tables.cluster_addr_table.get(cluster, set())
            queues = entry.queues
            if len(queues) <= len(names):
                return not names.isdisjoint(queues)
            return any(name in queues for name in names)

        def candidates() -> Iterator[list[str]]:
            return self._cluster_names(cluster)

        return self._list(("cluster", cluster), belongs, candidates)

    def with_flag(self, mask: int, wanted: int) -> Steps[bytes]:
        """Topics whose first entry, by broker name, has these bits in its
        topicSysFlag."""

        def belongs(entry: TopicQueues) -> bool:
            queues = entry.queues
            return queues[min(queues)].topic_sys_flag & mask == wanted

        key = "flag", mask, wanted
        return self._body(self._list(key, belongs, self._all_names))

    def _list(
        self,
        key: _Key,
        belongs: Callable[[TopicQueues], bool],
        candidates: Callable[[], Iterator[list[str]]],
    ) -> _KeptList:
        """The list of a key, made for its first request."""
        kept = self._kept.get(key)
        if kept is None:
            kept = _KeptList(key, self._tables, belongs, candidates)
            self._kept[key] = kept
        self._kept.move_to_end(key)
        return kept

    def _body(self, kept: _KeptList) -> Steps[bytes]:
        body = yield from kept.body()
        self._count(kept)
        return body

    def _count(self, kept: _KeptList) -> None:
        """Count the memory of a list that was used, and drop the oldest ones."""
        if self._kept.get(kept.key) is kept:
            self._kept_bytes += kept.kept_bytes - kept.counted_bytes
            kept.counted_bytes = kept.kept_bytes
        while self._kept_bytes > MOST_KEPT_BYTES or len(self._kept) > MOST_LISTS:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= oldest.counted_bytes

    def _nothing(self) -> Steps[bytes]:
        yield int(Cost.REQUEST)
        return write_topic_list(())

    def _all_names(self) -> Iterator[list[str]]:
        return _in_steps(list(self._tables.topic_queue_table))

    def _cluster_names(self, cluster: str) -> Iterator[list[str]]:
        """By its groups, or by all topics where that is less."""
        tables = self._tables
        groups = [
            tables.broker_addr_table[name]
            for name in tables.cluster_addr_table.get(cluster, ())
            if name in tables.broker_addr_table
        ]
        refs = sum(len(data.topic_refs) for data in groups)
        if refs > len(tables.topic_queue_table):
            yield from self._all_names()
            return
        for data in groups:
            yield from _in_steps([entry.topic for entry in data.topic_refs])


def _in_steps(names: list[str]) -> Iterator[list[str]]:
    for place in range(0, len(names), _STEP_NAMES):
        yield names[place : place + _STEP_NAMES]
