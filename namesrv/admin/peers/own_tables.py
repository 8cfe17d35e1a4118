"""This server's side of a comparison, read in turns of the loop."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, TypeAlias, TypeVar

from msgspec.structs import replace

from namesrv.admin.peers.remoting import LARGEST_ANSWER_BYTES, MOST_ANSWER_BYTES
from namesrv.client.bodies import BrokerData, ClusterInfo
from namesrv.client.differences import (
    Difference,
    group_differs,
    membership_differs,
    queue_words,
)
from namesrv.routing.history.peer_views import LONGEST_TEXT, MOST_NAMES
from namesrv.routing.tables.broker_data import BrokerData as OwnBrokerData
from namesrv.server.connections.broker_hosts import address_text
from namesrv.server.inside import Inside
from namesrv.wire.bodies import QueueData, write_broker_addrs, write_broker_data
from namesrv.wire.route_sums import group_sum
from namesrv.work import Cost, Steps, batches

Result = TypeVar("Result")
Queues: TypeAlias = Mapping[str, QueueData]
"""The queues of a topic by broker."""

_GROUP_UNITS: Final = 20
"""A group made, compared and summed; its addresses come on top."""
MOST_FOUND: Final = 5000
"""Differences of groups and of lists of clusters that are counted."""
_ROUTE_BYTES: Final = 1 << 18
_BYTES_OF_TOPIC: Final = 64
_BYTES_OF_GROUP: Final = 256
_EXPECTED: Final = 10
"""A peer may have so many times the tables of this server."""


class Groups:
    """Both servers' groups compared: the differences, the names that both have, and the
    sum of the peer's groups for its digest."""

    def __init__(self) -> None:
        self.differences: list[Difference] = []
        self.common: set[str] = set()
        self.sum = 0

    def add(self, differences: Iterable[Difference]) -> None:
        """Note differences, up to the limit."""
        left = MOST_FOUND - len(self.differences)
        self.differences += islice(differences, left)


