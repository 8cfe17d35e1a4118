"""All answers of one server that take their time, and their end."""

from typing import Final

from namesrv.admin.http.messages import HttpAnswer, HttpRequest
from namesrv.admin.http.problems import problem
from namesrv.admin.http.service import Guard
from namesrv.admin.streams.event_streams import RETRY, EventStreams
from namesrv.admin.streams.route_waits import RouteWaits
from namesrv.routing.events import ConfigChanged, Event
from namesrv.routing.turns.phase import Phase
from namesrv.server.files.http_tokens import CHECK_MILLIS
from namesrv.server.inside import Inside

_RIGHTS: Final = frozenset(("httpAccess", "httpTokenFile"))
REVOKED: Final = "the token is not valid any more: ask again with another one"
ENDING: Final = "the server ends: ask another one"


class Streams:
    """`events` has the streams of events, `waits` the waits for routes.

    It reads nothing of the server before the first of them, because any thread may make
    it.
    """

    def __init__(self, inside: Inside, guard: Guard) -> None:
        self._inside = inside
        self._guard = guard
        self._check_ms = 0
        self._has_begun = False
        self.events = EventStreams(inside.state, inside.connections)
        self.waits = RouteWaits(inside.state, inside.connections)

    def refusal(self) -> HttpAnswer | None:
        """The answer to a request if the end of the server has begun, else None."""
        if self._inside.state.life.phase == Phase.SERVING:
            return None
        return problem(503, ENDING, RETRY)

    def token_of(self, request: HttpRequest) -> bytes:
        """The token with which an answer may last; empty if it needs none."""
        return self._guard.token_of(request)

    def begin(self) -> None:
        """Follow ticks, events and the end of the server, from the first request on."""
        if self._has_begun:
            return
        self._has_begun = True
        state = self._inside.state
        state.events.add(self._note)
        state.life.watch(self._end)
        self._inside.ticks.add(self._tick)

    def _tick(self, now_ms: int) -> None:
        if now_ms >= self._check_ms and (len(self.events) or len(self.waits)):
            self._check_ms = now_ms + CHECK_MILLIS
            self._end_revoked(now_ms)
        self.events.tick(now_ms)
        self.waits.tick(now_ms)

    def _end_revoked(self, now_ms: int) -> None:
        """End the answers whose token is not in the file any more."""
        tokens = self._guard.tokens(now_ms)
        good = frozenset((b"", *tokens.readers, *tokens.writers))
        self.events.end(REVOKED, good)
        self.waits.end(REVOKED, good)

    def _note(self, event: Event) -> None:
        if isinstance(event, ConfigChanged) and event.option in _RIGHTS:
            self._end_all(f"{event.option} has changed: ask again")
        else:
            self.waits.note(event)

    def _end_all(self, reason: str) -> None:
        self.events.end(reason)
        self.waits.end(reason)

    def _end(self) -> None:
        self._end_all(ENDING)
        self._inside.connections.flush()
