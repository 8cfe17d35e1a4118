"""Counts answers of the processor: by request, by result, and how long they took.

The hot path counts its own answers (`HotPath`, `RouteAnswers`); nothing is counted in
both places.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from namesrv.codes import RequestCode, ResponseCode
from namesrv.routing.access.request import Request
from namesrv.wire.command import RemotingCommand

UNKNOWN_REQUEST: Final = -1
"""Stands for all codes that are no request of a NameServer."""
BUCKETS_MICROS: Final = (
    *(50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000),
    *(100_000, 250_000, 500_000, 1_000_000, 5_000_000),
)
"""Upper bounds of the histogram; a last bucket has all that is longer."""
_KNOWN: Final = frozenset(map(int, RequestCode))
_MICRO: Final = 1000


class Durations:
    """How long the answers to one request took. `counts` has the number of each bucket,
    not added up."""

    __slots__ = ("counts", "total_micros")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_MICROS) + 1)
        self.total_micros = 0

    def note(self, micros: int) -> None:
        """One answer."""
        self.counts[bisect_left(BUCKETS_MICROS, micros)] += 1
        self.total_micros += micros


class RequestCounts:
    """The counts of one server, of HTTP's requests for the processor, too.

    `answers` has the number of answers by (request code, response code), `durations`
    those of each request code. `unchanged_registrations` are registrations that changed
    nothing, `rejected_registrations` those that were answered as a success and dropped,
    because a newer broker holds the id. HTTP answers such a one with an error, and it
    counts as one. `nanos` returns monotonic nanoseconds.
    """

    def __init__(self, nanos: Callable[[], int]) -> None:
        self._nanos = nanos
        self.answers: dict[tuple[int, int], int] = {}
        self.durations: dict[int, Durations] = {}
        self.unchanged_registrations = 0
        self.rejected_registrations = 0

    def begin(self, request: Request) -> None:
        """The work on a request begins, in the turn in which it is carried out."""
        request.began_nanos = self._nanos()

    def note(self, request: Request, answer: RemotingCommand) -> None:
        """A request was answered, by now or after a wait."""
        code = request.code if request.code in _KNOWN else UNKNOWN_REQUEST
        is_error = request.is_rejected and request.is_http
        key = code, ResponseCode.SYSTEM_ERROR if is_error else answer.code
        self.answers[key] = self.answers.get(key, 0) + 1
        durations = self.durations.get(code)
        if durations is None:
            durations = self.durations[code] = Durations()
        durations.note((self._nanos() - request.began_nanos) // _MICRO)
        if key != (RequestCode.REGISTER_BROKER, ResponseCode.SUCCESS):
            return
        if request.is_rejected:
            self.rejected_registrations += 1
        elif not request.cause.event_count:
            self.unchanged_registrations += 1
