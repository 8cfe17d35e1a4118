"""The orphan guard by numbers."""

from namesrv.admin.peers.orphan import OrphanGuard

MINUTE = 60_000
PEER = {"p:1": 3, "p:2": None}


def test_it_takes_a_minute_and_a_lookup() -> None:
    guard = OrphanGuard(MINUTE)
    assert guard.note(0, PEER, 7, 0) is None
    assert guard.note(0, PEER, 7, MINUTE) is None
    assert guard.note(0, PEER, 9, MINUTE - 1) is None
    found = guard.note(0, PEER, 9, MINUTE)
    assert found is not None and "(2 lookups in 60 s)" in found
    assert "p:1 has 3 brokers" in found


def test_absent_clients_do_not_end_it_and_a_broker_does() -> None:
    guard = OrphanGuard(MINUTE)
    guard.note(0, PEER, 0, 0)
    assert guard.note(0, PEER, 5, MINUTE)
    assert guard.note(0, PEER, 5, 9 * MINUTE)
    assert guard.note(1, PEER, 5, 9 * MINUTE) is None
    assert guard.note(0, PEER, 6, 9 * MINUTE + 1) is None


def test_peers_without_brokers_end_it_and_silent_ones_do_not() -> None:
    guard = OrphanGuard(MINUTE)
    guard.note(0, PEER, 0, 0)
    assert guard.note(0, PEER, 5, MINUTE)
    assert guard.note(0, {"p:1": None}, 5, 2 * MINUTE)
    assert guard.note(0, {"p:1": 0}, 5, 2 * MINUTE) is None


def test_silent_peers_make_no_orphan() -> None:
    guard = OrphanGuard(MINUTE)
    assert guard.note(0, {"p:1": None}, 0, 0) is None
    assert guard.note(0, {"p:1": None}, 5, 2 * MINUTE) is None
