"""The finding of a sweep about one connection: idle, not read, or stuck.

Idle connections are closed; those that do not read their last output are aborted.
Connections with endless TLS handshakes are closed, however much input comes, and so
are those with endless frames (`InputBudget.stuck`).

Source: `IdleStateHandler`, `SslHandler`, protocol.md sections 5.2 and 5.3.
"""

from enum import Enum
from typing import Final, NamedTuple

from namesrv.hot_path import Pause
from namesrv.server.connections.served import Served

_CLOSE_PATIENCE_MILLIS: Final = 5000
_HANDSHAKE_PATIENCE_MILLIS: Final = 10000
_HTTP_READER_MILLIS: Final = 30_000
"""Limit of the time for reading answers of HTTP, if more than the high-water mark of
them is unsent."""


class Finding(Enum):
    """The result for one connection."""

    FINE = 0
    CLOSES_TOO_LONG = 1
    """It does not read its last output."""
    IDLE = 2
    ANSWER_NOT_READ = 3
    STUCK_IN_HANDSHAKE = 4


class SweepTimes(NamedTuple):
    """Monotonic times of a sweep: now, and that up to which input was read. Without
    input for `idle_millis` a connection is idle; 0 for never."""

    now_ms: int
    read_ms: int
    idle_millis: int


def finding_about(peer: Served, times: SweepTimes, *, is_blocked: bool) -> Finding:
    """Judge a connection; a blocked one does not read its output."""
    if peer.closing_since_ms is not None:
        waited_millis = times.now_ms - peer.closing_since_ms
        is_late = waited_millis > _CLOSE_PATIENCE_MILLIS
        return Finding.CLOSES_TOO_LONG if is_late else Finding.FINE
    quiet_millis = times.read_ms - peer.connection.last_active_ms
    is_paused = peer.connection.pause != Pause.NONE or peer.is_lasting
    # A paused one that reads its output waits for the server, or for an event.
    may_be_idle = times.idle_millis and (is_blocked or not is_paused)
    if may_be_idle and quiet_millis > times.idle_millis:
        return Finding.IDLE
    if peer.is_http and is_blocked and quiet_millis > _HTTP_READER_MILLIS:
        return Finding.ANSWER_NOT_READ
    since_ms = peer.handshake_since_ms
    if since_ms is not None and times.read_ms - since_ms > _HANDSHAKE_PATIENCE_MILLIS:
        return Finding.STUCK_IN_HANDSHAKE
    return Finding.FINE
