"""Evidence about a topic or a broker group: all that the causes are found from.

The server collects it from its tables, and the command line from the answers of a
server that explains nothing itself. A member that is None is unknown there; a cause
that needs it is not looked for. Times are dates in milliseconds, and `..._millis_ago`
are ages. This module imports little, because a command loads it.
"""

from __future__ import annotations

from typing import Any, Final

from namesrv.routing.history.explain.addresses import differs, flaw

Facts = dict[str, Any]
"""An event as `Record.facts` gives it."""

MOST_GROUPS: Final = 64
"""Broker groups of a topic that are examined."""
NEWEST_VERSION: Final = 479
"""Remoting version of a client of 5.3.3."""


class Client:
    """The client that asks: its remoting version, its zone, and the cluster in which
    it expects the name; empty for none."""

    __slots__ = ("cluster", "version", "zone")

    def __init__(
        self, version: int = NEWEST_VERSION, zone: str = "", cluster: str = ""
    ) -> None:
        self.version = version
        self.zone = zone
        self.cluster = cluster


class Broker:
    """One broker of a group: an id and an address, and its live registration.

    `is_live` is false for an address that nobody registers; the rest is then None.
    `clusters` are those in which it is live. `peer_host` is the host that it connects
    from, None without a connection. `check_address` finds the `flaw` of the address,
    and whether the broker connects from another one (`is_elsewhere`).
    """

    __slots__ = (
        *("_is_elsewhere", "_flaw", "address", "broker_id", "clusters"),
        *("heard_millis_ago", "is_confirmed", "is_live", "peer_host"),
        *("since_millis", "timeout_millis"),
    )

    def __init__(self, broker_id: int, address: str) -> None:
        self.broker_id = broker_id
        self.address = address
        self.clusters: list[str] | None = None
        self.is_live: bool | None = None
        self.is_confirmed: bool | None = None
        self.peer_host: str | None = None
        self.timeout_millis: int | None = None
        self.heard_millis_ago: int | None = None
        self.since_millis: int | None = None
        self._flaw: str | None = None
        self._is_elsewhere = False

    def check_address(self) -> None:
        """Compare the address with `peer_host` and with those that nobody reaches."""
        self._flaw = flaw(self.address)
        self._is_elsewhere = bool(
            not self._flaw and self.peer_host and differs(self.address, self.peer_host)
        )

    @property
    def flaw(self) -> str:
        """The reason for which other machines cannot reach it; empty for none."""
        if self._flaw is None:
            self.check_address()
        return self._flaw or ""

    @property
    def is_elsewhere(self) -> bool:
        """Whether it announces a good address, and connects from another one."""
        return not self.flaw and self._is_elsewhere


class Group:
    """A broker group and its queues of the topic; for a broker group alone `perm` and
    the queues are None.

    `clusters` are all that have its name. `is_wiped` means that none of its topics may
    be written to, None if that was not examined.
    """

    __slots__ = (
        *("brokers", "cluster", "clusters", "is_acting", "is_wiped", "name", "perm"),
        *("read_queues", "topics", "write_queues", "zone"),
    )

    def __init__(self, name: str, cluster: str) -> None:
        self.name = name
        self.cluster = cluster
        self.clusters: list[str] = [cluster]
        self.zone: str | None = None
        self.is_acting = False
        self.brokers: list[Broker] = []
        self.topics: int | None = None
        self.perm: int | None = None
        self.read_queues: int | None = None
        self.write_queues: int | None = None
        self.is_wiped: bool | None = None

    @property
    def has_master(self) -> bool:
        """Whether a broker of it has the master's id."""
        return any(not broker.broker_id for broker in self.brokers)


class Removal:
    """An entry of the name went, and has not come back: the newest event about it.

    `reason` is one of "expired", "lease", "disconnected", "unregistered", "replaced",
    "deleted", "dropped" and "leftover". `peer` asked for it, by `request_code`, or was
    the other end of the connection. `is_certain` is false if the event left names out.
    """

    __slots__ = (
        *("address", "broker", "cluster", "is_certain", "is_http", "millis_ago"),
        *("peer", "reason", "replaced_by", "request_code", "silent_millis"),
        "timeout_millis",
    )

    def __init__(self, reason: str, broker: str, millis_ago: int) -> None:
        self.reason = reason
        self.broker = broker
        self.millis_ago = millis_ago
        self.address: str | None = None
        self.cluster: str | None = None
        self.peer: str | None = None
        self.request_code: int | None = None
        self.is_http = False
        self.silent_millis: int | None = None
        self.timeout_millis: int | None = None
        self.replaced_by: str | None = None
        self.is_certain = True


