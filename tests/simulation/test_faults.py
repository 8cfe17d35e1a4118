"""The simulator finds what it is for: each test breaks one piece of the server."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from namesrv.carried_brokers import CarriedBrokers
from namesrv.hot_path import HotCode
from namesrv.routing.brokers import liveness, unregistration
from namesrv.routing.brokers.leases import Leases
from namesrv.routing.brokers.liveness import Liveness
from namesrv.routing.brokers.registration import Registration
from namesrv.routing.brokers.stalls import Stalls
from namesrv.routing.events import Cause, CauseKind, Event, EventStream, TopicRemoved
from namesrv.routing.requests import brokers as broker_requests
from namesrv.routing.state import RoutingState
from namesrv.routing.tables.answer_marks import AnswerMarks
from namesrv.routing.tables.queue_sets import Stored
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.routing.warm_start import draft as kept_routes
from namesrv.routing.warm_start import pack as snapshot
from namesrv.testing.simulator.clock import VirtualClock
from namesrv.testing.simulator.history import History, draw_history
from namesrv.testing.simulator.run import breach_of, find
from namesrv.work import Steps, finish

Patch = pytest.MonkeyPatch
Break = Callable[[Patch], None]


MOST_HISTORIES = 300
"""Each fault is found within so many."""


@pytest.fixture
def patch(monkeypatch: Patch) -> Patch:
    return monkeypatch


def late_end_removes(patch: Patch) -> None:
    """apache/rocketmq#11043: an end, however late, removes who registered since."""

    def remove(self: Any, connection: Any, now_ms: int) -> Steps[None]:
        for key in sorted(connection.registered):
            info = self._tables.broker_live_table.get(*key)
            if info is not None:
                cause = Cause(CauseKind.CONNECTION)
                yield from unregistration.unregister_live_broker(
                    self._parts, cause, info, now_ms
                )

    patch.setattr(CarriedBrokers, "lose", lambda *arguments: None)
    patch.setattr(Liveness, "_remove_brokers_of", remove)


def date_is_the_time(patch: Patch) -> None:
    """apache/rocketmq#9455: deadlines follow the date, which people set."""
    patch.setattr(VirtualClock, "monotonic_millis", VirtualClock.wall_millis)


def delta_is_full(patch: Patch) -> None:
    """apache/rocketmq#9411: a broker's first registration may be a single topic."""
    patch.setattr(Registration, "_may_join", lambda *arguments: True)


def late_unregistration_removes(patch: Patch) -> None:
    """As Java's: last words that arrive late count."""
    patch.setattr(unregistration, "is_superseded", lambda *arguments: False)


def stall_is_death(patch: Patch) -> None:
    """As rocketmq-rust's: to the first timer after a stall everybody is silent."""
    patch.setattr(Stalls, "notice", lambda self, cpu_ms, now_ms: None)
    patch.setattr(Stalls, "tick", lambda self, cpu_ms, now_ms: now_ms)


def closes_are_not_held(patch: Patch) -> None:
    """After a stall, ends count at once, before it was read who came back."""

    def destroy(self: Any, connection: Any, cpu_ms: int, now_ms: int) -> None:
        self._notice_stall(cpu_ms, now_ms)
        self._unfinished.begin(self._remove_brokers_of(connection, now_ms))

    patch.setattr(Liveness, "on_channel_destroy", destroy)


def lease_is_forgotten(patch: Patch) -> None:
    """After a warm start a broker's own timeout counts at once."""
    patch.setattr(Leases, "grant", lambda *arguments: None)


def lease_is_renewed(patch: Patch) -> None:
    """Every start gives a whole new lease to everybody."""
    patch.setattr(Leases, "left_millis", lambda *arguments: {})


def confirmation_is_not_kept(patch: Patch) -> None:
    """A broker heard of since the last start is taken for one that was not."""
    patch.setattr(Leases, "drop_confirmed", lambda *arguments: None)


def work_is_suspension(patch: Patch) -> None:
    """A pause that our own work made counts as one that the machine made."""
    notice = Stalls.notice
    patch.setattr(Stalls, "notice", lambda self, cpu_ms, now: notice(self, 0, now))


