"""Units of work, what each kind of work costs in them, and work that goes in steps.

A unit is about a microsecond of CPU of the compiled build. Whatever a peer can make
longer than one turn of the loop is a generator: it yields the units that it has spent
since it last yielded, and returns its result. `routing.turn` drives it, a turn's share
at a time, so that others are served in between. Whatever one step changes has to leave
the tables whole, because lookups run between two steps.
"""

from collections.abc import Generator
from enum import IntEnum
from typing import TypeAlias, TypeVar

Result = TypeVar("Result")
Steps: TypeAlias = Generator[int, None, Result]
"""Work in steps: yields the units spent, returns the result."""


class Cost(IntEnum):
    """Units for one thing of a kind; the bench that measures them is bench/stalls."""

    REQUEST = 16
    """Reading a short header, finding the handler, writing a short answer."""
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
    GROUP = 2
    """One broker group, or one broker of a group, visited."""


STEP_UNITS = 250
"""Work in steps yields at least this often."""


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
