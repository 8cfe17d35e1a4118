"""What makes histories worth playing."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from namesrv.routing.events import Event, EventStream
from namesrv.routing.outbox import Outbox
from namesrv.server.logs.change_lines import line_of
from namesrv.testing.simulator.history import History, Setting, draw_history
from namesrv.testing.simulator.oracle import Oracle
from namesrv.testing.simulator.run import breach_of

MET = {
    "broker expired",
    "broker of the last run did not come back",
    "connection of a broker closed",
    "first registration with a single topic refused",
    "late unregistration ignored, the broker registered again elsewhere",
    "new broker registered",
    "registration rejected, a newer broker holds this id",
    "this process stood still, nobody is declared dead for a while",
    "topic deleted",
    "write permission wiped",
}


def test_a_seed_means_the_same_history_in_every_process() -> None:
    drawn = "import sys; from namesrv.testing.simulator.history import draw_history\n"
    drawn += "print([draw_history(seed) for seed in range(50)])"
    texts = {
        subprocess.run(
            [sys.executable, "-c", drawn],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {f"{[draw_history(seed) for seed in range(50)]}\n"}


def test_seeds_differ() -> None:
    assert len({str(draw_history(seed).steps) for seed in range(100)}) == 100


def test_steps_come_in_the_order_of_time_and_are_numbered() -> None:
    history = draw_history(7)
    assert [step.number for step in history.steps] == list(range(60))
    assert sorted(history.steps, key=lambda step: step.at_ms) == list(history.steps)
    part = history.kept([3, 30, 31])
    assert [step.number for step in part.steps] == [3, 30, 31]
    assert part.setting == history.setting


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often the server has said what."""
    counted: Counter[str] = Counter()

    def count(self: Outbox, event: str, **fields: object) -> None:
        counted[event] += 1

    def count_change(self: EventStream, event: Event) -> None:
        counted[line_of(event).event] += 1
        put(self, event)

    put = EventStream.put
    monkeypatch.setattr(EventStream, "put", count_change)
    monkeypatch.setattr(Outbox, "info", count)
    monkeypatch.setattr(Outbox, "warn", count)
    yield counted


def test_histories_meet_all_that_may_happen_to_a_broker(
    events: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    restarts: Counter[tuple[bool, bool]] = Counter()
    restarted = Oracle.restarted

    def count(self: Oracle, now_ms: int, setting: Setting, *, warm: bool) -> None:
        restarted(self, now_ms, setting, warm=warm)
        restarts[warm, bool(self.model.lives)] += 1

    monkeypatch.setattr(Oracle, "restarted", count)
    answered: Counter[bool] = Counter()
    check = Oracle.check

    def look(self: Oracle, now_ms: int, data: bytes) -> None:
        check(self, now_ms, data)
        answered[bool(self.model.topics)] += 1

    monkeypatch.setattr(Oracle, "check", look)
    for seed in range(60):
        assert breach_of(draw_history(seed)) is None
    assert events.keys() >= MET, MET - events.keys()
    assert restarts[True, True] > 20 and restarts[False, False] > 20
    # Most looks are at a server that knows something.
    assert answered[True] > answered[False]


def test_every_part_of_a_history_is_one() -> None:
    history = draw_history(11)
    for left_out in range(0, 60, 7):
        numbers = [n for n in range(60) if n % 60 != left_out]
        assert breach_of(history.kept(numbers)) is None
    assert breach_of(History(0, history.setting, ())) is None


def test_broker_may_stay_until_the_scan_after_a_hold_of_our_own_work() -> None:
    """The tick before the last one in front of the pause was before its deadline."""
    assert breach_of(draw_history(130_001_948)) is None
