"""What a fuzz target is: bytes in, nothing out, and the exceptions that may come."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any, Final

LONG_BYTES: Final = 1 << 16
MutateBytes = Callable[[bytes], bytes]
"""Any change to any bytes, as a fuzzer makes it."""
Mutator = Callable[[Random, bytes, MutateBytes], bytes]
"""A change that keeps lengths and checksums right, so that it gets past them."""


@dataclass(frozen=True, slots=True)
class Target:
    """`run` takes any bytes; `allowed` is what may come out of what it calls.

    `words` are texts to put into inputs; `max_bytes` bounds an input. One input takes
    as long as `weight` of other targets, and `--runs` means so many fewer.
    """

    name: str
    run: Callable[[bytes], None]
    allowed: tuple[type[Exception], ...]
    seeds: Callable[[], Iterable[bytes]]
    mutate: Mutator | None = None
    words: tuple[bytes, ...] = ()
    max_bytes: int = 4096
    weight: int = 1


def tried(
    allowed: tuple[type[Exception], ...], call: Callable[..., Any], *args: Any
) -> tuple[Any, ...]:
    """("ok", value) or ("err", class, arguments); what is not allowed comes out."""
    try:
        return "ok", call(*args)
    except allowed as exc:
        return "err", type(exc), exc.args


def chance(data: bytes) -> Random:
    """Chance that depends on the input alone, so that an input is all it takes."""
    return Random(zlib.crc32(data))


def repeated(data: bytes) -> bytes:
    """The input over and over, of one input in 32: what takes time that grows faster
    than its length is slow then. Empty for the others."""
    if not data or zlib.crc32(data) % 32:
        return b""
    return data * (LONG_BYTES // len(data))


def ways_to_cut(data: bytes) -> Iterator[list[bytes]]:
    """The whole, cut in a few places, and every byte by itself."""
    yield [data]
    random = chance(data)
    places = sorted(random.randint(0, len(data)) for _ in range(random.randint(1, 6)))
    yield [data[start:end] for start, end in pairwise([0, *places, len(data)])]
    if len(data) <= 512:
        yield [data[at : at + 1] for at in range(len(data))]
