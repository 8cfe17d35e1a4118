"""100, 101, 102 and 219 as requests."""

import pytest

from namesrv.errors import StorageError
from namesrv.hot_path import Pause
from namesrv.testing.peer import binary_request, read_answers, request
from tests.routing.world import World

FIELDS = {"namespace": "n", "key": "k", "value": "v"}


@pytest.fixture
def stored(world: World) -> World:
    assert world.ask(100, FIELDS).code == 0
    return world


def test_put_and_get(stored: World) -> None:
    answer = stored.ask(101, FIELDS)
    assert (answer.code, answer.ext_fields) == (0, {"value": "v"})
    assert answer.remark is None and answer.body == b""
    assert stored.files == {"data/kvConfig.json": b'{"configTable":{"n":{"k":"v"}}}'}
    assert stored.event("KV configuration put") == {
        "namespace": "n",
        "key": "k",
        "remote": "10.0.0.9:40000",
    }


def test_the_answer_to_a_put_is_bare(world: World) -> None:
    answer = world.ask(100, FIELDS)
    assert (answer.code, answer.remark) == (0, None)
    assert answer.ext_fields is None and answer.body == b""


@pytest.mark.parametrize("missing", ["namespace", "key"])
def test_a_put_needs_a_name(world: World, missing: str) -> None:
    fields = {name: text for name, text in FIELDS.items() if name != missing}
    answer = world.ask(100, fields)
    assert (answer.code, answer.remark) == (1, "namespace or key is null")
    assert answer.ext_fields is None and world.files == {}
    assert world.ask(100).code == 1


def test_a_put_without_a_value_is_a_success(world: World) -> None:
    assert world.ask(100, {"namespace": "n", "key": "k"}).code == 0
    assert world.ask(101, FIELDS).code == 22


def test_an_empty_value_does_not_survive_the_binary_encoding(world: World) -> None:
    empty = {**FIELDS, "value": ""}
    world.send(binary_request(100, empty))
    assert world.ask(101, FIELDS).code == 22
    world.ask(100, empty)
    assert world.ask(101, FIELDS).ext_fields == {"value": ""}


@pytest.mark.parametrize(
    ("fields", "remark"),
    [
        (
            {"namespace": "n", "key": "x"},
            "No config item, Namespace: n Key: x",
        ),
        (
            {"namespace": "x", "key": "k"},
            "No config item, Namespace: x Key: k",
        ),
        ({"key": "k"}, "No config item, Namespace: null Key: k"),
        (None, "No config item, Namespace: null Key: null"),
    ],
)
def test_what_is_not_there(
    stored: World, fields: dict[str, str] | None, remark: str
) -> None:
    answer = stored.ask(101, fields)
    assert (answer.code, answer.remark) == (22, remark)
    assert answer.ext_fields == {} and answer.body == b""


def test_delete(stored: World) -> None:
    answer = stored.ask(102, FIELDS)
    assert (answer.code, answer.remark, answer.ext_fields) == (0, None, None)
    assert stored.ask(101, FIELDS).code == 22
    assert stored.files["data/kvConfig.json"] == b'{"configTable":{"n":{}}}'
    assert stored.event("KV configuration deleted")["key"] == "k"


@pytest.mark.parametrize(
    "fields",
    [None, {}, {"namespace": "n"}, {"key": "k"}, {"namespace": "x", "key": "k"}],
)
def test_deleting_nothing_is_a_success(
    stored: World, fields: dict[str, str] | None
) -> None:
    assert stored.ask(102, fields).code == 0
    assert stored.ask(101, FIELDS).code == 0


def test_a_namespace(stored: World) -> None:
    stored.ask(100, {**FIELDS, "key": "a"})
    answer = stored.ask(219, {"namespace": "n"})
    assert (answer.code, answer.body) == (0, b'{"table":{"a":"v","k":"v"}}')
    assert answer.ext_fields is None


def test_an_emptied_namespace(stored: World) -> None:
    stored.ask(102, FIELDS)
    assert stored.ask(219, {"namespace": "n"}).body == b'{"table":{}}'


@pytest.mark.parametrize(
    ("fields", "shown"), [({"namespace": "x"}, "x"), ({}, "null"), (None, "null")]
)
def test_an_unknown_namespace(
    stored: World, fields: dict[str, str] | None, shown: str
) -> None:
    answer = stored.ask(219, fields)
    assert (answer.code, answer.body) == (22, b"")
    assert answer.remark == f"No config item, Namespace: {shown}"
    assert answer.ext_fields is None


def test_a_disk_that_is_full_is_told_and_nothing_changes(stored: World) -> None:
    stored.write_error = StorageError("write", "kvConfig.json", "disk is full")
    for code in (100, 102):
        answer = stored.ask(code, {**FIELDS, "value": "new"})
        assert answer.code == 1
        assert answer.remark == "cannot write kvConfig.json: disk is full"
    assert stored.ask(101, FIELDS).ext_fields == {"value": "v"}


