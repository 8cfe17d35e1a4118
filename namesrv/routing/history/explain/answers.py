"""Rules about a route that clients do not get, or cannot use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namesrv.codes import PERM_READ, PERM_WRITE, VERSION_V5_3_1
from namesrv.routing.history.explain.rule import CERTAIN, LIKELY, POSSIBLE, Finding
from namesrv.routing.history.explain.words import (
    argument,
    bare,
    command,
    counted,
    duration,
    listed,
    mqadmin,
    option,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from namesrv.routing.history.explain.evidence import Evidence, Group


def gate_closed(evidence: Evidence) -> Finding | None:
    """Lookups are answered with code 1 until the server has waited for brokers."""
    server = evidence.server
    if not server.is_gated:
        return None
    left = server.gate_millis
    when = "yet" if left is None else f"for another {duration(left + 999)}"
    return Finding(
        f"This server answers no lookup {when} (needWaitForService is on, and it waits"
        " waitSecondsForService after its start).",
        CERTAIN,
        command("namesrv", "config", "get", "waitSecondsForService"),
    )


def draining(evidence: Evidence) -> Finding | None:
    """The server is shutting down, and sends newer clients away."""
    is_newer = evidence.client.version > VERSION_V5_3_1
    if not evidence.server.is_draining or not is_newer:
        return None
    return Finding(
        "This server is shutting down, and sends clients after 5.3.1 to the others.",
        CERTAIN,
        command("namesrv", "ping"),
    )


def stood_still(evidence: Evidence) -> Finding | None:
    """Lookup lanes answered with older routes while the loop stood still."""
    ago = evidence.server.stall_millis_ago
    if ago is None:
        return None
    return Finding(
        f"The loop of this server stood still until {duration(ago)} ago. Lookups had"
        " the routes from before, and brokers had to wait.",
        POSSIBLE,
        command("namesrv", "ping"),
    )


def confirming(evidence: Evidence) -> Finding | None:
    """After a warm start not every broker was heard from."""
    waiting = evidence.server.unconfirmed
    if not waiting:
        return None
    own = [
        _broker(group, broker.address)
        for group in evidence.groups
        for broker in group.brokers
        if broker.is_confirmed is False
    ]
    if evidence.exists and not own:
        return None
    words = (
        f"it has not heard from {listed(own)}"
        if own
        else f"it has not heard from {counted(waiting, 'broker')} of it"
    )
    return Finding(
        f"This server took its routes over from its last run, and {words}.",
        LIKELY if own else POSSIBLE,
        command("namesrv", "watch"),
    )


def silent_broker(evidence: Evidence) -> Finding | None:
    """A broker has been silent for more than half of its timeout."""
    found, is_over = [], False
    for group in evidence.groups:
        for broker in group.brokers:
            heard, timeout = broker.heard_millis_ago, broker.timeout_millis
            if heard is None or timeout is None or not broker.is_confirmed:
                continue
            if heard * 2 > timeout:
                is_over = is_over or heard >= timeout
                of = " of its" if heard < timeout else ", over its"
                found.append(
                    f"{_broker(group, broker.address)} has been silent for"
                    f" {duration(heard)}{of} timeout of {duration(timeout)}"
                )
    if not found:
        return None
    text = listed(found)
    after = "the next check removes it" if is_over else "it may be down"
    return Finding(
        f"{text[0].upper()}{text[1:]}; {after}.",
        LIKELY if is_over else POSSIBLE,
        _more(evidence, evidence.groups[0].name),
    )


def no_master(evidence: Evidence) -> Finding | None:
    """A group has slaves only, and none acts as its master."""
    groups = evidence.groups
    lacking = [
        one
        for one in groups
        if one.brokers and not one.has_master and not _acts(evidence, one)
    ]
    if not lacking:
        return None
    names = listed([shown(one.name) for one in lacking])
    return Finding(
        f"Broker group {names} has slaves only and no acting master: no client can"
        " send to it.",
        CERTAIN if len(lacking) == len(groups) else LIKELY,
        _more(evidence, lacking[0].name),
    )


def acting_master(evidence: Evidence) -> Finding | None:
    """A slave stands for the master of a group, for reads only."""
    acting = [one for one in evidence.groups if _acts(evidence, one)]
    if not acting:
        return None
    lowest = min(broker.broker_id for broker in acting[0].brokers)
    return Finding(
        f"Broker group {listed([shown(one.name) for one in acting])} lost its master;"
        f" the broker with id {lowest} acts for it, for reads only.",
        CERTAIN if len(acting) == len(evidence.groups) else LIKELY,
        _more(evidence, acting[0].name),
    )


def write_wiped(evidence: Evidence) -> Finding | None:
    """An operator took the write permission of a group."""
    past = evidence.past
    wiped = {one.name for one in evidence.groups if _is_read_only(one)}
    wipes = [one for one in past.wipes if one.broker in wiped] if past else []
    if not wipes:
        return None
    text = listed(
        [
            f"{one.peer or 'somebody'} took the write permission of {shown(one.broker)}"
            f"{' over HTTP' if one.is_http else ''} {duration(one.millis_ago)} ago"
            for one in wipes
        ]
    )
    return Finding(
        f"{text[0].upper()}{text[1:]}.",
        CERTAIN if len(wiped) == len(evidence.groups) else LIKELY,
        command("namesrv", "broker", "add-write", *argument(wipes[0].broker)),
    )


def not_writable(evidence: Evidence) -> Finding | None:
    """The permission of the topic has no write bit."""
    wiped = {one.broker for one in evidence.past.wipes} if evidence.past else set()
    found = [
        one
        for one in evidence.groups
        if _is_read_only(one) and one.has_master and one.name not in wiped
    ]
    return _of_permission(evidence, found, "send to", "write")


def not_readable(evidence: Evidence) -> Finding | None:
    """The permission of the topic has no read bit."""
    found = [
        one
        for one in evidence.groups
        if one.perm is not None and not one.perm & PERM_READ
    ]
    return _of_permission(evidence, found, "read from", "read")


def no_queues(evidence: Evidence) -> Finding | None:
    """A group announces the topic without queues."""
    found = [
        f"{shown(one.name)} with {one.write_queues} write and {one.read_queues} read"
        " queues"
        for one in evidence.groups
        if (one.write_queues is not None and one.write_queues <= 0)
        or (one.read_queues is not None and one.read_queues <= 0)
    ]
    if not found:
        return None
    return Finding(
        f"Broker group {listed(found)} announces it.",
        CERTAIN if len(found) == len(evidence.groups) else LIKELY,
        command("namesrv", "topic", "show", *argument(evidence.name)),
    )


def other_zone(evidence: Evidence) -> Finding | None:
    """The zone of the client leaves groups of other zones out."""
    zone = evidence.client.zone
    if not zone.strip():
        return None
    hidden = [
        one
        for one in evidence.groups
        if (one.has_master or _acts(evidence, one))
        and (one.zone or "").lower() != zone.lower()
    ]
    if not hidden:
        return None
    names = [
        f"{shown(one.name)} ({f'zone {shown(one.zone)}' if one.zone else 'no zone'})"
        for one in hidden
    ]
    return Finding(
        f"A client in zone {shown(zone)} does not see broker group {listed(names)}.",
        CERTAIN if len(hidden) == len(evidence.groups) else LIKELY,
        command("namesrv", "topic", "route", *argument(evidence.name)),
    )


def no_topics(evidence: Evidence) -> Finding | None:
    """The group is registered without topics."""
    empty = [one for one in evidence.groups if one.topics == 0]
    if not empty:
        return None
    return Finding(
        f"Broker group {shown(empty[0].name)} is registered without any topic: only"
        " its master announces topics, and a slave that acts for it.",
        LIKELY,
        command("namesrv", "broker", "show", "--topics", *argument(empty[0].name)),
    )


def _of_permission(
    evidence: Evidence, groups: Sequence[Group], act: str, right: str
) -> Finding | None:
    if not groups:
        return None
    names = listed([f"{shown(one.name)} (perm {one.perm})" for one in groups])
    address = groups[0].brokers[0].address if groups[0].brokers else "ADDRESS"
    return Finding(
        f"No client can {act} broker group {names}: the permission that it announces"
        f" has no {right} bit.",
        CERTAIN if len(groups) == len(evidence.groups) else LIKELY,
        mqadmin("updateTopicPerm", b=address, t=evidence.name, p="6"),
    )


def _acts(evidence: Evidence, group: Group) -> bool:
    """Whether a slave stands for the master of a group."""
    if group.has_master or not group.brokers or not group.is_acting:
        return False
    return evidence.server.supports_acting is not False and _is_read_only(group)


def _is_read_only(group: Group) -> bool:
    if group.perm is None:
        return bool(group.is_wiped)
    return not group.perm & PERM_WRITE


def _broker(group: Group, address: str) -> str:
    return f"broker {shown(group.name)} ({bare(address)})"


def _more(evidence: Evidence, broker: str) -> str:
    """The command that shows more about a broker group."""
    if evidence.kind == "topic":
        return command("namesrv", "explain", "--broker", *argument(broker))
    return command("namesrv", "history", *option("--broker", broker))
