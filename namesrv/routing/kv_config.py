"""The key-value configuration: namespace -> key -> value (protocol.md 2.1-2.4, 4.4).

A change goes to the file first and to memory when the file has been replaced; a failed
write changes nothing. Source: `KVConfigManager`.
"""

from collections.abc import Callable, Mapping

from namesrv.errors import JsonInvalid, RequestFailed, StartFailed, StorageError
from namesrv.options import Options
from namesrv.routing.outbox import FileWrite, Outbox
from namesrv.wire.bodies import write_kv_config, write_kv_table
from namesrv.wire.lenient_json import JsonValue, read_json, to_text

Table = dict[str, dict[str, str | None]]
Done = Callable[[StorageError | None], None]


class KVConfigManager:
    """Holds the configuration; `on_change(namespace, key)` is called after a change."""

    def __init__(
        self,
        options: Options,
        outbox: Outbox,
        on_change: Callable[[str, str], None],
    ) -> None:
        self._options = options
        self._outbox = outbox
        self._on_change = on_change
        self._config_table: Table = {}

    def load(self, data: bytes | None) -> None:
        """Take over the file's content, None for no file (section 4.4).

        Raises StartFailed when it cannot be read: starting empty would overwrite it.
        """
        path = self._options.kv_config_path
        try:
            value = read_json(data or b"", most_values=None)
        except JsonInvalid as exc:
            raise StartFailed(
                f"{path} is not JSON ({exc}): repair it or move it away"
            ) from None
        if value is None or isinstance(value, list):
            return
        table = value.get("configTable") if isinstance(value, dict) else None
        if not isinstance(table, dict):
            raise StartFailed(
                f'{path} has no object "configTable": repair it or move it away'
            )
        self._config_table = {
            namespace: _texts(keys, path, namespace)
            for namespace, keys in table.items()
            if keys is not None
        }

    def get(self, namespace: str | None, key: str | None) -> str | None:
        """A value, None when there is none."""
        if namespace is None or key is None:
            return None
        return self._config_table.get(namespace, {}).get(key)

    def table(self, namespace: str | None) -> Mapping[str, str | None] | None:
        """All of a namespace, None for an unknown one."""
        return None if namespace is None else self._config_table.get(namespace)

    def table_body(self, namespace: str | None) -> bytes:
        """The namespace as KVTable JSON, empty for an unknown one."""
        table = self.table(namespace)
        return b"" if table is None else write_kv_table(table)

    def put(self, namespace: str, key: str, value: str | None, done: Done) -> None:
        """Store a value. Raises RequestFailed when a limit forbids it."""
        self._check_limits(namespace, key, value)

        def change(table: Table) -> None:
            table.setdefault(namespace, {})[key] = value

        self._write(change, namespace, key, done)

    def delete(self, namespace: str, key: str, done: Done) -> None:
        """Remove a key; its namespace stays, even empty."""

        def change(table: Table) -> None:
            table.get(namespace, {}).pop(key, None)

        self._write(change, namespace, key, done)

    def _write(
        self, change: Callable[[Table], None], namespace: str, key: str, done: Done
    ) -> None:
        def content() -> bytes:
            table = dict(self._config_table)
            if namespace in table:
                table[namespace] = dict(table[namespace])
            change(table)
            return write_kv_config(table)

        def written(error: StorageError | None) -> None:
            if error is None:
                change(self._config_table)
                self._on_change(namespace, key)
            done(error)

        path = self._options.kv_config_path
        self._outbox.put(FileWrite(path, content, written))

    def _check_limits(self, namespace: str, key: str, value: str | None) -> None:
        options, table = self._options, self._config_table
        longest = options.kv_max_name_bytes
        for what, text in (("namespace", namespace), ("key", key)):
            _check_length(what, text, longest)
        _check_length("value", value or "", options.kv_max_value_bytes)
        keys = table.get(namespace)
        if keys is None and len(table) >= options.kv_max_namespaces:
            raise RequestFailed(
                f"there are {len(table)} namespaces already, the limit is "
                f"{options.kv_max_namespaces} (kvMaxNamespaces)"
            )
        total = sum(map(len, table.values()))
        if (keys is None or key not in keys) and total >= options.kv_max_keys:
            raise RequestFailed(
                f"there are {total} keys already, the limit is "
                f"{options.kv_max_keys} (kvMaxKeys)"
            )


def _check_length(what: str, text: str, max_bytes: int) -> None:
    size = len(text.encode("utf-8", "replace"))
    if size > max_bytes:
        raise RequestFailed(
            f"the {what} has {size} bytes, the limit is {max_bytes} bytes"
        )


def _texts(value: JsonValue, path: str, namespace: str) -> dict[str, str | None]:
    if not isinstance(value, dict):
        raise StartFailed(
            f"namespace {namespace!r} in {path} is not an object: repair the file "
            "or move it away"
        )
    try:
        return {key: to_text(member) for key, member in value.items()}
    except JsonInvalid as exc:
        raise StartFailed(
            f"a value of namespace {namespace!r} in {path} is no text ({exc}): repair "
            "the file or move it away"
        ) from None
