"""Segments of the recorder, pictures of all routes, and the way back to them."""

import random
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.errors import RecordingInvalid
from namesrv.routing.history.picture import Picture
from namesrv.routing.history.replay import Replay
from namesrv.routing.history.segments import (
    FIRST_LINE,
    contents,
    frame_of,
    framed,
    maps,
    segment_name,
    segment_number,
)
from namesrv.testing.peer import Broker, data_version
from tests.routing.world import World


def read(data: bytes) -> tuple[list[Any], str]:
    """The maps of a segment, and the reason why there are no more."""
    found: list[Any] = []
    try:
        for one in maps(data):
            found.append(one)
    except RecordingInvalid as error:
        return found, str(error)
    return found, ""


def test_maps_are_read_back() -> None:
    data = FIRST_LINE + frame_of({"run": "a"}) + frame_of({"number": 1, "x": "T\ud800"})
    assert read(data) == ([{"run": "a"}, {"number": 1, "x": "T\ud800"}], "")
    assert read(FIRST_LINE) == ([], "")


def test_a_damaged_or_cut_end_is_skipped_with_a_sentence() -> None:
    whole = FIRST_LINE + frame_of({"run": "a"})
    data = whole + frame_of({"number": 1, "topic": "T"})
    for end in range(len(whole) + 1, len(data)):
        found, reason = read(data[:end])
        assert found == [{"run": "a"}]
        assert reason == (
            f"it is damaged or cut off after {len(whole)} bytes; the other"
            f" {end - len(whole)} are skipped"
        )
    for place in range(len(whole), len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert read(changed)[0] == [{"run": "a"}]


def test_a_frame_that_promises_too_much_is_damage() -> None:
    assert read(FIRST_LINE + b"\xff" * 8)[1].startswith("it is damaged or cut off")


@given(st.binary(max_size=200), st.integers(0, 200))
def test_garbage_is_damage(garbage: bytes, kept: int) -> None:
    whole = frame_of({"number": 1})[:kept]
    for data in (garbage, FIRST_LINE + garbage, FIRST_LINE + whole + garbage):
        with suppress(RecordingInvalid):
            for _ in contents(data):
                pass


def test_a_newer_version_is_refused_with_a_sentence() -> None:
    assert read(b"namesrv history 2\n" + framed(b"?")) == (
        [],
        "it has version 2, of a newer namesrv; this one reads version 1",
    )
    for data in (b"", b"namesrv", b"PK\3\4" * 100):
        assert read(data) == ([], "it is no file of a recorder")


def test_names_of_segments_have_numbers() -> None:
    assert segment_number(segment_name(17)) == 17
    assert segment_name(9) < segment_name(10)
    assert segment_number("events-1.history") is None


class Recorded:
    """A world whose events and pictures are maps in a list."""

    def __init__(self) -> None:
        self.world = World()
        self.maps: list[Any] = []
        state = self.world.state
        self.pictures = Picture(
            state.tables, state.topic_lists.names, state.wall_millis
        )
        self.world.state.history.add(lambda record: self.maps.append(record.facts()))

    def routes(self) -> tuple[Any, Any, Any]:
        tables = self.world.tables
        groups = tables.broker_addr_table.items()
        return (
            {n: set(e.queues) for n, e in tables.topic_queue_table.items()},
            {name: dict(data.broker_addrs.items()) for name, data in groups},
            {name: data.cluster for name, data in groups},
        )

    def act(self, drawn: random.Random, counter: int) -> None:
        number = drawn.randrange(6)
        broker = Broker(f"b{number % 3}", number % 2, f"10.0.0.{number}:1", "c")
        topics = {f"T{n}": 1 for n in drawn.sample(range(300), 150)}
        if drawn.random() < 0.3:
            self.world.ask(104, broker.ext_fields)
        else:
            self.world.send(broker.registration(topics, version=data_version(counter)))
        self.world.flush()


@pytest.mark.parametrize("seed", range(5))
def test_a_picture_and_the_events_beside_it_are_the_routes(seed: int) -> None:
    drawn = random.Random(seed)
    recorded = Recorded()
    for counter in range(10):
        recorded.act(drawn, counter)
    recorded.maps.clear()
    for number, _ in enumerate(recorded.pictures.parts(recorded.maps.append)):
        recorded.act(drawn, 100 + number)
    for number in range(5):
        recorded.act(drawn, 1000 + number)
    replay = Replay()
    for one in recorded.maps:
        replay.take(one)
    assert replay.routes is not None
    assert replay.is_complete
    topics, addresses, clusters = recorded.routes()
    assert replay.routes.topics == topics
    assert replay.routes.addresses == addresses
    assert clusters.items() <= replay.routes.clusters.items()


def test_a_loss_spoils_the_routes_until_the_next_picture() -> None:
    recorded, replay = Recorded(), Replay()
    recorded.act(random.Random(1), 1)
    replay.take({"run": "x", "at_millis": 1})
    for _ in recorded.pictures.parts(replay.take):
        pass
    assert replay.is_complete
    replay.take({"lost": 3, "at_millis": 5})
    assert not replay.is_complete
    replay.take({"later": "kind"})
    for _ in recorded.pictures.parts(replay.take):
        pass
    assert replay.is_complete
    assert replay.run == "x"
