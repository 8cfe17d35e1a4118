"""Names in order, and the JSON of each, which is written once and kept in blocks.

A name that comes or goes moves a few hundred others, and a change is followed by
writing one block; an answer joins the blocks, however many names there are.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import islice
from typing import Final

from namesrv.work import Steps

BLOCK_NAMES: Final = 512
"""A block with more names becomes two; the names alone take about a tenth of a
millisecond to write."""
BLOCK_GROUPS: Final = 32
"""The same of broker groups, each of which takes ten microseconds to write."""
BLOCK_UNITS: Final = 128


class _Block:
    __slots__ = ("names", "written")

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.written: bytes | None = None


class OrderedTexts:
    """Names, each once, lowest first. `write` makes the JSON of one, which
    is kept until the name is `changed`."""

    __slots__ = (
        "_blocks",
        "_firsts",
        "_most_names",
        "_size",
        "_write",
        "_written_bytes",
    )

    def __init__(
        self, write: Callable[[str], str], block_names: int = BLOCK_NAMES
    ) -> None:
        """A block of `block_names` should take some `BLOCK_UNITS` to write."""
        self._write = write
        self._most_names = block_names
        # The lowest name that a block may have; the first takes any.
        self._firsts = [""]
        self._blocks = [_Block([])]
        self._size = 0
        self._written_bytes = 0

    def __len__(self) -> int:
        return self._size

    @property
    def first(self) -> str | None:
        """The lowest name, None without any."""
        for block in self._blocks[:2]:
            if block.names:
                return block.names[0]
        return None

    def following(
        self, name: str, most: int, *, is_included: bool = False
    ) -> list[str]:
        """At most so many names after one, which need not be there; itself too if it
        `is_included`."""
        index = bisect_right(self._firsts, name) - 1
        names = self._blocks[index].names
        place = (bisect_left if is_included else bisect_right)(names, name)
        found = names[place : place + most]
        for block in islice(self._blocks, index + 1, None):
            if len(found) == most:
                break
            found += block.names[: most - len(found)]
        return found

    def preceding(self, name: str, most: int) -> list[str]:
        """At most so many names before one, which need not be there, in order."""
        index = bisect_right(self._firsts, name) - 1
        names = self._blocks[index].names
        place = bisect_left(names, name)
        found = names[max(place - most, 0) : place]
        while index and len(found) < most:
            index -= 1
            found = self._blocks[index].names[len(found) - most :] + found
        return found

    @property
    def written_bytes(self) -> int:
        """Bytes of JSON that are kept."""
        return self._written_bytes

    def add(self, name: str) -> bool:
        """Put a name in its place; False if it is there."""
        index = bisect_right(self._firsts, name) - 1
        block = self._blocks[index]
        place = bisect_left(block.names, name)
        if place < len(block.names) and block.names[place] == name:
            return False
        block.names.insert(place, name)
        self._size += 1
        self._forget(block)
        if len(block.names) > self._most_names:
            half = len(block.names) // 2
            self._blocks.insert(index + 1, _Block(block.names[half:]))
            self._firsts.insert(index + 1, block.names[half])
            del block.names[half:]
        return True

    def discard(self, name: str) -> bool:
        """Take a name out; False if it is not there."""
        index = bisect_right(self._firsts, name) - 1
        block = self._blocks[index]
        place = bisect_left(block.names, name)
        if place == len(block.names) or block.names[place] != name:
            return False
        del block.names[place]
        self._size -= 1
        self._forget(block)
        if index and not block.names:
            del self._blocks[index], self._firsts[index]
        return True

    def changed(self, name: str) -> None:
        """The JSON of a name is another now."""
        self._forget(self._blocks[bisect_right(self._firsts, name) - 1])

    def parts(self) -> Steps[list[bytes]]:
        """The JSON of all names, some hundred of them in each part, with commas.

        Changes between two steps are in it.
        """
        for block in list(self._blocks):
            if block.written is None:
                self._written(block)
                yield 1 + BLOCK_UNITS * len(block.names) // self._most_names
        return [self._written(block) for block in self._blocks if block.names]

    def written(self) -> bytes:
        """All of it at once, joined with commas."""
        return b",".join(self._written(block) for block in self._blocks if block.names)

    def _written(self, block: _Block) -> bytes:
        if block.written is None:
            written = ",".join(map(self._write, block.names)).encode()
            self._written_bytes += len(written)
            block.written = written
        return block.written

    def _forget(self, block: _Block) -> None:
        if block.written is not None:
            self._written_bytes -= len(block.written)
            block.written = None
