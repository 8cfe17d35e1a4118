"""Rules about a name that is not here: it never was, or another name was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namesrv.routing.history.explain.rule import CERTAIN, LIKELY, POSSIBLE, Finding
from namesrv.routing.history.explain.spelling import AUTO_CREATE_TOPIC, difference
from namesrv.routing.history.explain.words import (
    argument,
    command,
    duration,
    listed,
    mqadmin,
    shown,
)

if TYPE_CHECKING:
    from namesrv.routing.history.explain.evidence import Evidence


def never_registered(evidence: Evidence) -> Finding | None:
    """No broker has announced it in this run, as far as its events go back."""
    past = evidence.past
    if evidence.exists or past is None or past.was_here:
        return None
    verb = "announced" if evidence.kind == "topic" else "registered as"
    is_sure = past.is_whole and not past.is_cut
    names = evidence.names
    is_misspelt = names is not None and bool(names.variants or names.near)
    started = evidence.server.started_millis_ago
    when = "in the events that are kept"
    if is_sure and started is not None:
        when = f"since it started {duration(started)} ago"
    return Finding(
        f"No broker has {verb} {shown(evidence.name)} at this server {when}.",
        CERTAIN if is_sure and not is_misspelt else LIKELY,
        command("namesrv", "broker", "list"),
    )


def no_brokers(evidence: Evidence) -> Finding | None:
    """The server has no broker at all."""
    if evidence.exists or evidence.server.brokers != 0:
        return None
    return Finding(
        "No broker at all is registered at this server; brokers may name another one"
        " in namesrvAddr.",
        CERTAIN,
        command("namesrv", "watch"),
    )


def auto_create_off(evidence: Evidence) -> Finding | None:
    """Brokers do not create topics by themselves."""
    server = evidence.server
    if evidence.exists or server.auto_creates is not False or server.brokers == 0:
        return None
    if evidence.names is not None and evidence.names.is_a:
        return None
    return Finding(
        f"No broker here creates topics by itself ({AUTO_CREATE_TOPIC} is absent:"
        f" autoCreateTopicEnable=false), so that somebody has to create"
        f" {shown(evidence.name)}.",
        POSSIBLE if _was_here(evidence) else LIKELY,
        _create(evidence),
    )


def not_created_yet(evidence: Evidence) -> Finding | None:
    """Brokers would create it for the first message, and none has come."""
    server = evidence.server
    if evidence.exists or not server.auto_creates or _was_here(evidence):
        return None
    return Finding(
        f"Brokers here create a topic for its first message ({AUTO_CREATE_TOPIC} is"
        f" present), and no producer has sent one to {shown(evidence.name)}.",
        POSSIBLE,
        _create(evidence),
    )


def similar_name(evidence: Evidence) -> Finding | None:
    """A name that is nearly the same exists."""
    names = evidence.names
    if evidence.exists or names is None:
        return None
    if names.variants:
        other = names.variants[0]
        return Finding(
            f"There is {listed([shown(name) for name in names.variants])}, which"
            f" differs {difference(evidence.name, other)}.",
            LIKELY,
            _explain(other),
        )
    if not names.near:
        return None
    return Finding(
        f"There is a similar name: {listed([shown(name) for name in names.near])}.",
        LIKELY if len(names.near) == 1 else POSSIBLE,
        _explain(names.near[0]),
    )


def other_kind(evidence: Evidence) -> Finding | None:
    """The name is that of a broker group or a cluster."""
    names = evidence.names
    if evidence.exists or names is None or not names.is_a:
        return None
    return Finding(
        f"{shown(evidence.name)} is the name of a {names.is_a}, and of no"
        f" {evidence.kind}.",
        CERTAIN,
        command("namesrv", names.is_a.split()[0], "list"),
    )


def other_cluster(evidence: Evidence) -> Finding | None:
    """Only brokers of another cluster have it."""
    if not evidence.exists or not evidence.client.cluster:
        return None
    own = sorted({name for group in evidence.groups for name in group.clusters})
    wanted = evidence.client.cluster
    if wanted in own:
        return None
    return Finding(
        f"Only brokers of {listed([shown(name) for name in own])} have it, and none of"
        f" cluster {shown(wanted)}.",
        CERTAIN,
        command("namesrv", evidence.kind, "show", *argument(evidence.name)),
    )


def _was_here(evidence: Evidence) -> bool:
    return evidence.past is not None and evidence.past.was_here


def _create(evidence: Evidence) -> str:
    clusters = evidence.server.clusters or ["DefaultCluster"]
    wanted = evidence.client.cluster or clusters[0]
    return mqadmin("updateTopic", c=wanted, t=evidence.name)


def _explain(name: str) -> str:
    return command("namesrv", "explain", *argument(name))
