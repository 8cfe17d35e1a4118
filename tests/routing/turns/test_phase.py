"""The phases of a server's life."""

from namesrv.routing.turns.phase import Life, Phase


def test_life_begins_with_serving() -> None:
    assert Life().phase == Phase.SERVING


def test_phase_that_is_over_never_comes_back() -> None:
    life = Life()
    life.enter(Phase.FROZEN)
    life.enter(Phase.DRAINING)
    assert life.phase == Phase.FROZEN


def test_phases_are_in_their_order() -> None:
    assert Phase.SERVING < Phase.DRAINING < Phase.FROZEN < Phase.HALTED
