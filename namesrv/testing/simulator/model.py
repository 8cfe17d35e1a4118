"""A small, slow, sequential model of a NameServer.

Written from docs/protocol.md, sections 3.1 to 3.11; it shares no code with the tables.
It has no clock: the oracle decides when a broker is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from namesrv.testing.simulator.requests import (
    DeleteTopic,
    Queues,
    Register,
    RegisterTopic,
    SetWritable,
    Unregister,
    Version,
)

Key = tuple[str, str]
"""(cluster, address)."""
_TIMEOUT_MILLIS = 120_000
"""Of a broker that asks for no other."""
_WRITE = 2
_READ_WRITE = 6


@dataclass(slots=True)
class Group:
    """Brokers that share a name."""

    cluster: str
    addrs: dict[int, str] = field(default_factory=dict)
    acting: bool = False

    def copy(self) -> "Group":
        """One that goes its own way."""
        return Group(self.cluster, dict(self.addrs), self.acting)

    @property
    def lacks_master(self) -> bool:
        """Whether the group has brokers, and none of them is the master."""
        return bool(self.addrs) and 0 not in self.addrs


@dataclass(slots=True)
class Live:
    """A registered broker; `link` is the connection of its registration.

    It may be gone from `soonest_ms` on, and must be from `latest_ms` on; an end of its
    connection that is held counts from `closing_ms` on. `is_leased` is set until it is
    heard after a warm start, `is_orphan` once its group has gone without it.
    """

    name: str
    timeout_millis: int
    version: Version
    ha: str
    link: int | None
    heard_ms: int = 0
    soonest_ms: int = 0
    latest_ms: int = 0
    closing_ms: int | None = None
    is_leased: bool = False
    is_orphan: bool = False

    def belongs_to(self, name: str) -> bool:
        """Whether it is in the group of this name."""
        return self.name == name and not self.is_orphan

    @property
    def kept_facts(self) -> tuple[object, ...]:
        """Its part of a snapshot."""
        return self.name, self.timeout_millis, self.version, self.ha


class Refused(Exception):
    """The first registration of a broker must not be that of a single topic."""


class Model:
    """Clusters, groups, topics and live brokers.

    `changes` counts the changes that a snapshot has to include.
    """

    def __init__(self, *, delete_missing: bool) -> None:
        self._delete_missing = delete_missing
        self.clusters: dict[str, set[str]] = {}
        self.groups: dict[str, Group] = {}
        self.topics: dict[str, dict[str, Queues]] = {}
        self.lives: dict[Key, Live] = {}
        self.births: dict[str, int] = {}
        self.filters: dict[Key, tuple[str, ...]] = {}
        self.changes = 0

    def copy(self) -> "Model":
        """One that goes its own way."""
        twin = Model(delete_missing=self._delete_missing)
        twin.clusters = {c: set(names) for c, names in self.clusters.items()}
        twin.groups = {name: group.copy() for name, group in self.groups.items()}
        twin.topics = {topic: dict(by_name) for topic, by_name in self.topics.items()}
        twin.lives = {key: replace(live) for key, live in self.lives.items()}
        twin.births = dict(self.births)
        twin.filters = dict(self.filters)
        twin.changes = self.changes
        return twin

    def register(self, request: Register, link: int) -> dict[str, str]:
        """Section 3.3; the master's fields in the answer to a slave. Raises Refused."""
        who = request.broker
        key = who.cluster, who.addr
        self._join_cluster(who.cluster, who.name)
        is_first = who.name not in self.groups
        if is_first:
            self.groups[who.name] = Group(who.cluster)
            self.changes += 1
        group = self.groups[who.name]
        if group.acting is not (request.acting is True):
            group.acting = request.acting is True
            self.changes += 1
        for other in [i for i, a in group.addrs.items() if a == who.addr]:
            if other != who.id:
                del group.addrs[other]
                self.changes += 1
        old_addr = group.addrs.get(who.id)
        if old_addr not in (None, who.addr):
            holder = self.lives.get((who.cluster, old_addr or ""))
            if holder is not None and holder.version.state > request.version.state:
                rejected = self.lives.get(key)
                if rejected is not None and rejected.name == who.name:
                    self._drop_live(key)
                    self._put_filters(key, ())
                return {}
        if who.id not in group.addrs and len(request.topics) == 1:
            raise Refused
        if old_addr != who.addr:
            group.addrs[who.id] = who.addr
            self.changes += 1
            for gone in [k for k, v in self.lives.items() if k[1] == old_addr]:
                if self.lives[gone].belongs_to(who.name):
                    self._drop_live(gone)
                    self._put_filters(gone, ())
        self._store_topics(request, group, is_first or old_addr is None)
        self._put_live(request, key, link)
        if request.filters is not None:
            self._put_filters(key, request.filters)
        master = group.addrs.get(0)
        if who.id == 0 or master is None or (who.cluster, master) not in self.lives:
            return {}
        ha = self.lives[who.cluster, master].ha
        return {"haServerAddr": ha, "masterAddr": master}

    def unregister(self, request: Unregister, link: int) -> None:
        """Section 3.4; a registration of another connection under another cluster or
        name is not meant (section 9, point 3)."""
        who = request.broker
        key = who.cluster, who.addr
        live = self.lives.get(key)
        is_meant = live is not None and live.name == who.name
        others = self._others(key, who.name)
        if live is None or is_meant or live.link == link:
            self._drop_live(key)
            self._put_filters(key, ())
        if others and (is_meant or any(self.lives[k].link != link for k in others)):
            self._stay(key, who.name, others)
        else:
            self.remove(key, who.name)

    def remove(self, key: Key, name: str) -> None:
        """Remove an address from its group, with all that depends on it."""
        cluster, addr = key
        group = self.groups.get(name)
        if group is None:
            return
        for broker_id in [i for i, a in group.addrs.items() if a == addr]:
            del group.addrs[broker_id]
            self.changes += 1
        if not group.addrs:
            self.remove_group(name)
            self.leave_cluster(cluster, name)
        elif group.acting and group.lacks_master:
            self._change_perm(name, lambda perm: perm & ~_WRITE)

    def expire(self, key: Key) -> None:
        """Remove a live broker (sections 3.5 and 3.6). Its address stays if it is live
        in another cluster, too."""
        name, is_visible = self.lives[key].name, self.is_visible(key)
        others = self._others(key, name)
        self._drop_live(key)
        self._put_filters(key, ())
        if others and name in self.groups:
            self._stay(key, name, others)
        elif is_visible:
            self.remove(key, name)

    def is_visible(self, key: Key) -> bool:
        """Whether a live broker is the only reason for its address in its group."""
        name = self.lives[key].name
        group = self.groups.get(name)
        if group is None or self._others(key, name):
            return False
        return key[1] in group.addrs.values()

    def is_shown(self, key: Key) -> bool:
        """Whether a live broker's address is among those of its group."""
        group = self.groups.get(self.lives[key].name)
        return group is not None and key[1] in group.addrs.values()

    def _others(self, key: Key, name: str) -> list[Key]:
        """Other clusters with a live broker of this name at the address of `key`."""
        return sorted(
            other
            for other, live in self.lives.items()
            if other != key and other[1] == key[1] and live.belongs_to(name)
        )

    def _stay(self, key: Key, name: str, others: list[Key]) -> None:
        """Keep the address, and leave a cluster without live brokers."""
        cluster = key[0]
        lives = self.lives.items()
        if any(c == cluster and live.belongs_to(name) for (c, _), live in lives):
            return
        self.leave_cluster(cluster, name)
        group = self.groups[name]
        if group.cluster == cluster:
            group.cluster = others[0][0]
            self.changes += 1

    def remove_group(self, name: str) -> None:
        """Remove a group with its queues."""
        del self.groups[name]
        self.changes += 1
        for live in self.lives.values():
            live.is_orphan = live.is_orphan or live.name == name
        for topic in list(self.topics):
            self._drop_queues(topic, name)

    def leave_cluster(self, cluster: str, name: str) -> None:
        """Remove a cluster without names."""
        names = self.clusters.get(cluster, set())
        if name not in names:
            return
        names.remove(name)
        self.changes += 1
        if not names:
            del self.clusters[cluster]

    def delete_topic(self, request: DeleteTopic) -> None:
        """Section 3.10."""
        names = set(self.topics.get(request.topic, ()))
        if request.cluster is not None:
            names &= self.clusters.get(request.cluster, set())
        for name in names:
            self._drop_queues(request.topic, name)

    def register_topic(self, request: RegisterTopic) -> None:
        """Section 3.10: a topic that is new needs known brokers only; a known one gets
        the queues before the first unknown broker."""
        is_known = request.topic in self.topics
        if not is_known and any(n not in self.groups for n, _ in request.queues):
            return
        for name, queues in request.queues:
            if name not in self.groups:
                return
            self._put_queues(request.topic, name, queues)

    def set_writable(self, request: SetWritable) -> int:
        """Section 3.8; the number of topics of the broker."""
        if request.writable:
            return self._change_perm(request.broker_name, lambda perm: _READ_WRITE)
        return self._change_perm(request.broker_name, lambda perm: perm & ~_WRITE)

    def remove_leftover(self, name: str, what: str | int | None) -> None:
        """Remove leftovers."""
        if isinstance(what, str):
            self.leave_cluster(what, name)
            return
        group = self.groups.get(name)
        if group is None:
            return
        if what is not None and group.addrs.pop(what, None) is not None:
            self.changes += 1
        if not group.addrs:
            self.remove_group(name)

    def leftovers(self) -> set[tuple[str, str | int | None]]:
        """(group, id) of addresses that no broker registers, (group, None) of groups
        without addresses, (name, cluster) of names without a group."""
        found: set[tuple[str, str | int | None]] = set()
        lives = {
            (live.name, addr)
            for (_, addr), live in self.lives.items()
            if not live.is_orphan
        }
        for name, group in self.groups.items():
            found |= {
                (name, i) for i, a in group.addrs.items() if (name, a) not in lives
            }
            if not group.addrs:
                found.add((name, None))
        for cluster, names in self.clusters.items():
            found |= {(name, cluster) for name in names if name not in self.groups}
        return found

    def _join_cluster(self, cluster: str, name: str) -> None:
        names = self.clusters.setdefault(cluster, set())
        if name not in names:
            names.add(name)
            self.changes += 1

    def _store_topics(self, request: Register, group: Group, is_first: bool) -> None:
        who = request.broker
        is_master = who.id == 0
        is_prime = not is_master and request.acting is not None
        is_prime = is_prime and who.id == min(group.addrs)
        if not is_master and not is_prime:
            return
        if self._delete_missing:
            for topic in [t for t in self.topics if t not in request.topics]:
                self._drop_queues(topic, who.name)
        live = self.lives.get((who.cluster, who.addr))
        is_changed = live is None or live.version != request.version
        for topic, queues in request.topics.items():
            if is_first or is_changed or who.name not in self.topics.get(topic, ()):
                if is_prime and group.acting:
                    queues = queues._replace(perm=queues.perm & ~_WRITE)
                self._put_queues(topic, who.name, queues)

    def _put_live(self, request: Register, key: Key, link: int) -> None:
        who = request.broker
        live = Live(
            who.name,
            who.timeout_millis or _TIMEOUT_MILLIS,
            request.version,
            who.ha_addr,
            link,
        )
        old = self.lives.get(key)
        if old is None or old.is_leased or old.kept_facts != live.kept_facts:
            self.changes += 1
        self.lives[key] = live

    def _put_filters(self, key: Key, filters: tuple[str, ...]) -> None:
        if self.filters.get(key, ()) != filters:
            self.changes += 1
        self.filters.pop(key, None)
        if filters:
            self.filters[key] = filters

    def confirm(self, live: Live) -> None:
        """A broker of the last run was heard."""
        if live.is_leased:
            live.is_leased = False
            self.changes += 1

    def _drop_live(self, key: Key) -> None:
        live = self.lives.pop(key, None)
        # The file has brokers with their groups, and an orphan's group is gone.
        if live is not None and not live.is_orphan:
            self.changes += 1

    def _put_queues(self, topic: str, name: str, queues: Queues) -> None:
        if topic not in self.topics:
            self.topics[topic] = {}
            self.births[topic] = self.births.get(topic, 0) + 1
        if self.topics[topic].get(name) != queues:
            self.topics[topic][name] = queues
            self.changes += 1

    def _drop_queues(self, topic: str, name: str) -> None:
        if self.topics[topic].pop(name, None) is not None:
            self.changes += 1
        if not self.topics[topic]:
            del self.topics[topic]

    def _change_perm(self, name: str, change: Callable[[int], int]) -> int:
        topics = [topic for topic, by_name in self.topics.items() if name in by_name]
        for topic in topics:
            queues = self.topics[topic][name]
            self._put_queues(topic, name, queues._replace(perm=change(queues.perm)))
        return len(topics)
