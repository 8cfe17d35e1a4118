"""Numbers on which the hot path, its compiled twin and their callers agree.

Both implementations take them from here, so that a limit exists once.
"""

from enum import IntEnum, IntFlag
from typing import Final


class HotCode(IntFlag):
    """Requests that a connection may answer by itself; routing sets the mask.

    A code that is not in the mask goes to the processor, which has all the rules.
    """

    NONE = 0
    ROUTE = 1
    """105 without zone fields, answered from ready bytes."""
    HEARTBEAT = 2
    """904, and 322 with a DataVersion."""
    REGISTRATION = 4
    """103 that repeats the last registration of the same broker."""


class Pause(IntEnum):
    """Why a connection has stopped parsing; `resume` goes on in every case."""

    NONE = 0
    OUTPUT = 1
    """More than OUTPUT_PAUSE_BYTES were answered in one go."""
    LATER = 2
    """A request waits for a file; `resume` brings its answer."""
    TURN = 3
    """A large registration was applied, or waits for its turn."""


OUTPUT_PAUSE_BYTES: Final = 1 << 20
"""A connection that produced this much gives the transport time to send it."""

LARGE_REGISTRATION_BYTES: Final = 1 << 16
"""From this body size on, only one registration is handled per turn of the loop."""

DEFAULT_FRAME_MAX_BYTES: Final = 16_777_216
"""Longest frame, its four length bytes included (protocol.md section 1.1)."""
