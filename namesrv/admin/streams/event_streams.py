"""Streams of events: the ring of the history is their buffer, and each reads from it.

A stream has the number of the event that it has sent last. A *round* gives to each
stream the events since then, at most 64 KiB at a time. It is work in steps, and each
tick begins one at most, so that a storm of events costs a stream one write in 100 ms. A
single event is sent at once, because its tick has had no round yet.

Nobody waits for a reader. While its transport is blocked it gets nothing; if it does
not read for 5 s, its connection is cut off. A reader whose next event has left the ring
meanwhile gets the event `reset`, and then `picture`, from which it begins anew.
"""

from collections import deque
from collections.abc import Container
from itertools import islice
from random import uniform
from typing import Final

from namesrv._impl import Connection
from namesrv.admin.http.messages import HttpAnswer, Stream
from namesrv.admin.http.problems import problem
from namesrv.admin.streams.picture import picture
from namesrv.admin.streams.selection import Selection
from namesrv.admin.streams.sent_events import (
    CONTENT_TYPE,
    event_text,
    id_text,
    keep_alive_text,
    read_id,
    retry_text,
)
from namesrv.routing.history.record import Facts, Record
from namesrv.routing.outbox import Close, LateAnswer
from namesrv.routing.state import RoutingState
from namesrv.routing.turns.fair_lines import host_in_line
from namesrv.server.connections.registry import Connections
from namesrv.work import Cost, Steps, kilobytes

RETRY: Final = ("Retry-After", "5")
KEEP_ALIVE_MILLIS: Final = 15_000
PATIENCE_MILLIS: Final = 5_000
"""Limit of the time for which a reader with a full buffer may not read."""
_ADDRESS_SHARE: Final = 4
_CHECK_MILLIS: Final = 1_000
_PIECE_BYTES: Final = 1 << 16
_RECENT_BYTES: Final = 1 << 20
"""Content of the records that wait for the next round, also without a ring."""
_KEPT_TEXTS: Final = 64
_RETRY_MILLIS: Final = (2_000.0, 5_000.0)
_PIECE_RECORDS: Final = 40
_RECORD_UNITS: Final = 12
_SEND_UNITS: Final = 10
_HEADERS: Final = (("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"))
"""The second one keeps a proxy of the kind of nginx from collecting events."""


