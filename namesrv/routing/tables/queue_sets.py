"""Sets of queues, {broker name: QueueData}, that topics share.

Most topics of a cluster have the same queues on the same brokers. A set belongs to all
topics that have it: nobody but this file changes one, and only while one topic has it.
Otherwise the topic gets another set, which is found by its sum. Source:
`RouteInfoManager#topicQueueTable`, whose maps are one for each topic.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from namesrv._impl import SetChange, TopicQueues, give_alike
from namesrv.wire.bodies import QueueData
from namesrv.work import STEP_UNITS, Cost

MOST_SHARED_GROUPS: Final = 512
"""Each topic of more groups has a set of its own, so that a change copies none."""

_MOST_CHANGES: Final = 32
"""Kinds of changes that topics of a registration may make alike."""
_ENTRIES_A_UNIT: Final = 16
"""Entries of a set that are copied in a unit."""

_SUM: Final = 2**64 - 1


class QueueSet(dict[str, QueueData]):
    """Queues by broker name, `topics` the number of topics that have them.

    `sum` names the content: it is the sum of a number for each of its QueueData; None
    for a set that is never shared.
    """

    __slots__ = ("sum", "topics")

    def __init__(self, queues: dict[str, QueueData]) -> None:
        super().__init__(queues)
        self.sum: int | None = 0
        self.topics = 0


class Stored(NamedTuple):
    """Topics that got queues of a group: those that had none of it, those that had
    other ones, and those of the latter whose flags differ. The first `done` topics
    were seen to, for `units` of work."""

    added: list[TopicQueues]
    changed: list[TopicQueues]
    flagged: list[TopicQueues]
    done: int
    units: int


class QueueSets:
    """All sets that may be shared, by their sums."""

    def __init__(self) -> None:
        self.none = QueueSet({})
        self._sets: dict[int, QueueSet] = {}
        # The last change, which the next topic probably makes, too.
        self._before: QueueSet | None = None
        self._given: QueueData | None = None
        self._name = ""
        self._after = self.none
        self._copied_entries = 0

    @property
    def copy_units(self) -> int:
        """Units of work for all copies of sets so far."""
        return self._copied_entries // _ENTRIES_A_UNIT

    def __len__(self) -> int:
        return len(self._sets)

    def give(
        self, entry: TopicQueues, broker_name: str, queue_data: QueueData | None
    ) -> QueueSet:
        """Give a topic other queues of a group, or none; its set."""
        before: Any = entry.queues
        if (
            before is self._before
            and queue_data is self._given
            and broker_name is self._name
        ):
            after = self._after
        else:
            after = self._changed(before, broker_name, queue_data)
            self._before = None if after.sum is None else before
            self._given, self._name, self._after = queue_data, broker_name, after
        if after is not before:
            entry.queues = after
            self._moved(before, after, 1)
        return after

    def store(
        self,
        entries: Sequence[TopicQueues],
        queue_datas: Sequence[QueueData],
        broker_name: str,
    ) -> Stored:
        """Give topics, each once, their queues of a group, one for each: all of them,
        or as many as a step of work has room for."""
        stored = Stored([], [], [], 0, 0)
        changes: list[SetChange] = []
        place = units = 0
        while units < STEP_UNITS:
            end = give_alike(entries, queue_datas, place, changes)
            if end > place:
                self._settle(changes)
                units += (end - place) * Cost.TOPIC_STORED
            if end == len(entries):
                return stored._replace(done=end, units=units)
            entry, queue_data = entries[end], queue_datas[end]
            units += self._store_one(entry, queue_data, broker_name, stored, changes)
            place = end + 1
        return stored._replace(done=place, units=units)

    def _store_one(
        self,
        entry: TopicQueues,
        queue_data: QueueData,
        broker_name: str,
        stored: Stored,
        changes: list[SetChange],
    ) -> int:
        """Give a topic its queues of a group, and note how topics like it get theirs,
        if they get the same set; the units of work."""
        before: Any = entry.queues
        old = before.get(broker_name)
        if old is not None and (old is queue_data or old == queue_data):
            return Cost.TOPIC_STORED
        copied = self.copy_units
        topics = stored.added if old is None else stored.changed
        topics.append(entry)
        flagged = None
        if old is not None and old.topic_sys_flag != queue_data.topic_sys_flag:
            flagged = stored.flagged
            flagged.append(entry)
        after = self.give(entry, broker_name, queue_data)
        if after is before:
            changes.clear()  # It may be the set that one of them leads to.
        elif after.sum is not None:
            changes.insert(0, SetChange(before, queue_data, after, topics, flagged))
            del changes[_MOST_CHANGES:]
        return Cost.TOPIC_CHANGED + self.copy_units - copied

    def _settle(self, changes: Iterable[SetChange]) -> None:
        """Count the topics that were changed alike, before a set is changed."""
        for change in changes:
            if count := change.take_count():
                before: Any = change.before
                after: Any = change.after
                self._moved(before, after, count)

    def _moved(self, before: QueueSet, after: QueueSet, count: int) -> None:
        """So many topics have another set."""
        after.topics += count
        before.topics -= count
        if not before.topics and before:
            self._forget(before)

    def _changed(
        self, before: QueueSet, broker_name: str, queue_data: QueueData | None
    ) -> QueueSet:
        """The set with other queues of a group: the same one if no other topic has
        it."""
        if queue_data is None and broker_name not in before:
            return before
        if before.sum is None:
            _put(before, broker_name, queue_data)
            return before
        total = before.sum - _number(before.get(broker_name)) + _number(queue_data)
        total &= _SUM
        known = self._sets.get(total)
        if known is not None and known.get(broker_name) is queue_data:
            return known
        if queue_data is None and len(before) == 1:
            return self.none
        after = before
        if before.topics == 1 and before:
            self._forget(before)
        else:
            after = QueueSet(before)
            self._copied_entries += len(before)
        _put(after, broker_name, queue_data)
        after.sum = None if len(after) > MOST_SHARED_GROUPS else total
        if after.sum is not None:
            self._sets[total] = after
        return after

    def _forget(self, queues: QueueSet) -> None:
        if queues.sum is not None and self._sets.get(queues.sum) is queues:
            del self._sets[queues.sum]
        self._before = None


def _put(queues: QueueSet, broker_name: str, queue_data: QueueData | None) -> None:
    if queue_data is None:
        queues.pop(broker_name, None)
    else:
        queues[broker_name] = queue_data


def _number(queue_data: QueueData | None) -> int:
    """A number at random for each object, so that sums of others differ.

    The hash of a tuple would be nearly linear in the id, and sums would collide.
    """
    return 0 if queue_data is None else hash(id(queue_data).to_bytes(8, "little"))
