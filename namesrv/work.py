"""Units of work, the cost of each kind of work in them, and work that goes in steps.

A unit is about a microsecond of CPU of the compiled build. Work that a peer can
make longer than one turn of the loop is a generator: it yields the units that it has
spent since it last yielded, and returns its result. `routing.turn` drives it, a turn's
share at a time, so that others are served in between. Each step has to leave the tables
whole, because lookups run between two steps.
"""

from collections.abc import Generator, Iterator, Sequence
from enum import IntEnum
from typing import Final, TypeAlias, TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")
Steps: TypeAlias = Generator[int, None, Result]
"""Work in steps: yields the units spent, returns the result."""


WAIT: Final = -1
"""Yielded by work that cannot go on in this turn: other work has to end first."""


class Cost(IntEnum):
    """Units for one thing of a kind; `bench/units.py` measures them."""

    REQUEST = 16
    """Reading a short header, finding the handler, writing a short answer."""
    HEADER_KILOBYTE = 256
    """1,024 bytes of a header beyond those of a short one, whatever they are."""
    HEADER_VALUE = 4
    """One value of a header, from the fifteenth on, or an escape."""
    LENIENT_KILOBYTE = 512
    """1,024 bytes of JSON for the lenient reader, headers included."""
    STRICT_KILOBYTE = 8
    """1,024 bytes of JSON for the typed decoder, or inflated."""
    BARE_KILOBYTE = 32
    """1,024 bytes of a static topic's mapping for the typed decoder."""
    ANSWER_KILOBYTE = 4
    """1,024 bytes of an answer."""
    ENTRY = 1
    """One topic, mapping, server or key of a body, read."""
    LENIENT_ENTRY = 8
    """The same, from what the lenient reader has read."""
    TOPIC = 1
    """One topic visited in the tables."""
    TOPIC_CHANGED = 3
    """A group's entry put into a topic or taken out of it; also a mapping."""
    REGISTRATION = 100
    """A registration applied, its topics not counted."""
    REMOVAL = 60
    """A live broker removed, with its lines in the log."""
    GROUP = 2
    """One broker group, or one broker of a group, visited."""


STEP_UNITS = 500
"""Work in steps yields at least this often."""


def batches(things: Sequence[Thing], units: int) -> Iterator[Sequence[Thing]]:
    """Parts of `things`, each of which costs a step; `units` is what one costs."""
    size = max(1, STEP_UNITS // units)
    for start in range(0, len(things), size):
        yield things[start : start + size]


def kilobytes(length: int, cost: Cost) -> int:
    """Units of `length` bytes, each 1,024 of which have this cost."""
    return length * cost >> 10


def finish(steps: Steps[Result]) -> Result:
    """Carry out all steps at once; the result."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: Result = stop.value
            return result
