"""Changes that keep a form's lengths and checksums right: frames, texts with a length
before them, records of a snapshot, tokens of JSON."""

import re
import struct
import zlib
from collections.abc import Callable
from random import Random
from typing import Any, Final

import msgpack

from namesrv.routing.warm_start.records import END, FIRST_LINE, GROUP
from namesrv.testing.peer import frame
from tests.fuzz.target import MutateBytes

Parts = list[tuple[int, bytes, bytes]]
"""Frames as serialize type, header, body; records as kind, nothing, payload."""

_TOKEN: Final = re.compile(
    rb'"(?:[^"\\]|\\.)*"|[-+0-9.eEL]+|[A-Za-z]+|[ \t\r\n]+|.', re.DOTALL
)
_JSON_CRC: Final = re.compile(rb'("bodyCrc32":"0*)[1-9][0-9]*')
_BINARY_CRC: Final = re.compile(rb"(bodyCrc32\0\0\0.)([0-9]+)", re.DOTALL)
_MOST_INFLATED: Final = 1 << 16
JSON_WORDS: Final = (
    *(b'"', b"'", b"{", b"}", b"[", b"]", b":", b",", b"\\", b"/*", b"*/", b"//"),
    *(b"null", b"true", b"false", b"NaN", b"Infinity", b"Set[", b'""', b"{}", b"[]"),
    *(b"0", b"-0", b"1L", b"1.50", b"1e3", b"1E400", b"-1", b"2147483648", b"00"),
    *(b"9223372036854775808", b'"1,000"', b'"206.0"', b"\\u0000", b"\\ud83d", b"\\x7f"),
    *(b"\0", b"\x08", b"\f", b"\xc3\xa9", b"\xff", b"\xef\xbb\xbf"),
    *(b'"\\\\"', b'\\"', b"'\\\\'", b'"0', b'"null"', b'"a":1,"a":2'),
)
_NUMBERS: Final = (0, 1, -1, 2, 255, 2**31 - 1, 2**31, 2**63 - 1, 2**64 - 1, -(2**63))
_TEXTS: Final = ("", "T1", "b", "c1", "a", "\ud800", "e\u0301", "x" * 300)
_VALUES: Final[tuple[Any, ...]] = (*_NUMBERS, *_TEXTS, None, True, b"", [], {}, 1.5)


def split_frames(data: bytes) -> Parts:
    """Frames as far as they are whole; what is left is the last one's body."""
    parts: Parts = []
    while len(data) >= 8:
        length, header_length = int.from_bytes(data[:4]), int.from_bytes(data[5:8])
        end, body_at = 4 + length, 8 + header_length
        if body_at > end or end > len(data):
            break
        parts.append((data[4], data[8:body_at], data[body_at:end]))
        data = data[end:]
    if data:
        parts.append((0, data, b""))
    return parts


def mutate_frames(random: Random, data: bytes, mutate: MutateBytes) -> bytes:
    """Another header, another body, or the frames in another order."""

    def change(kind: int, header: bytes, body: bytes) -> tuple[int, bytes, bytes]:
        if body and random.random() < 0.5:
            return kind, header, mutate_body(random, body, mutate)
        if kind == 1 and random.random() < 0.6:
            return kind, mutate_binary_header(random, header, mutate), body
        if kind == 0 and random.random() < 0.6:
            return kind, mutate_json(random, header, mutate), body
        if random.random() < 0.2:
            return int(kind != 1), header, body
        return kind, mutate(header), body

    parts = changed_parts(random, split_frames(data), change)
    if random.random() < 0.9:
        parts = [(kind, with_checksum(h, body), body) for kind, h, body in parts]
    return b"".join(frame(header, body, kind) for kind, header, body in parts)


def with_checksum(header: bytes, body: bytes) -> bytes:
    """A registration's header with the checksum of this body, if it had one at all."""
    checksum = str(zlib.crc32(body) & 0x7FFFFFFF).encode()
    header = _JSON_CRC.sub(rb"\g<1>" + checksum, header)
    # A length in the ROCKETMQ encoding stays what it is.
    return _BINARY_CRC.sub(
        lambda match: match[1] + checksum.rjust(len(match[2]), b"0"), header
    )


