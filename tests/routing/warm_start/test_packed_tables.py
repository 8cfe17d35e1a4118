"""The data that groups share is packed in pieces, as it was at the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv._impl import TopicQueues
from namesrv.routing.events import TopicChanges
from namesrv.routing.tables import topic_numbers
from namesrv.routing.tables.queue_steps import set_queues
from namesrv.routing.warm_start import packed_tables
from namesrv.routing.warm_start.draft import KeptRoutes
from namesrv.routing.warm_start.pack import pack_end, read_snapshot
from namesrv.routing.warm_start.packed_tables import (
    PIECE_TOPICS,
    FileFacts,
    PackedTables,
)
from namesrv.routing.warm_start.records import FIRST_LINE, Pieces, TablesRecord
from namesrv.testing.peer import Broker, mapping_info, registration_body, topic_table
from namesrv.work import finish
from tests.routing.world import World

MASTER = Broker("b", 0, "b:1")

FACTS = FileFacts(5, {}, [])
NO_LEASES = World().liveness.leases


def filled(count: int) -> World:
    world = World()
    world.register(MASTER, registration_body(topic_table("x", "y")))
    for topic in ("x", "y"):
        world.drop_topic(topic)
    fill(world, range(count))
    return world


def fill(world: World, numbers: range) -> None:
    data = world.tables.broker_addr_table["b"]
    queues = data.shared(6, 4, 0, 4)
    topics = [f"t{number}" for number in numbers]
    given = [queues] * len(topics)
    finish(set_queues(world.tables, data, topics, given, TopicChanges()))


def read(record: Pieces) -> TablesRecord:
    return read_snapshot(FIRST_LINE + b"".join(record.whole()) + pack_end(0)).tables


def topics(packed: PackedTables) -> dict[str, int]:
    """The topics of the record with their numbers."""
    found = read(packed.finish(FACTS, NO_LEASES, 0))
    numbers = memoryview(found.numbers).cast("I")
    return dict(zip(found.topics, numbers, strict=True))


def known(world: World) -> dict[str, int]:
    return {e.topic: e.number for e in world.tables.topic_queue_table.values()}


changes = st.lists(
    st.tuples(st.sampled_from(["piece", "come", "go"]), st.integers(0, 30)), max_size=40
)


@given(changes)
def test_whatever_comes_and_goes_between_pieces(changes: list[tuple[str, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_tables, "PIECE_TOPICS", 3)
        world = filled(20)
        packed = PackedTables(world.tables)
        for what, number in changes:
            if what == "piece":
                packed.pack_next()
            elif what == "come":
                fill(world, range(number, number + 2))
            else:
                world.drop_topic(f"t{number}")
        assert topics(packed) == known(world)


def test_topics_that_get_new_numbers_meanwhile_have_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = filled(20)
    packed = PackedTables(world.tables)
    packed.pack_next()
    monkeypatch.setattr(topic_numbers, "MOST_TOPIC_NUMBER", 5)
    world.drop_topic("t0")
    fill(world, range(20, 21))
    assert world.tables.numbers.rounds == 1
    assert topics(packed) == known(world)


def test_a_step_packs_a_piece_and_the_end_what_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    piece = PackedTables._piece

    def counting(self: PackedTables, entries: list[TopicQueues]) -> object:
        sizes.append(len(entries))
        return piece(self, entries)

    monkeypatch.setattr(PackedTables, "_piece", counting)
    world = filled(3 * PIECE_TOPICS)
    kept = KeptRoutes(world.state)
    kept.begin()
    while kept.has_waiting:
        kept.pack_next()
    assert sizes == [PIECE_TOPICS] * 3
    fill(world, range(100_000, 100_002))
    kept.finish(5, 0)
    assert sizes[3:] == [2]


def test_mappings_are_packed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_tables, "PIECE_TOPICS", 2)
    world = World()
    mappings = {f"st{number}": mapping_info(f"st{number}", "b") for number in range(5)}
    world.register(MASTER, registration_body(mappings=mappings))
    packed = PackedTables(world.tables)
    steps = 0
    while packed.pack_next():
        steps += 1
    found = read(packed.finish(FACTS, NO_LEASES, 0)).mappings
    assert [topic for topic, _ in found] == list(mappings) and steps == 4
