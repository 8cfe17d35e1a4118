"""The orphan guard by numbers."""

from collections.abc import Mapping

from namesrv.admin.peers.orphan import OrphanGuard

MINUTE = 60_000
PEER = {"p:1": 3, "p:2": None}


def ask(
    guard: OrphanGuard,
    *minutes: int,
    brokers: int = 0,
    peers: Mapping[str, int | None] = PEER,
) -> str | None:
    """One more lookup in each of these minutes; the sentence after the last one."""
    found = guard.note(brokers, peers, minutes[0], minutes[0] * MINUTE)
    for minute in minutes[1:]:
        found = guard.note(brokers, peers, minute, minute * MINUTE)
    return found


def test_it_takes_lookups_in_three_minutes() -> None:
    guard = OrphanGuard(MINUTE)
    assert guard.note(0, PEER, 7, 0) is None
    assert guard.note(0, PEER, 8, 1) is None
    assert guard.note(0, PEER, 99, MINUTE) is None
    assert guard.note(0, PEER, 100, MINUTE + 1) is None
    assert guard.note(0, PEER, 101, 2 * MINUTE) is None
    found = guard.note(0, PEER, 102, 2 * MINUTE + 1)
    assert found is not None and "(95 lookups in 120 s)" in found
    assert "p:1 has 3 brokers" in found


def test_single_lookups_long_ago_make_no_orphan() -> None:
    guard = OrphanGuard(MINUTE)
    assert ask(guard, 0, 1, 7, 8) is None
    assert guard.note(0, PEER, 8, 9 * MINUTE) is None
    assert guard.note(0, PEER, 9, 13 * MINUTE) is None
    assert ask(guard, 14, 15) is not None


def test_absent_clients_do_not_end_it_and_a_broker_does() -> None:
    guard = OrphanGuard(MINUTE)
    assert ask(guard, 0, 1, 2, 3)
    assert guard.note(0, PEER, 3, 9 * MINUTE)
    assert guard.note(1, PEER, 3, 9 * MINUTE) is None
    assert guard.note(0, PEER, 4, 9 * MINUTE + 1) is None


def test_peers_without_brokers_end_it_and_silent_ones_do_not() -> None:
    guard = OrphanGuard(MINUTE)
    assert ask(guard, 0, 1, 2, 3)
    assert guard.note(0, {"p:1": None}, 5, 4 * MINUTE)
    assert guard.note(0, {"p:1": 0}, 5, 5 * MINUTE) is None


def test_silent_peers_make_no_orphan() -> None:
    assert ask(OrphanGuard(MINUTE), 0, 1, 2, 3, peers={"p:1": None}) is None
