"""Routes from the maps of a recorder: a picture, and the events after it."""

from collections.abc import Iterator, Mapping
from typing import Any

from namesrv.routing.history.touched import (
    address_changes,
    is_incomplete,
    topics_changes,
)

Map = Mapping[str, Any]


class Routes:
    """Groups of each topic, and clusters and addresses of each group."""

    def __init__(self) -> None:
        self.topics: dict[str, set[str]] = {}
        self.addresses: dict[str, dict[int, str]] = {}
        self.clusters: dict[str, str] = {}

    def take_event(self, facts: Map) -> None:
        """Apply an event."""
        for change in topics_changes(facts):
            for topic in change.topics:
                self._set_topic(topic, change.brokers, is_there=change.after)
        for moved in address_changes(facts):
            ids = self.addresses.setdefault(moved.broker, {})
            ids.pop(moved.broker_id, None)
            if moved.after is not None:
                ids[moved.broker_id] = moved.after
            if not ids:
                del self.addresses[moved.broker]
            if moved.cluster is not None:
                self.clusters[moved.broker] = moved.cluster

    def _set_topic(self, topic: str, brokers: Any, *, is_there: bool) -> None:
        groups = self.topics.setdefault(topic, set())
        if is_there:
            groups.update(brokers)
        else:
            groups.difference_update(brokers)
        if not groups:
            del self.topics[topic]

    def take_brokers(self, part: Map) -> None:
        """Take groups of a picture in place of those that are known."""
        for name, cluster, addresses in part["brokers"]:
            self.clusters[name] = cluster
            self.addresses[name] = {broker_id: addr for broker_id, addr in addresses}

    def take_topics(self, part: Map) -> None:
        """Take topics of a picture in place of those that are known."""
        names = part["brokers"]
        for topic, places in part["topics"]:
            self.topics[topic] = {names[place] for place in places}


class Replay:
    """Takes the maps of a recording in their order.

    `routes` are those after the last one, None before the end of the first picture.
    `is_complete` is false after a loss, until the end of the next picture; `run` is the
    run of the server, `number` that of its last event.
    """

    def __init__(self) -> None:
        self.routes: Routes | None = None
        self.is_complete = False
        self.run = ""
        self.number = 0
        self._begun: Routes | None = None

    def take(self, one: Map) -> None:
        """Take one more map; kinds of later versions are left out."""
        if "number" in one:
            self._take_event(one)
        elif "picture" in one:
            self._take_picture(one)
        elif "lost" in one:
            self._begun = None
            self.is_complete = False
        elif "run" in one and one["run"] != self.run:
            self._begun = None
            self.run, self.number = one["run"], 0

    def _take_event(self, facts: Map) -> None:
        self.number = facts["number"]
        if is_incomplete(facts):
            self.is_complete = False
        for routes in self._all():
            routes.take_event(facts)

    def _all(self) -> Iterator[Routes]:
        for routes in (self.routes, self._begun):
            if routes is not None:
                yield routes

    def _take_picture(self, part: Map) -> None:
        name, begun = part["picture"], self._begun
        if name == "begin":
            self._begun = Routes()
        elif begun is not None and name == "brokers":
            begun.take_brokers(part)
        elif begun is not None and name == "topics":
            begun.take_topics(part)
        elif begun is not None and name == "end":
            self.routes, self._begun = begun, None
            self.is_complete = True
