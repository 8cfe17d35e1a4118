"""GET /healthz, /readyz and /metrics."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.http.messages import Access, Handled, HttpAnswer
from namesrv.admin.http.problems import problem
from namesrv.admin.metrics import health
from namesrv.admin.metrics.scrape import scrape


class Alive(msgspec.Struct):
    """The loop turns."""

    status: Annotated[str, Meta(description="alive")]
    lag_millis: Annotated[
        int, Meta(description="delay of the last tick of the event loop")
    ]
    longest_lag_millis: Annotated[
        int, Meta(description="the longest delay of the last ten seconds")
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
    longest = pulse.longest_millis
    if pulse.is_bearable:
        return respond(call.request, Alive("alive", pulse.lag_millis, longest))
    seconds, limit = longest / 1000, health.STOOD_STILL_MILLIS // 1000
    detail = f"the event loop stood still for {seconds} s, the limit is {limit} s"
    lookups = health.answered_meanwhile(
        call.inside, health.REMEMBERED_MILLIS, call.now_ms
    )
    detail += f"; {lookups}" if lookups else ""
    return problem(503, detail, reason="stalled", longest_lag_millis=longest)


def readyz(call: Call) -> HttpAnswer:
    """200 if clients may come, else 503 with the reason."""
    obstacle = health.obstacle(call.inside, call.now_ms)
    if obstacle is not None:
        return problem(503, obstacle.sentence, reason=obstacle.word)
    state = call.inside.state
    leases = state.liveness.leases
    brokers = len(state.tables.broker_live_table)
    return respond(call.request, Ready("ready", brokers, leases.granted, len(leases)))


def metrics(call: Call) -> Handled:
    """All metrics, in the format that the scraper prefers."""
    accepted = call.request.headers.get("accept", "")
    return scrape(call.inside, accepted, call.now_ms)


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/healthz",
        "Liveness: the event loop runs",
        healthz,
        Access.HEALTH,
        answer=Alive,
        errors=(503,),
    ),
    Endpoint(
        "GET",
        "/readyz",
        "Readiness: clients should come here",
        readyz,
        Access.HEALTH,
        answer=Ready,
        errors=(503,),
    ),
    Endpoint(
        "GET",
        "/metrics",
        "Metrics for Prometheus, as text or as OpenMetrics",
        metrics,
        produces="text/plain; version=0.0.4; charset=utf-8",
    ),
)
