"""Limits, values and argument checks that the hot path shares with its callers.

Both implementations of the hot path import them, so that each exists once.
"""

from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import Any, Final, Literal, NamedTuple, TypeAlias


class HotCode(IntFlag):
    """Requests that a connection may answer itself; routing sets the mask.

    Requests that the mask excludes go to the processor, which has all the rules.
    """

    NONE = 0
    ROUTE = 1
    """105 without zone fields, answered from ready bytes."""
    HEARTBEAT = 2
    """904, and 322 with a DataVersion."""
    REGISTRATION = 4
    """103 that repeats the last registration of the same broker on the connection of
    that one. Over another connection it changes the owner, which routing reports."""


class Pause(IntEnum):
    """The reason why a connection has stopped parsing; `resume` ends every pause."""

    NONE = 0
    OUTPUT = 1
    """The answers of one call exceed OUTPUT_PAUSE_BYTES."""
    LATER = 2
    """A request waits for a file or another cluster; `resume` brings its answer."""
    TURN = 3
    """Yield to other connections: a large registration was applied, or the next
    request has to wait for a turn of the loop."""


class Verdict(IntEnum):
    """The next step of a lane, after the answers of `Lookups`."""

    GO_ON = 0
    """The rest is part of a frame, or nothing."""
    ASK = 1
    """The loop answers the lookups that are next; a ready answer is missing."""
    HAND_OVER = 2
    """The rest is not for a lane, and so the connection is not."""
    PAUSE = 3
    """The output has OUTPUT_PAUSE_BYTES or more; the rest follows after it."""


OUTPUT_PAUSE_BYTES: Final = 1 << 20
"""A connection pauses after this much output, so that the transport can send it."""

LARGE_REGISTRATION_BYTES: Final = 1 << 16
"""Registrations of this body size and more: one per turn of the loop."""

LONGEST_HOT_HEADER_BYTES: Final = 1 << 15
"""Longer headers go to the full reader, which limits the number of values and handles
negative 16-bit lengths of names."""

LONGEST_LOOKUP_HEADER_BYTES: Final = 1 << 12
"""A lane hands over a lookup with a longer header."""

LONGEST_LOOKUP_PART_BYTES: Final = 1 << 11
"""A lane hands over a connection that leaves a longer part of a frame."""

MOST_LANE_SAMPLES: Final = 8
"""Samples of one read, at most."""

DEFAULT_FRAME_MAX_BYTES: Final = 16_777_216
"""Longest frame, including its four length bytes (protocol.md section 1.1)."""

DEFAULT_HEADER_MAX_BYTES: Final = 0xFFFFFF
"""Longest header that a frame can hold: its length has 24 bits."""

ANY_VERSION: Final = 2**31 - 1
"""The version of a client that has not sent a request yet."""

NO_SAMPLE: Final = 2**62
"""A number that no count of lookups reaches."""

MOST_HEAD_MEMBERS: Final = 32
"""Header objects with more members go to the full reader."""

_MOST_MILLIS: Final = 2**61

ColdAnswer: TypeAlias = bytes | Literal[Pause.TURN] | None
ColdPath: TypeAlias = Callable[[int, bytes, bytes | None, Any, int], ColdAnswer]
"""(serialize type, header, body, connection, now_ms) -> answer frame, empty for none.

None means that `resume` brings the answer later; `Pause.TURN` means that nothing was
done, and that the request comes again in another turn of the loop. Raises
ConnectionFault.
"""


class Frame(NamedTuple):
    """One frame: header encoding (0 JSON, 1 ROCKETMQ), header, and body or None."""

    serialize_type: int
    header: bytes
    body: bytes | None


class UnknownTopicSample(NamedTuple):
    """A lookup of a topic without a route that the hot path answered: its header, still
    encoded, and the address of the peer."""

    serialize_type: int
    header: bytes
    remote_address: str


class Head(NamedTuple):
    """The part of a request's header that the hot path reads.

    `ext_fields` holds every member as text (a null as None), and is None for a header
    without extFields; `version` and `flag` are 0 when absent.
    """

    code: int
    version: int
    opaque: int
    flag: int
    ext_fields: dict[str, str | None] | None


def check_bytes(name: str, value: object) -> None:
    """Raise TypeError unless `value` is bytes."""
    if type(value) is not bytes:
        raise TypeError(f"{name} must be bytes, not {type(value).__name__}")


def check_text(name: str, value: object) -> None:
    """Raise TypeError unless `value` is a str."""
    if type(value) is not str:
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")


def check_instance(name: str, value: object, expected: type) -> None:
    """Raise TypeError unless `value` is an instance of `expected`."""
    if not isinstance(value, expected):
        wanted, got = expected.__name__, type(value).__name__
        raise TypeError(f"{name} must be a {wanted}, not {got}")


def check_bool(name: str, value: object) -> None:
    """Raise TypeError unless `value` is a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be a bool, not {type(value).__name__}")


def check_int32(name: str, value: int) -> int:
    """`value`; raise TypeError or ValueError unless it is a signed 32-bit integer."""
    return _check_int(name, value, -(2**31), 2**31 - 1)


def check_int64(name: str, value: int) -> int:
    """`value`; raise TypeError or ValueError unless it is a signed 64-bit integer."""
    return _check_int(name, value, -(2**63), 2**63 - 1)


def check_size(name: str, value: int) -> int:
    """`value`; raise TypeError or ValueError unless it is a number of bytes."""
    return _check_int(name, value, 0, 2**62)


def check_millis(name: str, value: int) -> int:
    """`value`; raise TypeError or ValueError unless it is a time in milliseconds."""
    return _check_int(name, value, -_MOST_MILLIS, _MOST_MILLIS)


def _check_int(name: str, value: int, low: int, high: int) -> int:
    if type(value) is not int:
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}, expected {low} to {high}")
    return value
