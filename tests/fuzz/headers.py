"""Both encodings of a header: the full reader, and the quick ones held against it."""

from collections.abc import Iterable
from typing import Any, Final

from namesrv.errors import HeaderInvalid, SerializeTypeUnknown
from namesrv.testing.peer import Broker, header_binary, header_json
from namesrv.wire.command import RemotingCommand, decode_command, encode_frame
from tests.fuzz.recorded import recorded_frames
from tests.fuzz.structure import JSON_WORDS, mutate_binary_header, mutate_json
from tests.fuzz.target import MutateBytes, Target, repeated, tried
from tests.hot_path.captured_headers import (
    CAPTURED,
    LUA_BINARY,
    OTHER_CAPTURED,
    RUST_BINARY,
    ZJYKZK_BINARY,
    ZJYKZK_CLUSTER,
)
from tests.parity.twins import FAST, PURE

ALLOWED: Final = (HeaderInvalid, SerializeTypeUnknown)


def run(data: bytes) -> None:
    """What a quick reader takes reads the same in full; what was read can be sent."""
    for serialize_type in (0, 1):
        tried(ALLOWED, decode_command, serialize_type, repeated(data), None)
        full = tried(ALLOWED, decode_command, serialize_type, data, b"body")
        head = PURE.read_head(serialize_type, data)
        assert FAST.read_head(serialize_type, data) == head
        if head is not None:
            assert full[0] == "ok", full
            same_as_full(head, full[1])
        if full[0] == "ok":
            written_and_read(full[1])
    assert tried(ALLOWED, decode_command, 2, data, None)[1] is SerializeTypeUnknown


def same_as_full(head: Any, command: RemotingCommand) -> None:
    assert (head.code, head.version, head.opaque, head.flag) == (
        (command.code, command.version, command.opaque, command.flag)
    )
    assert head.ext_fields == command.ext_fields
    for text in (head.ext_fields or {}).values():
        assert type(text) in (str, type(None))


def written_and_read(command: RemotingCommand) -> None:
    """Our own frames can be read, and say what the command said."""
    for serialize_type in (0, 1):
        written = encode_frame(command, serialize_type)
        assert 4 + int.from_bytes(written[:4]) == len(written)
        body_at = 8 + int.from_bytes(written[5:8])
        header, body = written[8:body_at], written[body_at:]
        again = decode_command(serialize_type, header, body)
        assert (again.opaque, again.flag, again.body) == (
            (command.opaque, command.flag, command.body)
        )
        assert (again.code - command.code) % 2**16 == 0


def seeds() -> Iterable[bytes]:
    """Headers of real clients, recorded ones, and the forms that Java reads besides."""
    yield from (header.encode() for _, header in CAPTURED)
    yield from (header.encode() for header in OTHER_CAPTURED)
    yield from (LUA_BINARY, ZJYKZK_BINARY, ZJYKZK_CLUSTER, RUST_BINARY)
    yield from {header for _, header, _ in recorded_frames()}
    yield header_json(103, {**Broker().ext_fields, "bodyCrc32": "1"})
    yield header_binary(103, {**Broker().ext_fields, "bodyCrc32": "1"})
    yield b"{'code':105L,'extFields':{1:2.50,'a':{'b':[null]},},/**/'opaque':'7'}"


def mutate(random: Any, data: bytes, change: MutateBytes) -> bytes:
    """By the encoding that it seems to have."""
    if data[:1] in (b"{", b" ", b"["):
        return mutate_json(random, data, change)
    return mutate_binary_header(random, data, change)


TARGET: Final = Target("headers", run, ALLOWED, seeds, mutate, JSON_WORDS)
