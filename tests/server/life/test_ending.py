"""The end of a server, step by step, without an event loop."""

from typing import Any

from namesrv.routing.phase import Phase
from namesrv.server.life.ending import Ending
from namesrv.testing.peer import Broker, put_kv
from namesrv.testing.simulator.loop import run
from tests.server.stage import Stage

BROKER = Broker("broker-a", 0, "127.0.0.1:1")


class Changes:
    """A writer that writes when it is waited for."""

    def __init__(self, stage: Stage, steps: list[str]) -> None:
        self._stage = stage
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

    def __init__(self, stage: Stage, steps: list[str]) -> None:
        self._stage = stage
        self._steps = steps
        self.fails = False

    def save_all(self) -> None:
        if self.fails:
            raise RuntimeError("a mistake")
        brokers = len(self._stage.state.tables.broker_live_table)
        self._steps.append(f"save {brokers}")


class Ended:
    """A stage whose server ends; `steps` are what happened."""

    def __init__(self, stage: Stage) -> None:
        self.steps: list[str] = []
        self.saved = SavedRoutes(stage, self.steps)
        saved: Any = self.saved
        self.ending = Ending(
            stage.connections,
            saved,
            Changes(stage, self.steps),
            self.next_turn,
            lambda: self.steps.append("failed"),
        )
        self._stage = stage

    async def next_turn(self) -> None:
        assert self._stage.turn()


def test_routes_are_saved_before_files_are_waited_for(stage: Stage) -> None:
    actor, ended = stage.accept(), Ended(stage)
    actor.receive(put_kv("n", "k", "v", 1), BROKER.registration({"T": 1, "U": 1}, 2))
    ended.ending.freeze()
    run(ended.ending.settle())
    assert ended.steps == ["save 0", "drain"]
    assert actor.opaques() == [1, 2]
    ended.ending.halt()
    assert ended.steps == ["save 0", "drain", "save 1"]


def test_frozen_connection_is_not_read(stage: Stage) -> None:
    actor, ended = stage.accept(), Ended(stage)
    ended.ending.freeze()
    assert not actor.transport.reading
    assert stage.state.life.phase == Phase.FROZEN


def test_turn_after_the_halt_carries_out_nothing(stage: Stage) -> None:
    actor, ended = stage.accept(), Ended(stage)
    actor.receive(put_kv("n", "k", "v", 1), BROKER.registration({"T": 1, "U": 1}, 2))
    ended.ending.freeze()
    ended.ending.halt()
    stage.finish_write()
    stage.turn_until_quiet()
    assert actor.opaques() == [1]
    assert ended.steps == ["save 0"]


def test_failed_save_is_reported_and_the_end_goes_on(stage: Stage) -> None:
    ended = Ended(stage)
    ended.saved.fails = True
    ended.ending.freeze()
    run(ended.ending.settle())
    ended.ending.halt()
    assert ended.steps == ["failed", "failed"]
    assert stage.state.life.phase == Phase.HALTED
