"""The simulator finds what it is for: each test breaks one piece of the server."""

from collections.abc import Callable
from typing import Any

import pytest

from namesrv.routing import unregistration
from namesrv.routing.liveness import Liveness
from namesrv.routing.registration import Registration
from namesrv.routing.tables import RouteTables
from namesrv.testing.clock import VirtualClock

Patch = pytest.MonkeyPatch
Break = Callable[[Patch], None]


def late_end_removes(patch: Patch) -> None:
    """apache/rocketmq#11043: an end, however late, removes who registered since."""

    def remove(self: Any, connection: Any, now_ms: int) -> None:
        for key in sorted(connection.registered):
            info = self._tables.broker_live_table.get(*key)
            if info is not None:
                unregistration.unregister_live_broker(
                    self._tables, self._options, self._outbox, info, now_ms
                )

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
    """As rocketmq-rust's: what timers see first after a stall is that all are silent."""
    patch.setattr(Liveness, "_notice_stall", lambda self, now_ms: None)


def closes_are_not_held(patch: Patch) -> None:
    """After a stall, ends count at once, before it was read who came back."""

    def destroy(self: Any, connection: Any, now_ms: int) -> None:
        self._notice_stall(now_ms)
        self._remove_brokers_of(connection, now_ms)

    patch.setattr(Liveness, "on_channel_destroy", destroy)


def lease_is_forgotten(patch: Patch) -> None:
    """After a warm start a broker's own timeout counts at once."""
    patch.setattr(Liveness, "lease", lambda *arguments: None)


def half_is_shown(patch: Patch) -> None:
    """A change of a group does not reach the answers that were ready."""

    def group_changed(self: Any, data: Any) -> None:
        data.changed()
        self.group_changes += 1
        self._note_change(data)
        self.forget_digests((data.broker_name,))

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


BREAKS: list[tuple[Break, int, str]] = [
    (late_end_removes, 300, "is absent"),
    (date_is_the_time, 300, "should not be"),
    (delta_is_full, 300, "code 1"),
    (late_unregistration_removes, 300, "is absent"),
    (stall_is_death, 300, "is absent"),
    (closes_are_not_held, 300, "is absent"),
    (lease_is_forgotten, 300, "is absent"),
    (half_is_shown, 300, "P2"),
    (repetition_is_believed, 300, "P2"),
    (live_connection_is_closed, 300, ""),
    (dead_never_leave, 300, "should not be"),
    (change_is_not_kept, 300, ""),
]
