"""GET /healthz, /readyz and /metrics."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.http.messages import Access, Handled, HttpAnswer
from namesrv.admin.http.problems import problem
from namesrv.admin.metrics import health
from namesrv.admin.metrics.scrape import scrape


class Alive(msgspec.Struct):
    """The loop turns."""

    status: Annotated[str, Meta(description="alive")]
    lag_seconds: Annotated[
        float, Meta(description="delay of the last tick of the event loop")
    ]
    longest_lag_seconds: Annotated[
        float, Meta(description="the longest delay of the last ten seconds")
    ]


class Ready(msgspec.Struct):
    """Clients may come."""

    status: Annotated[str, Meta(description="ready")]
    brokers: Annotated[int, Meta(description="live brokers")]
    restored_brokers: Annotated[
        int, Meta(description="brokers of the last run that the start took over")
    ]
    unconfirmed_brokers: Annotated[
        int, Meta(description="those of them that were not heard from yet")
    ]


def healthz(call: Call) -> HttpAnswer:
    """200 while the loop turns, 503 if it stood still in the last ten seconds."""
    pulse = health.pulse(call.inside, call.now_ms)
    lag, longest = pulse.lag_millis / 1000, pulse.longest_millis / 1000
    if pulse.is_bearable:
        return _json(Alive("alive", lag, longest))
    limit = health.STOOD_STILL_MILLIS // 1000
    detail = f"the event loop stood still for {longest} s, the limit is {limit} s"
    return problem(503, detail, reason="stalled", longest_lag_seconds=longest)


def readyz(call: Call) -> HttpAnswer:
    """200 if clients may come, else 503 with the reason."""
    obstacle = health.obstacle(call.inside, call.now_ms)
    if obstacle is not None:
        return problem(503, obstacle.sentence, reason=obstacle.word)
    state = call.inside.state
    leases = state.liveness.leases
    brokers = len(state.tables.broker_live_table)
    return _json(Ready("ready", brokers, leases.granted, len(leases)))


def metrics(call: Call) -> Handled:
    """All metrics, in the format that the scraper prefers."""
    accepted = call.request.headers.get("accept", "")
    return scrape(call.inside, accepted, call.now_ms)


def _json(body: msgspec.Struct) -> HttpAnswer:
    return HttpAnswer(200, msgspec.json.encode(body))


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/healthz",
        "Whether the event loop turns: the probe of a supervisor.",
        healthz,
        Access.HEALTH,
        answer=Alive,
        errors=(503,),
    ),
    Endpoint(
        "GET",
        "/readyz",
        "Whether clients should come: the probe of a balancer.",
        readyz,
        Access.HEALTH,
        answer=Ready,
        errors=(503,),
    ),
    Endpoint(
        "GET",
        "/metrics",
        "Metrics for Prometheus, as text or as OpenMetrics.",
        metrics,
        produces="text/plain; version=0.0.4; charset=utf-8",
    ),
)
