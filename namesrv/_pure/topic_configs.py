"""The topicConfigTable of a registration, read straight from its bytes.

Brokers send all their topics with each change of one. No object is made for a topic
that the tables have already as it was sent. Tables in an unusual form are refused, and
read by the typed decoder (`wire.register_body`).
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from namesrv._pure.topic_queues import TopicQueues
from namesrv.hot_path import check_bytes
from namesrv.wire.bodies import QueueData
from namesrv.wire.topic_forms import (
    LONGEST_NAME,
    MOST_FORMS,
    NAME_HOLE,
    TopicForm,
    TopicForms,
)

_INT32: Final = range(-(2**31), 2**31)
_KEY: Final = rb'"([ !#-\[\]-z|~]{1,%d})":' % LONGEST_NAME
_KEY_PATTERN: Final = re.compile(_KEY)
_NUMBER: Final = rb"(0|-?[1-9][0-9]{0,9})"

_Found = tuple[TopicForm, list[bytes], int]
"""A form, the values by hole, and the place behind the topic."""


class TopicConfigs:
    """The topics of one registration in their order, each with its numbers.

    `end` is the place behind the table, `longest_name` the length of the longest name,
    `objects` the number of opening braces behind the table's own.
    Calls name topics by their places, [start:end). `find` comes first, from the first
    topic to the last. `saves_time` is whether the typed decoder is slower.
    """

    __slots__ = ("_found", "_names", "_numbers", "end", "longest_name", "objects")

    saves_time = False

    def __init__(
        self,
        names: list[str],
        numbers: list[tuple[int, int, int, int]],
        end: int,
        objects: int,
    ) -> None:
        self._names = names
        self._numbers = numbers
        self._found: dict[str, TopicQueues | None] = {}
        self.end = end
        self.objects = objects
        self.longest_name = max(map(len, names), default=0)

    def __len__(self) -> int:
        return len(self._names)

    def names(self, start: int, end: int) -> list[str]:
        """Names of topics."""
        return self._names[start:end]

    def find(
        self,
        start: int,
        end: int,
        table: dict[str, TopicQueues],
        expected: Sequence[TopicQueues],
    ) -> bool:
        """Find topics in the table; False if one comes twice.

        `expected` are topics that are probably these, in this order; they save time.
        """
        del expected  # only for the compiled twin
        for name in self._names[start:end]:
            if name in self._found:
                return False
            self._found[name] = table.get(name)
        return True

    def count_new(self, start: int, end: int, broker_name: str) -> int:
        """How many of these topics had no entry of a group when they were found."""
        found = self._names[: len(self._found)]
        entries = map(self._found.__getitem__, found[start:end])
        return sum(e is None or broker_name not in e.queues for e in entries)

    def different(
        self,
        start: int,
        end: int,
        broker_name: str,
        mask: int,
        shared: Callable[[int, int, int, int], QueueData],
        only_new: bool,
    ) -> tuple[list[TopicQueues | str], list[QueueData]]:
        """Queues of a group that the tables do not have yet, or with other numbers
        unless `only_new`: the topics, and the queues of each.

        A name stands for a topic that was not found or is gone. `mask` is that of perm;
        `shared` makes the one QueueData with these numbers.
        """
        topics: list[TopicQueues | str] = []
        queue_datas: list[QueueData] = []
        for place in range(start, min(end, len(self._found))):
            name = self._names[place]
            entry = self._found[name]
            perm, read, flag, write = self._numbers[place]
            if entry is None or not entry.queues:
                topics.append(name)
                queue_datas.append(shared(perm & mask, read, flag, write))
                continue
            old = entry.queues.get(broker_name)
            if old is not None and only_new:
                continue
            queue_data = shared(perm & mask, read, flag, write)
            if old != queue_data:
                topics.append(entry)
                queue_datas.append(queue_data)
        return topics, queue_datas


def scan_topic_configs(
    body: bytes, start: int, forms: TopicForms
) -> TopicConfigs | None:
    """Read the table that begins behind `body[start - 1]`, its opening brace.

    None for one in an unusual form.
    """
    check_bytes("body", body)
    names: list[str] = []
    numbers: list[tuple[int, int, int, int]] = []
    at = start
    if body[at : at + 1] == b"}":
        return TopicConfigs(names, numbers, at + 1, 0)
    latest: TopicForm | None = None
    learned = 0
    while True:
        found = _match(body, at, latest, forms)
        if found is None and learned < MOST_FORMS:
            learned += 1
            found = _learn(body, at, forms)
        if found is None:
            return None
        latest, values, at = found
        numbers_here = int(values[1]), int(values[2]), int(values[3]), int(values[4])
        if any(number not in _INT32 for number in numbers_here):
            return None
        names.append(values[0].decode())
        numbers.append(numbers_here)
        follows = body[at : at + 1]
        at += 1
        if follows == b"}":
            return TopicConfigs(names, numbers, at, body.count(b"{", start, at))
        if follows != b",":
            return None


def _match(
    body: bytes, at: int, latest: TopicForm | None, forms: TopicForms
) -> _Found | None:
    """One topic in a known form, first in the latest one."""
    others = [form for form in forms.forms if form != latest]
    for form in others if latest is None else [latest, *others]:
        found = _values(body, at, form)
        if found is not None:
            return found
    return None


def _learn(body: bytes, at: int, forms: TopicForms) -> _Found | None:
    """One topic in a form that is not known yet."""
    key = _KEY_PATTERN.match(body, at)
    form = None if key is None else forms.learn(body, key.end())
    return None if form is None else _values(body, at, form)


def _values(body: bytes, at: int, form: TopicForm) -> _Found | None:
    found = _pattern(form).match(body, at)
    if found is None:
        return None
    values = [found[1]] * len(form.holes)
    numbers = iter(found.groups()[1:])
    for hole in form.holes:
        if hole != NAME_HOLE:
            values[hole] = next(numbers)
    return form, values, found.end()


@lru_cache(2 * MOST_FORMS)
def _pattern(form: TopicForm) -> re.Pattern[bytes]:
    pieces = [_KEY, re.escape(form.texts[0])]
    for hole, text in zip(form.holes, form.texts[1:], strict=True):
        pieces += (rb"\1" if hole == NAME_HOLE else _NUMBER, re.escape(text))
    return re.compile(b"".join(pieces))
