"""Histories in which every step of every change lies between other requests.

Each registration says its number in its address and in its numbers of queues, so that a
route that mixes two of them shows it (P2). A lane looks up all topics after each change
of a ready answer, and so in the middle of steps; no answer is older than an earlier one
of another topic. At the end the tables are those of a server
that has carried out the same requests one after the other.
"""

import contextlib
import random
from collections import deque
from typing import Any

import pytest

from namesrv import work
from namesrv.hot_path import Pause
from namesrv.routing.requests import routes
from namesrv.routing.tables.busy_groups import BusyGroups
from namesrv.routing.turns import turn
from namesrv.testing.peer import (
    Broker,
    data_version,
    registration,
    registration_body,
    request,
    topic_table,
)
from namesrv.testing.simulator.lanes import LaneWitness
from namesrv.testing.simulator.oracle import Violation
from tests.routing.world import World

NAMES = "abc"
TOPICS = [f"T{number}" for number in range(8)]
EVENTS = 60
SEEDS = 40


class Interleaved:
    """A server whose turns are over after one step, and one that does all at once."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.stepped = World(delete_topic_with_broker_registration=True)
        self.stepped.holds_work = True
        self.whole = World(delete_topic_with_broker_registration=True)
        self.number = 0
        self.line: deque[tuple[bytes, Any, Any]] = deque()
        self.owners: list[tuple[Any, Any]] = []
        self.lookups = 0
        self.held_lookups = 0
        self.readers: list[Any] = []
        self.late_lookups = 0
        self.lane_lookups = 0
        self.begun: list[bytes] = []
        self.broken: list[AssertionError] = []
        self.newest = dict.fromkeys(NAMES, 0)
        self.lane = LaneWitness(self.stepped.state, self.look_on_lane)

    def play(self) -> None:
        for _ in range(EVENTS):
            self.random.choice(
                [self.register, self.register, self.unregister, self.wipe, self.delete]
                + [self.close, self.look, self.look, self.look]
            )()
            for _ in range(self.random.randrange(3)):
                self.turn()
        while self.line or self.stepped.state.unfinished:
            self.turn()
        self.check_late()
        assert self.broken == []
        self.lane.check()
        self.compare()

    def turn(self) -> None:
        """Another step of what is unfinished, then of those who wait the first."""
        self.stepped.next_step()
        if self.line:
            data, stepped, whole = self.line.popleft()
            self.stepped.next_turn(stepped)
            self.accepted(data, stepped, whole)

    def send(self, data: bytes) -> None:
        stepped, whole = self.stepped.connect(), self.whole.connect()
        self.owners.append((stepped, whole))
        self.stepped.send(data, stepped)
        self.accepted(data, stepped, whole)

    def accepted(self, data: bytes, stepped: Any, whole: Any) -> None:
        """The other server carries out begun work; waiting requests come again."""
        if stepped.pause == Pause.TURN:
            self.line.append((data, stepped, whole))
        else:
            self.begun.append(data)
            self.whole.send(data, whole)

    def register(self) -> None:
        self.number += 1
        broker = Broker(name := self.random.choice(NAMES), 0, f"{name}:{self.number}")
        topics = self.random.sample(TOPICS, self.random.randrange(2, len(TOPICS)))
        body = registration_body(
            topic_table(*topics, queues=self.number),
            version=data_version(self.number),
        )
        self.send(registration(broker, body))

    def unregister(self) -> None:
        number = self.random.randrange(max(1, self.number - 3), self.number + 2)
        name = self.random.choice(NAMES)
        self.send(request(104, Broker(name, 0, f"{name}:{number}").ext_fields))

    def wipe(self) -> None:
        code = self.random.choice([205, 327])
        self.send(request(code, {"brokerName": self.random.choice(NAMES)}))

    def delete(self) -> None:
        """Not while a registration may be about to store the topic: either order of the
        two would be right."""
        if not self.stepped.state.unfinished:
            self.send(request(216, {"topic": self.random.choice(TOPICS)}))

    def close(self) -> None:
        """One whose request was begun; the other server has carried it out."""
        waiting = {id(stepped) for _, stepped, _ in self.line}
        ready = [pair for pair in self.owners if id(pair[0]) not in waiting]
        if not ready or self.stepped.state.unfinished:
            return
        stepped, whole = self.random.choice(ready)
        self.owners.remove((stepped, whole))
        self.stepped.close(stepped)
        self.whole.close(whole)

    def look(self) -> None:
        reader = self.stepped.connect()
        lookup = request(105, {"topic": self.random.choice(TOPICS)})
        on_lane = self.lane.answer(lookup)
        if on_lane is not None:
            self.check(on_lane)
        data = self.stepped.send(lookup, reader)
        self.lookups += 1
        if data:
            self.check(data)
        elif reader.pause == Pause.LATER:
            self.readers.append(reader)
        else:
            assert reader.pause == Pause.TURN
            self.held_lookups += 1

    def look_on_lane(self, topic: str, data: bytes) -> None:
        self.lane_lookups += 1
        try:
            self.check(data)
        except AssertionError as exc:
            # It would be an internal error of the request under way.
            self.broken.append(exc)

    def check_late(self) -> None:
        """Lookups of routes that were written in steps."""
        for reader in self.readers:
            self.check(self.stepped.late_output.pop(reader), is_late=True)
        self.late_lookups += len(self.readers)

    def check(self, data: bytes, *, is_late: bool = False) -> None:
        """No broker has the address of one registration and the queues of another, or
        of an earlier one than in an earlier answer."""
        answer = self.stepped.only(data)
        if answer.code == 17:
            return
        addrs = {
            b["brokerName"]: b["brokerAddrs"]["0"] for b in answer.json["brokerDatas"]
        }
        for queues in answer.json["queueDatas"]:
            name, number = queues["brokerName"], queues["readQueueNums"]
            assert addrs[name] == f"{name}:{number}"
            if not is_late:
                rank = self.rank_of(name, number)
                assert rank >= self.newest[name]
                self.newest[name] = rank

    def rank_of(self, name: str, number: int) -> int:
        """The place of a registration among all requests that were begun; one that is
        under way is the last."""
        addr = f"{name}:{number}".encode()
        ranks = [n for n, data in enumerate(self.begun) if b'"' + addr + b'"' in data]
        return ranks[-1] if ranks else len(self.begun)

    def compare(self) -> None:
        self.stepped.holds_work = False
        stepped, whole = self.stepped, self.whole
        assert stepped.topics == whole.topics
        assert stepped.addrs == whole.addrs
        assert stepped.live_keys == whole.live_keys
        assert stepped.tables.routes == whole.tables.routes
        assert not any(map(stepped.tables.busy.is_busy, NAMES))
        for topic in TOPICS:
            assert stepped.route(topic) == whole.route(topic)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is one topic, and a turn is one step."""
    monkeypatch.setattr(work, "STEP_UNITS", 1)
    monkeypatch.setattr(turn, "TURN_UNITS", 20)


@pytest.mark.parametrize("few_groups", [250, 0])
def test_no_interleaving_mixes_registrations_or_changes_what_comes_of_them(
    tiny: None, monkeypatch: pytest.MonkeyPatch, few_groups: int
) -> None:
    monkeypatch.setattr(routes, "_FEW_GROUPS", few_groups)
    lookups = held = late = on_lanes = 0
    for seed in range(SEEDS):
        history = Interleaved(seed)
        history.play()
        lookups += history.lookups
        held += history.held_lookups
        late += history.late_lookups
        on_lanes += history.lane_lookups
    assert lookups > 10 * SEEDS and held > SEEDS and on_lanes > 10 * SEEDS
    assert bool(late) == (few_groups == 0)


def test_lanes_show_lookups_that_do_not_wait_for_a_registration(
    tiny: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BusyGroups, "hides", lambda *arguments: False)
    older_on_lanes = 0
    for seed in range(SEEDS):
        history = Interleaved(seed)
        with contextlib.suppress(AssertionError, Violation):
            history.play()
        older_on_lanes += len(history.broken)
    assert older_on_lanes > 0
