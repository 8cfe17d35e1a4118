"""The entries of the key-value configuration, kept as the file has them.

A table is never changed: a change makes another one, which shares all blocks of entries
but the changed ones. So the thread that writes the file reads a table while the loop
makes the next, and neither encodes an entry that did not change.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final, NamedTuple, Self

from namesrv.wire.bodies import (
    kv_table_pieces,
    read_kv_value,
    write_kv_config,
    write_kv_table,
)

BLOCK_KEYS: Final = 128
"""Most keys of a block; a change copies one block and the list of blocks."""

_EMPTY_BYTES: Final = len(write_kv_table([]))


class KVChange(NamedTuple):
    """A key and its new entry, as `write_kv_entry` makes it; None to delete it.

    `adds_key` and `adds_namespace` are whether it counted for the limits.
    """

    namespace: str
    key: str
    entry: bytes | None
    adds_key: bool = False
    adds_namespace: bool = False


class _Block(NamedTuple):
    """Neighbouring keys, in order, and their entries."""

    keys: tuple[bytes, ...]
    entries: tuple[bytes, ...]


class KVNamespace:
    """The entries of one namespace, by key; `key_count` is their number, and
    `member_bytes` how long those with a value are, with a comma each."""

    __slots__ = ("_blocks", "_firsts", "key_count", "member_bytes")

    def __init__(self, entries: Iterable[tuple[str, bytes]] = ()) -> None:
        """From pairs of key and entry in any order."""
        pairs = sorted((_bytes(key), entry) for key, entry in entries)
        self.key_count = len(pairs)
        self._blocks = [
            _Block(*zip(*pairs[at : at + BLOCK_KEYS], strict=True))
            for at in range(0, len(pairs), BLOCK_KEYS)
        ]
        self._firsts = [block.keys[0] for block in self._blocks]
        self.member_bytes = sum(_member_bytes(entry) for _, entry in pairs)

    def __contains__(self, key: str) -> bool:
        return self._find(_bytes(key))[2]

    def get(self, key: str) -> bytes | None:
        """The entry of a key."""
        number, at, is_there = self._find(_bytes(key))
        return self._blocks[number].entries[at] if is_there else None

    def entries(self) -> Iterator[bytes]:
        """All entries, by key."""
        return chain.from_iterable(block.entries for block in self._blocks)

    def following(
        self, key: str, *, is_included: bool = False
    ) -> Iterator[tuple[str, bytes]]:
        """Keys and entries after a key, which need not be there; itself too if it
        `is_included`."""
        if not self._blocks:
            return
        name = _bytes(key)
        number = max(bisect_right(self._firsts, name) - 1, 0)
        keys = self._blocks[number].keys
        at = (bisect_left if is_included else bisect_right)(keys, name)
        for block in islice(self._blocks, number, None):
            for key_bytes, entry in zip(
                block.keys[at:], block.entries[at:], strict=True
            ):
                yield key_bytes.decode("utf-8", "surrogatepass"), entry
            at = 0

    def changed(self, key: str, entry: bytes | None) -> Self:
        """Another one, in which a key has this entry, or none."""
        name = _bytes(key)
        number, at, is_there = self._find(name)
        if entry is None and not is_there:
            return self
        keys, entries = self._blocks[number] if self._blocks else _Block((), ())
        new = () if entry is None else ((name, entry),)
        rest = at + is_there
        block = _Block(
            (*keys[:at], *(key for key, _ in new), *keys[rest:]),
            (*entries[:at], *(entry for _, entry in new), *entries[rest:]),
        )
        old = entries[at] if is_there else None
        copy = self._with(number, block)
        copy.key_count = self.key_count + len(new) - is_there
        copy.member_bytes = self.member_bytes
        copy.member_bytes += _member_bytes(entry) - _member_bytes(old)
        return copy

    def _find(self, name: bytes) -> tuple[int, int, bool]:
        """Number of the block, place in it, and whether the key is there."""
        if not self._blocks:
            return 0, 0, False
        number = max(bisect_right(self._firsts, name) - 1, 0)
        keys = self._blocks[number].keys
        at = bisect_left(keys, name)
        return number, at, at < len(keys) and keys[at] == name

    def _with(self, number: int, block: _Block) -> Self:
        """Another one with that block in its place: halved, or left out if empty."""
        blocks = [block] if block.keys else []
        if len(block.keys) > BLOCK_KEYS:
            half = len(block.keys) // 2
            blocks = [
                _Block(block.keys[:half], block.entries[:half]),
                _Block(block.keys[half:], block.entries[half:]),
            ]
        copy = type(self)()
        copy._blocks = self._blocks.copy()
        copy._blocks[number : number + 1] = blocks
        copy._firsts = self._firsts.copy()
        copy._firsts[number : number + 1] = [block.keys[0] for block in blocks]
        return copy


class KVTable:
    """All namespaces; `key_count` counts their keys, those with a null value too."""

    def __init__(self, namespaces: dict[str, KVNamespace] | None = None) -> None:
        self._namespaces = namespaces or {}
        self.key_count = sum(n.key_count for n in self._namespaces.values())

    def __len__(self) -> int:
        return len(self._namespaces)

    @property
    def names(self) -> list[str]:
        """All namespaces, in no order."""
        return list(self._namespaces)

    def namespace(self, name: str) -> KVNamespace | None:
        """One of them, None for an unknown one."""
        return self._namespaces.get(name)

    def has(self, namespace: str, key: str) -> bool:
        """Whether a key is there, be its value null."""
        keys = self._namespaces.get(namespace)
        return keys is not None and key in keys

    def entry(self, namespace: str, key: str) -> bytes | None:
        """The entry of a key, None when there is none."""
        keys = self._namespaces.get(namespace)
        return None if keys is None else keys.get(key)

    def value(self, namespace: str, key: str) -> str | None:
        """The value of a key, None when there is none."""
        entry = self.entry(namespace, key)
        return read_kv_value(entry) if entry else None

    def body(self, namespace: str) -> bytes:
        """A namespace as KVTable JSON, empty for an unknown one."""
        keys = self._namespaces.get(namespace)
        return b"" if keys is None else write_kv_table(keys.entries())

    def body_bytes(self, namespace: str) -> int:
        """How long `body` is."""
        keys = self._namespaces.get(namespace)
        if keys is None:
            return 0
        # No comma stands before the first one.
        return _EMPTY_BYTES + max(keys.member_bytes - 1, 0)

    def body_pieces(self, namespace: str) -> Iterator[bytes]:
        """As `body` of a known one, piece by piece; later changes are not in it."""
        return kv_table_pieces(self._namespaces[namespace].entries())

    def changed(self, changes: Iterable[KVChange]) -> "KVTable":
        """Another table, in which these changes were made in their order.

        A deleted key leaves its namespace, even empty.
        """
        copy = KVTable()
        copy.key_count = self.key_count
        copy._namespaces = self._namespaces.copy()
        for change in changes:
            before = copy._namespaces.get(change.namespace)
            if before is None:
                if change.entry is None:
                    continue
                before = KVNamespace()
            after = before.changed(change.key, change.entry)
            copy._namespaces[change.namespace] = after
            copy.key_count += after.key_count - before.key_count
        return copy

    def file_pieces(self) -> Iterator[bytes]:
        """The text of kvConfig.json, piece by piece, for any thread."""
        names = sorted(self._namespaces)
        return write_kv_config((n, self._namespaces[n].entries()) for n in names)


def _member_bytes(entry: bytes | None) -> int:
    """With its comma; a null value is not shown."""
    return len(entry) + 1 if entry else 0


def _bytes(key: str) -> bytes:
    """Sorts as the text does, and takes a byte for most characters, also beside an
    emoji, which makes a text four times as large."""
    return key.encode("utf-8", "surrogatepass")