class OwnTables:
    """Reads the tables of a server for comparisons."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._tables = inside.state.tables

    @property
    def live_brokers(self) -> int:
        """Brokers that are live here, those of the last run included."""
        return len(self._tables.broker_live_table)

    @property
    def lookups(self) -> int:
        """Lookups of clients in vain so far, as an estimate. Without a broker there are
        no others."""
        return round(self._inside.state.missing.lookups)

    def has_connection(self, remote: tuple[str, int]) -> bool:
        """Whether a peer with this host and port is connected here. The socket's
        address counts, because anybody can send a PROXY header."""
        text = address_text(remote)
        return any(
            one.connection.socket_address == text
            for one in self._inside.connections.peers()
        )

    @property
    def most_answer_bytes(self) -> int:
        """Limit of a peer's answer: larger tables here expect larger ones there."""
        topics = len(self._tables.topic_queue_table) * _BYTES_OF_TOPIC
        groups = len(self._tables.broker_addr_table) * _BYTES_OF_GROUP
        expected = max(_EXPECTED * (topics + groups), MOST_ANSWER_BYTES)
        return min(expected, LARGEST_ANSWER_BYTES)

    @property
    def most_route_bytes(self) -> int:
        """Limit of a peer's route."""
        groups = len(self._tables.broker_addr_table) * _BYTES_OF_GROUP
        return max(_EXPECTED * groups, _ROUTE_BYTES)

    async def digest(self) -> str:
        """The digest of all routes."""
        found = await self.in_turns(self._inside.state.route_digest.value())
        return found.text

    async def groups(self, theirs: ClusterInfo) -> Groups:
        """Compare all broker groups and the lists of clusters."""
        return await self.in_turns(self._groups(theirs))

    async def topics(self, theirs: Sequence[str]) -> tuple[list[str], list[str]]:
        """The topics that only this server has, and the first names in order of those
        that only the peer has: one more than are kept, long ones not counted."""
        return await self.in_turns(self._topics(theirs))

    def names(self) -> list[str]:
        """All topics, in an order that changes little."""
        return list(self._tables.topic_queue_table)

    def has(self, topic: str) -> bool:
        """Whether a topic is known here."""
        return topic in self._tables.topic_queue_table

    def queues(self, topic: str) -> Queues | None:
        """The queues of a topic by broker, None for an unknown one."""
        entry = self._tables.topic_queue_table.get(topic)
        return None if entry is None else _sent_queues(entry.queues)

    def _groups(self, theirs: ClusterInfo) -> Steps[Groups]:
        found = Groups()
        table = self._tables.broker_addr_table
        ours = yield from _sent_names(list(table))
        for name in list(dict.fromkeys((*ours, *theirs.brokers))):
            own, their = table.get(ours.get(name, name)), theirs.brokers.get(name)
            here = None if own is None else _group(own)
            found.add(group_differs(name, here, their))
            if here is not None and their is not None:
                found.common.add(name)
            if their is not None:
                found.sum += group_sum(_text(their))
            yield _GROUP_UNITS + len(() if their is None else their.addresses)
        yield from self._memberships(theirs, found)
        return found

    def _memberships(self, theirs: ClusterInfo, found: Groups) -> Steps[None]:
        table = self._tables.cluster_addr_table
        ours = yield from _sent_names(list(table))
        for cluster in list(dict.fromkeys((*ours, *theirs.clusters))):
            groups = table.get(ours.get(cluster, cluster), ())
            own = yield from _sent_names([name for name in groups if name is not None])
            here = yield from _set_of(list(own))
            there = yield from _set_of(theirs.clusters.get(cluster, ()))
            for name in list(dict.fromkeys((*here, *there))):
                if name in found.common:
                    is_here, is_there = name in here, name in there
                    found.add(membership_differs(name, cluster, is_here, is_there))
                yield Cost.GROUP
            yield Cost.GROUP

    def _topics(self, theirs: Sequence[str]) -> Steps[tuple[list[str], list[str]]]:
        known = set[str]()
        table = yield from _sent_names(self.names())
        there: list[str] = []
        for some in batches(theirs, Cost.TOPIC):
            known.update(some)
            more = [name for name in some if name not in table]
            there += [name for name in more if len(name) <= LONGEST_TEXT]
            there = sorted(there)[: MOST_NAMES + 1]
            yield len(some) * Cost.TOPIC
        here: list[str] = []
        for ours in batches(list(table.items()), Cost.TOPIC):
            here += [name for sent, name in ours if sent not in known]
            yield len(ours) * Cost.TOPIC
        return here, there

    async def in_turns(self, steps: Steps[Result]) -> Result:
        """Have the server carry out steps, in line with its other work."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._inside.state.unfinished.begin(_ending(steps, done))
        self._inside.connections.go_on()
        return await done


def _ending(steps: Steps[Result], done: asyncio.Future[Result]) -> Steps[None]:
    """The same steps, whose result or exception a future gets. They end early with the
    round that waits for them, so that those of a slow peer do not add up."""
    while not done.done():
        try:
            units = next(steps)
        except StopIteration as stop:
            done.set_result(stop.value)
        except Exception as error:
            done.set_exception(error)
        else:
            yield units


def _sent(text: str) -> str:
    """A text as peers receive it: UTF-8 has no lone surrogates, and Java sends a
    question mark for each."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def can_be_sent(name: str) -> bool:
    """Whether a peer receives a name as it is, so that it can be asked for it."""
    return _sent(name) == name


def _sent_or_none(text: str | None) -> str | None:
    return None if text is None else _sent(text)


def _sent_names(names: Sequence[str]) -> Steps[dict[str, str]]:
    """Our names by the texts that peers receive."""
    found: dict[str, str] = {}
    for some in batches(names, Cost.TOPIC):
        found.update((_sent(name), name) for name in some)
        yield len(some) * Cost.TOPIC
    return found


def _sent_queues(queues: Queues) -> Queues:
    """The same queues, if all names of brokers are sent as they are."""
    if all(map(str.isascii, queues)):
        return queues
    return {
        _sent(name): replace(one, broker_name=_sent(name))
        for name, one in queues.items()
    }


def _set_of(names: Sequence[str]) -> Steps[set[str]]:
    found = set[str]()
    for some in batches(names, Cost.GROUP):
        found.update(some)
        yield len(some) * Cost.GROUP
    return found


def _group(data: OwnBrokerData) -> BrokerData:
    """A group of ours as a client reads it."""
    value = {
        "cluster": _sent_or_none(data.cluster),
        "brokerAddrs": {
            number: _sent(text) for number, text in data.broker_addrs.known()
        },
        "enableActingMaster": data.enable_acting_master,
        "zoneName": _sent_or_none(data.zone_name),
    }
    return BrokerData(value, data.broker_name)


def _text(group: BrokerData) -> str:
    """A group of a peer as the digest has it."""
    return write_broker_data(
        group.cluster,
        group.name,
        write_broker_addrs(group.addresses.items(), quoted=True),
        group.is_acting_master,
        group.zone or None,
    )


def words_of(queues: Queues, brokers: Collection[str]) -> dict[str, str]:
    """The queues on these brokers as people read them."""
    return {
        name: queue_words(
            one.perm, one.read_queue_nums, one.write_queue_nums, one.topic_sys_flag
        )
        for name, one in queues.items()
        if name in brokers
    }
