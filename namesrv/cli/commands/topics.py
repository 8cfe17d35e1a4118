"""`topic list`, `topic show`, `topic route` and `topic delete`."""

from __future__ import annotations

from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import questions
from namesrv.cli.commands.text import Table
from namesrv.cli.commands.words import Call
from namesrv.client.bodies import BrokerData, Route
from namesrv.client.questions import Questions
from namesrv.codes import MASTER_ID, PERM_READ, PERM_WRITE
from namesrv.errors import NamesrvError, NotFound


def list_topics(call: Call) -> Result:
    """The names of topics, one on each line."""
    asked = questions(call)
    cluster, prefix = call.flag("cluster"), call.flag("prefix")
    names = asked.topics_of_cluster(cluster) if cluster else asked.topics()
    if prefix:
        names = [name for name in names if name.startswith(prefix)]
    return Result(names, [Table(["TOPIC"], [(name,) for name in names])])


def show_route(call: Call) -> Result:
    """The addresses and queues of each broker group that has the topic."""
    topic = call.arguments[0]
    route = known_route(questions(call), topic, call.flag("zone"))
    return Result(route.value, [Table(_ROUTE_HEADINGS, list(_route_rows(route)))])


_ROUTE_HEADINGS = (
    "BROKER",
    "CLUSTER",
    "ID",
    "ROLE",
    "ADDRESS",
    "READ",
    "WRITE",
    "PERM",
)


def _route_rows(route: Route) -> list[tuple[str | int, ...]]:
    queues = {one.broker_name: one for one in route.queues}
    rows: list[tuple[str | int, ...]] = []
    for broker in route.brokers:
        own = queues.get(broker.name)
        counts = (
            (own.read_queues, own.write_queues, permission(own.perm))
            if own
            else (0, 0, "--")
        )
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


def known_route(asked: Questions, topic: str, zone: str | None = None) -> Route:
    """The route of a topic. Raises NotFound, with names that are similar."""
    route = asked.route(topic, zone)
    if route is None:
        server = asked.servers.addresses[0]
        raise NotFound(
            f"{server} has no topic {topic!r}{_similar_topics(asked, topic)}"
        )
    return route


def _similar_topics(asked: Questions, topic: str) -> str:
    from namesrv.cli.commands.similar import hint  # noqa: PLC0415

    try:
        return hint(topic, asked.topics())
    except NamesrvError:
        # The server may keep its list of topics to itself.
        return ""


def permission(perm: int) -> str:
    """r and w, or - in their place."""
    return ("r" if perm & PERM_READ else "-") + ("w" if perm & PERM_WRITE else "-")


def role(broker: BrokerData, number: int) -> str:
    """master, slave, or the slave that acts as the master."""
    if number == MASTER_ID:
        return "master"
    if broker.is_acting_master and number == min(broker.addresses):
        return "acting master"
    return "slave"