class Wipe:
    """An operator took the write permission from a group, and it was not given back."""

    __slots__ = ("broker", "is_http", "millis_ago", "peer")

    def __init__(
        self, broker: str, peer: str | None, millis_ago: int, *, is_http: bool
    ) -> None:
        self.broker = broker
        self.peer = peer
        self.millis_ago = millis_ago
        self.is_http = is_http


class Past:
    """Events of this run that name the topic or the group.

    `is_whole` means that the history goes back to the start of the server, and
    `is_cut` that some events about many topics left names out. `was_here` is whether
    any event names it. `events` are the newest ones, `wipes` and `removals` those that
    nothing has undone. `moves` are changes of the address of a broker id, as (broker,
    id, old address, new address, age). `since` has the date at which a live broker was
    registered, by cluster and address.
    """

    __slots__ = (
        *("events", "is_cut", "is_whole", "moves", "removals", "since", "was_here"),
        "wipes",
    )

    def __init__(self) -> None:
        self.events: list[Facts] = []
        self.is_whole = True
        self.is_cut = False
        self.was_here = False
        self.removals: list[Removal] = []
        self.wipes: list[Wipe] = []
        self.moves: list[tuple[str, int, str, str, int]] = []
        self.since: dict[tuple[str, str], int] = {}


class Refused:
    """The last refused registration of a broker. `topic` is the only one that it had,
    if it was refused for that; `is_rejected` if a newer broker holds its id."""

    __slots__ = (
        *("address", "broker", "cluster", "count", "is_rejected", "millis_ago"),
        *("peer", "remark", "topic"),
    )

    def __init__(self, broker: str, address: str, remark: str, millis_ago: int) -> None:
        self.broker = broker
        self.address = address
        self.remark = remark
        self.millis_ago = millis_ago
        self.cluster = ""
        self.peer = ""
        self.count = 1
        self.topic: str | None = None
        self.is_rejected = False


class Server:
    """The server that was asked.

    `brokers` is the number of its live brokers, `unconfirmed` of those that it took
    over from the last run and has not heard from. `is_gated` means that it answers no
    lookups yet (needWaitForService), for another `gate_millis`, `is_testing` that it
    asks another cluster for topics that it does not have. `supports_acting` is its
    supportActingMaster, and `auto_creates` whether a broker announces TBW102.
    `at_peers` are addresses of peers that have the name, `differences` (address,
    sentence) of other entries of it there that have lasted, both None without an answer
    of a peer. `has_peers` is whether it compares itself with other servers, None if it
    does not show that. `orphan` is a sentence if brokers register at the peers only.
    `stall_millis_ago` is the age of the last time that its loop stood still while
    lookup lanes answered, if that was in the last minute.
    """

    __slots__ = (
        *("at_peers", "auto_creates", "brokers", "clusters", "differences"),
        *("gate_millis", "has_peers", "is_draining", "is_gated", "is_testing"),
        *("orphan", "stall_millis_ago", "started_millis_ago", "supports_acting"),
        "unconfirmed",
    )

    def __init__(self) -> None:
        self.brokers: int | None = None
        self.clusters: list[str] | None = None
        self.unconfirmed: int | None = None
        self.gate_millis: int | None = None
        self.is_draining: bool | None = None
        self.is_gated: bool | None = None
        self.is_testing: bool | None = None
        self.started_millis_ago: int | None = None
        self.stall_millis_ago: int | None = None
        self.supports_acting: bool | None = None
        self.auto_creates: bool | None = None
        self.has_peers: bool | None = None
        self.at_peers: list[str] | None = None
        self.differences: list[tuple[str, str]] | None = None
        self.orphan: str | None = None


class Names:
    """Existing names like the one that was asked for. `variants` differ in letter case,
    separators, namespace or a system prefix only; `near` in a few characters. `is_a`
    is "broker group" or "cluster" if the name is that of one."""

    __slots__ = ("is_a", "near", "variants")

    def __init__(self) -> None:
        self.variants: list[str] = []
        self.near: list[str] = []
        self.is_a = ""


class Evidence:
    """All evidence about a name. `kind` is "topic" or "broker"; the name of a broker
    may be an address. `left_out` counts groups that were not examined."""

    __slots__ = (
        *("client", "exists", "groups", "kind", "left_out", "name", "names", "past"),
        *("refused", "server"),
    )

    def __init__(self, kind: str, name: str, client: Client | None = None) -> None:
        self.kind = kind
        self.name = name
        self.client = client or Client()
        self.exists = False
        self.groups: list[Group] = []
        self.left_out = 0
        self.server = Server()
        self.names: Names | None = None
        self.past: Past | None = None
        self.refused: list[Refused] | None = None
