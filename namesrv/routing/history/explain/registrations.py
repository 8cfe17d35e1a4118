"""Rules about registrations: refused ones, and brokers that announce wrong places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from namesrv.routing.history.explain.addresses import is_loopback
from namesrv.routing.history.explain.rule import CERTAIN, LIKELY, POSSIBLE, Finding
from namesrv.routing.history.explain.words import (
    argument,
    bare,
    command,
    duration,
    listed,
    option,
    shown,
)

if TYPE_CHECKING:
    from namesrv.routing.history.explain.evidence import (
        Broker,
        Evidence,
        Refused,
    )
    from namesrv.routing.history.explain.rule import Confidence

_FLAWS: Final = {
    "nothing": "has no host and port",
    "loopback": "is that of each client itself",
    "unspecified": "is no address of any machine",
    "link-local": "is only valid on its own network segment",
    "bridge": "is inside the default bridge of Docker",
}


def single_topic(evidence: Evidence) -> Finding | None:
    """The first registration of a broker had one topic only."""
    found = [one for one in _refused(evidence) if one.topic is not None]
    if evidence.kind == "topic":
        found = [one for one in found if one.topic == evidence.name]
    if not found:
        return None
    one = found[0]
    return Finding(
        f"The first registration of broker {_broker(one)} had the single topic"
        f" {shown(one.topic or '')}, and was refused {duration(one.millis_ago)} ago: it"
        " looks like an addition to topics that are not here. The topic comes with the"
        " next whole registration.",
        CERTAIN,
        _more(evidence, one),
    )


def registration_refused(evidence: Evidence) -> Finding | None:
    """A limit, a checksum, or a body that cannot be read."""
    found = [
        one for one in _refused(evidence) if one.topic is None and not one.is_rejected
    ]
    if not found:
        return None
    one = found[0]
    times = "" if one.count < 2 else f", {one.count} times in a row"
    return Finding(
        f"The registration of broker {_broker(one)} was refused{times}, last"
        f" {duration(one.millis_ago)} ago: {bare(one.remark)}.",
        CERTAIN if evidence.kind == "broker" else POSSIBLE,
        _more(evidence, one),
    )


def newer_holder(evidence: Evidence) -> Finding | None:
    """A broker registers an id that a broker with a newer state holds."""
    found = [one for one in _refused(evidence) if one.is_rejected]
    if not found:
        return None
    return Finding(
        f"The registration of broker {_broker(found[0])} was dropped"
        f" {duration(found[0].millis_ago)} ago: a broker with a newer state version"
        " holds its id.",
        CERTAIN if evidence.kind == "broker" else POSSIBLE,
        command("namesrv", "broker", "show", *argument(found[0].broker)),
    )


def unreachable_address(evidence: Evidence) -> Finding | None:
    """A broker announces an address that other machines cannot reach."""
    found = [
        (group, broker, broker.flaw)
        for group in evidence.groups
        for broker in group.brokers
        if broker.flaw
    ]
    if not found:
        return None
    group, broker, kind = found[0]
    others = len(found) - 1
    more = f" (and {others} more)" if others else ""
    return Finding(
        f"Broker {shown(group.name)} announces the address {shown(broker.address)}"
        f"{more}, which {_FLAWS[kind]}; set brokerIP1 of the broker.",
        _confidence(broker, kind),
        command("namesrv", "broker", "show", *argument(group.name)),
    )


def other_address(evidence: Evidence) -> Finding | None:
    """A broker connects from another host than it announces."""
    found = [
        (group, broker)
        for group in evidence.groups
        for broker in group.brokers
        if broker.is_elsewhere
    ]
    if not found:
        return None
    texts = [
        f"{shown(group.name)} announces {shown(broker.address)} and connects from"
        f" {broker.peer_host}"
        for group, broker in found
    ]
    return Finding(
        f"Broker {listed(texts)}; clients need a way to the announced address.",
        POSSIBLE,
        command("namesrv", "broker", "show", *argument(found[0][0].name)),
    )


def not_live(evidence: Evidence) -> Finding | None:
    """An address in a group that nobody registers any more."""
    found = [
        f"{bare(broker.address)} of {shown(group.name)}"
        for group in evidence.groups
        for broker in group.brokers
        if broker.is_live is False
    ]
    if not found:
        return None
    return Finding(
        f"No broker registers {listed(found)} any more; the address stays in routes for"
        " two minutes, and clients still go there.",
        LIKELY,
        command("namesrv", "history", *option("--broker", evidence.groups[0].name)),
    )


def two_clusters(evidence: Evidence) -> Finding | None:
    """Brokers of two clusters share a name, and so their routes mix."""
    found = [group for group in evidence.groups if len(group.clusters) > 1]
    if not found:
        return None
    texts = [
        f"{shown(group.name)} is in {' and '.join(map(shown, group.clusters[:3]))}"
        for group in found
    ]
    return Finding(
        f"One broker name in several clusters mixes their routes: {listed(texts)}.",
        LIKELY,
        command("namesrv", "broker", "show", *argument(found[0].name)),
    )


def two_addresses(evidence: Evidence) -> Finding | None:
    """Two brokers claim the same name and id by turns."""
    moves = evidence.past.moves if evidence.past else []
    places = {(broker, number, old, new) for broker, number, old, new, _ in moves}
    back = [one for one in moves if (one[0], one[1], one[3], one[2]) in places]
    if not back:
        return None
    broker, number, old, new, age = back[0]
    return Finding(
        f"Two brokers claim id {number} of {shown(broker)} by turns: {bare(old)} and"
        f" {bare(new)}, last {duration(age)} ago.",
        CERTAIN,
        command("namesrv", "history", *option("--broker", broker)),
    )


def _refused(evidence: Evidence) -> list[Refused]:
    """Refused registrations that may matter: of these groups, or of any broker if the
    topic is not here."""
    refused = evidence.refused or []
    if evidence.kind == "broker":
        name = evidence.name
        return [one for one in refused if name in (one.broker, one.address)]
    if not evidence.exists:
        return refused
    own = {group.name for group in evidence.groups}
    return [one for one in refused if one.broker in own]


def _confidence(broker: Broker, kind: str) -> Confidence:
    if kind in ("nothing", "unspecified"):
        return CERTAIN
    if kind == "loopback" and broker.peer_host:
        return POSSIBLE if is_loopback(broker.peer_host) else CERTAIN
    return LIKELY


def _more(evidence: Evidence, one: Refused) -> str:
    """The command that shows more about a refused broker."""
    if evidence.kind == "topic":
        return command("namesrv", "explain", "--broker", *argument(one.broker))
    return command("namesrv", "config", "get")


def _broker(one: Refused) -> str:
    peer = f" from {one.peer}" if one.peer else ""
    return f"{shown(one.broker)} ({bare(one.address)}){peer}"
