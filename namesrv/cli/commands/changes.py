"""Differences between two views of a NameServer, one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from namesrv.cli.commands.roles import permission
from namesrv.client.bodies import BrokerData, ClusterInfo, Route


class Change(NamedTuple):
    """One difference: `kind` is topic, cluster, broker or route."""

    kind: str
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.text}"


class View:
    """The clusters and topics of a NameServer, and the routes of some topics."""

    __slots__ = ("info", "routes", "topics")

    def __init__(
        self,
        info: ClusterInfo | None,
        topics: Iterable[str],
        routes: Mapping[str, Route | None],
    ) -> None:
        self.info = info
        self.topics = set(topics)
        self.routes = routes


def changes(before: View, after: View) -> Iterator[Change]:
    """The differences, sorted by kind and name."""
    if before.info is not None and after.info is not None:
        yield from _names("cluster", before.info.clusters, after.info.clusters)
        yield from _brokers(before.info.brokers, after.info.brokers)
    yield from _names("topic", before.topics, after.topics)
    for topic, route in after.routes.items():
        for text in _route(before.routes.get(topic), route):
            yield Change("route", topic, text)


def _names(kind: str, before: Iterable[str], after: Iterable[str]) -> Iterator[Change]:
    old, new = set(before), set(after)
    for name in sorted(new - old):
        yield Change(kind, name, "new")
    for name in sorted(old - new):
        yield Change(kind, name, "gone")


def _brokers(
    before: Mapping[str, BrokerData], after: Mapping[str, BrokerData]
) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        for text in _addresses(old, new):
            yield Change("broker", name, text)
        if old is not None and new is not None and old.zone != new.zone:
            zones = f"zone {old.zone or 'none'}, now {new.zone or 'none'}"
            yield Change("broker", name, zones)


def _addresses(before: BrokerData | None, after: BrokerData | None) -> Iterator[str]:
    old = {} if before is None else before.addresses
    new = {} if after is None else after.addresses
    if before is not None and after is None and not old:
        yield "gone"
    for number in sorted({*old, *new}):
        if number not in old:
            yield f"{new[number]} with id {number} is new"
        elif number not in new:
            yield f"{old[number]} with id {number} is gone"
        elif old[number] != new[number]:
            yield f"id {number} was {old[number]}, now {new[number]}"


def _route(before: Route | None, after: Route | None) -> Iterator[str]:
    if after is None:
        if before is not None:
            yield "gone"
        return
    old_groups = {} if before is None else {one.name: one for one in before.brokers}
    new_groups = {one.name: one for one in after.brokers}
    for name in sorted({*old_groups, *new_groups}):
        for text in _addresses(old_groups.get(name), new_groups.get(name)):
            yield f"{name} {text}"
    old_queues, new_queues = _queues(before), _queues(after)
    for name in sorted({*old_queues, *new_queues}):
        old, new = old_queues.get(name, "none"), new_queues.get(name, "none")
        if old != new:
            yield f"{name} queues {old}, now {new}"
    old_order = "" if before is None else before.order
    if old_order != after.order:
        yield f"order {old_order or 'none'}, now {after.order or 'none'}"


def _queues(route: Route | None) -> dict[str, str]:
    """For each group its numbers of queues and its permission, as text."""
    return {
        one.broker_name: f"{one.read_queues} read, {one.write_queues} write,"
        f" {permission(one.perm)}"
        for one in (route.queues if route is not None else ())
    }
