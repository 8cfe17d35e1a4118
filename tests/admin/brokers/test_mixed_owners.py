"""Brokers over HTTP and over connections, mixed in any history: P1 to P4 hold.

A model without tables follows each request; it shares no code with the server.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from namesrv._impl import BrokerLiveInfo, Connection
from namesrv.admin.brokers import endpoints, registrations
from namesrv.admin.brokers.heartbeats import Heartbeats
from namesrv.routing.access.request import Request
from namesrv.routing.requests import processor
from namesrv.routing.state import RoutingState
from namesrv.routing.tables import route_tables
from namesrv.testing.peer import Broker, data_version, registration_body, topic_table
from tests.admin.brokers.asking import HttpPeer
from tests.routing.restart import restarted
from tests.routing.world import World

TIMEOUTS = (10_000, 20_000, 40_000)
LEASE_MILLIS = 15_000
SCAN_MILLIS = 5_000
TICK_MILLIS = 500
TOPICS = ("T1", "T2")


class Identity(NamedTuple):
    """An address belongs to one group; its id may be another one each time."""

    name: str
    id: int
    addr: str

    @property
    def path(self) -> str:
        return f"/v1/clusters/c1/brokers/{self.name}/{self.id}"


@dataclass
class Live:
    """A broker that must be live. `owner` is the number of its connection, None over
    HTTP; `registration` is the last one over HTTP."""

    name: str
    id: int
    owner: int | None
    timeout_millis: int
    heard_ms: int
    registration: str | None
    is_restored: bool = False
    is_leased: bool = False


identities = st.sampled_from(
    [Identity("h", 0, "a:1"), Identity("h", 0, "b:1"), Identity("h", 1, "a:1")]
)
connections = st.sampled_from([0, 1])
queues = st.integers(1, 3)


class Mixture(RuleBasedStateMachine):
    """A server, and the model of its brokers."""

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[str, Live] = {}
        self.queues: dict[str, int] = {}
        self.lost: list[set[str]] = [set(), set()]
        self.given: list[tuple[Identity, str]] = []
        self.versions = self.runs = 0
        self.begin(World())

    def begin(self, world: World) -> None:
        self.runs += 1
        self.world = world
        world.state.run = f"{self.runs:x}"
        self.http = HttpPeer(world)
        self.heartbeats = Heartbeats(world.tables)
        self.links = [world.connect(f"10.0.0.{n}:1") for n in (1, 2)]

    # --- requests ---------------------------------------------------------------------

    @rule(who=identities, count=queues, timeout_millis=st.sampled_from(TIMEOUTS))
    def put(self, who: Identity, count: int, timeout_millis: int) -> None:
        topics = [{"topic": name, "read_queue_nums": count} for name in TOPICS]
        registration = self.http.register(
            who.path,
            broker_addr=who.addr,
            topics=topics,
            heartbeat_timeout_millis=timeout_millis,
        )
        self.registered(who, None, timeout_millis, registration)
        self.stored(who, count)
        self.given.append((who, registration))

    @rule(
        who=identities,
        link=connections,
        count=queues,
        timeout_millis=st.sampled_from(TIMEOUTS),
    )
    def register(
        self, who: Identity, link: int, count: int, timeout_millis: int
    ) -> None:
        self.versions += 1
        broker = Broker(who.name, who.id, who.addr, "c1", timeout_millis)
        body = registration_body(
            topic_table(*TOPICS, queues=count), version=data_version(self.versions)
        )
        answer = self.world.register(broker, body, connection=self.links[link])
        assert answer.code == 0
        self.registered(who, link, timeout_millis, None)
        self.stored(who, count)

    @rule(who=identities, is_target_known=st.booleans())
    def beat(self, who: Identity, is_target_known: bool) -> None:
        live = self.meant(who)
        if is_target_known:
            target = f"{who.path}/heartbeat?broker_addr={who.addr}"
            is_live = self.heartbeats.beat(target, self.world.now_ms)
        else:
            is_live = self.http.beat(who.path, who.addr) == 204
        is_heard = live is not None and live.owner is None
        assert is_live == is_heard
        if live is not None and is_heard:
            self.heard(live)

    @rule(who=identities, link=connections)
    def beat_on_a_connection(self, who: Identity, link: int) -> None:
        ext_fields = Broker(who.name, who.id, who.addr).ext_fields
        self.world.ask(904, ext_fields, connection=self.links[link])
        if who.addr in self.live:
            self.heard(self.live[who.addr])

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.delete_as(*data.draw(st.sampled_from(self.given)))

    def delete_as(self, who: Identity, registration: str) -> None:
        live = self.meant(who)
        said = self.http.delete(registration, who.path, who.addr)
        if live is None:
            assert said.status == 404
        elif self.is_last(live, registration):
            assert said.status == 204
            self.remove(who.addr)
        else:
            assert said.status == 409

    @rule(who=identities, link=connections)
    def unregister(self, who: Identity, link: int) -> None:
        ext_fields = Broker(who.name, who.id, who.addr).ext_fields
        self.world.ask(104, ext_fields, connection=self.links[link])
        live = self.live.get(who.addr)
        if live is None or live.owner == link or who.addr not in self.lost[link]:
            self.remove(who.addr)
            self.lost[link].discard(who.addr)

    # --- the rest of the world --------------------------------------------------------

    @rule(link=connections)
    def a_connection_ends(self, link: int) -> None:
        self.world.close(self.links[link])
        self.links[link] = self.world.connect(f"10.0.0.{link + 1}:1")
        for addr in [a for a, live in self.live.items() if live.owner == link]:
            self.remove(addr)
        self.lost[link] = set()

    @rule()
    def the_http_connection_ends(self) -> None:
        self.world.close(self.http.connection)
        self.http = HttpPeer(self.world)

    @rule(millis=st.sampled_from([TICK_MILLIS, 4_000, 9_500, 21_000]))
    def time_passes(self, millis: int) -> None:
        self.world.run(millis)
        now_ms = self.world.now_ms
        for addr, live in list(self.live.items()):
            silent_millis = now_ms - live.heard_ms
            is_live = ("c1", addr) in self.world.live_keys
            if silent_millis <= live.timeout_millis:
                assert is_live, f"P3: {addr} is gone"
            if silent_millis > live.timeout_millis + SCAN_MILLIS + TICK_MILLIS:
                assert not is_live, f"P4: {addr} is still there"
            if not is_live:
                self.remove(addr)

    @rule()
    def restart(self) -> None:
        now_ms = self.world.now_ms
        self.begin(restarted(self.world, LEASE_MILLIS))
        assert self.world.now_ms == now_ms
        for live in self.live.values():
            rest_millis = live.heard_ms + live.timeout_millis - now_ms
            left_millis = min(
                LEASE_MILLIS, rest_millis if live.is_leased else LEASE_MILLIS
            )
            live.heard_ms = now_ms + left_millis - live.timeout_millis
            live.is_restored = live.is_leased = True
            live.owner = None
        self.lost = [set(), set()]

    # --- the model --------------------------------------------------------------------

    def registered(
        self,
        who: Identity,
        owner: int | None,
        timeout_millis: int,
        registration: str | None,
    ) -> None:
        for addr, live in list(self.live.items()):
            if (live.name, live.id) == (who.name, who.id) and addr != who.addr:
                self.remove(addr)
        former = self.live.get(who.addr)
        if former is not None and former.owner not in (None, owner):
            self.lost[former.owner or 0].add(who.addr)
        now_ms = self.world.now_ms
        self.live[who.addr] = Live(
            who.name, who.id, owner, timeout_millis, now_ms, registration
        )

    def remove(self, addr: str) -> None:
        live = self.live.pop(addr, None)
        if live is None:
            return
        if live.owner is not None:
            self.lost[live.owner].add(addr)
        if all(other.name != live.name for other in self.live.values()):
            self.queues.pop(live.name, None)

    def heard(self, live: Live) -> None:
        live.heard_ms = self.world.now_ms
        live.is_leased = False

    def meant(self, who: Identity) -> Live | None:
        live = self.live.get(who.addr)
        return live if live is not None and live.id == who.id else None

    def is_last(self, live: Live, registration: str) -> bool:
        is_of_earlier_run = not registration.startswith(f"{self.runs:x}-")
        return registration == live.registration or (
            live.is_restored and is_of_earlier_run
        )

    def stored(self, who: Identity, count: int) -> None:
        """The topics of a group are those of its lowest id."""
        ids = [live.id for live in self.live.values() if live.name == who.name]
        if who.id == min(ids):
            self.queues[who.name] = count

    # --- promises ---------------------------------------------------------------------

    @invariant()
    def the_live_are_live(self) -> None:
        """P1: no older event removed one. P3, P4: silence did in time."""
        assert self.world.live_keys == {("c1", addr) for addr in self.live}
        shown = {
            addr: (name, broker_id)
            for name, addrs in self.world.addrs.items()
            for broker_id, addr in addrs.items()
        }
        assert shown == {a: (live.name, live.id) for a, live in self.live.items()}

    @invariant()
    def each_connection_carries_its_own(self) -> None:
        for link, connection in enumerate(self.links):
            own = {("c1", a) for a, live in self.live.items() if live.owner == link}
            assert connection.registered == own
        assert self.http.connection.registered == set()

    @invariant()
    def no_route_mixes_two_registrations(self) -> None:
        """P2: all topics of a group have the queues of its last registration."""
        for topic in TOPICS:
            route = self.world.route(topic) or {"queueDatas": []}
            counts = {q["brokerName"]: q["readQueueNums"] for q in route["queueDatas"]}
            assert counts == self.queues


def test_promises_hold_for_brokers_with_and_without_connections() -> None:
    run_state_machine_as_test(
        Mixture,
        settings=settings(max_examples=settings().max_examples, stateful_step_count=30),
    )


# --- seeded faults --------------------------------------------------------------------


def forget_no_target(patch: pytest.MonkeyPatch) -> None:
    """Known targets are never compared with the live table."""
    patch.setattr(
        Heartbeats, "beat", lambda self, target, now_ms: target in self._known
    )
    patch.setattr(Heartbeats, "knows", lambda self, target: target in self._known)


def own_by_connection(patch: pytest.MonkeyPatch) -> None:
    """The connection of a request over HTTP carries the broker."""

    def owned(*about: Any, **more: Any) -> Request:
        request = Request(*about, **more)
        request.owner = request.connection
        return request

    patch.setattr(processor, "Request", owned)


def keep_former_owner(patch: pytest.MonkeyPatch) -> None:
    """A connection carries a broker that registered over HTTP since."""

    def change_owner(info: BrokerLiveInfo, former: object) -> None:
        if isinstance(info.owner, Connection):
            info.owner.brokers.add(info.key)

    patch.setattr(route_tables, "change_owner", change_owner)


def believe_each_registration(patch: pytest.MonkeyPatch) -> None:
    """A late DELETE removes a broker that registered again."""
    patch.setattr(endpoints, "is_last", lambda *about: True)


def believe_earlier_runs(patch: pytest.MonkeyPatch) -> None:
    """A DELETE of an earlier run removes a broker that registered in this one."""

    def is_last(state: RoutingState, info: BrokerLiveInfo, registration: str) -> bool:
        is_of_this_run = registration.startswith(f"{state.run}-")
        return not is_of_this_run or registrations.is_last(state, info, registration)

    patch.setattr(endpoints, "is_last", is_last)


MASTER = Identity("h", 0, "a:1")
SILENCE_MILLIS = 70_000


def silence(machine: Mixture) -> None:
    machine.put(MASTER, 1, TIMEOUTS[0])
    machine.beat(MASTER, is_target_known=True)
    machine.time_passes(SILENCE_MILLIS)
    machine.beat(MASTER, is_target_known=True)


def end_of_http(machine: Mixture) -> None:
    machine.put(MASTER, 1, TIMEOUTS[0])
    machine.the_http_connection_ends()


def change_to_http(machine: Mixture) -> None:
    machine.register(MASTER, 0, 1, TIMEOUTS[0])
    machine.put(MASTER, 1, TIMEOUTS[0])


def late_removal(machine: Mixture) -> None:
    machine.put(MASTER, 1, TIMEOUTS[0])
    machine.put(MASTER, 2, TIMEOUTS[0])
    machine.delete_as(*machine.given[0])


def late_removal_of_an_earlier_run(machine: Mixture) -> None:
    machine.put(MASTER, 1, TIMEOUTS[0])
    machine.restart()
    machine.put(MASTER, 2, TIMEOUTS[0])
    machine.delete_as(*machine.given[0])


def play(history: Callable[[Mixture], None]) -> None:
    """Play a history, and check its promises at the end."""
    machine = Mixture()
    history(machine)
    machine.the_live_are_live()
    machine.each_connection_carries_its_own()
    machine.no_route_mixes_two_registrations()


@pytest.mark.parametrize(
    ("fault", "history"),
    [
        (forget_no_target, silence),
        (own_by_connection, end_of_http),
        (keep_former_owner, change_to_http),
        (believe_each_registration, late_removal),
        (believe_earlier_runs, late_removal_of_an_earlier_run),
    ],
)
def test_seeded_fault_is_found(
    fault: Callable[[pytest.MonkeyPatch], None],
    history: Callable[[Mixture], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play(history)
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        play(history)
