"""The differences of two NameServers: broker groups, topics, keys and options.

Each difference names the thing and its value at either server. Nothing here asks one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from namesrv.client.bodies import BrokerData, QueueData
from namesrv.codes import PERM_READ, PERM_WRITE

Value = TypeVar("Value")

NONE: Final = "none"
"""The value at a server that does not have the thing."""
BROKER: Final = "broker"
TOPIC: Final = "topic"
ADDRESS: Final = "address"
CLUSTER: Final = "cluster"
ZONE: Final = "zone"
ACTING: Final = "acting master"
QUEUES: Final = "queues"
MEMBERSHIP: Final = "cluster list"
KEY: Final = "key"
OPTION: Final = "option"
_MOST_ADDRESSES: Final = 5


class Difference(NamedTuple):
    """One difference of two servers; `first` and `second` are the values there, NONE
    where it is missing. `name` is that of the broker, topic, namespace or option, and
    `part` the id, the broker or the key to which it belongs."""

    kind: str
    name: str
    part: str
    first: str
    second: str

    @property
    def thing(self) -> str:
        """The thing in words: `queues of topic orders on broker-a`."""
        return _THINGS[self.kind](self.name, self.part)

    @property
    def cells(self) -> tuple[str, str]:
        """The values of both servers as a table has them."""
        if self.kind not in _IT:
            return self.first, self.second
        return _cell(self.first), _cell(self.second)

    def sentence(self, first: str, second: str) -> str:
        """The difference, with the names of both servers."""
        return f"{self.thing}: {first} has {self.first}, {second} has {self.second}"


_THINGS: Final[Mapping[str, Callable[[str, str], str]]] = {
    BROKER: lambda name, part: f"broker {name}",
    TOPIC: lambda name, part: f"topic {name}",
    ADDRESS: lambda name, part: f"address of broker {name} with id {part}",
    CLUSTER: lambda name, part: f"cluster of broker {name}",
    ZONE: lambda name, part: f"zone of broker {name}",
    ACTING: lambda name, part: f"acting master of broker {name}",
    QUEUES: lambda name, part: f"queues of topic {name} on {part}",
    MEMBERSHIP: lambda name, part: f"broker {name} in the list of cluster {part}",
    KEY: lambda name, part: f"key {part} of namespace {name}",
    OPTION: lambda name, part: f"option {name}",
}
_IT: Final = frozenset((BROKER, TOPIC, MEMBERSHIP))
"""Kinds whose values begin with "it", for a sentence."""


def groups_differ(
    first: Mapping[str, BrokerData], second: Mapping[str, BrokerData]
) -> Iterator[Difference]:
    """Differences of broker groups, in order of their names."""
    for name in sorted(first.keys() | second.keys()):
        yield from group_differs(name, first.get(name), second.get(name))


def group_differs(
    name: str, first: BrokerData | None, second: BrokerData | None
) -> Iterator[Difference]:
    """Differences of one group. One that is missing is a single difference."""
    if first is None or second is None:
        if first is not second:
            yield Difference(BROKER, name, "", _group(first), _group(second))
        return
    for kind, one, other in (
        (CLUSTER, first.cluster, second.cluster),
        (ZONE, first.zone, second.zone),
        (ACTING, _allowed(first), _allowed(second)),
    ):
        if one != other:
            yield Difference(kind, name, "", one or NONE, other or NONE)
    for number in sorted(first.addresses.keys() | second.addresses.keys()):
        here = first.addresses.get(number, NONE)
        there = second.addresses.get(number, NONE)
        if here != there:
            yield Difference(ADDRESS, name, str(number), here, there)


def memberships_differ(
    first: Mapping[str, Collection[str]],
    second: Mapping[str, Collection[str]],
    common: Collection[str],
) -> Iterator[Difference]:
    """Differences of the lists of clusters, for the groups that both servers have."""
    counted = set(common)
    for cluster in sorted(first.keys() | second.keys()):
        here, there = set(first.get(cluster, ())), set(second.get(cluster, ()))
        for name in sorted((here ^ there) & counted):
            yield from membership_differs(name, cluster, name in here, name in there)


def membership_differs(
    name: str, cluster: str, is_here: bool, is_there: bool
) -> Iterator[Difference]:
    """The difference of one group in the list of one cluster."""
    if is_here != is_there:
        texts = ("it", NONE) if is_here else (NONE, "it")
        yield Difference(MEMBERSHIP, name, cluster, *texts)


def topic_differs(
    topic: str,
    first: Mapping[str, str] | None,
    second: Mapping[str, str] | None,
    common: Collection[str],
) -> Iterator[Difference]:
    """Differences of one topic: queues by broker as `queues_text` has them, None where
    the topic is missing.

    Only brokers in `common`, which both servers have, count: that a whole broker is
    missing is one difference, and not one for each of its topics.
    """
    here = {} if first is None else _of(first, common)
    there = {} if second is None else _of(second, common)
    if not here and not there:
        return
    if first is None or second is None or not here or not there:
        yield Difference(TOPIC, topic, "", _topic(here), _topic(there))
        return
    for broker in sorted(here.keys() | there.keys()):
        one, other = here.get(broker, NONE), there.get(broker, NONE)
        if one != other:
            yield Difference(QUEUES, topic, broker, one, other)


def values_differ(
    kind: str,
    first: Mapping[str, str],
    second: Mapping[str, str],
    namespace: str | None = None,
) -> Iterator[Difference]:
    """Differences of two tables of texts: options, or the keys of a namespace."""
    for name in sorted(first.keys() | second.keys()):
        here, there = _value(first, name), _value(second, name)
        if here == there:
            continue
        if namespace is None:
            yield Difference(kind, name, "", here, there)
        else:
            yield Difference(kind, namespace, name, here, there)


def queues_text(queues: QueueData) -> str:
    """The queues of a topic on a broker as people read them."""
    return queue_words(
        queues.perm, queues.read_queues, queues.write_queues, queues.system_flag
    )


def queue_words(perm: int, read: int, write: int, flag: int) -> str:
    """The same, from numbers. Different numbers give different texts."""
    rights = ("r" if perm & PERM_READ else "-") + ("w" if perm & PERM_WRITE else "-")
    more = "" if not perm & ~(PERM_READ | PERM_WRITE) else f" (perm {perm})"
    system = f", system flag {flag}" if flag else ""
    return f"{rights}{more} {read} read {write} write{system}"


def queues_of(queues: Iterable[QueueData]) -> dict[str, str]:
    """The queues of a route by broker."""
    return {one.broker_name: queues_text(one) for one in queues}


def _of(queues: Mapping[str, str], common: Collection[str]) -> dict[str, str]:
    return {name: text for name, text in queues.items() if name in common}


def _group(group: BrokerData | None) -> str:
    if group is None:
        return NONE
    shown = [*group.addresses.values()][:_MOST_ADDRESSES]
    left_out = len(group.addresses) - len(shown)
    more = f" and {left_out} more" if left_out else ""
    return f"it at {', '.join(shown)}{more}" if shown else "it without address"


def _topic(queues: Mapping[str, str]) -> str:
    return f"it on {', '.join(sorted(queues))}" if queues else NONE


def _cell(value: str) -> str:
    """`it at 10.0.0.1:10911` without the words that only a sentence needs."""
    if value == "it":
        return "listed"
    return value.removeprefix("it ").removeprefix("at ")


def _allowed(group: BrokerData) -> str:
    return "allowed" if group.is_acting_master else "not allowed"


def _value(values: Mapping[str, str], name: str) -> str:
    return repr(values[name]) if name in values else NONE
