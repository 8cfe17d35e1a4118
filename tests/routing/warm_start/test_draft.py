"""Files of routes that follow one another: what is copied, and what is packed anew."""

from operator import attrgetter

import pytest
from msgspec import defstruct

from namesrv.routing.turns.turn import TURN_UNITS
from namesrv.routing.warm_start import draft
from namesrv.routing.warm_start.draft import KeptRoutes
from namesrv.routing.warm_start.pack import pack_end, read_snapshot
from namesrv.routing.warm_start.records import (
    FIRST_LINE,
    GROUP,
    TABLES,
    Pieces,
    Place,
    TablesRecord,
    write_record,
)
from namesrv.testing.peer import (
    Broker,
    data_version,
    registration_body,
    topic_table,
)
from namesrv.work import STEP_UNITS
from tests.routing.world import RELOAD, World

FIRST = Broker("a", 0, "x:1", "c1")
FIRST_SLAVE = Broker("a", 1, "x:2", "c1")
LAST = Broker("b", 0, "y:1", "c1")
RENAMED = Broker("b", 1, "x:2", "c1")


class File:
    """The file of a world, which a killed server leaves behind."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.world = World()
        self.kept = KeptRoutes(self.world.state)
        if data:
            self.kept.take_over(read_snapshot(data), 0, self.world.now_ms)
            self.world.state.refresh_hot_path(self.world.now_ms)

    def finish(self) -> None:
        """Pack the groups that still wait, and replace the file."""
        while self.kept.has_waiting:
            self.kept.pack_next()
        draft = self.kept.finish(5, self.world.now_ms)
        self.data = FIRST_LINE + b"".join(map(self.whole, draft.records))
        self.kept.written(draft)

    def whole(self, record: bytes | Place | Pieces) -> bytes:
        """The bytes of a record; a place is one in the file that is replaced."""
        if isinstance(record, Place):
            return self.data[record.offset : record.offset + record.length]
        return b"".join(record.whole() if isinstance(record, Pieces) else [record])

    def brokers(self) -> dict[str, str]:
        """Group by address, as the next server has them."""
        infos = File(self.data).world.live.entries()
        return {info.broker_addr: info.broker_name for info in infos}


def test_broker_that_changed_its_group_while_groups_were_packed_has_one() -> None:
    """Found by the simulator: both records have it, and the older one was copied."""
    first = File()
    body = registration_body(topic_table("T1", "T2"))
    for broker in (LAST, FIRST, FIRST_SLAVE):
        first.world.register(broker, body)
    first.kept.begin()
    assert first.kept.pack_next() == "a"
    first.world.register(RENAMED, body)
    first.finish()
    groups = [group for group, _ in read_snapshot(first.data).groups]
    lives = {g.broker_name: {live.broker_addr for live in g.lives} for g in groups}
    assert lives == {"a": {"x:1", "x:2"}, "b": {"x:2", "y:1"}}
    assert first.brokers() == {"x:1": "a", "x:2": "b", "y:1": "b"}

    second = File(first.data)
    second.world.ask(104, RENAMED.ext_fields)
    second.kept.begin()
    second.finish()
    assert second.brokers() == {"x:1": "a", "y:1": "b"}


def test_only_what_changed_since_is_packed_anew() -> None:
    first = File()
    body = registration_body(topic_table("T1", "T2"))
    for broker in (FIRST, LAST):
        first.world.register(broker, body)
    first.kept.begin()
    first.finish()
    second = File(first.data)
    second.world.register(RENAMED, body)
    second.kept.begin()
    while second.kept.has_waiting:
        second.kept.pack_next()
    records = second.kept.finish(5, second.world.now_ms).records
    assert [type(record) for record in records] == [Place, bytes, Pieces, bytes]


@pytest.mark.parametrize("starts", [1, 2])
@pytest.mark.parametrize(("packed", "later"), [(["f:1"], []), ([], ["f:1"])])
def test_registration_counts_after_a_start_from_a_torn_file(
    packed: list[str], later: list[str], starts: int
) -> None:
    """Found by the simulator: its digest was in the file, and its filter servers were
    not, so that nothing came of the registration."""
    first, whole = File(), File()
    for file in (first, whole):
        file.world.register(LAST, versioned(1, []))
        file.world.register(FIRST, versioned(1, packed))
    first.kept.begin()
    assert first.kept.pack_next() == "a"
    first.world.register(FIRST, versioned(2, later))
    first.finish()
    next_one = File(first.data)
    for _ in range(starts - 1):
        next_one.kept.begin()
        next_one.finish()
        next_one = File(next_one.data)
    next_one.world.register(FIRST, versioned(1, packed))
    assert next_one.world.route("T1") == whole.world.route("T1")


def test_digest_of_a_group_that_was_copied_during_a_change_does_not_count() -> None:
    """The record that is copied is older than the change, which is older than the file:
    the change of which the end is awaited was made before."""
    file = File()
    file.world.register(FIRST, versioned(1, ["f:1"]))
    file.kept.begin()
    file.finish()
    file.world.register(FIRST, versioned(2, []))
    with file.world.tables.busy.hold("a"):
        file.kept.begin()
        while file.kept.has_waiting:
            file.kept.pack_next()
    file.finish()
    assert read_snapshot(file.data).tables.changed_groups == ["a"]
    world = File(file.data).world
    world.register(FIRST, versioned(1, ["f:1"]))
    assert world.tables.filter_server_table == {("c1", "x:1"): ["f:1"]}


def digests_after_a_start(data: bytes) -> list[bytes | None]:
    return [info.digest for info in File(data).world.live.entries()]


def test_digests_of_a_file_that_names_no_changed_groups_do_not_count() -> None:
    """One of an earlier version."""
    file = File()
    file.world.register(FIRST, versioned(1, ["f:1"]))
    file.kept.begin()
    file.finish()
    assert None not in digests_after_a_start(file.data)
    tables, [(group, _)] = attrgetter("tables", "groups")(read_snapshot(file.data))
    names = TablesRecord.__struct_fields__[:-1]
    older = defstruct("Older", names, array_like=True)(*attrgetter(*names)(tables))
    records = write_record(GROUP, group) + write_record(TABLES, older) + pack_end(1)
    assert digests_after_a_start(FIRST_LINE + records) == [None]


def test_digests_do_not_count_if_very_many_groups_changed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(draft, "_MOST_CHANGED", 1)
    third = Broker("c", 0, "z:1", "c1")
    for changing, expected in ([FIRST], 1), ([FIRST, LAST], 3):
        file = File()
        for broker in (FIRST, LAST, third):
            file.world.register(broker, versioned(1, []))
        file.kept.begin()
        while file.kept.has_waiting:
            file.kept.pack_next()
        for broker in changing:
            file.world.register(broker, versioned(2, []))
        file.finish()
        assert digests_after_a_start(file.data).count(None) == expected


def test_digests_do_not_count_while_those_of_other_options_are_forgotten() -> None:
    file = File()
    for number in range(STEP_UNITS):
        broker = Broker(f"g{number}", 0, f"z:{number}", "c1")
        file.world.register(broker, versioned(1, []))
    file.world.holds_work = True
    state = file.world.state
    state.turn.begin()
    state.turn.spend(TURN_UNITS)
    for value in ("true", "false"):
        state.configuration.apply({"deleteTopicWithBrokerRegistration": value}, RELOAD)
    assert state.is_forgetting
    assert any(info.digest for info in file.world.live.entries())
    file.kept.begin()
    file.finish()
    assert set(digests_after_a_start(file.data)) == {None}


def versioned(counter: int, filters: list[str]) -> bytes:
    topics, version = topic_table("T1", "T2"), data_version(counter)
    return registration_body(topics, version=version, filters=filters)


def test_filter_servers_of_a_broker_that_is_not_in_the_file_are_left_out() -> None:
    """Found by whole sessions: they stayed when that broker never came back."""
    first = File()
    first.world.register(FIRST, registration_body(topic_table("T1", "T2")))
    first.kept.begin()
    body = registration_body(topic_table("T1", "T2"), filters=["f:1"])
    first.world.register(LAST, body)
    first.finish()
    second = File(first.data).world
    assert second.live_keys == {("c1", "x:1")}
    assert not second.tables.filter_server_table


def large_group(file: File, counter: int) -> None:
    """Many steps to pack; each call changes it."""
    topics = topic_table(*(f"T{n}" for n in range(3000)), queues=counter)
    file.world.register(FIRST, registration_body(topics, version=data_version(counter)))


def queues_in(file: File) -> set[int]:
    ((group, _),) = read_snapshot(file.data).groups
    return {queue.read_queue_nums for queue in group.queues}


def test_large_group_is_packed_in_steps() -> None:
    file = File()
    large_group(file, 1)
    file.kept.begin()
    steps = [file.kept.pack_next() for _ in range(6)]
    assert steps == [None] * 5 + ["a"]
    file.finish()
    assert queues_in(file) == {1}


def test_group_that_changed_between_two_steps_is_packed_anew() -> None:
    file = File()
    large_group(file, 1)
    file.kept.begin()
    file.kept.pack_next()
    large_group(file, 2)
    file.finish()
    assert queues_in(file) == {2}


def test_group_that_changes_all_the_time_is_packed_at_once() -> None:
    file = File()
    counter = 1
    large_group(file, counter)
    file.kept.begin()
    steps = 0
    while file.kept.has_waiting:
        file.kept.pack_next()
        steps += 1
        counter += 1
        if counter < 100:
            large_group(file, counter)
    assert steps < 30
    file.finish()
    assert len(queues_in(file)) == 1
