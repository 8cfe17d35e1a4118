"""A digest of all routes, by which two servers can be compared.

It is the sum, modulo 2^128, of the BLAKE2b-128 hashes of one text for each broker group
and for each topic of each group. The texts are those of a route in the standard dialect
(section 2.7): an element of `brokerDatas`, and `["topic",element of queueDatas]`. A sum
does not depend on order, so that servers that learnt the same in another order agree.
Ages, epochs, mappings of static topics and filter servers are not in it.

The sum of a group is kept with the number of its last change (`BrokerData.change`): a
request costs the groups that have changed since the one before.
"""

from typing import Final, NamedTuple

from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.route_sums import MODULUS, digest_text, group_sum, topic_sum
from namesrv.work import WAIT, Cost, Steps, batches

_TRIES: Final = 3
_NEVER: Final = -1


class _Part(NamedTuple):
    """The sum of a group, the topics in it, and the change that it is of."""

    change: int
    total: int
    topics: int


class Digest(NamedTuple):
    """The digest as a text, and the groups and topics of groups in it."""

    text: str
    groups: int
    routes: int


class RouteDigest:
    """The digest of the routes of one server."""

    def __init__(self, tables: RouteTables) -> None:
        self._tables = tables
        self._parts: dict[str, _Part] = {}
        self._kept: tuple[tuple[int, int], Digest] | None = None

    def __len__(self) -> int:
        """The number of groups whose sum is kept."""
        return len(self._parts)

    def value(self) -> Steps[Digest]:
        """The digest of the tables as they are at the end.

        If they change all the time, some of its groups are of an earlier moment, each
        as a whole.
        """
        for _ in range(_TRIES):
            state = self._state()
            if self._kept is not None and self._kept[0] == state:
                return self._kept[1]
            digest = yield from self._summed()
            if self._state() == state:
                self._kept = state, digest
                break
        return digest

    def _state(self) -> tuple[int, int]:
        """Equal as long as no group and no entry of a topic has changed."""
        return self._tables.changes, self._tables.routes

    def _summed(self) -> Steps[Digest]:
        table, parts = self._tables.broker_addr_table, dict[str, _Part]()
        for names in batches(list(table), Cost.GROUP):
            for name in names:
                data = table.get(name)
                if data is None:
                    continue
                part = self._parts.get(name)
                if part is None or part.change != data.change:
                    part = self._parts[name] = yield from self._part(data)
                parts[name] = part
            yield len(names) * Cost.GROUP
        self._parts = parts
        total = sum(part.total for part in parts.values())
        routes = sum(part.topics for part in parts.values())
        yield len(parts) * Cost.GROUP
        return Digest(digest_text(total), len(parts), routes)

    def _part(self, data: BrokerData) -> Steps[_Part]:
        """The sum of a group, read again if it changes meanwhile."""
        for _ in range(_TRIES):
            while data.broker_name in self._tables.busy.held:
                yield WAIT
            change = data.change
            total, topics = yield from _sum(data)
            if data.change == change:
                return _Part(change, total, topics)
        return _Part(_NEVER, total, topics)


def _sum(data: BrokerData) -> Steps[tuple[int, int]]:
    name, topics = data.broker_name, 0
    total = group_sum(data.text(standard=True))
    for entries in batches(data.topics(), 2 * Cost.TOPIC):
        for entry in entries:
            queue_data = entry.queues.get(name)
            if queue_data is not None:
                topics += 1
                queues = data.queue_text(queue_data)
                total += topic_sum(entry.topic, queues)
        yield 2 * len(entries) * Cost.TOPIC
    return total % MODULUS, topics
