"""The key-value configuration: file first, memory afterwards; and its limits."""

import json
from typing import Any

import pytest

from namesrv.errors import RequestFailed, StartFailed, StorageError
from namesrv.options import Options
from namesrv.routing.outbox import FileWrite, Outbox
from namesrv.routing.settings.file_changes import (
    MOST_AT_ONCE,
    MOST_WAITING,
    MOST_WAITING_BYTES,
)
from namesrv.routing.settings.kv_config import KVConfigManager
from namesrv.wire.java_json.read import MOST_VALUES

PATH = "data/kvConfig.json"
FULL = StorageError("write", PATH, "disk is full")


class Store:
    """A configuration, and a test that plays its file."""

    def __init__(self, **options: Any) -> None:
        self.outbox = Outbox()
        self.changes: list[tuple[str, str]] = []
        self.results: list[StorageError | None] = []
        self.manager = KVConfigManager(
            Options(data_dir="data", **options), self.outbox, self._changed
        )

    def _changed(self, namespace: str, key: str) -> None:
        self.changes.append((namespace, key))

    def write(self) -> FileWrite:
        (write,) = self.outbox.take()
        assert isinstance(write, FileWrite) and write.path == PATH
        return write

    def put(self, namespace: str, key: str, value: str | None) -> bytes:
        """Store a value; the file's new content."""
        self.manager.put(namespace, key, value, self.results.append)
        return self.finish()

    def delete(self, namespace: str, key: str) -> bytes:
        self.manager.delete(namespace, key, self.results.append)
        return self.finish()

    def finish(self, error: StorageError | None = None) -> bytes:
        write = self.write()
        content = b"".join(write.content())
        write.done(error)
        return content

    def table(self, namespace: str) -> Any:
        """The answer about a namespace, None for an unknown one."""
        body = self.manager.table_body(namespace)
        return json.loads(body)["table"] if body else None

    def wait(self, *names: str) -> None:
        """Put keys while a write lasts."""
        for name in names:
            namespace, _, key = name.rpartition("/")
            self.manager.put(namespace or "n", key, "v", self.results.append)


@pytest.fixture
def store() -> Store:
    return Store()


# --- changes --------------------------------------------------------------------------


def test_a_value_is_there_once_it_is_written(store: Store) -> None:
    store.manager.put("n", "k", "v", store.results.append)
    assert store.manager.get("n", "k") is None
    assert store.finish() == b'{"configTable":{"n":{"k":"v"}}}'
    assert store.manager.get("n", "k") == "v"
    assert (store.results, store.changes) == ([None], [("n", "k")])


def test_a_value_is_replaced(store: Store) -> None:
    store.put("n", "k", "v")
    assert store.put("n", "k", "w") == b'{"configTable":{"n":{"k":"w"}}}'
    assert store.table("n") == {"k": "w"}


def test_files_are_sorted_and_utf_8(store: Store) -> None:
    store.put("n2", "b", "é中")
    store.put("n2", "a", '"')
    assert store.put("n1", "k", "\n").decode() == (
        '{"configTable":{"n1":{"k":"\\n"},"n2":{"a":"\\"","b":"é中"}}}'
    )


def test_a_null_value_is_stored_and_counts_as_absent(store: Store) -> None:
    assert store.put("n", "k", None) == b'{"configTable":{"n":{}}}'
    assert store.manager.get("n", "k") is None
    assert store.manager.table_body("n") == b'{"table":{}}'


def test_an_emptied_namespace_stays(store: Store) -> None:
    store.put("n", "k", "v")
    assert store.delete("n", "k") == b'{"configTable":{"n":{}}}'
    assert store.manager.table_body("n") == b'{"table":{}}'
    assert store.changes == [("n", "k"), ("n", "k")]


def test_deleting_what_is_not_there_writes_all_the_same(store: Store) -> None:
    assert store.delete("n", "k") == b'{"configTable":{}}'
    assert store.table("n") is None
    assert store.results == [None]


def test_unknown_namespaces_and_keys(store: Store) -> None:
    store.put("n", "k", "v")
    manager = store.manager
    assert manager.get("n", "other") is None
    assert manager.get("other", "k") is None
    assert manager.get(None, "k") is None
    assert manager.get("n", None) is None
    assert manager.table_body("other") == b""
    assert manager.table_body(None) == b""


# --- writes that wait or fail ---------------------------------------------------------


def test_a_failed_write_changes_nothing(store: Store) -> None:
    store.put("n", "k", "v")
    store.manager.put("n", "k", "w", store.results.append)
    store.finish(FULL)
    store.manager.delete("n", "k", store.results.append)
    store.finish(FULL)
    assert store.manager.get("n", "k") == "v"
    assert store.results == [None, FULL, FULL]
    assert len(store.changes) == 1


