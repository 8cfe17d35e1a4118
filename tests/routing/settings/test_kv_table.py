"""The table of key-value entries: equal to a dictionary, and cheap to change."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.routing.settings import kv_table
from namesrv.routing.settings.kv_table import BLOCK_KEYS, KVChange, KVNamespace, KVTable
from namesrv.wire.bodies import write_kv_entry

names = st.sampled_from(["", "a", "b", "k1", "k2", "é", "中", "\U0001f600", "\ud83d"])
changes = st.lists(
    st.tuples(names, names, st.none() | st.text(max_size=3)), max_size=60
)


def change(namespace: str, key: str, value: str | None) -> KVChange:
    return KVChange(namespace, key, write_kv_entry(key, value))


def file_text(table: KVTable) -> bytes:
    return b"".join(table.file_pieces())


def filled(count: int, value: str = "v") -> KVTable:
    entries = ((f"k{n:06}", write_kv_entry(f"k{n:06}", value)) for n in range(count))
    return KVTable({"n": KVNamespace(entries)})


@given(changes, st.integers(1, 4))
def test_table_is_what_a_dictionary_is(
    changes: list[tuple[str, str, str | None]], block_keys: int
) -> None:
    """A value of None deletes here; blocks are small, so that they split and go."""
    model: dict[str, dict[str, str]] = {}
    table = KVTable()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kv_table, "BLOCK_KEYS", block_keys)
        for namespace, key, value in changes:
            entry = None if value is None else write_kv_entry(key, value)
            table = table.changed([KVChange(namespace, key, entry)])
            if value is None:
                model.get(namespace, {}).pop(key, None)
            else:
                model.setdefault(namespace, {})[key] = value
    assert len(table) == len(model)
    assert table.key_count == sum(map(len, model.values()))
    for namespace, keys in model.items():
        assert table.body(namespace) == _body(keys)
        assert b"".join(table.body_pieces(namespace)) == _body(keys)
        assert table.body_bytes(namespace) == len(_body(keys))
        for key, value in keys.items():
            assert table.has(namespace, key)
            assert table.value(namespace, key) == _readable(value)
        entries = [(key, write_kv_entry(key, keys[key])) for key in sorted(keys)]
        for start in (*keys, "", "zz"):
            for is_included in (False, True):
                rest = [
                    e for e in entries if e[0] > start or e[0] == start and is_included
                ]
                found = table.namespace(namespace)
                assert found is not None
                assert [*found.following(start, is_included=is_included)] == rest
        assert not table.has(namespace, "none") and table.value(namespace, "x") is None
    expected = {name: json.loads(_body(model[name]))["table"] for name in sorted(model)}
    assert json.loads(file_text(table))["configTable"].keys() == {
        _readable(name) for name in expected
    }


def _body(keys: dict[str, str]) -> bytes:
    members = b",".join(write_kv_entry(key, keys[key]) for key in sorted(keys))
    return b'{"table":{' + members + b"}}"


def _readable(text: str) -> str:
    return text.replace("\ud83d", "?")


@given(changes)
def test_changes_made_at_once_are_those_made_one_by_one(
    changes: list[tuple[str, str, str | None]],
) -> None:
    made = [change(*one) for one in changes]
    one_by_one = KVTable()
    for single in made:
        one_by_one = one_by_one.changed([single])
    at_once = KVTable().changed(made)
    assert file_text(at_once) == file_text(one_by_one)
    assert at_once.key_count == one_by_one.key_count
    for name in {namespace for namespace, _, _ in changes} | {"none"}:
        assert at_once.body_bytes(name) == len(at_once.body(name))


def test_table_that_was_changed_stays_what_it_was() -> None:
    before = filled(1000)
    text = file_text(before)
    after = before.changed(
        [change("n", "k000500", "w"), change("m", "k", "v"), KVChange("n", "k0", None)]
    )
    assert file_text(before) == text and before.key_count == 1000
    assert file_text(after) != text and after.key_count == 1001


def test_namespace_read_from_a_file_is_in_order() -> None:
    entries = [(key, write_kv_entry(key, key)) for key in ("b", "é", "a", "Z")]
    table = KVTable({"n": KVNamespace(entries)})
    assert table.body("n") == '{"table":{"Z":"Z","a":"a","b":"b","é":"é"}}'.encode()


@pytest.mark.parametrize("key", ["k000000", "k015000", "k019999", "k", "x", "k015000a"])
def test_change_copies_one_block_of_entries(key: str) -> None:
    """For any table; the rest is shared, and nothing else is encoded."""
    table = filled(20_000)
    before = blocks(table)
    for entry in (write_kv_entry(key, "w"), None):
        after = blocks(table.changed([KVChange("n", key, entry)]))
        new = [block for block in after if not any(block is b for b in before)]
        assert len(new) <= 2
        assert sum(len(block.keys) for block in new) <= BLOCK_KEYS + 1


def test_blocks_stay_few_and_small_when_keys_come_and_go() -> None:
    table = KVTable()
    for n in range(3000):
        table = table.changed([change("n", f"k{n * 7919 % 3000}", "v")])
    assert max(len(block.keys) for block in blocks(table)) <= BLOCK_KEYS
    assert len(blocks(table)) <= 3000 * 2 / BLOCK_KEYS + 1
    for n in range(3000):
        table = table.changed([KVChange("n", f"k{n}", None)])
    assert blocks(table) == [] and table.key_count == 0
    assert table.body("n") == b'{"table":{}}'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x" * 24, "v" * 60_000),
        ("x" * 24, "\u4e2d" * 20_000),
        ("x" * 24, "v" * 59_000 + "\U0001f600"),
        ("\U0001f600" + "x" * 1000, ""),
        ("\x01" * 24, "\x01" * 10_000),
        ('"' * 500, "\\" * 10_000),
        ("k", ""),
    ],
)
def test_memory_of_a_key_is_that_of_the_formula(name: str, value: str) -> None:
    """docs/architecture.md, "Memory": 500 + its name + its name and value as JSON."""
    count = 100
    changes = [change("n", f"{n:04}{name}", value) for n in range(count)]
    table = KVTable()
    for one in changes:
        table = table.changed([one])
    kept = sum(
        sys.getsizeof(block)
        + 2 * 8
        + sum(map(sys.getsizeof, (*block, *block.keys, *block.entries)))
        for block in blocks(table)
    )
    size = len(f"0000{name}".encode())
    json_size = len(json.dumps(f"0000{name}{value}", ensure_ascii=False).encode())
    assert kept <= count * (500 + size + json_size)


def blocks(table: KVTable) -> list[Any]:
    namespace = table.namespace("n")
    assert namespace is not None
    return namespace._blocks
