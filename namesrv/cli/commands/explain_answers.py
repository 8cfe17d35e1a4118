"""An explanation from the answers of the remoting protocol, for servers that explain
nothing themselves: 105, 106, 206 and 319. They show no times and no events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from namesrv.cli.commands.similar import similar
from namesrv.errors import RequestRefused
from namesrv.routing.history.explain.causes import find_causes, find_unknown
from namesrv.routing.history.explain.evidence import (
    MOST_GROUPS,
    Broker,
    Client,
    Evidence,
    Group,
    Names,
    Server,
)
from namesrv.routing.history.explain.spelling import AUTO_CREATE_TOPIC, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from namesrv.cli.commands.words import Call
    from namesrv.client.bodies import BrokerData, ClusterInfo, QueueData, Route
    from namesrv.client.questions import Questions

    Answer = TypeVar("Answer")

_NOT_READY: Final = "name server not ready"
_SUCCESS: Final = 0
_NO_TOPIC: Final = 17


def explained(
    asked: Questions, call: Call, kind: str | None
) -> tuple[dict[str, Any], str]:
    """The explanation of a topic or of a broker in the shape of the API, and the kind.
    Without a given one it is "broker" if there is such a group."""
    name = call.arguments[0]
    info = asked.clusters()
    kind = kind or ("broker" if name in info.brokers else "topic")
    client = Client(zone=call.flag("zone") or "", cluster=call.flag("cluster") or "")
    evidence = Evidence(kind, name, client)
    topics = _allowed(asked.topics)
    evidence.server = _server(asked, info)
    if kind == "topic":
        answer = _add_topic(asked, evidence, info, topics)
    else:
        answer = None
        _add_broker(evidence, info)
        _add_names(evidence, list(info.brokers), info, topics)
    return _value(evidence, answer), kind


def _add_topic(
    asked: Questions,
    evidence: Evidence,
    info: ClusterInfo,
    topics: Sequence[str] | None,
) -> dict[str, Any]:
    """The route and the names like the topic's; returns the answer to the lookup."""
    server = evidence.server
    try:
        whole = asked.route(evidence.name)
        route = asked.route(evidence.name, evidence.client.zone or None)
        auto = asked.route(AUTO_CREATE_TOPIC)
    except RequestRefused as refused:
        server.is_gated = refused.remark == _NOT_READY
        evidence.exists = evidence.name in (topics or ())
        answer = _answer(refused.code, refused.remark, None)
    else:
        server.auto_creates = auto is not None
        evidence.exists = whole is not None
        _add_groups(evidence, info, whole)
        answer = _answer(_SUCCESS, None, route)
        if route is None:
            answer = _answer(_NO_TOPIC, "there is no route", None)
    if topics is not None:
        _add_names(evidence, topics, info, topics)
    return answer


def _add_groups(evidence: Evidence, info: ClusterInfo, route: Route | None) -> None:
    if route is None:
        return
    queues = {one.broker_name: one for one in route.queues}
    evidence.left_out = max(len(route.brokers) - MOST_GROUPS, 0)
    evidence.groups = [
        _group(data, info, queues.get(data.name))
        for data in route.brokers[:MOST_GROUPS]
    ]


def _add_broker(evidence: Evidence, info: ClusterInfo) -> None:
    """The group of this name, or the first one that has this address."""
    data = info.brokers.get(evidence.name)
    if data is None:
        holders = (
            one
            for one in info.brokers.values()
            if evidence.name in one.addresses.values()
        )
        data = next(holders, None)
    if data is not None:
        evidence.exists = True
        evidence.groups = [_group(data, info, None)]


def _add_names(
    evidence: Evidence,
    known: Sequence[str],
    info: ClusterInfo,
    topics: Sequence[str] | None,
) -> None:
    """Names like the one that was asked for, and the other kinds of things with it."""
    name = evidence.name
    names = evidence.names = Names()
    wanted = folded(name)
    others = [one for one in known if one != name]
    names.variants = [one for one in others if folded(one) == wanted]
    if not evidence.exists:
        near = similar(name, others)
        names.near = [one for one in near if one not in names.variants]
    if evidence.kind == "topic" and name in info.brokers:
        names.is_a = "broker group"
    elif name in info.clusters:
        names.is_a = "cluster"
    elif evidence.kind == "broker" and name in (topics or ()):
        names.is_a = "topic"


def _server(asked: Questions, info: ClusterInfo) -> Server:
    server = Server()
    server.brokers = sum(len(group.addresses) for group in info.brokers.values())
    server.clusters = list(info.clusters)
    ((outcome, options),) = asked.configurations()
    if outcome.failure is None:
        server.is_gated = False
        acting = options.get("supportActingMaster")
        server.supports_acting = None if acting is None else acting == "true"
    return server


def _group(data: BrokerData, info: ClusterInfo, queues: QueueData | None) -> Group:
    group = Group(data.name, data.cluster)
    clusters = {name for name, names in info.clusters.items() if data.name in names}
    group.clusters = sorted({data.cluster, *clusters})
    group.zone = data.zone or None
    group.is_acting = data.is_acting_master
    # A group that lost its master shows the acting one with the master's id in routes.
    known = info.brokers.get(data.name)
    addresses = data.addresses if known is None else known.addresses
    group.brokers = [Broker(number, addr) for number, addr in addresses.items()]
    if queues is not None:
        group.perm = queues.perm
        group.read_queues = queues.read_queues
        group.write_queues = queues.write_queues
    return group


def _allowed(ask: Callable[[], Answer]) -> Answer | None:
    """The answer to a question, None if the server refuses it."""
    try:
        return ask()
    except RequestRefused:
        return None


def _answer(code: int, remark: str | None, route: Route | None) -> dict[str, Any]:
    names = None if route is None else [one.name for one in route.brokers]
    return {"code": code, "remark": remark, "broker_groups": names, "bytes": None}


def _value(evidence: Evidence, answer: dict[str, Any] | None) -> dict[str, Any]:
    brokers = [
        {
            "broker": group.name,
            "cluster": group.cluster,
            "address": broker.address,
            "broker_id": broker.broker_id,
            "perm": group.perm,
            "read_queues": group.read_queues,
            "write_queues": group.write_queues,
            "zone": group.zone,
            "since_millis": None,
            "last_heard_millis": None,
        }
        for group in evidence.groups
        for broker in group.brokers
    ]
    value: dict[str, Any] = {
        evidence.kind: evidence.name,
        "exists": evidence.exists,
        "evidence": {"brokers": brokers, "gone": [], "answer": answer},
        "causes": [cause._asdict() for cause in find_causes(evidence)],
        "unknown": find_unknown(evidence),
    }
    if evidence.kind == "broker":
        value["group"] = evidence.groups[0].name if evidence.groups else None
    return value
