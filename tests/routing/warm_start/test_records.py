"""The file of a route table: records survive a round trip, damage is reported."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.errors import SnapshotInvalid
from namesrv.routing.warm_start.records import (
    END,
    FIRST_LINE,
    GROUP,
    TABLES,
    EndRecord,
    GroupRecord,
    LeaseRecord,
    LiveRecord,
    TablesRecord,
    is_record,
    read_payload,
    split_records,
    write_record,
)
from namesrv.wire.bodies import DataVersion, QueueData, TopicQueueMappingInfo

GROUP_RECORD = GroupRecord(
    "b",
    "c",
    [(0, "m:1"), (-(2**63), None)],
    True,
    "zone \ud800",
    [LiveRecord("c", "m:1", 120_000, DataVersion(1, 2, 3), None, b"digest", "{}")],
    [QueueData("b", 6, 8, 0, 8)],
    b"\x01\0\0\0",
    b"\0\0\0\0",
)
TABLES_RECORD = TablesRecord(
    1_700_000_000_000,
    {"option": "value"},
    b"\x01\0\0\0",
    ["T é \ud800 😀"],
    {"c": ["b", None]},
    [("c", "m:1", ["f:1", None])],
    [("T", TopicQueueMappingInfo("b", {0: 1}, False, 5, None, "T", 4))],
    {"gone": 17},
    [LeaseRecord("c", "m:1", 5)],
    6,
    ["b \ud800"],
)
SHAPES: dict[int, Any] = {GROUP: GroupRecord, TABLES: TablesRecord, END: EndRecord}
VALUES = [(GROUP, GROUP_RECORD), (TABLES, TABLES_RECORD), (END, EndRecord(1))]
FILE = FIRST_LINE + b"".join(write_record(kind, value) for kind, value in VALUES)


def read_all(data: bytes) -> list[tuple[int, Any]]:
    return [
        (kind, read_payload(SHAPES[kind], payload))
        for kind, _, payload in split_records(data)
    ]


def test_records_survive_a_round_trip() -> None:
    assert read_all(FILE) == VALUES


def test_places_locate_the_records() -> None:
    for _, place, payload in split_records(FILE):
        record = FILE[place.offset : place.offset + place.length]
        assert is_record(record)
        assert record.endswith(bytes(payload))
        assert not is_record(record[:-1])
        assert not is_record(record + b"\0")
        assert not is_record(record[:4])


def test_no_changed_bit_goes_unseen() -> None:
    for at in range(len(FILE)):
        for bit in range(8):
            changed = bytearray(FILE)
            changed[at] ^= 1 << bit
            try:
                found = read_all(bytes(changed))
            except SnapshotInvalid:
                continue
            # A kind is no part of the checksum, and another kind has another shape.
            assert found != VALUES


def test_no_end_is_taken_for_the_whole() -> None:
    for end in range(len(FILE)):
        try:
            assert len(read_all(FILE[:end])) < len(VALUES)
        except SnapshotInvalid as error:
            assert str(error)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it begins with b'', which no snapshot does"),
        (b"{}\n" + b"x" * 99, "it begins with b'{}', which no snapshot does"),
        (
            FIRST_LINE.replace(b"2", b"1") + b"anything",
            "version '1' of its form is not known",
        ),
        (FIRST_LINE + b"\x01", "it ends in the middle of a record at byte 26"),
        (FIRST_LINE + b"\x09" + bytes(8), "there is no whole record at byte 26"),
        (FIRST_LINE + b"\x01\xff" + bytes(7), "there is no whole record at byte 26"),
        (
            FIRST_LINE + b"\x01\0\0\0\x01\0\0\0\0a",
            "the checksum of the record at byte 26 differs",
        ),
    ],
)
def test_the_reason_is_one_sentence(data: bytes, reason: str) -> None:
    with pytest.raises(SnapshotInvalid) as caught:
        read_all(data)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xc1", b"\x90", b"\x91\xa1a", b"\x91\x01\x01", b"\x81\x90\x01", b"\xdf"],
)
def test_a_payload_of_another_shape_is_refused(payload: bytes) -> None:
    with pytest.raises(SnapshotInvalid, match="a EndRecord cannot be read: "):
        read_payload(EndRecord, memoryview(payload))


@given(st.binary(max_size=80))
def test_noise_is_refused(noise: bytes) -> None:
    for shape in SHAPES.values():
        try:
            read_payload(shape, memoryview(noise))
        except SnapshotInvalid:
            continue
