"""100, 101, 102 and 219 as requests."""

import pytest

from namesrv.errors import StorageError
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
