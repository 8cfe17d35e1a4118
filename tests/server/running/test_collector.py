"""The collector of garbage, which must not stop the loop of a large server."""

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from namesrv.server.running.collector import Collector


class Loop:
    """Time and callbacks of an event loop, as a test moves them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.later: list[Callable[[], None]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        self.later.append(callback)

    def look(self) -> None:
        """The collector looks once."""
        (callback,), self.later = self.later, []
        callback()


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The calls of the collector; nothing is frozen or collected for the tests."""
    calls: list[str] = []
    for name in ("collect", "freeze", "unfreeze"):
        monkeypatch.setattr(gc, name, lambda name=name: calls.append(name))
    before = gc.get_threshold()
    yield calls
    gc.set_threshold(*before)


def set_counts(monkeypatch: pytest.MonkeyPatch, young: int, blocks: int) -> None:
    monkeypatch.setattr(gc, "get_count", lambda: (5, 5, young))
    monkeypatch.setattr(sys, "getallocatedblocks", lambda: blocks)


def test_oldest_generation_is_never_collected_by_its_size(
    collected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Collector(Loop())  # type: ignore[arg-type]
    assert gc.get_threshold()[2] > 10**8
    assert collected == ["freeze"]


def test_survivors_of_young_collections_are_visited_once_more(
    collected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop()
    Collector(loop)  # type: ignore[arg-type]
    collected.clear()
    set_counts(monkeypatch, young=0, blocks=1000)
    loop.look()
    assert collected == []
    set_counts(monkeypatch, young=1, blocks=1000)
    loop.look()
    assert collected == ["collect", "freeze"]


def test_everything_is_visited_after_growth_and_once_a_minute_at_most(
    collected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_counts(monkeypatch, young=0, blocks=1_000_000)
    loop = Loop()
    Collector(loop)  # type: ignore[arg-type]
    collected.clear()
    set_counts(monkeypatch, young=0, blocks=1_500_000)
    loop.look()
    assert collected == [], "the first minute is not over"
    loop.now += 61
    loop.look()
    assert collected == ["unfreeze", "collect", "freeze"]
    collected.clear()
    loop.now += 61
    loop.look()
    assert collected == [], "it has not grown since"


def test_only_run_changes_the_collector_of_the_process() -> None:
    code = (
        "import gc; before = gc.get_threshold(); import namesrv.server.running.run;"
        "assert gc.get_threshold() == before and gc.get_freeze_count() == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