def test_writes_that_wait_build_on_each_other(store: Store) -> None:
    store.manager.put("n", "a", "1", store.results.append)
    first = store.write()
    assert b"".join(first.content()) == b'{"configTable":{"n":{"a":"1"}}}'
    store.manager.put("n", "b", "2", store.results.append)
    store.manager.delete("n", "a", store.results.append)
    assert not store.outbox
    first.done(None)
    assert (store.table("n"), store.results) == ({"a": "1"}, [None])
    second = store.write()
    store.manager.put("n", "c", "3", store.results.append)
    assert not store.outbox
    content = b"".join(second.content())
    assert content == b'{"configTable":{"n":{"b":"2","c":"3"}}}'
    second.done(None)
    assert not store.outbox
    assert store.table("n") == {"b": "2", "c": "3"}
    assert store.results == [None] * 4
    assert store.changes == [("n", key) for key in ("a", "b", "a", "c")]


def test_a_write_after_a_failed_one_leaves_its_changes_out(store: Store) -> None:
    store.put("n", "k", "v")
    store.manager.delete("n", "k", store.results.append)
    first = store.write()
    first.content()
    store.manager.put("m", "a", "1", store.results.append)
    store.manager.put("m", "b", "2", store.results.append)
    first.done(FULL)
    assert store.finish() == (b'{"configTable":{"m":{"a":"1","b":"2"},"n":{"k":"v"}}}')
    assert store.results == [None, FULL, None, None]


def test_all_that_joined_a_failed_write_are_told_and_nothing_changes(
    store: Store,
) -> None:
    store.put("n", "k", "v")
    store.wait("a", "b", "new/c")
    store.finish(FULL)
    assert store.results == [None, FULL, FULL, FULL]
    assert (store.table("n"), store.table("new")) == ({"k": "v"}, None)
    assert store.changes == [("n", "k")]
    assert not store.outbox


