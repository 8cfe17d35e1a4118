"""The end of a server, step by step, without an event loop."""

from typing import Any

from namesrv.routing.turns.phase import Phase
from namesrv.server.life.ending import Ending
from namesrv.testing.peer import Broker, put_kv
from namesrv.testing.simulator.loop import run
from tests.server.loop_free_server import LoopFreeServer

BROKER = Broker("broker-a", 0, "127.0.0.1:1")


class Changes:
    """A writer that writes when it is waited for."""

    def __init__(self, loop_free: LoopFreeServer, steps: list[str]) -> None:
        self._stage = loop_free
        self._steps = steps

    @property
    def is_busy(self) -> bool:
        return bool(self._stage.writes)

    async def drain(self) -> None:
        self._steps.append("drain")
        while self.is_busy:
            self._stage.finish_write()


class SavedRoutes:
    """Notes when routes are saved, and how many brokers there are then."""

    def __init__(self, loop_free: LoopFreeServer, steps: list[str]) -> None:
        self._stage = loop_free
        self._steps = steps
        self.fails = False

    def save_all(self) -> None:
        if self.fails:
            raise RuntimeError("a mistake")
        brokers = len(self._stage.state.tables.broker_live_table)
        self._steps.append(f"save {brokers}")


class Ended:
    """A loop-free server that ends; `steps` are those that happened."""

    def __init__(self, loop_free: LoopFreeServer) -> None:
        self.steps: list[str] = []
        self.saved = SavedRoutes(loop_free, self.steps)
        saved: Any = self.saved
        self.ending = Ending(
            loop_free.connections,
            saved,
            Changes(loop_free, self.steps),
            self.next_turn,
            lambda: self.steps.append("failed"),
        )
        self._stage = loop_free

    async def next_turn(self) -> None:
        assert self._stage.turn()


def test_routes_are_saved_before_files_are_waited_for(
    loop_free: LoopFreeServer,
) -> None:
    peer, ended = loop_free.accept(), Ended(loop_free)
    peer.receive(put_kv("n", "k", "v", 1), BROKER.registration({"T": 1, "U": 1}, 2))
    ended.ending.freeze()
    run(ended.ending.settle())
    assert ended.steps == ["save 0", "drain"]
    assert peer.opaques() == [1, 2]
    ended.ending.halt()
    assert ended.steps == ["save 0", "drain", "save 1"]


def test_frozen_connection_is_not_read(loop_free: LoopFreeServer) -> None:
    peer, ended = loop_free.accept(), Ended(loop_free)
    ended.ending.freeze()
    assert not peer.transport.reading
    assert loop_free.state.life.phase == Phase.FROZEN


def test_connection_that_comes_after_the_freeze_is_not_read(
    loop_free: LoopFreeServer,
) -> None:
    ended = Ended(loop_free)
    ended.ending.freeze()
    peer = loop_free.accept()
    assert not peer.transport.reading
    # uvloop does not know yet that it is paused, and reads once.
    peer.transport.reading = True
    peer.receive(BROKER.registration({"T": 1}, 2))
    loop_free.turn_until_quiet()
    assert not peer.transport.reading
    assert peer.opaques() == []
    assert not loop_free.state.tables.broker_live_table.entries()


def test_turn_after_the_halt_carries_out_nothing(loop_free: LoopFreeServer) -> None:
    peer, ended = loop_free.accept(), Ended(loop_free)
    peer.receive(put_kv("n", "k", "v", 1), BROKER.registration({"T": 1, "U": 1}, 2))
    ended.ending.freeze()
    ended.ending.halt()
    loop_free.finish_write()
    loop_free.turn_until_quiet()
    assert peer.opaques() == [1]
    assert ended.steps == ["save 0"]


def test_failed_save_is_reported_and_the_end_goes_on(loop_free: LoopFreeServer) -> None:
    ended = Ended(loop_free)
    ended.saved.fails = True
    ended.ending.freeze()
    run(ended.ending.settle())
    ended.ending.halt()
    assert ended.steps == ["failed", "failed"]
    assert loop_free.state.life.phase == Phase.HALTED
