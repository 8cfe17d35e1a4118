"""`topic list`, `topic show`, `topic route` and `topic delete`."""

from __future__ import annotations

from typing import Final

from namesrv.cli.commands import outcomes
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.roles import permission, role
from namesrv.cli.commands.session import questions
from namesrv.cli.commands.text import Facts, Table
from namesrv.cli.commands.words import Call
from namesrv.client.addresses import DEFAULT_ADDRESSES, Address
from namesrv.client.bodies import Route
from namesrv.client.questions import Questions
from namesrv.codes import TOPIC_SYS_FLAG_UNIT, TOPIC_SYS_FLAG_UNIT_SUB
from namesrv.errors import NamesrvError, NotFound, RequestRefused

_ROUTE: Final = (
    *("BROKER", "CLUSTER", "ID", "ROLE", "ADDRESS", "READ", "WRITE", "PERM"),
)
_QUEUES: Final = ("BROKER", "CLUSTER", "READ", "WRITE", "PERM", "ADDRESSES")
_FLAGS: Final = {
    TOPIC_SYS_FLAG_UNIT: "unit",
    TOPIC_SYS_FLAG_UNIT_SUB: "unit subscription",
}


def list_topics(call: Call) -> Result:
    """The names of topics, one on each line."""
    asked = questions(call)
    cluster, prefix = call.flag("cluster"), call.flag("prefix")
    names = asked.topics_of_cluster(cluster) if cluster else asked.topics()
    if cluster and not names:
        _check_cluster(asked, cluster)
    if prefix:
        names = [name for name in names if name.startswith(prefix)]
    return Result(names, [Table(["TOPIC"], [(name,) for name in names])])


def show_route(call: Call) -> Result:
    """The addresses and queues of each broker group that has the topic."""
    topic = call.arguments[0]
    route = known_route(questions(call), topic, call.flag("zone"))
    return Result(route.value, [Table(_ROUTE, _route_rows(route))])


def show_topic(call: Call) -> Result:
    """Everything that the NameServer has about a topic."""
    topic = call.arguments[0]
    asked = questions(call)
    route = known_route(asked, topic)
    order = route.order or _order(asked, topic)
    clusters = sorted({broker.cluster for broker in route.brokers})
    flags = sorted(
        text
        for flag, text in _FLAGS.items()
        if any(queues.system_flag & flag for queues in route.queues)
    )
    facts: list[tuple[str, str | int]] = [
        ("topic", topic),
        ("clusters", ", ".join(clusters)),
        ("broker groups", len(route.queues)),
        ("read queues", sum(queues.read_queues for queues in route.queues)),
        ("write queues", sum(queues.write_queues for queues in route.queues)),
        ("order", order or "none"),
        ("flags", ", ".join(flags) or "none"),
        ("static queues", _static_queues(route) or "none"),
    ]
    if route.filter_servers:
        facts.append(("filter servers", ", ".join(sorted(route.filter_servers))))
    value = {
        "topic": topic,
        "clusters": clusters,
        "order": order,
        "flags": flags,
        "staticQueues": _static_queues(route),
        "route": route.value,
    }
    return Result(value, [Facts(facts), Table(_QUEUES, _queue_rows(route))])


def delete_topic(call: Call) -> Result:
    """Delete the route at every server."""
    topic, cluster = call.arguments[0], call.flag("cluster")
    asked = questions(call)
    if outcomes.all_lack(asked.routes_at_all(topic)):
        known_route(asked, topic)
    if cluster:
        _check_cluster(asked, cluster)
    return outcomes.result(asked.delete_topic(topic, cluster), lambda answer: "deleted")


def known_route(asked: Questions, topic: str, zone: str | None = None) -> Route:
    """The route of a topic. Raises NotFound, with names that are similar."""
    route = asked.route(topic, zone)
    if route is None:
        server = asked.servers.addresses[0]
        raise NotFound(
            f"{server} has no topic {topic!r}{_similar_topics(asked, topic)};"
            f" {_explain(topic, server)} says why"
        )
    return route


def _route_rows(route: Route) -> list[tuple[str | int, ...]]:
    queues = {one.broker_name: one for one in route.queues}
    rows: list[tuple[str | int, ...]] = []
    for broker in route.brokers:
        own = queues.get(broker.name)
        counts: tuple[str | int, ...] = (0, 0, "--")
        if own is not None:
            counts = own.read_queues, own.write_queues, permission(own.perm)
        rows += [
            (
                broker.name,
                broker.cluster,
                number,
                role(broker, number),
                address,
                *counts,
            )
            for number, address in broker.addresses.items()
        ]
    return rows


def _queue_rows(route: Route) -> list[tuple[str | int, ...]]:
    brokers = {broker.name: broker for broker in route.brokers}
    rows: list[tuple[str | int, ...]] = []
    for queues in route.queues:
        broker = brokers.get(queues.broker_name)
        cluster, addresses = "", ""
        if broker is not None:
            cluster = broker.cluster
            pairs = broker.addresses.items()
            addresses = ", ".join(f"{number}={address}" for number, address in pairs)
        counts = queues.read_queues, queues.write_queues, permission(queues.perm)
        rows.append((queues.broker_name, cluster, *counts, addresses))
    return rows


def _static_queues(route: Route) -> int:
    """The number of logical queues of a static topic; 0 for other topics."""
    totals = [
        mapping.get("totalQueues", 0)
        for mapping in route.mappings.values()
        if isinstance(mapping, dict)
    ]
    return max((one for one in totals if isinstance(one, int)), default=0)


def _order(asked: Questions, topic: str) -> str | None:
    """The order configuration: routes have it only with orderMessageEnable."""
    try:
        return asked.order_configuration(topic)
    except RequestRefused:
        return None


def _check_cluster(asked: Questions, cluster: str) -> None:
    from namesrv.cli.commands.brokers import known_cluster  # noqa: PLC0415

    known_cluster(asked, asked.clusters(), cluster)


def _explain(topic: str, server: Address) -> str:
    """The command that explains why this server has no route of the topic."""
    import shlex  # noqa: PLC0415

    where = [] if str(server) == DEFAULT_ADDRESSES else ["-n", str(server)]
    words = [*where, "--", topic] if topic.startswith("-") else [topic, *where]
    return shlex.join(["namesrv", "explain", *words])


def _similar_topics(asked: Questions, topic: str) -> str:
    from namesrv.cli.commands.similar import hint  # noqa: PLC0415

    try:
        return hint(topic, asked.topics())
    except NamesrvError:
        # The server may keep its list of topics to itself.
        return ""
