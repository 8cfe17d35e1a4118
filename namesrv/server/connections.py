"""All open connections: their turns, their input budget, their idle time."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from namesrv._impl import Connection
from namesrv.errors import ConnectionFault
from namesrv.routing.state import RoutingState
from namesrv.server.clock import monotonic_millis
from namesrv.server.logs import EventLog

_CLOSE_PATIENCE_MILLIS: Final = 5000
_DEFAULT_HIGH_WATER_BYTES: Final = 65536
_DEFAULT_LOW_WATER_BYTES: Final = 32768


class Served(Protocol):
    """What is known here of a connection's asyncio protocol."""

    transport: asyncio.Transport
    connection: Connection
    has_sent: bool
    buffered_bytes: int
    closing_since_ms: int | None

    @property
    def input_bytes(self) -> int:
        """Input that is kept."""

    def close(self) -> None:
        """Send what is left and close."""

    def cut_off(self, substitute: Connection) -> None:
        """Close it now, and forget the connection for an empty one."""

    def resume(self, answer: bytes = b"") -> None:
        """Go on after a pause, with the answer that had to wait."""

    def stop_reading(self) -> None:
        """Take no more input."""


class Connections:
    """Keeps the protocols of all open connections.

    `flush` carries out what the state put into its outbox. `now_ms` is the monotonic
    time as of the last tick: reading the clock for each read would cost a percent.
    `is_frozen` says that our own end has begun.
    """

    def __init__(
        self, state: RoutingState, log: EventLog, flush: Callable[[], None]
    ) -> None:
        self._state = state
        self._log = log
        self._flush = flush
        self._by_connection: dict[Connection, Served] = {}
        self._turns: deque[Served] = deque()
        self._buffered_bytes = 0
        self.is_frozen = False
        self.now_ms = monotonic_millis()

    def __len__(self) -> int:
        return len(self._by_connection)

    @property
    def has_turns(self) -> bool:
        """Whether connections wait for their turn of the loop."""
        return bool(self._turns)

    def find(self, connection: Connection) -> Served | None:
        """The protocol of a connection, None when it has ended."""
        return self._by_connection.get(connection)

    def open(self, protocol: Served, remote_address: str) -> Connection:
        """A connection begins."""
        options = self._state.options
        high, low = _DEFAULT_HIGH_WATER_BYTES, _DEFAULT_LOW_WATER_BYTES
        if options.write_buffer_high_water_mark and options.write_buffer_low_water_mark:
            high = options.write_buffer_high_water_mark
            low = options.write_buffer_low_water_mark
        protocol.transport.set_write_buffer_limits(high=high, low=low)
        connection = Connection(self._state.hot, remote_address)
        connection.last_active_ms = self.now_ms
        self._by_connection[connection] = protocol
        if self.is_frozen:
            protocol.stop_reading()
        self._debug("connection opened", protocol, connection)
        return connection

    def lost(self, protocol: Served) -> None:
        """A connection ended; the brokers that it registered may be gone with it."""
        connection = protocol.connection
        self._by_connection.pop(connection, None)
        self._buffered_bytes -= protocol.buffered_bytes
        protocol.buffered_bytes = 0
        protocol.closing_since_ms = protocol.closing_since_ms or self.now_ms
        self._debug("connection closed", protocol, connection)
        self._destroy_channel(connection)

    def after_call(self, protocol: Served) -> None:
        """Something was fed to a connection: effects and the input budget."""
        if self._state.outbox:
            self._flush()
        buffered_bytes = protocol.input_bytes
        if protocol.connection in self._by_connection:
            self._buffered_bytes += buffered_bytes - protocol.buffered_bytes
            protocol.buffered_bytes = buffered_bytes
        if self._buffered_bytes > self._state.options.input_budget_bytes:
            self._drop_largest()

    def report_fault(self, protocol: Served, fault: ConnectionFault) -> None:
        """Log why a connection is being closed."""
        self._log.log_event(
            logging.WARNING,
            "connection broke the protocol and is closed",
            {"remote": protocol.connection.remote_address, "reason": str(fault)},
            peer_caused=True,
        )

    def take_turn(self, protocol: Served) -> None:
        """Resume a paused connection in one of the next turns of the loop, in line."""
        self._turns.append(protocol)
        if len(self._turns) == 1:
            asyncio.get_running_loop().call_soon(self._next_turn)

    def sweep(self, now_ms: int) -> None:
        """Close idle connections, and cut off those that do not take their last bytes.

        Source: `IdleStateHandler`, protocol.md section 5.3.
        """
        idle_millis = self._state.options.server_channel_max_idle_time_seconds * 1000
        if self._state.liveness.is_holding(now_ms):
            idle_millis = 0
        for protocol in list(self._by_connection.values()):
            closing_since_ms = protocol.closing_since_ms
            if closing_since_ms is not None:
                if now_ms - closing_since_ms > _CLOSE_PATIENCE_MILLIS:
                    protocol.transport.abort()
            elif (
                idle_millis
                and now_ms - protocol.connection.last_active_ms > idle_millis
            ):
                self._debug("connection is idle", protocol, protocol.connection)
                protocol.close()

    def freeze(self) -> None:
        """Our own end begins: nothing more is read, and no broker is forgotten for a
        connection that closes."""
        self.is_frozen = True
        for protocol in self._by_connection.values():
            protocol.stop_reading()

    def close_all(self) -> None:
        """Our own end: close everything."""
        self.freeze()
        for protocol in list(self._by_connection.values()):
            protocol.close()

    def abort_all(self) -> None:
        """Cut off whoever has not taken its last bytes."""
        for protocol in list(self._by_connection.values()):
            protocol.transport.abort()

    def _next_turn(self) -> None:
        self._state.turn.begin()
        self._turns[0].resume()
        self._turns.popleft()
        if self._turns:
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _drop_largest(self) -> None:
        """Unfinished frames take more than the budget: its largest holder goes."""
        largest = max(self._by_connection.values(), key=lambda p: p.buffered_bytes)
        budget_bytes = self._state.options.input_budget_bytes
        self._log.log_event(
            logging.WARNING,
            "unfinished frames exceed the budget, the largest holder is closed",
            {
                "remote": largest.connection.remote_address,
                "buffered_bytes": largest.buffered_bytes,
                "budget_bytes": budget_bytes,
            },
            peer_caused=True,
        )
        self._buffered_bytes -= largest.buffered_bytes
        largest.buffered_bytes = 0
        connection = largest.connection
        del self._by_connection[connection]
        largest.cut_off(Connection(self._state.hot, connection.remote_address))
        self._destroy_channel(connection)

    def _destroy_channel(self, connection: Connection) -> None:
        if connection.registered and not self.is_frozen:
            # The clock itself, because this may be the first sign of a stall.
            self._state.liveness.on_channel_destroy(connection, monotonic_millis())
            self._flush()

    def _debug(self, event: str, protocol: Served, connection: Connection) -> None:
        fields = {"remote": connection.remote_address, "has_sent": protocol.has_sent}
        self._log.log_event(logging.DEBUG, event, fields)
