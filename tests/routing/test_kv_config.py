"""The key-value configuration: file first, memory afterwards; and its limits."""

from typing import Any

import pytest

from namesrv.errors import RequestFailed, StartFailed, StorageError
from namesrv.options import Options
from namesrv.routing.kv_config import KVConfigManager
from namesrv.routing.outbox import FileWrite, Outbox
from namesrv.wire.lenient_json import MOST_VALUES

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
        content = write.content()
        write.done(error)
        return content


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
    assert store.manager.table("n") == {"k": "w"}


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
    assert store.manager.table("n") is None
    assert store.results == [None]


def test_unknown_namespaces_and_keys(store: Store) -> None:
    store.put("n", "k", "v")
    manager = store.manager
    assert manager.get("n", "other") is None
    assert manager.get("other", "k") is None
    assert manager.get(None, "k") is None
    assert manager.get("n", None) is None
    assert manager.table(None) is None
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
    store.manager.put("n", "b", "2", store.results.append)
    second = store.write()
    store.manager.delete("n", "a", store.results.append)
    third = store.write()
    assert first.content() == b'{"configTable":{"n":{"a":"1"}}}'
    first.done(None)
    assert second.content() == b'{"configTable":{"n":{"a":"1","b":"2"}}}'
    second.done(FULL)
    assert third.content() == b'{"configTable":{"n":{}}}'
    third.done(None)
    assert store.manager.table("n") == {}


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


def test_names_have_a_longest_length_in_bytes() -> None:
    store = Store(kv_max_name_bytes=4)
    store.put("1234", "éé", "v")
    assert refused(store, "12345", "k", "v") == (
        "the namespace has 5 bytes, the limit is 4 bytes"
    )
    assert refused(store, "n", "ééé", "v") == (
        "the key has 6 bytes, the limit is 4 bytes"
    )


def test_values_have_a_longest_length_in_bytes() -> None:
    store = Store(kv_max_value_bytes=4)
    store.put("n", "k", "1234")
    assert refused(store, "n", "k", "12345") == (
        "the value has 5 bytes, the limit is 4 bytes"
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


# --- the file at the start ------------------------------------------------------------


@pytest.mark.parametrize("data", [None, b"", b" \n", b"null", b"[]"])
def test_no_file_and_an_empty_one(store: Store, data: bytes | None) -> None:
    store.manager.load(data)
    assert store.manager.table("n") is None


def test_a_file_of_the_java_server(store: Store) -> None:
    store.manager.load(
        b'{"configTable":{"n":{"k":"v","number":5,"null":null,"deep":{"a":1}},'
        b'"empty":{},"none":null},"more":1}'
    )
    assert store.manager.table("n") == {
        "k": "v",
        "number": "5",
        "null": None,
        "deep": '{"a":1}',
    }
    assert store.manager.table_body("empty") == b'{"table":{}}'
    assert store.manager.table("none") is None


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
    assert again.manager.table("n") == store.manager.table("n")


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
