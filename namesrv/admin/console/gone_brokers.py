"""Brokers that went in the last minutes and did not come back, from the last events."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from namesrv.admin.api.endpoint import Call
from namesrv.admin.console.finding import Finding, counted, short
from namesrv.routing.history.explain.words import duration
from namesrv.routing.history.record import Facts, name_bytes
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.work import STEP_UNITS, Cost, Steps, kilobytes

_WINDOW_MILLIS: Final = 15 * 60 * 1000
_MOST_RECORDS: Final = 2000
_RECORD_UNITS: Final = 4
_EXPIRED, _CLOSED, _UNREGISTERED = (
    "BrokerExpired",
    "BrokerDisconnected",
    "BrokerUnregistered",
)
_TYPES: Final = tuple(map(name_bytes, (_EXPIRED, _CLOSED, _UNREGISTERED)))


def gone_brokers(call: Call) -> Steps[list[Finding]]:
    """One for each address that went last and is not live."""
    state = call.inside.state
    now_millis = state.wall_millis()
    seen: set[tuple[object, object]] = set()
    found: list[Finding] = []
    spent = 0
    for record in islice(state.history.newest_first(), _MOST_RECORDS):
        if now_millis - record.wall_millis > _WINDOW_MILLIS:
            break
        spent += _RECORD_UNITS
        if record.may_be_of(_TYPES):
            facts = record.facts()
            spent += kilobytes(len(record.content), Cost.STRICT_KILOBYTE)
            key = facts.get("cluster"), facts.get("address")
            if facts["type"] in (_EXPIRED, _CLOSED, _UNREGISTERED) and key not in seen:
                seen.add(key)
                found += _finding(state.tables, facts, now_millis)
        if spent >= STEP_UNITS:
            yield spent
            spent = 0
    yield spent
    return found


def _finding(tables: RouteTables, facts: Facts, now_millis: int) -> Iterator[Finding]:
    cluster, address = facts.get("cluster"), facts.get("address")
    if not facts.get("was_live") or facts.get("registered_in"):
        return
    if tables.broker_live_table.get(cluster or "", address or "") is not None:
        return
    kind, name = facts["type"], facts.get("broker")
    is_asked = kind == _UNREGISTERED
    ago = duration(now_millis - facts["at_millis"])
    is_gone = bool(facts.get("is_group_gone"))
    yield Finding(
        "gone",
        "note" if is_asked else "error" if is_gone else "warning",
        "broker",
        name,
        f"Broker {short(name)} at {short(address)} went {ago} ago: {_why(facts)}."
        f"{_lost(facts)}",
        "It was stopped on purpose, and comes back with its next registration."
        if is_asked
        else "It comes back with its next registration. Check that it runs, and that"
        " its namesrvAddr names this server.",
    )


def _why(facts: Facts) -> str:
    if facts["type"] == _UNREGISTERED:
        return "it unregistered"
    if facts["type"] == _CLOSED:
        return "its connection was closed"
    silent_millis = facts.get("silent_millis")
    if silent_millis is None:
        return "it did not come back after the start of this server"
    return f"it was silent for {duration(silent_millis)}"


def _lost(facts: Facts) -> str:
    topics = facts.get("topics")
    removed = topics.get("removed", ()) if isinstance(topics, dict) else ()
    left_out = facts.get("topics_left_out")
    number = len(removed)
    if isinstance(left_out, dict):
        number += left_out.get("removed", 0)
    if not number:
        return ""
    verb = "has" if number == 1 else "have"
    return f" {counted(number, 'topic')} {verb} no queues on it any more."
