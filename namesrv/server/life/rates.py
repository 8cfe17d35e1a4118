"""The last ten minutes of a server's counters, for pages that show rates."""

from array import array
from collections import deque
from typing import Final

from namesrv.codes import RequestCode, ResponseCode
from namesrv.routing.state import RoutingState
from namesrv.server.connections.registry import Connections

INTERVAL_MILLIS: Final = 5000
MOST_SAMPLES: Final = 121
"""Ten minutes, and the sample before them."""
NAMES: Final = (
    "lookups",
    "unknown_topics",
    "heartbeats",
    "registrations",
    "http_requests",
    "changes",
)
"""The counters, in the order of a sample."""
_LOOKUP: Final = int(RequestCode.GET_ROUTEINFO_BY_TOPIC)
_UNKNOWN: Final = int(ResponseCode.TOPIC_NOT_EXIST)
_HEARTBEAT: Final = int(RequestCode.BROKER_HEARTBEAT)
_REGISTRATION: Final = int(RequestCode.REGISTER_BROKER)


class Rates:
    """Samples of the counters, oldest first: each an array of the time in milliseconds
    and of the values of `NAMES`. The counters are kept by others in any case."""

    def __init__(self, state: RoutingState, connections: Connections) -> None:
        self._state = state
        self._connections = connections
        self._samples: deque[array[int]] = deque(maxlen=MOST_SAMPLES)
        self._due_ms = 0

    def note(self, now_ms: int) -> None:
        """Take a sample if one is due."""
        if not self._samples or now_ms >= self._due_ms:
            self._samples.append(array("q", (now_ms, *self._values())))
            self._due_ms = now_ms + INTERVAL_MILLIS

    def per_second(self) -> dict[str, list[float]]:
        """The rate of each counter between one sample and the next."""
        rates: dict[str, list[float]] = {name: [] for name in NAMES}
        samples = list(self._samples)
        for before, after in zip(samples, samples[1:], strict=False):
            millis = max(after[0] - before[0], 1)
            for place, name in enumerate(NAMES, 1):
                change = after[place] - before[place]
                rates[name].append(round(change * 1000 / millis, 1))
        return rates

    def _values(self) -> tuple[int, ...]:
        state = self._state
        answers, hot = state.tables.route_answers, state.hot
        lookups, unknown = answers.hits + answers.unknown, answers.unknown
        heartbeats, registrations = hot.heartbeats, hot.unchanged_registrations
        for (code, result), number in state.request_counts.answers.items():
            if code == _LOOKUP:
                lookups += number
                unknown += number if result == _UNKNOWN else 0
            elif code == _HEARTBEAT:
                heartbeats += number
            elif code == _REGISTRATION:
                registrations += number
        http = self._connections.http_counts.answers.total()
        changes = state.change_counts.counts.total()
        return lookups, unknown, heartbeats, registrations, http, changes
