"""The key-value configuration: namespace -> key -> value (protocol.md 2.1-2.4, 4.4).

A change goes to the file first and to memory when the file has been replaced; a failed
write changes nothing. Source: `KVConfigManager`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from namesrv.errors import JsonInvalid, StartFailed, StorageError
from namesrv.options import Options
from namesrv.routing.events import Cause, EventStream, KvChanged
from namesrv.routing.outbox import Outbox
from namesrv.routing.settings.file_changes import Done, FileChanges
from namesrv.routing.settings.kv_limits import KVLimits
from namesrv.routing.settings.kv_table import KVChange, KVNamespace, KVTable
from namesrv.wire.bodies import write_kv_entry
from namesrv.wire.command import LongBody
from namesrv.wire.damage import damage_of
from namesrv.wire.java_json.read import read_json
from namesrv.wire.java_json.values import JsonValue, to_text

KEPT_PER_CHARACTER: Final = 5
"""A change that waits is kept as text to be written, and as its request, in which a
character may take four bytes."""


class _Wanted(NamedTuple):
    """A change, and why it is made."""

    change: KVChange
    cause: Cause


class KVConfigManager:
    """Holds the configuration; `on_change(namespace, key)` is called after a change.
    `changes` counts how often entries have changed."""

    def __init__(
        self,
        options: Options,
        outbox: Outbox,
        events: EventStream,
        on_change: Callable[[str, str], None],
    ) -> None:
        self._options = options
        self._events = events
        self._on_change = on_change
        self._table = KVTable()
        self.changes = 0
        self._limits = KVLimits(options)
        self._changes: FileChanges[_Wanted] = FileChanges(
            outbox, lambda: options.kv_config_path, self._content, self._settle
        )

    def load(self, data: bytes | None, *, has_copy: bool = False) -> None:
        """Take over the file's content, None for no file (section 4.4); `has_copy`
        means that a copy of the last content lies beside it.

        Raises StartFailed when it cannot be read: starting empty would overwrite it.
        One without a byte is an empty table, unless there is a copy.
        """
        if data is None or not (data.strip() or has_copy):
            return
        path = self._options.kv_config_path
        damage = damage_of(data)
        if damage is not None:
            raise StartFailed(
                f"{path} {damage}: put a copy of it there, such as {path}.bak, which"
                " the Java server writes, or remove it to begin with an empty table"
            )
        try:
            value = read_json(data, most_values=None)
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
        namespaces = {
            namespace: KVNamespace(_entries(keys, path, namespace))
            for namespace, keys in table.items()
            if keys is not None
        }
        self._table = KVTable(namespaces)

    @property
    def table(self) -> KVTable:
        """All entries, as of now: a later change makes another table."""
        return self._table

    def get(self, namespace: str | None, key: str | None) -> str | None:
        """A value, None when there is none."""
        if namespace is None or key is None:
            return None
        return self._table.value(namespace, key)

    def has_namespace(self, namespace: str) -> bool:
        """Whether there is one, be it empty."""
        return self._table.namespace(namespace) is not None

    def table_body(self, namespace: str | None) -> bytes:
        """The namespace as KVTable JSON, empty for an unknown one."""
        return b"" if namespace is None else self._table.body(namespace)

    def body(self, namespace: str | None, longest: int) -> bytes | LongBody:
        """As `table_body`, and in pieces if it has more than `longest` bytes."""
        if namespace is None or self._table.body_bytes(namespace) <= longest:
            return self.table_body(namespace)
        pieces = self._table.body_pieces(namespace)
        return LongBody(pieces, self._table.body_bytes(namespace))

    def put(
        self, namespace: str, key: str, value: str | None, cause: Cause, done: Done
    ) -> None:
        """Store a value. Raises RequestFailed when a limit forbids it."""
        adds = self._limits.check(self._table, namespace, key, value)
        entry = write_kv_entry(key, value)
        self._add(KVChange(namespace, key, entry, *adds), cause, done)

    def has(self, namespace: str, key: str) -> bool:
        """Whether a key is there, be its value null, or is being put."""
        is_there = self._table.has(namespace, key)
        return is_there or self._limits.awaits(namespace, key)

    def delete(self, namespace: str, key: str, cause: Cause, done: Done) -> None:
        """Remove a key; its namespace stays, even empty.

        Raises RequestFailed when too many changes wait already.
        """
        self._add(KVChange(namespace, key, None), cause, done)

    def _add(self, change: KVChange, cause: Cause, done: Done) -> None:
        texts = len(change.namespace) + len(change.key) + len(change.entry or b"")
        kept_bytes = KEPT_PER_CHARACTER * texts
        self._changes.check(kept_bytes)
        self._limits.enter(change)
        self._changes.add(_Wanted(change, cause), kept_bytes, done)

    def _content(self, wanted: Sequence[_Wanted]) -> Iterable[bytes]:
        return self._table.changed(change for change, _ in wanted).file_pieces()

    def _settle(self, wanted: Sequence[_Wanted], error: StorageError | None) -> None:
        for change, _ in wanted:
            self._limits.leave(change)
        if error is not None:
            return
        differing = self._differing(wanted)
        self.changes += bool(differing)
        self._table = self._table.changed(change for change, _ in wanted)
        for change, _ in wanted:
            self._on_change(change.namespace, change.key)
        for (namespace, key, entry, *_), cause in differing:
            wall_millis = self._events.wall_millis()
            event = KvChanged(wall_millis, cause, namespace, key, entry is None)
            self._events.put(event)

    def _differing(self, wanted: Sequence[_Wanted]) -> list[_Wanted]:
        """Those that change something, each after the ones before it."""
        entries: dict[tuple[str, str], bytes | None] = {}
        differing: list[_Wanted] = []
        for item in wanted:
            place = item.change.namespace, item.change.key
            if place not in entries:
                entries[place] = self._table.entry(*place)
            if entries[place] != item.change.entry:
                entries[place] = item.change.entry
                differing.append(item)
        return differing


def _entries(
    value: JsonValue, path: str, namespace: str
) -> Iterator[tuple[str, bytes]]:
    if not isinstance(value, dict):
        raise StartFailed(
            f"namespace {namespace!r} in {path} is not an object: repair the file "
            "or move it away"
        )
    try:
        for key in list(value):
            # Each text is freed before the next is encoded, and leaves its room to it.
            yield key, write_kv_entry(key, to_text(value.pop(key)))
    except JsonInvalid as exc:
        raise StartFailed(
            f"a value of namespace {namespace!r} in {path} is no text ({exc}): repair "
            "the file or move it away"
        ) from None
