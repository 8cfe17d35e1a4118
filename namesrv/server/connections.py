"""All open connections: their turns, their input budget, their idle time."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from namesrv._impl import Connection
from namesrv.errors import ConnectionFault, TlsBroken
from namesrv.routing.state import RoutingState
from namesrv.server.clock import monotonic_millis
from namesrv.server.counted_event import CountedEvent
from namesrv.server.foreign_protocols import foreign_protocol
from namesrv.server.logs import EventLog
from namesrv.server.tls_context import TlsGate

_CLOSE_PATIENCE_MILLIS: Final = 5000
_HANDSHAKE_PATIENCE_MILLIS: Final = 10000
_TOO_MANY: Final = "there are as many connections as may be, more are closed at once"
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

    @property
    def handshake_since_ms(self) -> int | None:
        """When its TLS handshake began, if that has not ended."""

    @property
    def unsent_bytes(self) -> int:
        """Output that the peer has not taken."""

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
    `is_ending` says that our own end has begun, `is_frozen` that nothing is read any
    more, `is_halted` that nothing is carried out any more. `tls` decides who may
    connect with TLS and who without.
    """

    def __init__(
        self,
        state: RoutingState,
        log: EventLog,
        flush: Callable[[], None],
        limit: int,
    ) -> None:
        """`limit` is how many there may be; whoever comes then is closed at once."""
        self._state = state
        self._log = log
        self._flush = flush
        self._by_connection: dict[Connection, Served] = {}
        self._turns: deque[Served] = deque()
        self._buffered_bytes = 0
        self.is_ending = False
        self._blocked: dict[Served, int] = {}
        self._unsent_bytes = 0
        self._limit = limit
        self._refusals = CountedEvent(log, _TOO_MANY)
        self.is_frozen = False
        self.is_halted = False
        self.now_ms = monotonic_millis()
        self.tls = TlsGate(state.options, log)

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
        """A connection begins, or is closed because there are enough."""
        options = self._state.options
        high, low = _DEFAULT_HIGH_WATER_BYTES, _DEFAULT_LOW_WATER_BYTES
        if options.write_buffer_high_water_mark and options.write_buffer_low_water_mark:
            high = options.write_buffer_high_water_mark
            low = options.write_buffer_low_water_mark
        protocol.transport.set_write_buffer_limits(high=high, low=low)
        connection = Connection(self._state.hot, remote_address)
        connection.last_active_ms = self.now_ms
        if len(self._by_connection) >= self._limit:
            self._refusals.happen({"limit": self._limit, "remote": remote_address})
            protocol.close()
            return connection
        self._by_connection[connection] = protocol
        if self.is_frozen:
            protocol.stop_reading()
        self._debug("connection opened", protocol, connection)
        return connection

    def lost(self, protocol: Served) -> None:
        """A connection ended; the brokers that it registered may be gone with it."""
        connection = protocol.connection
        self.unblocked(protocol)
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

    def blocked(self, protocol: Served, written_bytes: int) -> None:
        """A peer does not read: what it has not taken counts until it does.

        What was written in one go stays in memory until all of it was taken.
        """
        old_bytes = self._blocked.get(protocol, 0)
        unsent_bytes = max(old_bytes, written_bytes, protocol.unsent_bytes)
        self._blocked[protocol] = unsent_bytes
        self._unsent_bytes += unsent_bytes - old_bytes
        if self._unsent_bytes > self._state.options.output_budget_bytes:
            # Not at once: its transport is in the middle of a write.
            asyncio.get_running_loop().call_soon(self._drop_deafest)

    def unblocked(self, protocol: Served) -> None:
        """It reads again, or has ended."""
        self._unsent_bytes -= self._blocked.pop(protocol, 0)

    def report_fault(self, protocol: Served, fault: ConnectionFault) -> None:
        """Log why a connection is being closed."""
        fields = {
            "remote": protocol.connection.remote_address,
            "reason": str(fault),
        }
        foreign = foreign_protocol(fault)
        if foreign is not None:
            fields["looks_like"] = foreign
        event = "connection broke the protocol and is closed"
        self._log.log_event(logging.WARNING, event, fields)

    def take_turn(self, protocol: Served) -> None:
        """Resume a paused connection in one of the next turns of the loop, in line."""
        if self.is_halted:
            return
        self._turns.append(protocol)
        if len(self._turns) == 1:
            asyncio.get_running_loop().call_soon(self._next_turn)

    def sweep(self, now_ms: int) -> None:
        """Close idle connections, and cut off those that do not take their last bytes.

        So is a TLS handshake that does not end, however much comes of it. Source:
        `IdleStateHandler`, `SslHandler`, protocol.md sections 5.2 and 5.3.
        """
        self._refusals.report()
        idle_millis = self._state.options.server_channel_max_idle_time_seconds * 1000
        is_holding = self._state.liveness.is_holding(now_ms)
        if is_holding:
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
            elif not is_holding and _is_stuck(protocol.handshake_since_ms, now_ms):
                self.report_fault(protocol, TlsBroken("the handshake does not end"))
                protocol.close()

    def begin_end(self) -> None:
        """Our own end begins: no broker is forgotten for a connection that closes.

        Brokers that are told to go away while we drain close theirs.
        """
        self.is_ending = True

    def freeze(self) -> None:
        """The last moment: nothing more is read, so that the state stays as it is."""
        self.begin_end()
        self.is_frozen = True
        for protocol in self._by_connection.values():
            protocol.stop_reading()

    def halt(self) -> None:
        """The state is about to be saved: what would change it now has no answer."""
        self.is_halted = True
        self._turns.clear()

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
        if self.is_halted:
            return
        self._state.turn.begin()
        try:
            self._turns[0].resume()
        finally:
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
        )
        self._buffered_bytes -= largest.buffered_bytes
        largest.buffered_bytes = 0
        self._cut_off(largest)

    def _drop_deafest(self) -> None:
        """Unsent answers take more than the budget: their largest holders go."""
        budget_bytes = self._state.options.output_budget_bytes
        while self._unsent_bytes > budget_bytes:
            largest = max(self._blocked, key=self._blocked.__getitem__)
            self._log.log_event(
                logging.WARNING,
                "unsent answers exceed the budget, the largest holder is closed",
                {
                    "remote": largest.connection.remote_address,
                    "unsent_bytes": self._blocked[largest],
                    "budget_bytes": budget_bytes,
                },
            )
            self.unblocked(largest)
            self._cut_off(largest)

    def _cut_off(self, protocol: Served) -> None:
        connection = protocol.connection
        self._by_connection.pop(connection, None)
        protocol.cut_off(Connection(self._state.hot, connection.remote_address))
        self._destroy_channel(connection)

    def _destroy_channel(self, connection: Connection) -> None:
        if connection.registered and not self.is_ending:
            # The clock itself, because this may be the first sign of a stall.
            self._state.liveness.on_channel_destroy(connection, monotonic_millis())
            self._flush()

    def _debug(self, event: str, protocol: Served, connection: Connection) -> None:
        fields = {"remote": connection.remote_address, "has_sent": protocol.has_sent}
        self._log.log_event(logging.DEBUG, event, fields)


def _is_stuck(handshake_since_ms: int | None, now_ms: int) -> bool:
    if handshake_since_ms is None:
        return False
    return now_ms - handshake_since_ms > _HANDSHAKE_PATIENCE_MILLIS
