"""All routes as maps for the recorder, made in steps.

A picture is `{"picture": "begin"}`, parts with broker groups and with topics, and
`{"picture": "end"}`. Tables change while it is made, and events are recorded between
its parts. An event names every entry that it changed and comes after the change, so
that parts and events, taken in their order, lead to the tables of the end.
"""

from collections.abc import Callable, Iterator
from typing import Any

from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.work import Cost, Steps

Map = dict[str, Any]
_TOPICS_AT_ONCE = 128
_GROUPS_AT_ONCE = 64


class Picture:
    """Makes pictures of some tables; `names` gives the names of all topics in order,
    `wall_millis` the date in milliseconds."""

    def __init__(
        self,
        tables: RouteTables,
        names: Callable[[], Steps[OrderedTexts]],
        wall_millis: Callable[[], int],
    ) -> None:
        self._tables = tables
        self._names = names
        self._wall_millis = wall_millis

    def parts(self, put: Callable[[Map], None]) -> Steps[None]:
        """Give `put` the maps of all routes, one after the other."""
        put(self._part("begin"))
        names = sorted(self._tables.broker_addr_table)
        yield len(names) * Cost.GROUP
        for start in range(0, len(names), _GROUPS_AT_ONCE):
            some = names[start : start + _GROUPS_AT_ONCE]
            put(self._part("brokers", brokers=list(self._groups(some))))
            yield len(some) * 2 * Cost.GROUP
        texts = yield from self._names()
        topics = texts.following("", _TOPICS_AT_ONCE, is_included=True)
        while topics:
            part, units = self._topics(topics)
            put(part)
            yield units
            topics = texts.following(topics[-1], _TOPICS_AT_ONCE)
        put(self._part("end"))

    def _part(self, name: str, **more: object) -> Map:
        return {"picture": name, "at_millis": self._wall_millis(), **more}

    def _groups(self, names: list[str]) -> Iterator[list[Any]]:
        """Name, cluster and pairs of id and address of each group that is there."""
        for name in names:
            data = self._tables.broker_addr_table.get(name)
            if data is not None:
                addresses = [[i, addr] for i, addr in data.broker_addrs.items() if addr]
                yield [name, data.cluster, addresses]

    def _topics(self, topics: list[str]) -> tuple[Map, int]:
        """The groups of each topic, by their places in a list of names."""
        places: dict[str, int] = {}
        entries: list[list[Any]] = []
        units = 0
        for topic in topics:
            entry = self._tables.topic_queue_table.get(topic)
            if entry is not None:
                groups = [places.setdefault(n, len(places)) for n in entry.queues]
                entries.append([topic, groups])
                units += Cost.TOPIC + len(groups)
        return self._part("topics", brokers=list(places), topics=entries), units
