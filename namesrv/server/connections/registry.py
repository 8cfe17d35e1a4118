"""All open connections: their turns, budgets and idle time."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from namesrv._impl import Connection
from namesrv.codes import VERSION_V5_3_1
from namesrv.errors import ConnectionFault, TlsBroken
from namesrv.routing.state import RoutingState
from namesrv.routing.turns.phase import Phase
from namesrv.server.clock import CallSoon, Clock
from namesrv.server.connections.beside import Beside, Nothing
from namesrv.server.connections.broker_hosts import BrokerHosts, host_of
from namesrv.server.connections.connection_limit import ConnectionLimit
from namesrv.server.connections.conversation import HttpConversation
from namesrv.server.connections.counts import ConnectionCounts, HttpCounts
from namesrv.server.connections.foreign_protocols import foreign_protocol
from namesrv.server.connections.input_budget import InputBudget
from namesrv.server.connections.output_budget import OutputBudget, water_marks
from namesrv.server.connections.request_deadlines import RequestDeadlines
from namesrv.server.connections.served import Served
from namesrv.server.connections.sweep import Finding, SweepTimes, finding_about
from namesrv.server.connections.turn_lines import TurnLines
from namesrv.server.logs.events import EventLog
from namesrv.server.tls.gate import TlsGate
from namesrv.work import Cost

_SWEPT_AT_ONCE: Final = 2000
"""Connections that one turn of a sweep checks, in about a millisecond."""


class Connections:
    """Keeps the protocols of all open connections.

    `flush` carries out the effects in the outbox. `now_ms` is the monotonic time of the
    last tick, because reading the clock for each read would cost a percent. `tls`
    admits connections with TLS and without, `lanes` have others; `broker_hosts` are the
    expected hosts of brokers; `http_counts` are the counts of conversations.
    """

    def __init__(
        self,
        state: RoutingState,
        log: EventLog,
        flush: Callable[[], None],
        limit: int,
        call_soon: CallSoon,
        clock: Clock,
    ) -> None:
        """`limit` is how many connections there may be; more are closed at once."""
        self._state = state
        self._life = state.life
        self._log = log
        self.flush = flush
        self._call_soon = call_soon
        self._clock = clock
        self._by_connection: dict[Connection, Served] = {}
        self._questions: set[Served] = set()
        self.lanes: Beside = Nothing()
        self._turns = TurnLines(state.tables.busy)
        self._has_next_turn = False
        self._unswept: deque[Served] = deque()
        self.broker_hosts = BrokerHosts()
        self.input_budget = InputBudget(state.options, log, self.broker_hosts)
        self.output_budget = OutputBudget(state.options, log, self.broker_hosts)
        self._deadlines = RequestDeadlines()
        self._limit = ConnectionLimit(limit, self.broker_hosts, log)
        self._http: Callable[[Connection], HttpConversation] | None = None
        self.now_ms = clock.monotonic_millis()
        self.counts = ConnectionCounts()
        self.http_counts = HttpCounts()
        self.tls = TlsGate(state.options, log)

    def __len__(self) -> int:
        """Open connections, with those of lanes; a question is about one of these."""
        return self.own + self.lanes.open

    @property
    def own(self) -> int:
        """The number of open connections without those of lanes."""
        return len(self._by_connection) - len(self._questions)

    @property
    def limit(self) -> int:
        """The number of connections that are served at most."""
        return self._limit.limit

    @property
    def open_to_all(self) -> int:
        """The number of connections from which on new ones have to be of brokers."""
        return self._limit.open_to_all

    @property
    def is_frozen(self) -> bool:
        """Whether no more input is read."""
        return self._life.phase >= Phase.FROZEN

    @property
    def is_halted(self) -> bool:
        """Whether no request is carried out any more."""
        return self._life.phase >= Phase.HALTED

    @property
    def knows_http(self) -> bool:
        """Whether connections that begin with HTTP are served."""
        return self._http is not None and self._state.options.http_access != "off"

    @property
    def has_turns(self) -> bool:
        """Whether connections or unfinished work wait for their turn of the loop."""
        return bool(self._state.unfinished or self._turns)

    @property
    def are_arriving(self) -> bool:
        """Whether connections of lanes come here, once the lanes have ended."""
        return self.lanes.open > 0

    @property
    def are_waiting(self) -> bool:
        """Whether connections wait for their turn of the loop."""
        return bool(self._turns)

    @property
    def has_newer_clients(self) -> bool:
        """Whether a connected client understands GO_AWAY, or may do so because it has
        not sent a request yet (section 5.8)."""
        return self.are_arriving or any(
            connection.client_version > VERSION_V5_3_1
            for connection, protocol in self._by_connection.items()
            if protocol.closing_since_ms is None
        )

    def speak_http(self, begin: Callable[[Connection], HttpConversation]) -> None:
        """Have conversations in HTTP from now on; `begin` makes them."""
        self._http = begin

    def begin_http(self, connection: Connection) -> HttpConversation:
        """A conversation in HTTP for a connection that begins so."""
        assert self._http is not None
        return self._http(connection)

    def note_time(self, now_ms: int) -> None:
        """A tick: the time for all reads until the next one."""
        self.now_ms = now_ms

    def peers(self) -> list[Served]:
        """The protocols of all open connections, in no order."""
        return list(self._by_connection.values())

    def find(self, connection: Connection) -> Served | None:
        """The protocol of a connection, None when it has ended."""
        return self._by_connection.get(connection)

    def expect_brokers(self) -> None:
        """Expect the brokers of the last run from their registered hosts."""
        infos = self._state.tables.broker_live_table.entries()
        self.broker_hosts.remember(host_of(info.broker_addr) for info in infos)

    def create(self, remote_address: str) -> Connection:
        """The connection of a peer that has just connected."""
        connection = Connection(self._state.hot, remote_address)
        connection.note_activity(self.now_ms)
        return connection

    def open(self, protocol: Served) -> None:
        """Serve a peer, or close it because the limit of connections is reached."""
        high, low = water_marks(self._state.options)
        protocol.transport.set_write_buffer_limits(high=high, low=low)
        connection = protocol.connection
        if not protocol.was_admitted:
            if not self._has_room(connection.socket_address):
                self.counts.refused += 1
                protocol.close()
                return
            self.counts.opened += 1
        self._by_connection[connection] = protocol
        if self.is_frozen:
            protocol.stop_reading()
        self._debug("connection opened", protocol, connection)

    def join_lanes(self, lanes: Beside) -> None:
        """Count connections of lanes, too, and let lanes run at each turn."""
        self.lanes = lanes

    def begin_question(self, question: Served) -> None:
        """Serve a part of the input of a lane's connection."""
        self._by_connection[question.connection] = question
        self._questions.add(question)

    def end_question(self, question: Served) -> None:
        """The question is answered, or its connection is served here now."""
        self._forget(question)
        question.connection.abandon()

    def lost(self, protocol: Served) -> None:
        """A connection ended; the brokers that it registered may be gone with it."""
        connection = protocol.connection
        self._forget(protocol)
        connection.abandon()
        self._debug("connection closed", protocol, connection)
        self._destroy_channel(connection)

    def after_call(self, protocol: Served) -> None:
        """After input of a connection: carry out effects, and count its kept input."""
        if self._state.outbox or self._state.unfinished:
            self.flush()
        connection = protocol.connection
        if connection not in self._by_connection:
            return
        if connection.registered:
            self.broker_hosts.registered(connection)
        self._deadlines.note(protocol)
        self.input_budget.note(protocol, self.now_ms)
        for holder in self.input_budget.exceeding():
            self.cut_off(holder)

    def blocked(self, protocol: Served, written_bytes: int) -> None:
        """A peer stopped reading: its unsent output counts until it resumes."""
        self.output_budget.note(protocol, written_bytes, self.now_ms)
        if self.output_budget.is_exceeded:
            # In another turn: its transport is in the middle of a write.
            self._call_soon(self._drop_deaf)

    def unblocked(self, protocol: Served) -> None:
        """A peer reads again, or its connection ended."""
        self.output_budget.release(protocol)

    def cut_off(self, protocol: Served) -> None:
        """Close a connection now, and drop its input and output."""
        self.counts.cut_off += 1
        self._forget(protocol)
        protocol.cut_off()
        self._destroy_channel(protocol.connection)

    def report_fault(self, protocol: Served, fault: ConnectionFault) -> None:
        """Log the fault that closes a connection."""
        fields = {"remote": protocol.connection.remote_address, "reason": str(fault)}
        self.counts.note_fault(fault)
        foreign = foreign_protocol(fault)
        if foreign is not None:
            fields["looks_like"] = foreign
        event = "protocol error, closing connection"
        self._log.log_event(logging.WARNING, event, fields)

    def take_turn(self, protocol: Served) -> None:
        """Resume a paused connection in one of the next turns of the loop, in line."""
        if not self.is_halted:
            self.counts.waits += 1
            self._turns.put(protocol)
            self.go_on()

    def go_on(self) -> None:
        """Schedule the next turn of the loop if a connection or work waits for it."""
        if not self._has_next_turn and self.has_turns:
            self._has_next_turn = True
            self._call_soon(self._next_turn)

    def sweep(self, now_ms: int) -> None:
        """Begin to check all connections (`sweep`); `go_on_sweeping` checks more."""
        # After a stall of our process, input of peers may still be unread.
        read_ms = self._state.liveness.read_until_ms(now_ms)
        for holder in list(self.input_budget.stuck(read_ms)):
            holder.close()
        self._unswept = deque(self._by_connection.values())
        self.go_on_sweeping(now_ms)

    def end_late_requests(self, now_ms: int) -> None:
        """Close connections whose HTTP request does not end."""
        read_ms = self._state.liveness.read_until_ms(now_ms)
        for late in list(self._deadlines.take_late(read_ms)):
            late.time_out()

    def go_on_sweeping(self, now_ms: int) -> None:
        """Check some of the remaining connections of the last `sweep`."""
        if not self._unswept:
            return
        count = min(len(self._unswept), _SWEPT_AT_ONCE)
        some = (self._unswept.popleft() for _ in range(count))
        protocols = [p for p in some if p.connection in self._by_connection]
        self._sweep_some(protocols, now_ms)
        self._limit.look_at(protocols, len(self))
        if not self._unswept:
            self._limit.looked_at_all()

    def _sweep_some(self, protocols: list[Served], now_ms: int) -> None:
        idle_millis = self._state.options.server_channel_max_idle_time_seconds * 1000
        if self._state.liveness.is_grace(now_ms):
            # The last bytes of an idle broker may have come during the stall.
            idle_millis = 0
        read_ms = self._state.liveness.read_until_ms(now_ms)
        times = SweepTimes(now_ms, read_ms, idle_millis)
        for protocol in protocols:
            is_blocked = self.output_budget.holds(protocol)
            finding = finding_about(protocol, times, is_blocked=is_blocked)
            if finding is not Finding.FINE:
                self._act_on(finding, protocol)

    def _act_on(self, finding: Finding, protocol: Served) -> None:
        if finding is Finding.CLOSES_TOO_LONG:
            protocol.transport.abort()
        elif finding is Finding.IDLE:
            self._debug("connection is idle", protocol, protocol.connection)
            protocol.close()
        elif finding is Finding.ANSWER_NOT_READ:
            self._debug("answer is not read", protocol, protocol.connection)
            self.cut_off(protocol)
        else:
            self.report_fault(protocol, TlsBroken("the handshake does not end"))
            protocol.close()

    def freeze(self) -> None:
        """Stop reading, so that no new request changes the state."""
        self._life.enter(Phase.FROZEN)
        for protocol in self._by_connection.values():
            protocol.stop_reading()

    def halt(self) -> None:
        """Stop all requests before the state is saved, and end work that was begun."""
        self._life.enter(Phase.HALTED)
        self._turns.clear()
        self._state.unfinished.finish()
        self.flush()

    def close_all(self) -> None:
        """Close all connections at the end of the server."""
        self.freeze()
        for protocol in list(self._by_connection.values()):
            protocol.close()

    def abort_all(self) -> None:
        """Abort connections that do not read their last output."""
        for protocol in list(self._by_connection.values()):
            protocol.transport.abort()

    def _next_turn(self) -> None:
        self._has_next_turn = False
        if self.is_halted:
            return
        self.lanes.let_run()
        self.counts.turns += 1
        self._state.turn.begin()
        try:
            busy = self._state.tables.busy
            are_readers_first = busy.begin_reader_turn()
            if not are_readers_first:
                self._state.unfinished.go_on(others_wait=bool(self._turns))
                self.flush()
                are_readers_first = busy.begin_reader_turn()
            if are_readers_first:
                self._serve_readers()
            elif self._turns:
                self._turns.take().resume()
        finally:
            self.go_on()

    def _serve_readers(self) -> None:
        while not self._state.turn.is_over:
            reader = self._turns.take_reader()
            if reader is None:
                return
            # The hot path spends no units, and readers may be as many as connections.
            self._state.turn.spend(Cost.REQUEST)
            reader.resume()

    def _has_room(self, remote_address: str) -> bool:
        if self._limit.admits(len(self), remote_address):
            return True
        idle = self._limit.make_room(remote_address)
        if idle is not None:
            self.cut_off(idle)
        return idle is not None

    def _drop_deaf(self) -> None:
        for holder in self.output_budget.exceeding():
            self.cut_off(holder)

    def _forget(self, protocol: Served) -> None:
        """Forget a connection: its parts of the budgets and its place in the sweep."""
        self._questions.discard(protocol)
        self.input_budget.release(protocol)
        self.output_budget.release(protocol)
        self._deadlines.release(protocol)
        connection = protocol.connection
        if self._by_connection.pop(connection, None) is not None:
            self.broker_hosts.ended(connection)

    def _destroy_channel(self, connection: Connection) -> None:
        is_asking = self._state.unfinished.is_asking(connection)
        if (connection.registered or is_asking) and self._life.phase == Phase.SERVING:
            # The clock itself, because this may be the first sign of a stall.
            self._state.liveness.on_channel_destroy(
                connection, self._clock.cpu_millis(), self._clock.monotonic_millis()
            )
            self.flush()

    def _debug(self, event: str, protocol: Served, connection: Connection) -> None:
        fields = {"remote": connection.remote_address, "has_sent": protocol.has_sent}
        self._log.log_event(logging.DEBUG, event, fields)