def share_of(most: int) -> int:
    """Streams or waits that one address may have, out of so many."""
    return max(most // _ADDRESS_SHARE, 1)


class _Reader:
    """One stream. `number` is the last event that it has sent or skipped."""

    __slots__ = (
        "blocked_ms",
        "connection",
        "number",
        "opening",
        "selection",
        "sent_ms",
        "token",
    )

    def __init__(
        self, connection: Connection, selection: Selection, now_ms: int, token: bytes
    ) -> None:
        self.connection = connection
        self.selection = selection
        self.number = 0
        self.opening: bytes | None = None
        self.sent_ms = now_ms
        self.blocked_ms: int | None = None
        self.token = token


class EventStreams:
    """All streams of one server."""

    def __init__(self, state: RoutingState, connections: Connections) -> None:
        self._state = state
        self._connections = connections
        self._counts = connections.http_counts.lasting
        self._readers: dict[Connection, _Reader] = {}
        self._recent: deque[Record] = deque()
        self._recent_bytes = 0
        self._texts: dict[tuple[int, Selection], bytes] = {}
        self._facts: tuple[int, Facts] = (0, {})
        self._is_listening = False
        self._is_running = False
        self._is_behind = False
        self._round_ms = -1
        self._check_ms = 0

    def __len__(self) -> int:
        """The number of streams whose connection was open at the last check."""
        return len(self._readers)

    def refusal(self, connection: Connection) -> HttpAnswer | None:
        """The answer to one more stream of a peer if `maxEventStreams` or the share of
        its address allow none, else None."""
        self._forget_closed()
        most, host = self._state.options.max_event_streams, host_in_line(connection)
        if len(self._readers) >= most:
            detail = f"{most} streams are open already (maxEventStreams)"
        elif self._count_of(host) >= share_of(most):
            detail = (
                f"{share_of(most)} streams of {host} are open already, which is the"
                " share of one address in maxEventStreams"
            )
        else:
            return None
        self._counts.refused += 1
        return problem(503, f"{detail}: ask again later", RETRY)

    def _count_of(self, host: str) -> int:
        return sum(host_in_line(connection) == host for connection in self._readers)

    def open(
        self,
        connection: Connection,
        selection: Selection,
        after: str,
        now_ms: int,
        token: bytes = b"",
    ) -> Stream:
        """A stream that begins after the event with this id, or with `picture` if the
        id is empty. `token` is the one that it needs, empty for none."""
        reader = _Reader(connection, selection, now_ms, token)

        def begin() -> None:
            self._readers[connection] = reader
            self._begin_after(reader, after)
            self._count()
            self._begin_round()

        retry = retry_text(int(uniform(*_RETRY_MILLIS)))
        return Stream(HttpAnswer(200, retry, CONTENT_TYPE, _HEADERS), begin)

    def tick(self, now_ms: int) -> None:
        """Continue with streams that are behind, and check all of them."""
        if self._is_behind or self._recent:
            self._begin_round()
        if now_ms >= self._check_ms and self._readers:
            self._check_ms = now_ms + _CHECK_MILLIS
            self._check(now_ms)

    def end(self, reason: str, good: Container[bytes] = ()) -> None:
        """End all streams, but for those with a good token, with an event that has the
        reason."""
        text = event_text("end", {"reason": reason})
        for connection, reader in list(self._readers.items()):
            if reader.token not in good:
                self._state.outbox.put(LateAnswer(connection, text))
                self._state.outbox.put(Close(connection))
                del self._readers[connection]
        self._count()

    def _begin_after(self, reader: _Reader, after: str) -> None:
        history = self._state.history
        found = read_id(after)
        reader.number = history.last
        if not after:
            self._restart(reader, "")
        elif found is None:
            self._restart(reader, f"{after[:80]!r} is no id of an event")
        elif found[0] != self._state.run:
            self._restart(reader, "the event is of another run of this server")
        elif found[1] > history.last:
            self._restart(reader, f"the last event has the number {history.last}")
        else:
            reader.number = found[1]

    def _restart(self, reader: _Reader, reason: str) -> None:
        """Begin anew with a picture; a reader that had events gets the reason, too."""
        state, opening = self._state, b""
        history = state.history
        if reason:
            facts = {"reason": reason, "first": history.first, "last": history.last}
            opening = event_text("reset", facts)
        event_id = id_text(state.run, history.last)
        reader.opening = opening + event_text("picture", picture(state), event_id)
        reader.number = history.last

    def _note(self, record: Record) -> None:
        self._recent.append(record)
        self._recent_bytes += len(record.content)
        while self._recent_bytes > _RECENT_BYTES and len(self._recent) > 1:
            self._recent_bytes -= len(self._recent.popleft().content)
        if self._connections.now_ms != self._round_ms:
            self._begin_round()

    def _begin_round(self) -> None:
        if not self._is_running:
            self._is_running = True
            self._round_ms = self._connections.now_ms
            self._state.unfinished.begin(self._round(), is_reading=True)

    def _round(self) -> Steps[None]:
        """Give each stream its next events, until all have them or do not read."""
        try:
            while behind := self._readers_behind():
                for reader in behind:
                    yield from self._feed(reader)
            if not self._is_behind:
                self._recent.clear()
                self._recent_bytes = 0
        finally:
            self._is_running = False
            self._texts.clear()
            self._facts = (0, {})

    def _readers_behind(self) -> list[_Reader]:
        """Readers with events to come that read; notes whether others do not."""
        last, self._is_behind = self._state.history.last, False
        found = []
        for reader in self._readers.values():
            if reader.number >= last and reader.opening is None:
                continue
            protocol = self._connections.find(reader.connection)
            if protocol is None:
                continue
            if self._connections.output_budget.holds(protocol):
                self._is_behind = True
            else:
                found.append(reader)
        return found

    def _feed(self, reader: _Reader) -> Steps[None]:
        """Send the next piece to a reader, if it is still there."""
        if not self._has(reader):
            return
        records = self._next_records(reader)
        pieces = [] if reader.opening is None else [reader.opening]
        reader.opening = None
        size = 0
        for record in records:
            text = yield from self._text(record, reader.selection)
            if not self._has(reader):
                return
            reader.number = record.number
            if text:
                pieces.append(text)
                size += len(text)
                self._counts.sent += 1
            if size >= _PIECE_BYTES:
                break
        if pieces:
            self._send(reader, b"".join(pieces))
            yield _SEND_UNITS

    def _has(self, reader: _Reader) -> bool:
        return self._readers.get(reader.connection) is reader

    def _next_records(self, reader: _Reader) -> list[Record]:
        """The next records of a reader, a piece of them; the reader begins anew if the
        first of them is gone."""
        number, history = reader.number, self._state.history
        records = self._records_after(number)
        if number < history.last and not (records and records[0].number == number + 1):
            reason = f"events before {history.first} are not kept any more"
            self._restart(reader, reason)
            return []
        # While the work goes on, the ring may drop these, so they must not be many.
        size = count = 0
        for record in records:
            size += len(record.content)
            if count and size > _PIECE_BYTES:
                break
            count += 1
        return records[:count]

    def _records_after(self, number: int) -> list[Record]:
        recent = self._recent
        if recent and recent[0].number <= number + 1:
            begin = number + 1 - recent[0].number
            return list(islice(recent, begin, begin + _PIECE_RECORDS))
        return self._state.history.after(number, _PIECE_RECORDS)

    def _text(self, record: Record, selection: Selection) -> Steps[bytes]:
        """An event as a reader gets it, empty for one that it does not want."""
        key = record.number, selection
        text = self._texts.get(key)
        if text is None:
            text = yield from self._made(record, selection)
            if len(self._texts) >= _KEPT_TEXTS:
                self._texts.clear()
            self._texts[key] = text
        yield _RECORD_UNITS + kilobytes(len(text), Cost.ANSWER_KILOBYTE)
        return text

    def _made(self, record: Record, selection: Selection) -> Steps[bytes]:
        yield len(record.content) >> 10
        if not selection.may_want(record):
            return b""
        facts = yield from self._facts_of(record)
        wanted = yield from selection.facts_of(facts)
        if wanted is None:
            return b""
        event_id = id_text(self._state.run, record.number)
        return event_text(wanted["type"], wanted, event_id)

    def _facts_of(self, record: Record) -> Steps[Facts]:
        """The facts of a record, decoded once for streams that get it one after the
        other."""
        if self._facts[0] != record.number:
            self._facts = record.number, record.facts()
            yield kilobytes(len(record.content), Cost.STRICT_KILOBYTE)
        return self._facts[1]

    def _send(self, reader: _Reader, data: bytes) -> None:
        reader.sent_ms = self._connections.now_ms
        self._connections.http_counts.note_sent(len(data))
        self._state.outbox.put(LateAnswer(reader.connection, data))

    def _keep_alive(self, reader: _Reader) -> bytes:
        """A comment, with the id of the last event that the reader has or does not
        want, so that it need not begin anew after a long silence."""
        return keep_alive_text(id_text(self._state.run, reader.number))

    def _check(self, now_ms: int) -> None:
        """Forget closed streams, cut off those that do not read, keep others alive."""
        self._forget_closed()
        for reader in list(self._readers.values()):
            protocol = self._connections.find(reader.connection)
            assert protocol is not None
            if not self._connections.output_budget.holds(protocol):
                reader.blocked_ms = None
                if now_ms - reader.sent_ms >= KEEP_ALIVE_MILLIS:
                    self._send(reader, self._keep_alive(reader))
            elif reader.blocked_ms is None:
                reader.blocked_ms = now_ms
            elif now_ms - reader.blocked_ms >= PATIENCE_MILLIS:
                self._counts.cut_off += 1
                self._state.outbox.warn(
                    "closing a stream of events, its peer does not read",
                    remote=reader.connection.remote_address,
                    unsent_bytes=protocol.unsent_bytes,
                )
                self._connections.cut_off(protocol)
        self._forget_closed()

    def _forget_closed(self) -> None:
        find = self._connections.find
        for connection in [c for c in self._readers if find(c) is None]:
            del self._readers[connection]
        self._count()

    def _count(self) -> None:
        """Note how many there are; events are noted only while there are some."""
        self._counts.streams = len(self._readers)
        if self._is_listening is bool(self._readers):
            return
        self._is_listening = not self._is_listening
        if self._is_listening:
            self._state.history.add(self._note)
        else:
            self._state.history.remove(self._note)
            self._recent.clear()
            self._recent_bytes = 0
