"""The table of all causes, and the search for those that the evidence supports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from namesrv.routing.history.explain import (
    absence,
    answers,
    elsewhere,
    registrations,
    removals,
)
from namesrv.routing.history.explain.rule import (
    BOTH,
    BROKER,
    CONFIDENCES,
    TOPIC,
    Cause,
    Rule,
)
from namesrv.work import finish

if TYPE_CHECKING:
    from collections.abc import Callable

    from namesrv.routing.history.explain.evidence import Evidence
    from namesrv.work import Steps

_RULE_UNITS: Final = 10
_HISTORY: Final = ("history",)

RULES: Final = (
    Rule(
        "gate_closed",
        TOPIC,
        ("options",),
        "needWaitForService is on, and the server still waits for brokers",
        answers.gate_closed,
    ),
    Rule(
        "draining",
        TOPIC,
        ("state",),
        "the server is shutting down, and sends newer clients to the others",
        answers.draining,
    ),
    Rule(
        "stood_still",
        TOPIC,
        (),
        "the loop stood still in the last minute, and lookups had older routes",
        answers.stood_still,
    ),
    Rule(
        "other_kind",
        BOTH,
        (),
        "the name is that of a broker group, a cluster or a topic",
        absence.other_kind,
    ),
    Rule(
        "similar_name",
        BOTH,
        ("names",),
        "a name that is nearly the same exists",
        absence.similar_name,
    ),
    Rule(
        "topic_deleted",
        TOPIC,
        _HISTORY,
        "an operator deleted the topic",
        removals.topic_deleted,
    ),
    Rule(
        "dropped_by_registration",
        TOPIC,
        _HISTORY,
        "a broker registered without it while deleteTopicWithBrokerRegistration is on",
        removals.dropped_by_registration,
    ),
    Rule(
        "broker_expired",
        BOTH,
        _HISTORY,
        "its brokers were silent for longer than their timeout",
        removals.broker_expired,
    ),
    Rule(
        "lease_ended",
        BOTH,
        _HISTORY,
        "its brokers did not come back after a warm start",
        removals.lease_ended,
    ),
    Rule(
        "connection_closed",
        BOTH,
        _HISTORY,
        "the connections of its brokers were closed",
        removals.connection_closed,
    ),
    Rule(
        "broker_unregistered",
        BOTH,
        _HISTORY,
        "its brokers unregistered, as they do when they stop",
        removals.broker_unregistered,
    ),
    Rule(
        "broker_replaced",
        BROKER,
        _HISTORY,
        "another address took the id of the broker",
        removals.broker_replaced,
    ),
    Rule(
        "leftover_removed",
        BOTH,
        _HISTORY,
        "no live broker had registered it any more",
        removals.leftover_removed,
    ),
    Rule(
        "no_brokers",
        BOTH,
        (),
        "no broker at all is registered here",
        absence.no_brokers,
    ),
    Rule(
        "single_topic",
        BOTH,
        ("refusals",),
        "the first registration of a broker had one topic only, and was refused",
        registrations.single_topic,
    ),
    Rule(
        "registration_refused",
        BOTH,
        ("refusals",),
        "a registration was refused: a limit, a checksum, a body, a right",
        registrations.registration_refused,
    ),
    Rule(
        "newer_holder",
        BOTH,
        ("refusals",),
        "a broker with a newer state holds the id of the broker",
        registrations.newer_holder,
    ),
    Rule(
        "no_master",
        BOTH,
        (),
        "only slaves are there, and none acts as the master",
        answers.no_master,
    ),
    Rule(
        "acting_master",
        BOTH,
        (),
        "a slave acts as the master, for reads only",
        answers.acting_master,
    ),
    Rule(
        "write_wiped",
        BOTH,
        _HISTORY,
        "an operator took the write permission of a broker group",
        answers.write_wiped,
    ),
    Rule(
        "not_writable",
        TOPIC,
        (),
        "the permission of the topic has no write bit",
        answers.not_writable,
    ),
    Rule(
        "not_readable",
        TOPIC,
        (),
        "the permission of the topic has no read bit",
        answers.not_readable,
    ),
    Rule(
        "no_queues",
        TOPIC,
        (),
        "a broker group announces the topic without queues",
        answers.no_queues,
    ),
    Rule(
        "no_topics",
        BROKER,
        (),
        "the broker group is registered without any topic",
        answers.no_topics,
    ),
    Rule(
        "other_zone",
        TOPIC,
        (),
        "the zone of the client leaves the broker groups of other zones out",
        answers.other_zone,
    ),
    Rule(
        "other_cluster",
        BOTH,
        (),
        "only brokers of another cluster have it than the client expects",
        absence.other_cluster,
    ),
    Rule(
        "unreachable_address",
        BOTH,
        (),
        "a broker announces an address that other machines cannot reach",
        registrations.unreachable_address,
    ),
    Rule(
        "other_address",
        BOTH,
        ("registrations",),
        "a broker connects from another host than the one that it announces",
        registrations.other_address,
    ),
    Rule(
        "not_live",
        BOTH,
        ("registrations",),
        "an address is in the routes that no broker registers any more",
        registrations.not_live,
    ),
    Rule(
        "two_clusters",
        BOTH,
        (),
        "one broker name is in two clusters, whose routes mix",
        registrations.two_clusters,
    ),
    Rule(
        "two_addresses",
        BOTH,
        _HISTORY,
        "two brokers claim one name and id by turns",
        registrations.two_addresses,
    ),
    Rule(
        "confirming",
        BOTH,
        ("registrations",),
        "after a warm start brokers were not heard from yet",
        answers.confirming,
    ),
    Rule(
        "silent_broker",
        BOTH,
        ("registrations",),
        "a broker has been silent for more than half of its timeout",
        answers.silent_broker,
    ),
    Rule(
        "at_peer",
        BOTH,
        ("peers",),
        "another NameServer has it, and this one has not",
        elsewhere.at_peer,
    ),
    Rule(
        "orphan",
        BOTH,
        ("peers",),
        "clients ask here, and brokers register at other NameServers only",
        elsewhere.orphan,
    ),
    Rule(
        "peer_differs",
        BOTH,
        ("peers",),
        "another NameServer has had other entries of it for a minute or longer",
        elsewhere.peer_differs,
    ),
    Rule(
        "never_registered",
        BOTH,
        _HISTORY,
        "no broker has announced it here",
        absence.never_registered,
    ),
    Rule(
        "auto_create_off",
        TOPIC,
        (),
        "brokers do not create topics by themselves",
        absence.auto_create_off,
    ),
    Rule(
        "not_created_yet",
        TOPIC,
        (),
        "brokers create topics for the first message, and none has come",
        absence.not_created_yet,
    ),
)

_UNKNOWN: Final[dict[str, tuple[str, Callable[[Evidence], bool]]]] = {
    "history": (
        "the events of the past: this server keeps no history",
        lambda evidence: evidence.past is None,
    ),
    "refusals": (
        "registrations that were refused: this server does not remember them",
        lambda evidence: evidence.refused is None,
    ),
    "registrations": (
        "when each broker was last heard from, and from which host: this server does"
        " not show it",
        lambda evidence: evidence.server.unconfirmed is None,
    ),
    "names": (
        "similar names: this server does not list its topics",
        lambda evidence: evidence.names is None,
    ),
    "options": (
        "the options of this server: it does not show them",
        lambda evidence: evidence.server.is_gated is None,
    ),
    "state": (
        "whether this server is shutting down",
        lambda evidence: evidence.server.is_draining is None,
    ),
    "peers": (
        "whether other NameServers have it: this server does not show its peers",
        lambda evidence: evidence.server.at_peers is None,
    ),
}
_UNKNOWN_PEERS: Final = {
    False: "whether other NameServers have it: this server has no peers (option peers)",
    True: "whether other NameServers have it: no peer of this server has answered",
}
"""The sentence about peers for a server that shows whether it has any."""


def find_causes(evidence: Evidence) -> list[Cause]:
    """The causes that the evidence supports, the surest ones first."""
    return finish(causes_in_steps(evidence))


def causes_in_steps(evidence: Evidence) -> Steps[list[Cause]]:
    """The same, with one rule in each step."""
    found = []
    units = _RULE_UNITS + sum(len(group.brokers) for group in evidence.groups)
    for rule in RULES:
        if evidence.kind in rule.kinds:
            finding = rule.find(evidence)
            if finding is not None:
                found.append(Cause(rule.id, *finding))
            yield units
    return sorted(found, key=lambda cause: CONFIDENCES.index(cause.confidence))


def find_unknown(evidence: Evidence) -> list[str]:
    """The things that the evidence lacks, and that causes would be found from."""
    needed = {
        need for rule in RULES if evidence.kind in rule.kinds for need in rule.needs
    }
    found = [
        _sentence(need, sentence, evidence)
        for need, (sentence, is_unknown) in _UNKNOWN.items()
        if need in needed and is_unknown(evidence)
    ]
    past = evidence.past
    if past is not None and not past.is_whole:
        found.append("events before the oldest one that the history still has")
    if past is not None and past.is_cut:
        found.append("events about so many topics that some names were left out")
    if evidence.kind == "topic" and evidence.server.is_testing:
        found.append(
            "the route in the other cluster that this server asks (clusterTest)"
        )
    if evidence.left_out:
        found.append(f"{evidence.left_out} more broker groups, which were not examined")
    return found


def _sentence(need: str, sentence: str, evidence: Evidence) -> str:
    has_peers = evidence.server.has_peers
    if need != "peers" or has_peers is None:
        return sentence
    return _UNKNOWN_PEERS[has_peers]
