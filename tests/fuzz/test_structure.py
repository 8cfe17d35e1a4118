"""Changed inputs stay of their form, and still reach what reads them."""

import struct
import zlib
from random import Random

import pytest

from namesrv.errors import SnapshotInvalid
from namesrv.routing.warm_start.pack import read_snapshot
from namesrv.routing.warm_start.records import split_records
from namesrv.testing.peer import binary_request, request
from namesrv.wire.command import decode_command
from tests.fuzz import headers, proxy_headers, snapshots, whole_server
from tests.fuzz.structure import (
    mutate_binary_header,
    mutate_blocks,
    mutate_frames,
    mutate_json,
    mutate_records,
    split_frames,
)
from tests.fuzz.target import MutateBytes, ways_to_cut
from tests.fuzz.targets import TARGETS
from tests.hot_path.captured_headers import LUA_BINARY
from tests.parity.twins import PURE
from tests.wire.test_deflated_body import E6

ROUNDS = 300


def any_change(random: Random) -> MutateBytes:
    """A byte replaced, removed or put in."""

    def change(data: bytes) -> bytes:
        at = random.randrange(len(data) + 1)
        byte = random.randbytes(random.randrange(3))
        return data[:at] + byte + data[at + random.randrange(2) :]

    return change


def changes(mutate, data: bytes) -> list[bytes]:
    """Change upon change, from the beginning again now and then."""
    random, found, current = Random(1), [], data
    for round_number in range(ROUNDS):
        current = mutate(random, current, any_change(random))
        found.append(current)
        if round_number % 10 == 9:
            current = data
    assert len(set(found)) > ROUNDS // 3
    return found


def test_frames_stay_whole() -> None:
    sent = request(105, {"topic": "T1"}) + request(103, {"a": "b"}, b'{"x":[1]}')
    for data in changes(mutate_frames, sent):
        decoder = PURE.FrameDecoder(1 << 24)
        decoder.feed(data)
        while decoder.next_frame() is not None:
            pass
        assert decoder.buffered_bytes == 0


def test_frames_come_apart_as_they_were_put_together() -> None:
    sent = request(105, {"topic": "T1"}, b"body") + request(106)
    parts = split_frames(sent + b"rest")
    assert [part[2] for part in parts] == [b"body", b"", b""]
    assert parts[2] == (0, b"rest", b"")


def test_binary_headers_keep_their_lengths() -> None:
    for data in changes(mutate_binary_header, LUA_BINARY):
        decode_command(1, data, None)


def test_records_keep_their_checksums() -> None:
    *_, whole, _, _ = snapshots.seeds()
    random, restorable = Random(1), 0
    for _ in range(ROUNDS):
        data = mutate_records(random, whole, any_change(random))
        try:
            list(split_records(data))
        except SnapshotInvalid as exc:
            assert "there is no whole record" in str(exc)  # of an unknown kind
        try:
            read_snapshot(data)
        except SnapshotInvalid:
            continue
        restorable += 1
    assert restorable > ROUNDS // 3


def test_blocks_keep_their_lengths() -> None:
    raw = zlib.decompress(E6)
    whole = 0
    for data in changes(mutate_blocks, raw):
        (length,) = struct.unpack_from(">i", data.ljust(4, b"\0"))
        whole += 0 <= length <= len(data) - 4
    assert whole > ROUNDS // 2


def test_json_is_changed_by_its_tokens() -> None:
    text = b'{"code":105,"extFields":{"topic":"T1"},"opaque":7}'
    found = changes(mutate_json, text)
    assert any(data.count(b'"topic"') == 2 for data in found)
    assert mutate_json(Random(1), b"", lambda data: data + b"x") == b"x"


@pytest.mark.parametrize("target", [headers.TARGET, proxy_headers.TARGET])
def test_own_ways_of_changing(target) -> None:
    for seed in target.seeds():
        random = Random(len(seed))
        target.run(target.mutate(random, seed, any_change(random)))


@pytest.mark.parametrize("name", TARGETS)
def test_every_way_of_changing_takes_anything(name: str) -> None:
    mutate = TARGETS[name].mutate
    if mutate is None:
        assert name in ("properties", "access-keys", "tls")
        return
    random = Random(7)
    for size in (*range(40), 300):
        assert isinstance(
            mutate(random, random.randbytes(size), any_change(random)), bytes
        )


def test_cuts_leave_nothing_out_and_are_the_same_each_time() -> None:
    data = next(iter(whole_server.seeds()))
    ways = list(ways_to_cut(data))
    assert all(b"".join(pieces) == data for pieces in ways)
    assert ways == list(ways_to_cut(data))


@pytest.mark.parametrize("form", [request, binary_request])
def test_registrations_keep_their_checksum(form) -> None:
    body = b'{"filterServerList":["f:1"]}'
    checksum = str(zlib.crc32(body) & 0x7FFFFFFF)
    sent = form(103, {"bodyCrc32": checksum, "brokerName": "b"}, body)
    random, right = Random(1), 0
    for _ in range(ROUNDS):
        data = mutate_frames(random, sent, any_change(random))
        for _, header, changed in split_frames(data):
            wanted = str(zlib.crc32(changed) & 0x7FFFFFFF).encode()
            right += changed != body and wanted in header
    assert right > ROUNDS // 5
