"""How much the processor may do before the other connections get their turn.

One read can hold thousands of requests that the hot path cannot answer. They are
counted over all connections; whoever comes when the turn is over waits for the next.
"""

from typing import Final

from namesrv._impl import HotPath
from namesrv.codes import RequestCode
from namesrv.hot_path import LARGE_REGISTRATION_BYTES

TURN_UNITS: Final = 64
"""A request is one unit, and one more for each ..."""
UNIT_BYTES: Final = 4096
"""... of what was read and answered: about a millisecond in all."""

_WHOLE_TURN: Final = frozenset(
    (
        RequestCode.UNREGISTER_BROKER,
        RequestCode.WIPE_WRITE_PERM_OF_BROKER,
        RequestCode.ADD_WRITE_PERM_OF_BROKER,
    )
)
"""Short to say, and about every topic of a broker."""


class Turn:
    """What is left of this turn of the loop; the server calls `begin` for the next."""

    def __init__(self, hot: HotPath) -> None:
        self._hot = hot
        self._left = TURN_UNITS

    @property
    def is_over(self) -> bool:
        """Whether requests have to wait."""
        return self._left <= 0

    def begin(self) -> None:
        """Another turn of the loop."""
        self._left = TURN_UNITS
        self._hot.turn_taken = False

    def spend(self, code: int, request_bytes: int, answer_bytes: int) -> None:
        """A request was carried out; the sizes are those of its bodies."""
        if request_bytes >= LARGE_REGISTRATION_BYTES:
            return  # the connection sees to it, one in a turn
        self._left -= 1 + (request_bytes + answer_bytes) // UNIT_BYTES
        if code in _WHOLE_TURN:
            self._left = 0