def test_a_thousand_changes_are_few_writes(store: Store) -> None:
    store.manager.put("n", "first", "v", store.results.append)
    first = store.write()
    first.content()
    store.wait(*(f"k{number}" for number in range(1000)))
    first.done(None)
    writes = 1
    while store.outbox:
        store.finish()
        writes += 1
    assert store.results == [None] * 1001
    assert writes == 1 + -(-1000 // MOST_AT_ONCE)
    assert len(store.table("n")) == 1001


def test_content_that_was_made_and_not_written_leaves_memory_alone(
    store: Store,
) -> None:
    store.put("n", "k", "v")
    store.manager.put("n", "k", "w", store.results.append)
    store.write().content()
    assert store.manager.get("n", "k") == "v"


# --- limits ---------------------------------------------------------------------------


def refused(store: Store, namespace: str, key: str, value: str) -> str:
    with pytest.raises(RequestFailed) as caught:
        store.manager.put(namespace, key, value, store.results.append)
    assert not store.outbox and caught.value.code == 1
    return caught.value.remark


def _refusal(store: Store, namespace: str, key: str) -> str:
    """As `refused`, while a write waits."""
    with pytest.raises(RequestFailed) as caught:
        store.manager.put(namespace, key, "v", store.results.append)
    return caught.value.remark


def test_names_have_a_longest_length_in_bytes() -> None:
    store = Store(kv_max_name_bytes=4)
    store.put("1234", "éé", "v")
    assert refused(store, "12345", "k", "v") == (
        "the namespace has 5 bytes, the limit is 4 (kvMaxNameBytes)"
    )
    assert refused(store, "n", "ééé", "v") == (
        "the key has 6 bytes, the limit is 4 (kvMaxNameBytes)"
    )


def test_values_have_a_longest_length_in_bytes() -> None:
    store = Store(kv_max_value_bytes=4)
    store.put("n", "k", "1234")
    assert refused(store, "n", "k", "12345") == (
        "the value has 5 bytes, the limit is 4 (kvMaxValueBytes)"
    )


def test_there_is_a_largest_number_of_namespaces() -> None:
    store = Store(kv_max_namespaces=2)
    store.put("n1", "k", "v")
    store.put("n2", "k", "v")
    store.put("n2", "more", "v")
    assert refused(store, "n3", "k", "v") == (
        "there are 2 namespaces already, the limit is 2 (kvMaxNamespaces)"
    )


def test_there_is_a_largest_number_of_keys() -> None:
    store = Store(kv_max_keys=2)
    store.put("n1", "k", "v")
    store.put("n2", "k", "v")
    store.put("n2", "k", "replaced")
    assert refused(store, "n1", "more", "v") == (
        "there are 2 keys already, the limit is 2 (kvMaxKeys)"
    )
    assert "keys already" in refused(store, "n3", "k", "v")
    store.delete("n1", "k")
    store.put("n1", "more", "v")


def test_changes_that_wait_count_for_the_limits() -> None:
    store = Store(kv_max_keys=3, kv_max_namespaces=2)
    store.put("n", "k", "v")
    store.wait("k", "a", "a", "m/a")
    for name in ("b", "m/b"):
        namespace, _, key = name.rpartition("/")
        assert "there are 3 keys already" in _refusal(store, namespace or "n", key)
    assert "there are 2 namespaces already" in _refusal(store, "o", "a")
    store.wait("m/a", "k")
    while store.outbox:
        store.finish()
    assert (store.table("n"), store.table("m")) == ({"k": "v", "a": "v"}, {"a": "v"})
    assert "there are 3 keys already" in refused(store, "n", "b", "v")


def test_what_a_failed_write_would_have_added_is_free_again() -> None:
    store = Store(kv_max_keys=1, kv_max_namespaces=1)
    store.wait("k")
    store.finish(FULL)
    assert store.put("m", "other", "v") == b'{"configTable":{"m":{"other":"v"}}}'


def test_room_that_a_waiting_delete_makes_counts_when_it_is_there() -> None:
    store = Store(kv_max_keys=2)
    store.put("n", "a", "v")
    store.put("n", "b", "v")
    store.manager.delete("n", "a", store.results.append)
    assert "there are 2 keys already" in _refusal(store, "n", "c")
    # Back again after its own delete, it may be one more.
    assert "there are 2 keys already" in _refusal(store, "n", "a")
    store.wait("b")
    store.finish()
    store.put("n", "c", "v")
    assert store.table("n") == {"b": "v", "c": "v"}


@pytest.mark.parametrize(
    ("count", "size"), [(MOST_WAITING, 1), (MOST_WAITING_BYTES // 300_000, 60_000)]
)
def test_no_more_changes_wait_than_may(count: int, size: int) -> None:
    store = Store()
    store.put("n", "k", "v")
    for _ in range(count - 1):
        store.manager.put("n", "k", "v" * size, store.results.append)
    refusals = 0
    while refusals < 3:
        try:
            store.manager.put("n", "k", "v" * size, store.results.append)
        except RequestFailed as failure:
            assert failure.remark.startswith("the disk is slow: ")
            refusals += 1
    waiting = 0
    while store.outbox:
        store.finish()
    waiting = len(store.results) - 1
    assert count - 5 <= waiting <= count
    store.put("n", "k", "w")
    assert store.table("n") == {"k": "w"}


# --- the file at the start ------------------------------------------------------------


@pytest.mark.parametrize("data", [None, b"", b" \r\n", b"null", b" null\n", b"[]"])
def test_no_file_and_one_without_a_table(store: Store, data: bytes | None) -> None:
    store.manager.load(data)
    assert store.table("n") is None


def test_a_file_of_the_java_server(store: Store) -> None:
    store.manager.load(
        b'{"configTable":{"n":{"k":"v","number":5,"null":null,"deep":{"a":1}},'
        b'"empty":{},"none":null},"more":1}'
    )
    assert store.table("n") == {"k": "v", "number": "5", "deep": '{"a":1}'}
    assert store.manager.get("n", "null") is None
    assert store.manager.table_body("empty") == b'{"table":{}}'
    assert store.table("none") is None


def test_what_was_loaded_is_written_back(store: Store) -> None:
    store.manager.load(b'{"configTable":{"n":{"k":"v"}}}')
    assert store.put("m", "k", "v") == (
        b'{"configTable":{"m":{"k":"v"},"n":{"k":"v"}}}'
    )


def test_a_file_of_any_values_within_the_limits_can_be_read_again(store: Store) -> None:
    value = ",[{" * (Options().kv_max_value_bytes // 3)
    for number in range(MOST_VALUES // len(value) * 3 + 4):
        content = store.put("n", f"k{number}", value)
    assert content.count(b",") > MOST_VALUES
    again = Store()
    again.manager.load(content)
    assert again.table("n") == store.table("n")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b" \t\r\n", "is empty"),
        (b"\0", "has NUL bytes"),
        (b"\n\0", "has NUL bytes"),
        (b'{"configTable":{}}' + b"\0" * 100, "has NUL bytes"),
    ],
)
def test_a_file_that_a_crash_emptied_refuses_to_start(
    store: Store, data: bytes, what: str
) -> None:
    """Java takes 0 bytes for an empty table, and overwrites the copy with it."""
    with pytest.raises(StartFailed) as caught:
        store.manager.load(data, has_copy=True)
    assert str(caught.value) == (
        f"{PATH} {what}, as after a crash: put a copy of it there, such as {PATH}.bak,"
        " which the Java server writes, or remove it to begin with an empty table"
    )


@pytest.mark.parametrize("data", [b"\0", b"\n\0"])
def test_a_file_of_nuls_is_never_an_empty_table(store: Store, data: bytes) -> None:
    with pytest.raises(StartFailed, match="has NUL bytes"):
        store.manager.load(data, has_copy=False)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"{}", "has no object"),
        (b"5", "has no object"),
        (b'{"configTable":null}', "has no object"),
        (b'{"configTable":[]}', "has no object"),
        (b'{"configTable":{"n":5}}', "namespace 'n' in"),
        (b'{"configTable":{"n":[]}}', "namespace 'n' in"),
        (b'{"configTable":{"n":{"k":[1E2147483648]}}}', "namespace 'n' in"),
    ],
)
def test_a_file_that_cannot_be_read_refuses_to_start(
    store: Store, data: bytes, reason: str
) -> None:
    with pytest.raises(StartFailed) as caught:
        store.manager.load(data)
    message = str(caught.value)
    assert PATH in message and reason in message
    assert message.endswith("move it away") and "\n" not in message