def mutate_binary_header(random: Random, header: bytes, mutate: MutateBytes) -> bytes:
    """The ROCKETMQ encoding with one text or the fixed part changed."""
    fixed, texts = header[:13].ljust(13, b"\0"), _binary_texts(header)
    at = random.randrange(-1, len(texts))
    if at < 0:
        fixed = mutate(fixed)[:13].ljust(13, b"\0")
    elif random.random() < 0.2:
        texts += texts[at : at + 2] if at else [b"topic", b"T1"]
    else:
        texts[at] = mutate(texts[at])[:0x7FFF]
    remark, pairs = texts[0], texts[1 : 1 + (len(texts) - 1) // 2 * 2]
    ext = b"".join(
        len(text).to_bytes(2 if even else 4) + text
        for text, even in zip(pairs, [True, False] * len(pairs), strict=False)
    )
    return (
        fixed
        + struct.pack(">i", len(remark))
        + remark
        + struct.pack(">i", len(ext))
        + ext
    )


def _binary_texts(header: bytes) -> list[bytes]:
    """The remark, then names and values, as far as they can be told apart."""
    texts: list[bytes] = []
    position, size = 13, 4
    while position + size <= len(header):
        start = position + size
        length = int.from_bytes(header[position:start])
        texts.append(header[start : start + length])
        position = start + length + (4 if len(texts) == 1 else 0)
        size = 2 if size == 4 else 4
    return texts or [b""]


def mutate_json(random: Random, text: bytes, mutate: MutateBytes) -> bytes:
    """One token removed, repeated, moved or replaced; now and then any change."""
    tokens = _TOKEN.findall(text)
    if not tokens or random.random() < 0.2:
        return mutate(text)
    for _ in range(random.choice((1, 1, 2, 3))):
        at, other = random.randrange(len(tokens)), random.randrange(len(tokens))
        end = at + random.choice((1, 1, 1, 3, 5, 9))
        match random.randrange(5):
            case 0:
                del tokens[at:end]
            case 1:
                tokens[other:other] = tokens[at:end]
            case 2:
                tokens[at] = random.choice(JSON_WORDS)
            case 3:
                tokens.insert(at, random.choice(JSON_WORDS))
            case _:
                tokens[at] = mutate(tokens[at])
        if not tokens:
            break
    return b"".join(tokens)


def mutate_body(random: Random, data: bytes, mutate: MutateBytes) -> bytes:
    """JSON by its tokens; what is deflated by the blocks in it."""
    if data[:1] in (b"{", b"["):
        return mutate_json(random, data, mutate)
    if data[:1] != b"\x78":
        return mutate_blocks(random, data, mutate)
    try:
        raw = zlib.decompressobj().decompress(data, _MOST_INFLATED)
    except zlib.error:
        return mutate(data)
    return zlib.compress(mutate_blocks(random, raw, mutate))


def mutate_blocks(random: Random, data: bytes, mutate: MutateBytes) -> bytes:
    """Texts with 32 bits of length before them: one is changed, or any bytes are."""
    blocks: list[bytes] = []
    position = 0
    while position + 4 <= len(data):
        end = position + 4 + int.from_bytes(data[position : position + 4])
        # What is no length is a number by itself.
        end = position + 4 if end > len(data) else end
        blocks.append(data[position:end])
        position = end
    if not blocks or random.random() < 0.2:
        return mutate(data)
    at = random.randrange(len(blocks))
    block = mutate_json(random, blocks[at][4:], mutate)
    if blocks[at][4:]:
        blocks[at] = len(block).to_bytes(4) + block
    else:
        blocks[at] = mutate(blocks[at])[:4].rjust(4, b"\0")
    return b"".join(blocks) + data[position:]


def split_records(data: bytes) -> Parts:
    """Records of a snapshot as far as they are whole, checksums unread."""
    data = data.removeprefix(FIRST_LINE)
    parts: Parts = []
    while len(data) >= 9:
        end = 9 + int.from_bytes(data[1:5])
        parts.append((data[0], b"", data[9:end]))
        data = data[end:]
    return parts


def join_records(parts: Parts) -> bytes:
    """A snapshot with the lengths and checksums of these records."""
    return FIRST_LINE + b"".join(
        struct.pack(">BII", kind, len(payload), zlib.crc32(payload)) + payload
        for kind, _, payload in parts
    )


def mutate_records(random: Random, data: bytes, mutate: MutateBytes) -> bytes:
    """Another value somewhere in a record, or records in another order."""

    def change(kind: int, nothing: bytes, payload: bytes) -> tuple[int, bytes, bytes]:
        if random.random() < 0.1:
            return kind, nothing, mutate(payload)
        if random.random() < 0.02:
            return random.randrange(5), nothing, payload
        try:
            value = msgpack.unpackb(
                payload, unicode_errors="surrogatepass", strict_map_key=False
            )
            value = _changed_value(random, value, mutate)
            return kind, nothing, msgpack.packb(value, unicode_errors="surrogatepass")
        except (ValueError, TypeError, OverflowError, RecursionError):
            return kind, nothing, mutate(payload)

    parts = changed_parts(random, split_records(data), change, 0.1)
    if random.random() < 0.9:
        groups = sum(kind == GROUP for kind, _, _ in parts)
        end = msgpack.packb([groups])
        parts = [(END, b"", end) if part[0] == END else part for part in parts]
    return join_records(parts)


def _changed_value(random: Random, value: Any, mutate: MutateBytes) -> Any:
    if isinstance(value, list) and value and random.random() < 0.9:
        at = random.randrange(len(value))
        changed = [*value]
        if random.random() < 0.1:
            changed[at : at + 1] = [value[at]] * random.choice((0, 2))
        else:
            changed[at] = _changed_value(random, value[at], mutate)
        return changed
    if isinstance(value, dict) and value and random.random() < 0.9:
        name = random.choice(list(value))
        kept = {k: v for k, v in value.items() if k != name}
        if random.random() < 0.3:
            return {**kept, random.choice((*_NUMBERS, "", "a", "b")): value[name]}
        return {**kept, name: _changed_value(random, value[name], mutate)}
    if random.random() < 0.1:
        return random.choice(_VALUES)
    if isinstance(value, bytes):
        data = mutate(value)
        return data[: len(data) // 4 * 4] if random.random() < 0.8 else data
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.choice((*_NUMBERS, value + 1, value - 1))
    if isinstance(value, str) and random.random() < 0.5:
        return mutate(value.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
    return random.choice((*_TEXTS, None))


def changed_parts(
    random: Random,
    parts: Parts,
    change: Callable[[int, bytes, bytes], Any],
    moving: float = 0.3,
) -> Parts:
    """Mostly one part changed; `moving` is how often one goes, comes again or moves."""
    if not parts:
        return [change(0, b"", b"")]
    at, other = random.randrange(len(parts)), random.randrange(len(parts))
    if random.random() >= moving:
        return parts[:at] + [change(*parts[at])] + parts[at + 1 :]
    without = parts[:at] + parts[at + 1 :]
    match random.randrange(3):
        case 0:
            return without
        case 1:
            return parts[:other] + [parts[at]] + parts[other:]
        case _:
            return without[:other] + [parts[at]] + without[other:]
