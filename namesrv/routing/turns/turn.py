"""The budget of work before other connections get their turn.

One read can hold thousands of requests that the hot path cannot answer, and one request
can be about a hundred thousand topics. Units of work (`namesrv.work`) are counted over
all connections; a request that comes when the turn is over waits for the next.
"""

from typing import Final

from namesrv._impl import HotPath
from namesrv.codes import SerializeType
from namesrv.wire.command import ExtFields
from namesrv.work import WAIT, Cost, Result, Steps, kilobytes

TURN_UNITS: Final = 1000
"""About a millisecond."""
_USUAL_VALUES: Final = 15
_USUAL_BYTES: Final = 256
"""A header up to these is part of `Cost.REQUEST`."""


class Turn:
    """The rest of the budget of a turn; the server calls `begin` for the next one."""

    def __init__(self, hot: HotPath) -> None:
        self._hot = hot
        self._left = TURN_UNITS

    @property
    def left(self) -> int:
        """Units that are left, below 0 if the last work took more."""
        return self._left

    @property
    def is_over(self) -> bool:
        """Whether requests have to wait."""
        return self._left <= 0

    def begin(self) -> None:
        """Another turn of the loop."""
        self._left = TURN_UNITS
        self._hot.turn_taken = False

    def spend(self, units: int) -> None:
        """So much was done."""
        self._left -= units

    def advance(self, steps: Steps[Result], *, spared: int = 0) -> tuple[Result] | None:
        """Carry out steps, at least one, until `spared` units of the turn are left.

        The result alone in a tuple, or None when there is more to do in another turn.
        """
        while True:
            try:
                units = next(steps)
            except StopIteration as stop:
                return (stop.value,)
            if units == WAIT:
                return None
            self._left -= units
            if self._left <= spared:
                return None


def request_units(serialize_type: int, header: bytes, body: bytes | None) -> int:
    """Units for reading a request; steps count their own units besides."""
    more_bytes = max(0, len(header) - _USUAL_BYTES)
    units = Cost.REQUEST + kilobytes(more_bytes, Cost.HEADER_KILOBYTE)
    if serialize_type == SerializeType.JSON:
        values = header.count(b",") + header.count(b"[") + header.count(b"{")
        extra = max(0, values - _USUAL_VALUES) + header.count(b"\\")
        units += extra * Cost.HEADER_VALUE
    return units + kilobytes(len(body or b""), Cost.STRICT_KILOBYTE)


def answer_units(body: bytes | None, ext_fields: ExtFields | None = None) -> int:
    """Units for writing an answer with this body and these values in its header."""
    values = ext_fields.values() if ext_fields else ()
    characters = sum(len(value) for value in values if value is not None)
    header_units = kilobytes(characters, Cost.ANSWER_VALUE_KILOBYTE)
    return header_units + kilobytes(len(body or b""), Cost.ANSWER_KILOBYTE)
