"""The two probes: whether the loop turns, and whether clients should come here.

`alive` is for a supervisor that would start the process anew, `ready` for a balancer
that would send clients elsewhere. Neither has side effects.
"""

from typing import Final, NamedTuple

from namesrv.routing.turns.phase import Phase
from namesrv.server.inside import Inside

STOOD_STILL_MILLIS: Final = 5000
"""A loop that was late by so much stood still: peers have waited as long."""
REMEMBERED_MILLIS: Final = 10_000
"""How long `alive` reports it, so that a probe in the usual interval sees it."""


class Pulse(NamedTuple):
    """Whether the loop turns; the lag of its last tick, and the longest of the last
    ten seconds, in milliseconds."""

    is_bearable: bool
    lag_millis: int
    longest_millis: int


class Obstacle(NamedTuple):
    """The reason why clients should not come: one word of ours, and a sentence."""

    word: str
    sentence: str


def pulse(inside: Inside, now_ms: int) -> Pulse:
    """The state of the loop as its ticks have measured it."""
    lag = inside.ticks.lag
    longest = lag.longest_millis(REMEMBERED_MILLIS, now_ms)
    return Pulse(longest < STOOD_STILL_MILLIS, lag.last_millis, longest)


def answered_meanwhile(inside: Inside, within_millis: int, now_ms: int) -> str:
    """About lookups that lanes answered while the loop stood still, if it did so in the
    last `within_millis`; empty for none."""
    stall = None if inside.lanes is None else inside.lanes.stall
    if stall is None or not stall.lookups or now_ms - stall.ended_ms > within_millis:
        return ""
    return (
        f"lanes answered {stall.lookups:,} lookups meanwhile, with the routes from"
        " before: no broker came or went in them"
    )


def obstacle(inside: Inside, now_ms: int) -> Obstacle | None:
    """None if the server is ready."""
    if inside.state.life.phase > Phase.SERVING:
        sentence = "the server is ending and sends clients to other servers"
        return Obstacle("draining", sentence)
    if not inside.ticks.have_begun:
        return Obstacle("starting", "the server is starting")
    return _gate(inside, now_ms) or _unconfirmed(inside) or _orphan(inside)


def _gate(inside: Inside, now_ms: int) -> Obstacle | None:
    """The start-up gate, which refuses lookups."""
    if inside.state.is_ready(now_ms):
        return None
    wait_seconds = inside.options.wait_seconds_for_service
    waited_seconds = (now_ms - inside.state.started_ms) // 1000
    sentence = (
        f"the server answers no lookup in its first {wait_seconds} s"
        f" (needWaitForService); it started {waited_seconds} s ago"
    )
    return Obstacle("waiting", sentence)


def _orphan(inside: Inside) -> Obstacle | None:
    """Clients ask here, and brokers register at the peers only."""
    sentence = inside.state.peer_views.orphan
    return None if sentence is None else Obstacle("orphaned", sentence)


def _unconfirmed(inside: Inside) -> Obstacle | None:
    """Brokers of the last run that were not heard from yet. Each of them is heard from
    or gone when its lease is over, so that this ends in any case."""
    leases, wanted_percent = (
        inside.state.liveness.leases,
        inside.options.ready_confirmed_percent,
    )
    unconfirmed, restored = len(leases), leases.granted
    if (restored - unconfirmed) * 100 >= wanted_percent * restored:
        return None
    sentence = (
        f"of {restored} brokers of the last run {unconfirmed} were not heard from yet;"
        f" {wanted_percent} % have to be (readyConfirmedPercent), or their leases end"
    )
    return Obstacle("confirming", sentence)