def work_is_no_pause(patch: Patch) -> None:
    """After a pause that our own work made, nothing waits for what was not read."""
    judged = Stalls.tick
    hold = Stalls._hold

    def without_hold(self: Any, length: int, own_millis: int, now_ms: int) -> Any:
        stall = hold(self, length, own_millis, now_ms)
        self._holds.clear()
        return stall

    def tick(self: Any, cpu_ms: int, now_ms: int) -> int:
        judged(self, cpu_ms, now_ms)
        return now_ms

    patch.setattr(Stalls, "_hold", without_hold)
    patch.setattr(Stalls, "tick", tick)


def only_answered_is_heard(patch: Patch) -> None:
    """A request that was read and waits in line is no sign of life yet."""
    refresh = RoutingState.refresh_hot_path

    def without_heartbeats(self: Any, now_ms: int) -> None:
        refresh(self, now_ms)
        self.hot.hot_codes &= ~int(HotCode.HEARTBEAT)

    def is_expired(info: Any, judged_ms: int) -> bool:
        silent_millis = judged_ms - info.last_update_timestamp
        return bool(silent_millis > info.heartbeat_timeout_millis)

    patch.setattr(RoutingState, "refresh_hot_path", without_heartbeats)
    patch.setattr(liveness, "_is_expired", is_expired)


def old_cluster_takes_the_address_along(patch: Patch) -> None:
    """An old registration removes by name and address alone."""

    def leave(*arguments: Any) -> Steps[bool]:
        yield from ()
        return False

    patch.setattr(unregistration._Removal, "_leave_to_others", leave)


def any_name_unregisters(patch: Patch) -> None:
    """An unregister takes the live entry of its address, whoever registered there."""
    carry_out = unregistration.unregister_broker

    def unregister(parts: Any, request: Any, header: Any) -> Steps[None]:
        cluster, addr = header.cluster_name, header.broker_addr
        yield from parts.tables.remove_live(cluster, addr, lambda info: None)
        yield from carry_out(parts, request, header)

    patch.setattr(unregistration, "unregister_broker", unregister)


def filter_servers_outlive_their_broker(patch: Patch) -> None:
    """The filter servers of a broker stay when it goes."""
    store = RouteTables.set_filter_servers

    def set_filter_servers(self: Any, key: Any, servers: Any) -> Steps[bool]:
        if servers is None:
            return False
        return (yield from store(self, key, servers))

    patch.setattr(RouteTables, "set_filter_servers", set_filter_servers)


def old_cluster_is_never_left(patch: Patch) -> None:
    """A group stays in the cluster that all of its brokers have left."""
    leave = RouteTables.leave_cluster

    def leave_cluster(self: Any, cluster: str, broker_name: Any) -> bool:
        data = self.broker_addr_table.get(broker_name)
        if data is None or not data.broker_addrs:
            return leave(self, cluster, broker_name)
        return False

    patch.setattr(RouteTables, "leave_cluster", leave_cluster)


def half_is_shown(patch: Patch) -> None:
    """A change of a group does not reach the answers that were ready."""
    change = RouteTables.group_changed

    def group_changed(self: Any, data: Any) -> Steps[None]:
        with patch.context() as context:
            context.setattr(AnswerMarks, "mark", lambda *arguments: None)
            finish(change(self, data))
        yield from ()

    patch.setattr(RouteTables, "group_changed", group_changed)


def repetition_is_believed(patch: Patch) -> None:
    """A registration like the last one is passed over, whatever came in between."""
    patch.setattr(RouteTables, "forget_digests", lambda *arguments: None)


def live_connection_is_closed(patch: Patch) -> None:
    """An expiry closes a connection that carries another broker."""
    patch.setattr(Liveness, "_carries_live_broker", lambda *arguments: False)


def dead_never_leave(patch: Patch) -> None:
    """No scan."""
    patch.setattr(Liveness, "_scan_not_active_broker", lambda *arguments: None)


def change_is_not_kept(patch: Patch) -> None:
    """A snapshot does not hear of some changes."""
    patch.setattr(RouteTables, "_note_change", lambda *arguments: None)


