"""Problems of the server itself: not ready, late, or near one of its limits."""

from collections.abc import Iterator
from typing import Final

from namesrv.admin.api.endpoint import Call
from namesrv.admin.console.finding import Finding
from namesrv.admin.metrics.health import answered_meanwhile, obstacle
from namesrv.server.life.lag import WINDOW_MILLIS
from namesrv.work import Steps

_LATE_MILLIS: Final = 1000
_NEARLY_PERCENT: Final = 90
_UNITS: Final = 20


def server_problems(call: Call) -> Steps[list[Finding]]:
    """All of them."""
    yield _UNITS
    return [*_not_ready(call), *_late(call), *_nearly_full(call)]


def _not_ready(call: Call) -> Iterator[Finding]:
    reason = obstacle(call.inside, call.now_ms)
    if reason is None:
        return
    sentence = f"{reason.sentence[:1].upper()}{reason.sentence[1:]}."
    after = "/readyz answers 503 until then, so that balancers send clients elsewhere."
    yield Finding(reason.word, "error", "server", None, sentence, after)


def _late(call: Call) -> Iterator[Finding]:
    lag_millis = call.inside.ticks.lag.longest_millis(WINDOW_MILLIS, call.now_ms)
    if lag_millis >= _LATE_MILLIS:
        lookups = answered_meanwhile(call.inside, WINDOW_MILLIS, call.now_ms)
        also = f" {lookups[:1].upper()}{lookups[1:]}." if lookups else ""
        yield Finding(
            "late",
            "warning",
            "server",
            None,
            f"The server stood still for {lag_millis / 1000:.1f} s in the last minute.",
            "Clients waited as long. Is the machine short of CPU, or was it paused?"
            + also,
        )


def _nearly_full(call: Call) -> Iterator[Finding]:
    options, connections = call.inside.options, call.inside.connections
    for number, limit, things, option in (
        (len(connections), connections.limit, "connections", "maxConnections"),
        (call.inside.state.tables.routes, options.max_routes, "routes", "maxRoutes"),
    ):
        if limit and number * 100 >= limit * _NEARLY_PERCENT:
            yield Finding(
                f"many_{things}",
                "warning",
                "server",
                None,
                f"The server has {number:,} {things}, and the limit is {limit:,}.",
                f"Beyond it new ones are refused. The option is {option}.",
            )
