"""Limits of the key-value configuration; changes that wait for the file count, too."""

from collections import Counter
from typing import TypeVar

from namesrv.errors import RequestFailed
from namesrv.options import Options
from namesrv.routing.settings.kv_table import KVChange, KVTable

Name = TypeVar("Name", str, tuple[str, str])


class KVLimits:
    """Counts the keys and namespaces that waiting changes may add, each once.

    So no limit is passed by changes that come while a write lasts, whichever of them
    fail: room that a waiting delete frees counts only when it is done.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._keys: Counter[tuple[str, str]] = Counter()
        self._deleted: Counter[tuple[str, str]] = Counter()
        self._namespaces: Counter[str] = Counter()

    def check(
        self, table: KVTable, namespace: str, key: str, value: str | None
    ) -> tuple[bool, bool]:
        """Whether a put may add a key, and a namespace, to `table`.

        Raises RequestFailed when a limit forbids it.
        """
        options = self._options
        longest = options.kv_max_name_bytes
        for what, text in (("namespace", namespace), ("key", key)):
            _check_length(what, text, longest, "kvMaxNameBytes")
        most = options.kv_max_value_bytes
        _check_length("value", value or "", most, "kvMaxValueBytes")
        adds_namespace = table.namespace(namespace) is None
        if adds_namespace and namespace not in self._namespaces:
            count = len(table) + len(self._namespaces)
            _check_count("namespaces", count, options.kv_max_namespaces)
        name = namespace, key
        adds_key = name in self._deleted or not table.has(namespace, key)
        if adds_key and name not in self._keys:
            _check_count("keys", table.key_count + len(self._keys), options.kv_max_keys)
        return adds_key, adds_namespace

    def awaits(self, namespace: str, key: str) -> bool:
        """Whether a change that waits may add this key."""
        return (namespace, key) in self._keys

    def enter(self, change: KVChange) -> None:
        """A change waits from now on."""
        self._count(change, 1)

    def leave(self, change: KVChange) -> None:
        """It is in the table, or failed."""
        self._count(change, -1)

    def _count(self, change: KVChange, step: int) -> None:
        name = change.namespace, change.key
        if change.entry is None:
            _add(self._deleted, name, step)
        if change.adds_key:
            _add(self._keys, name, step)
        if change.adds_namespace:
            _add(self._namespaces, change.namespace, step)


def _add(counter: Counter[Name], name: Name, step: int) -> None:
    counter[name] += step
    if not counter[name]:
        del counter[name]


def _check_length(what: str, text: str, max_bytes: int, option: str) -> None:
    size = len(text.encode("utf-8", "replace"))
    if size > max_bytes:
        raise RequestFailed(
            f"the {what} has {size} bytes, the limit is {max_bytes} ({option})"
        )


def _check_count(what: str, count: int, limit: int) -> None:
    if count >= limit:
        raise RequestFailed(
            f"there are {count} {what} already, the limit is {limit} (kvMax"
            f"{what.capitalize()})"
        )