def test_a_limit_is_told(world: World) -> None:
    answer = world.ask(100, {**FIELDS, "value": "v" * 70_000})
    assert answer.code == 1
    assert answer.remark == (
        "the value has 70000 bytes, the limit is 65536 (kvMaxValueBytes)"
    )


def test_values_of_many_kilobytes_are_answered_in_several_turns(world: World) -> None:
    world.ask(100, {**FIELDS, "value": "v" * 60_000})
    output, turns = world.send(request(101, FIELDS) * 20), 1
    while world.connection.pause != Pause.NONE:
        output += world.next_turn(world.connection)
        turns += 1
    assert len(read_answers(output)) == 20
    assert turns >= 10


def test_requests_of_two_connections_are_written_in_order(world: World) -> None:
    world.holds_writes = True
    other = world.connect()
    assert world.send(request(100, FIELDS, opaque=1)) == b""
    later = {**FIELDS, "value": "later"}
    assert world.send(request(100, later, opaque=2), other) == b""
    assert world.ask(101, FIELDS, connection=world.connect()).code == 22
    world.finish_write()
    assert not world.writes
    for connection in (world.connection, other):
        assert len(read_answers(world.late_output.pop(connection))) == 1
    assert world.ask(101, FIELDS).ext_fields == {"value": "later"}


# --- changes that come together -------------------------------------------------------


def opaques_and_codes(output: bytes) -> list[tuple[int, int]]:
    return [(a.header["opaque"], a.code) for a in read_answers(output)]


def puts(count: int, **more: str) -> bytes:
    fields = {**FIELDS, **more}
    frames = (request(100, {**fields, "key": f"k{n}"}, opaque=n) for n in range(count))
    return b"".join(frames)


def test_changes_of_one_packet_join_one_write(world: World) -> None:
    world.holds_writes = True
    assert world.send(puts(40)) == b""
    assert len(world.writes) == 1
    world.finish_write()
    assert not world.writes
    output = world.late_output.pop(world.connection)
    assert opaques_and_codes(output) == [(n, 0) for n in range(40)]
    assert len(world.state.waiting) == 0


def test_a_packet_of_deletes_is_few_writes(world: World) -> None:
    world.send(puts(1))
    world.holds_writes = True
    delete = request(102, {"namespace": "n", "key": "k0"})
    count = 65536 // len(delete)
    output, writes = world.send(delete * count), 0
    while world.writes or world.connection.pause != Pause.NONE:
        writes += len(world.writes)
        while world.writes:
            world.finish_write()
        output += world.late_output.pop(world.connection, b"")
        output += world.next_turn(world.connection)
    assert len(read_answers(output)) == count > 400
    assert writes <= 4


def test_answers_that_need_no_file_keep_their_place_among_those_that_do(
    world: World,
) -> None:
    world.holds_writes = True
    frames = (
        request(100, FIELDS, opaque=1),
        request(100, {"key": "k"}, opaque=2),
        request(102, {"namespace": "n", "key": "absent"}, opaque=3),
        request(318, {}, b"orderMessageEnable=true", opaque=4),
        request(102, FIELDS, opaque=5, flag=2),
        request(318, {}, b"listenPort=1", opaque=6),
        request(101, FIELDS, opaque=7),
        request(100, FIELDS, opaque=8),
    )
    assert world.send(b"".join(frames)) == b""
    assert len(world.writes) == 2
    world.finish_write()
    assert world.late_output == {}
    world.finish_write()
    output = world.late_output.pop(world.connection)
    expected = [(1, 0), (2, 1), (3, 0), (4, 0), (6, 16), (7, 22)]
    assert opaques_and_codes(output) == expected
    assert world.options.order_message_enable
    world.finish_write()
    output = world.late_output.pop(world.connection)
    assert opaques_and_codes(output) == [(8, 0)]


def test_changes_that_joined_a_failed_write_all_fail(world: World) -> None:
    world.write_error = StorageError("write", "kvConfig.json", "disk is full")
    answers = read_answers(world.send(puts(3)))
    assert [answer.code for answer in answers] == [1, 1, 1]


def test_joined_changes_are_bounded_by_units(world: World) -> None:
    world.holds_writes = True
    world.send(puts(60, value="v" * 1000))
    waiting = len(world.state.waiting)
    assert 10 < waiting < 30 and world.connection.buffered_bytes > 0


def test_deleting_a_key_that_is_not_there_writes_nothing(stored: World) -> None:
    stored.files.clear()
    absent = {"namespace": "n", "key": "absent"}
    assert stored.ask(102, absent).code == 0
    assert stored.ask(102, {**absent, "namespace": "absent"}).code == 0
    assert stored.files == {}


def test_deleting_a_key_that_is_being_put_waits_for_it(world: World) -> None:
    world.holds_writes = True
    assert world.send(request(100, FIELDS)) == b""
    assert world.send(request(102, FIELDS), world.connect()) == b""
    world.finish_write()
    assert world.ask(101, FIELDS, connection=world.connect()).code == 22
    assert world.files == {"data/kvConfig.json": b'{"configTable":{"n":{}}}'}
