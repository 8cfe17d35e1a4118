"""Sends one row to a server: its cost, the bytes answered, and the longest wait."""

import select
import socket
import time
from dataclasses import asdict, dataclass
from typing import Any

from bench.driver.client import HOST
from bench.stalls.cpu import Cpu
from bench.stalls.ready import ReadyTopic
from bench.stalls.witness import Witness
from namesrv.testing.peer import request

MOST_SECONDS = 120.0
QUIET_SECONDS = 0.15
# A longer call would keep the core from the probe beside it.
_CALL_BYTES = 1 << 16
_MOST_UNDER_WAY_BYTES = 1 << 18
_TAIL_BYTES = 400
_MARK = request(9999, opaque=987654321)
_MARK_OPAQUE = b'"opaque":987654321'

GOAL_WAIT_MILLIS = 20.0
GOAL_WAIT_MILLIS_PER_MIB = 12.0
GOAL_MICROS_PER_BYTE_SENT = 5.0
GOAL_NANOS_PER_BYTE_ANSWERED = 20.0


@dataclass(frozen=True)
class Outcome:
    """One sending of a row. The `ready` ones are waits of a ready topic's lookups."""

    sent_bytes: int
    answered_bytes: int
    cpu_millis: float
    wait_millis: float
    seconds: float
    was_closed: bool
    ready_p99_millis: float | None = None
    ready_max_millis: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """For the results file."""
        return asdict(self)


def goal_wait_millis(sent_bytes: int, is_frame: bool) -> float:
    """How long others may wait for a packet, or for a frame of this length."""
    more = GOAL_WAIT_MILLIS_PER_MIB * sent_bytes / 2**20 if is_frame else 0.0
    return GOAL_WAIT_MILLIS + more


def goal_cpu_millis(sent_bytes: int, answered_bytes: int) -> float:
    """CPU that the bytes sent and answered may cost."""
    micros = GOAL_MICROS_PER_BYTE_SENT * sent_bytes
    return (micros + GOAL_NANOS_PER_BYTE_ANSWERED * answered_bytes / 1000) / 1000


def wait_until_quiet(cpu: Cpu, seconds: float = MOST_SECONDS) -> None:
    """Return when the server does nothing more than answer the witness."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if cpu.is_quiet(QUIET_SECONDS):
            return


def send_row(
    port: int, payload: bytes, cpu: Cpu, witness: Witness, ready: ReadyTopic
) -> Outcome:
    """Send `payload` over a connection of its own and read all that is answered."""
    witness.take()
    with ready.probed() as waits:
        idle_share = _idle_share(cpu)
        cpu_before, began = cpu.seconds(), time.monotonic()
        with socket.create_connection((HOST, port), MOST_SECONDS) as peer:
            # The sender's core also does the work of the receiver's socket.
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST_UNDER_WAY_BYTES)
            answered_bytes, was_closed = _exchange(peer, payload + _MARK)
        # Its end belongs to the row: the brokers that it registered go with it.
        wait_until_quiet(cpu)
        seconds = time.monotonic() - began
        cpu_seconds = cpu.seconds() - cpu_before - idle_share * seconds
    return Outcome(
        len(payload),
        answered_bytes,
        max(0.0, cpu_seconds) * 1000,
        witness.take(),
        seconds,
        was_closed,
        waits.p99_millis,
        waits.max_millis,
    )


def _idle_share(cpu: Cpu) -> float:
    before, began = cpu.seconds(), time.monotonic()
    time.sleep(QUIET_SECONDS)
    return (cpu.seconds() - before) / (time.monotonic() - began)


def _exchange(peer: socket.socket, payload: bytes) -> tuple[int, bool]:
    """Bytes answered, and whether the server closed the connection before the end.

    Answers are in order: that of `_MARK` is the last one.
    """
    peer.setblocking(False)
    poller = select.poll()
    poller.register(peer, select.POLLIN | select.POLLOUT)
    left, answered_bytes, tail = memoryview(payload), 0, b""
    end = time.monotonic() + MOST_SECONDS
    while time.monotonic() < end and _MARK_OPAQUE not in tail:
        for _, event in poller.poll(QUIET_SECONDS * 1000):
            if event & select.POLLIN:
                piece = _receive(peer)
                if piece == b"":
                    return answered_bytes, True
                answered_bytes += len(piece or b"")
                tail = (tail + (piece or b"")[-_TAIL_BYTES:])[-_TAIL_BYTES:]
            elif event & (select.POLLERR | select.POLLHUP):
                return answered_bytes, True
            if event & select.POLLOUT and left:
                try:
                    left = left[peer.send(left[:_CALL_BYTES]) :]
                except BlockingIOError:
                    continue
                except OSError:
                    return answered_bytes, True
                if not left:
                    poller.modify(peer, select.POLLIN)
    return answered_bytes, False


def _receive(peer: socket.socket) -> bytes | None:
    """The bytes that came, empty at the end, None for none yet."""
    try:
        return peer.recv(_CALL_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""
