"""Everything that a NameServer can be asked for, read once, to compare two servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from namesrv.client.bodies import BrokerData, read_route
from namesrv.client.differences import (
    KEY,
    OPTION,
    Difference,
    groups_differ,
    memberships_differ,
    queues_of,
    topic_differs,
    values_differ,
)
from namesrv.client.questions import Questions
from namesrv.codes import ORDER_TOPIC_CONFIG
from namesrv.errors import RequestRefused

_MOST_KNOWN: Final = 64
_OF_ITS_PLACE: Final = frozenset(
    (
        *("bindAddress", "listenPort", "rocketmqHome", "kvConfigPath"),
        *("configStorePath", "configStorePathName"),
    )
)
"""Options that belong to a machine, and differ between servers of one cluster."""


class Picture:
    """The tables of one server. `refused` has a sentence for each question that it
    refused; the member for that question is empty then, or None."""

    __slots__ = ("clusters", "groups", "keys", "options", "refused", "topics")

    def __init__(self) -> None:
        self.groups: Mapping[str, BrokerData] = {}
        self.clusters: Mapping[str, Sequence[str]] = {}
        self.topics: dict[str, dict[str, str]] | None = None
        self.keys: dict[str, dict[str, str]] = {}
        self.options: Mapping[str, str] | None = None
        self.refused: list[str] = []


class _Queues:
    """Reads the queues of routes; topics alike have the same body, which is read
    once."""

    def __init__(self) -> None:
        self._known: dict[bytes, dict[str, str]] = {}

    def read(self, body: bytes) -> dict[str, str]:
        """The queues by broker. Raises AnswerInvalid."""
        found = self._known.get(body)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[body] = queues_of(read_route(body).queues)
        return found


def read_picture(asked: Questions, namespaces: Sequence[str]) -> Picture:
    """Ask one server for everything, and for the keys of some namespaces.

    Raises NameServerUnreachable, and RequestRefused if it refuses the question for its
    brokers.
    """
    found = Picture()
    info = asked.clusters()
    found.groups, found.clusters = info.brokers, info.clusters
    try:
        names = asked.topics()
        routes = asked.bodies_of_routes(names, _Queues().read)
        found.topics = {
            name: queues
            for name, queues in zip(names, routes, strict=True)
            if queues is not None
        }
    except RequestRefused as refusal:
        found.refused.append(str(refusal))
    for namespace in (ORDER_TOPIC_CONFIG, *namespaces):
        found.keys[namespace] = asked.kv_table(namespace) or {}
    ((outcome, options),) = asked.configurations()
    if outcome.failure is None:
        found.options = options
    else:
        found.refused.append(str(outcome.failure))
    return found


def pictures_differ(first: Picture, second: Picture) -> Iterator[Difference]:
    """All differences of two servers: brokers, topics, keys, options, in this order.

    A question that one of them refused is left out, and so are options that only one
    of them has, and those of its machine.
    """
    yield from groups_differ(first.groups, second.groups)
    common = first.groups.keys() & second.groups.keys()
    yield from memberships_differ(first.clusters, second.clusters, common)
    if first.topics is not None and second.topics is not None:
        for topic in sorted(first.topics.keys() | second.topics.keys()):
            here, there = first.topics.get(topic), second.topics.get(topic)
            yield from topic_differs(topic, here, there, common)
    for namespace, keys in first.keys.items():
        others = second.keys.get(namespace, {})
        yield from values_differ(KEY, keys, others, namespace)
    if first.options is not None and second.options is not None:
        names = (first.options.keys() & second.options.keys()) - _OF_ITS_PLACE
        yield from values_differ(
            OPTION,
            {name: first.options[name] for name in names},
            {name: second.options[name] for name in names},
        )