def owner_is_forgotten(patch: Patch) -> None:
    """A repeated registration on a new connection leaves the old one responsible."""
    carry_out = Registration._refresh

    def refresh(self: Any, data: Any) -> Any:
        old = self._live()
        info = carry_out(self, data)
        if info is not None and old is not None and old.owner is not None:
            info.owner = old.owner
        return info

    patch.setattr(Registration, "_refresh", refresh)


def half_is_stored(patch: Patch) -> None:
    """Of a registration only the first topics arrive."""
    store = RouteTables.store_queues

    def store_queues(
        self: Any, data: Any, topics: Any, queue_datas: Any, changes: Any
    ) -> Stored:
        half = len(topics) // 2 + 1
        stored = store(self, data, topics[:half], queue_datas[:half], changes)
        return stored._replace(done=len(topics))

    patch.setattr(RouteTables, "store_queues", store_queues)


def group_is_kept_without_its_brokers(patch: Patch) -> None:
    """A snapshot's group has no live entries, and nobody is told from anybody."""
    pack = snapshot.pack_group

    def pack_group(tables: Any, data: Any) -> Steps[bytes]:
        keys, data.live_keys = data.live_keys, set()
        try:
            return (yield from pack(tables, data))
        finally:
            data.live_keys = keys

    patch.setattr(kept_routes, "pack_group", pack_group)


def deletion_is_not_reported(patch: Patch) -> None:
    """A deleted topic puts no event."""
    put = EventStream.put

    def put_others(self: EventStream, event: Event) -> None:
        if not isinstance(event, TopicRemoved):
            put(self, event)

    patch.setattr(EventStream, "put", put_others)


def new_owner_is_not_reported(patch: Patch) -> None:
    """A repeated registration over another connection puts no event."""
    patch.setattr(broker_requests, "put_new_owner", lambda *arguments: None)


BREAKS: dict[Break, tuple[str, int]] = {
    late_end_removes: ("is absent", 5),
    date_is_the_time: ("at .* is present", 5),
    delta_is_full: ("code 1", 2),
    late_unregistration_removes: ("is absent", 5),
    stall_is_death: ("is absent", 5),
    closes_are_not_held: ("is absent", 6),
    lease_is_forgotten: ("is absent", 5),
    lease_is_renewed: ("is present", 6),
    confirmation_is_not_kept: ("P3", 6),
    work_is_suspension: ("is present", 6),
    work_is_no_pause: ("is absent", 6),
    only_answered_is_heard: ("is absent", 6),
    old_cluster_takes_the_address_along: ("is absent", 6),
    any_name_unregisters: ("P3|answer", 6),
    filter_servers_outlive_their_broker: ("P2", 6),
    old_cluster_is_never_left: ("leftovers", 6),
    half_is_shown: ("P2", 4),
    half_is_stored: ("P2", 2),
    repetition_is_believed: ("P2", 6),
    live_connection_is_closed: ("is absent", 6),
    dead_never_leave: ("is present", 2),
    change_is_not_kept: ("P3", 5),
    owner_is_forgotten: ("is absent", 6),
    group_is_kept_without_its_brokers: ("is present", 6),
    deletion_is_not_reported: ("event: topics changed", 3),
    new_owner_is_not_reported: ("event: live changed", 4),
}
"""What is said of it, and how many steps are enough to show it."""


@pytest.mark.full
@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.__name__)
def test_fault_is_found_soon_and_shown_shortly(broken: Break, patch: Patch) -> None:
    text, steps = BREAKS[broken]
    with patch.context() as context:
        broken(context)
        history = first_that_fails(range(MOST_HISTORIES), text)
        finding = find(history)
        assert finding is not None
        assert re.search(text, finding.breach.text), finding.report
        assert len(finding.numbers) <= steps, finding.report
        for number in finding.numbers:
            rest = [kept for kept in finding.numbers if kept != number]
            found = breach_of(history.kept(rest))
            assert found is None or found.promise != finding.breach.promise
        assert breach_of(draw_history(history.seed).kept(finding.numbers)) == (
            finding.breach
        )
    assert breach_of(finding.history) is None


def first_that_fails(seeds: Iterable[int], text: str) -> History:
    for seed in seeds:
        history = draw_history(seed)
        found = breach_of(history)
        if found is not None and re.search(text, found.text):
            return history
    raise AssertionError("the fault was not found")
