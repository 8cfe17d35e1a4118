"""The loop takes all connections that lanes gave, however many, and in its own time."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from namesrv.server.lanes import lanes as server_lanes
from namesrv.server.lanes.lanes import LookupLanes


class FakeLanes:
    """Lanes that have given so many peers, and call the loop once."""

    def __init__(self, count: int) -> None:
        self.given = list(range(count))

    def take(self, most: int) -> list[int]:
        """The next peers."""
        taken, self.given = self.given[:most], self.given[most:]
        return taken

    def let_run(self) -> bool:
        """No lane waits for a core."""
        return False

    def fold(self) -> None:
        """There are no counts."""


@pytest.mark.parametrize("served_at_once", [1, 3, 4, 100])
def test_one_call_is_enough_for_all(
    monkeypatch: pytest.MonkeyPatch, served_at_once: int
) -> None:
    monkeypatch.setattr(server_lanes, "_TAKEN_AT_ONCE", 4)
    monkeypatch.setattr(server_lanes, "_MOST_ADOPTED_BYTES", served_at_once)
    served: list[int] = []

    async def take() -> None:
        anything = cast("Any", None)
        lanes = LookupLanes(anything, anything, anything)
        lanes._lanes = cast("Any", FakeLanes(11))

        def serve(peer: int) -> None:
            served.append(peer)
            lanes._adopted_bytes += 1

        monkeypatch.setattr(lanes, "_serve", serve)
        lanes._on_given()
        for _ in range(40):
            await asyncio.sleep(0)
            lanes._adopted_bytes = 0

    asyncio.run(take())
    assert served == list(range(11))


def test_tick_finds_all_samples_and_serves_no_more_than_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_lanes, "_TAKEN_AT_ONCE", 4)
    served: list[int | None] = []

    async def gather() -> None:
        anything = cast("Any", None)
        lanes = LookupLanes(anything, anything, anything)
        fake = FakeLanes(0)
        kinds = [None] * 10 + [1]
        fake.given = [cast("Any", SimpleNamespace(sample_type=kind)) for kind in kinds]
        lanes._lanes = cast("Any", fake)
        monkeypatch.setattr(
            lanes, "_serve", lambda peer: served.append(peer.sample_type)
        )
        lanes.gather(0)
        assert served == [1, None, None, None, None]
        for _ in range(10):
            await asyncio.sleep(0)

    asyncio.run(gather())
    assert served == [1] + [None] * 10
