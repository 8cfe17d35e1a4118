"""`cluster list`, and the commands about broker groups."""

from __future__ import annotations

from collections.abc import Sequence

from namesrv.cli.commands import outcomes
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.roles import master_of, permission, role
from namesrv.cli.commands.session import questions
from namesrv.cli.commands.similar import hint
from namesrv.cli.commands.text import Facts, Table, numbered
from namesrv.cli.commands.words import Call
from namesrv.client.bodies import BrokerData, ClusterInfo
from namesrv.client.nameservers import Outcome
from namesrv.client.questions import Questions
from namesrv.errors import NotFound


def list_clusters(call: Call) -> Result:
    """Each cluster with the number of its broker groups and brokers."""
    info = questions(call).clusters()
    counts = {
        name: [info.brokers[group] for group in groups if group in info.brokers]
        for name, groups in info.clusters.items()
    }
    rows = [
        (
            name,
            len(groups),
            sum(len(group.addresses) for group in groups),
            sum(master_of(group) is None for group in groups),
        )
        for name, groups in counts.items()
    ]
    value = [
        {"cluster": name, "brokers": [_group(group) for group in groups]}
        for name, groups in counts.items()
    ]
    headings = ["CLUSTER", "GROUPS", "BROKERS", "WITHOUT MASTER"]
    return Result(value, [Table(headings, rows)])


def list_brokers(call: Call) -> Result:
    """Each broker with its address."""
    asked = questions(call)
    info = asked.clusters()
    groups = list(info.brokers.values())
    cluster = call.flag("cluster")
    if cluster:
        names = known_cluster(asked, info, cluster)
        groups = [info.brokers[name] for name in names if name in info.brokers]
    headings = ["CLUSTER", "BROKER", "ID", "ROLE", "ADDRESS", "ZONE"]
    rows = [row for group in groups for row in _rows(group)]
    return Result([_group(group) for group in groups], [Table(headings, rows)])


def show_broker(call: Call) -> Result:
    """A broker group, and with --topics the topics that it has."""
    asked = questions(call)
    info = asked.clusters()
    group = known_group(asked, info, call.arguments[0])
    clusters = [name for name, names in info.clusters.items() if group.name in names]
    master = master_of(group)
    facts: list[tuple[str, str | int]] = [
        ("broker", group.name),
        ("cluster", ", ".join(clusters) or group.cluster),
        ("zone", group.zone or "none"),
        ("master", master or "none"),
        ("acting master", "allowed" if group.is_acting_master else "not allowed"),
    ]
    rows = [
        (number, role(group, number), address)
        for number, address in group.addresses.items()
    ]
    value = {**_group(group), "clusters": clusters}
    blocks: list[Facts | Table] = [
        Facts(facts),
        Table(["ID", "ROLE", "ADDRESS"], rows),
    ]
    if call.has("topics"):
        topics = _topics(asked, group.name, clusters or [group.cluster])
        value["topics"] = [
            {"topic": name, "readQueues": read, "writeQueues": write, "perm": perm}
            for name, read, write, perm in topics
        ]
        blocks.append(
            Table(
                ["TOPIC", "READ", "WRITE", "PERM"],
                [(name, read, write, permission(p)) for name, read, write, p in topics],
            )
        )
    return Result(value, blocks)


def wipe_write(call: Call) -> Result:
    """Take the write permission away."""
    asked, name = questions(call), call.arguments[0]
    return _changed(asked, name, asked.wipe_write_permission(name), "wipeTopicCount")


def add_write(call: Call) -> Result:
    """Give the write permission back."""
    asked, name = questions(call), call.arguments[0]
    return _changed(asked, name, asked.add_write_permission(name), "addTopicCount")


def _changed(
    asked: Questions, broker: str, answers: Sequence[Outcome], field: str
) -> Result:
    counts = [
        one.answer.ext_fields.get(field, "0")
        for one in answers
        if one.answer is not None
    ]
    if counts and not any(count != "0" for count in counts):
        # A group without topics has nothing to change; an unknown one is a mistake.
        known_group(asked, asked.clusters(), broker)
    return outcomes.result(
        answers, lambda answer: numbered(answer.ext_fields.get(field) or "0", "topic")
    )


def known_cluster(asked: Questions, info: ClusterInfo, name: str) -> list[str]:
    """The names of the groups of a cluster. Raises NotFound."""
    if name not in info.clusters:
        server = asked.servers.addresses[0]
        similar = hint(name, list(info.clusters))
        raise NotFound(f"{server} has no cluster {name!r}{similar}")
    return info.clusters[name]


def known_group(asked: Questions, info: ClusterInfo, name: str) -> BrokerData:
    """A broker group. Raises NotFound, with names that are similar."""
    if name not in info.brokers:
        server = asked.servers.addresses[0]
        similar = hint(name, list(info.brokers))
        raise NotFound(f"{server} has no broker {name!r}{similar}")
    return info.brokers[name]


def _rows(group: BrokerData) -> list[tuple[str | int, ...]]:
    rows: list[tuple[str | int, ...]] = [
        (group.cluster, group.name, number, role(group, number), address, group.zone)
        for number, address in group.addresses.items()
    ]
    return rows or [(group.cluster, group.name, "", "no address", "", group.zone)]


def _group(group: BrokerData) -> dict[str, object]:
    return {
        "broker": group.name,
        "cluster": group.cluster,
        "zone": group.zone or None,
        "enableActingMaster": group.is_acting_master,
        "brokers": [
            {"id": number, "role": role(group, number), "address": address}
            for number, address in group.addresses.items()
        ],
    }


def _topics(
    asked: Questions, broker: str, clusters: Sequence[str]
) -> list[tuple[str, int, int, int]]:
    """Topics that a group has, with their queues and permissions."""
    names = sorted({name for one in clusters for name in asked.topics_of_cluster(one)})
    found = []
    for name, route in zip(names, asked.routes(names), strict=True):
        for queues in route.queues if route is not None else ():
            if queues.broker_name == broker:
                counts = queues.read_queues, queues.write_queues
                found.append((name, *counts, queues.perm))
    return found
