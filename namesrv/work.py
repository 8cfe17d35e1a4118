"""Units of work, the cost of each kind of work in them, and work that goes in steps.

A unit is about a microsecond of CPU in the compiled build. Work that a peer can make
longer than one turn of the loop is a generator: it yields the units spent since the
last yield, and returns its result. `routing.turns` runs it within the budget of each
turn, so that other connections are served in between. Lookups run between two steps,
so each step leaves the tables consistent.
"""

from collections.abc import Generator, Iterator, Sequence
from enum import IntEnum
from typing import Final, TypeAlias, TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")
Steps: TypeAlias = Generator[int, None, Result]
"""Work in steps: yields the units spent, returns the result."""


WAIT: Final = -1
"""Yielded by work that cannot go on in this turn: it waits for other work to end."""


class Cost(IntEnum):
    """Units for one thing of each kind; `bench/units.py` measures them."""

    REQUEST = 16
    """Reading a short header, finding the handler, writing a short answer."""
    HTTP_REQUEST = 32
    """Reading the head of a request of HTTP, finding the handler, a short answer."""
    HTTP_KILOBYTE = 12
    """1,024 bytes of such a head, or of the body of such a request."""
    CHUNK = 4
    """One chunk of such a body."""
    GZIP_KILOBYTE = 10
    """1,024 bytes of an answer, compressed."""
    HEADER_KILOBYTE = 256
    """1,024 bytes of a header, beyond those of a short one."""
    HEADER_VALUE = 4
    """One value of a header, from the fifteenth on, or an escape."""
    LENIENT_KILOBYTE = 512
    """1,024 bytes of JSON for the lenient reader, headers included."""
    STRICT_KILOBYTE = 8
    """1,024 bytes of JSON for the typed decoder, or inflated."""
    SCANNED_KILOBYTE = 1
    """1,024 bytes of topics, read in vain: they are in an unusual form."""
    BARE_KILOBYTE = 32
    """1,024 bytes of a static topic's mapping for the typed decoder."""
    ANSWER_KILOBYTE = 4
    """1,024 bytes of an answer."""
    ANSWER_VALUE_KILOBYTE = 12
    """1,024 characters of a value in an answer's header, which are escaped."""
    ENTRY = 1
    """One topic, mapping, server or key of a body, read."""
    LENIENT_ENTRY = 8
    """The same, converted from the lenient reader's values."""
    TOPIC = 1
    """One topic visited in the tables."""
    TOPIC_STORED = 1
    """A group's entry put into a topic, which may be new, as into others before."""
    TOPIC_CHANGED = 3
    """A group's entry put into a topic unlike others, or taken out; also a mapping."""
    REGISTRATION = 100
    """A registration applied, its topics not counted."""
    REMOVAL = 60
    """A live broker removed, with its lines in the log."""
    GROUP = 2
    """One broker group, or one broker of a group, visited."""


STEP_UNITS = 500
"""Work in steps yields at least this often."""


def batches(things: Sequence[Thing], units: int) -> Iterator[Sequence[Thing]]:
    """Parts of `things` that cost a step each; `units` is the cost of one thing."""
    size = max(1, STEP_UNITS // units)
    for start in range(0, len(things), size):
        yield things[start : start + size]


def kilobytes(length: int, cost: Cost) -> int:
    """Units of `length` bytes at `cost` for each 1,024 of them."""
    return length * cost >> 10


def finish(steps: Steps[Result]) -> Result:
    """Run all steps at once and return the result."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: Result = stop.value
            return result
