"""Rules about a name that went: how, when, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namesrv.routing.history.explain.rule import CERTAIN, LIKELY, Finding
from namesrv.routing.history.explain.words import (
    bare,
    command,
    duration,
    listed,
    option,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from namesrv.routing.history.explain.evidence import Evidence, Removal


def broker_expired(evidence: Evidence) -> Finding | None:
    """Brokers were silent for longer than their timeout."""
    return _finding(evidence, "expired", _expiry)


def lease_ended(evidence: Evidence) -> Finding | None:
    """Brokers of the last run did not come back."""
    return _finding(
        evidence,
        "lease",
        lambda one: (
            f"{_name(one)} was taken over from the last run, did not come back"
            f" in time, and was removed {_ago(one)}"
        ),
    )


def connection_closed(evidence: Evidence) -> Finding | None:
    """Connections of brokers ended."""
    return _finding(
        evidence,
        "disconnected",
        lambda one: (
            f"the connection of {_name(one)}{_from(one)} was closed {_ago(one)}"
        ),
    )


def broker_unregistered(evidence: Evidence) -> Finding | None:
    """Brokers unregistered, as they do at a shutdown."""
    return _finding(
        evidence,
        "unregistered",
        lambda one: (
            f"{_name(one)} was unregistered over HTTP{_from(one)} {_ago(one)}"
            if one.is_http
            else f"{_name(one)} asked to unregister{_over(one)} {_ago(one)}"
        ),
    )


def broker_replaced(evidence: Evidence) -> Finding | None:
    """Another address took the id of a broker."""
    return _finding(
        evidence,
        "replaced",
        lambda one: (
            f"the id of {_name(one)} went to {bare(one.replaced_by or '')} {_ago(one)}"
        ),
    )


def topic_deleted(evidence: Evidence) -> Finding | None:
    """An operator deleted the topic."""
    return _finding(
        evidence,
        "deleted",
        lambda one: f"{_who(one)} deleted it from {_name(one)} {_ago(one)}",
    )


def dropped_by_registration(evidence: Evidence) -> Finding | None:
    """A broker registered without it, and the option drops such topics."""
    return _finding(
        evidence,
        "dropped",
        lambda one: (
            f"{_name(one)} registered without it {_ago(one)}, and"
            " deleteTopicWithBrokerRegistration is on"
        ),
    )


def leftover_removed(evidence: Evidence) -> Finding | None:
    """No live broker had registered the address any more."""
    return _finding(
        evidence,
        "leftover",
        lambda one: (
            f"{_name(one)} was left over without a live broker, and was removed"
            f" {_ago(one)}"
        ),
    )


def _finding(
    evidence: Evidence, reason: str, words: Callable[[Removal], str]
) -> Finding | None:
    past = evidence.past
    found = [one for one in past.removals if one.reason == reason] if past else []
    if not found:
        return None
    text = listed([words(one) for one in found])
    if evidence.exists and reason != "replaced":
        is_one = len(found) == 1
        more = "one more broker" if is_one else f"{len(found)} more brokers"
        text = f"it had {more} before: {text}"
    text = text[0].upper() + text[1:]
    is_enough = not evidence.exists and all(one.is_certain for one in found)
    return Finding(
        f"{text}.", CERTAIN if is_enough else LIKELY, _history(evidence, found[0])
    )


def _expiry(one: Removal) -> str:
    text = f"{_name(one)} was silent"
    if one.silent_millis is not None:
        text += f" for {duration(one.silent_millis)}"
    if one.timeout_millis is not None:
        text += f" (its timeout is {duration(one.timeout_millis)})"
    return f"{text} and was removed {_ago(one)}"


def _name(one: Removal) -> str:
    address = f" ({bare(one.address)})" if one.address else ""
    return f"broker {shown(one.broker)}{address}"


def _from(one: Removal) -> str:
    return (
        f" by {one.peer}"
        if one.peer and one.is_http
        else (f" from {one.peer}" if one.peer else "")
    )


def _over(one: Removal) -> str:
    return f", over connection {one.peer}," if one.peer else ""


def _who(one: Removal) -> str:
    way = "over HTTP" if one.is_http else f"with request {one.request_code}"
    return f"{one.peer or 'somebody'} ({way})"


def _ago(one: Removal) -> str:
    return f"{duration(one.millis_ago)} ago"


def _history(evidence: Evidence, one: Removal) -> str:
    if evidence.kind == "topic":
        return command("namesrv", "history", *option("--topic", evidence.name))
    return command("namesrv", "history", *option("--broker", one.broker))
