"""All answers of one server that take their time, and their end."""

from typing import Final

from namesrv.admin.http.messages import HttpAnswer
from namesrv.admin.http.problems import problem
from namesrv.admin.streams.event_streams import RETRY, EventStreams
from namesrv.admin.streams.route_waits import RouteWaits
from namesrv.routing.events import ConfigChanged, Event
from namesrv.routing.turns.phase import Phase
from namesrv.server.inside import Inside

_RIGHTS: Final = frozenset(("httpAccess", "httpTokenFile"))
ENDING: Final = "the server ends: ask another one"


class Streams:
    """`events` has the streams of events, `waits` the waits for routes.

    It reads nothing of the server before the first of them, because any thread may make
    it.
    """

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._has_begun = False
        self.events = EventStreams(inside.state, inside.connections)
        self.waits = RouteWaits(inside.state, inside.connections)

    def refusal(self) -> HttpAnswer | None:
        """The answer to a request if the end of the server has begun, else None."""
        if self._inside.state.life.phase == Phase.SERVING:
            return None
        return problem(503, ENDING, RETRY)

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
        self.events.tick(now_ms)
        self.waits.tick(now_ms)

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
