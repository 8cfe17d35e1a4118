"""The deflated form of a registration (section 2.5.4)."""

import random
import struct
import zlib
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.errors import BodyInvalid, LimitExceeded, RequestFailed
from namesrv.options import Options
from namesrv.testing.peer import block, packed_body, registration_body, topic_table
from namesrv.wire.bodies import (
    DataVersion,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
)
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.deflated_body import DeflatedBody
from namesrv.wire.register_body import read_register_broker_body_steps
from namesrv.work import STEP_UNITS, Cost, finish

# E6 of section 2.5.4: two topics and one mapping.
E6 = bytes.fromhex(
    "78da554f514bc3400c3efd1f4209ecc9535a7573dcdb1ec6186c13bb2288c871bdc55a6c7be5"
    "2e7d18a5e04f37edcb3021817c095fbe4f08b1ecc1baae21f4a0e6120219c237f4a1740da858"
    "0295353258b7a092e7f8128310e29aeb26736d6933be89969c8be8b83d6c766b9dad36513f1e"
    "3dcdd27596becf8a28e1fcbf875b260fa6c07b3ab7080a0e2fe97eb58389fce393fb15d76f0f"
    "7963ea719f7bf783fece8004db79bf3ded0d0beb63569aa8c741c2a9f47406f565aa8012b075"
    "f69b852fe617e1ecd1bae999d645e5725369cd7434da6030d03490a95e3bec30807a18fe0081"
    "5352f6"
)


LIMITS = BodyLimits.of(Options())


def read(
    body: bytes | None, version: int = 479, *, compressed: bool = False, **limits: int
) -> RegisterBrokerBody:
    return finish(
        read_register_broker_body_steps(
            body, version, compressed=compressed, limits=LIMITS._replace(**limits)
        )
    )


def topics_of(body: RegisterBrokerBody) -> dict[str, TopicConfig]:
    wrapper = body.topic_config_serialize_wrapper
    assert wrapper is not None and wrapper.topic_config_table is not None
    return wrapper.topic_config_table


inflated = partial(packed_body, version=b'{"counter":5,"stateVersion":0,"timestamp":7}')
TOPIC = b"TopicTest 8 4 6 SINGLE_TAG {}"
MAPPING = (
    b'{"bname":"broker-a","currIdMap":{0:0,1:3},"dirty":false,"epoch":16,'
    b'"scope":"__global__","topic":"st","totalQueues":2}'
)


def deflated(*args: Any, **more: Any) -> bytes:
    return zlib.compress(inflated(*args, **more), 9)


def test_a_deflated_body() -> None:
    body = deflated(
        [TOPIC, b'%RETRY%g 1 1 6 MULTI_TAG {"+message.type":"NORMAL"}'],
        filters=b'["f:1"]',
        mappings=[MAPPING],
    )
    assert read(body, compressed=True) == RegisterBrokerBody(
        ["f:1"],
        TopicConfigSerializeWrapper(
            DataVersion(5, 0, 7),
            {
                "TopicTest": TopicConfig(6, 8, "TopicTest", 0, 4),
                "%RETRY%g": TopicConfig(6, 1, "%RETRY%g", 0, 1),
            },
            {
                "st": TopicQueueMappingInfo(
                    "broker-a", {0: 0, 1: 3}, False, 16, topic="st", total_queues=2
                )
            },
        ),
    )


def test_the_worked_example_of_section_2_5_4() -> None:
    assert zlib.crc32(E6) & 0x7FFFFFFF == 516410524
    body = read(E6, compressed=True)
    assert topics_of(body) == {
        "TopicTest": TopicConfig(6, 8, "TopicTest", 0, 8),
        "%RETRY%g": TopicConfig(6, 1, "%RETRY%g", 0, 1),
    }
    wrapper = body.topic_config_serialize_wrapper
    assert wrapper is not None and wrapper.topic_queue_mapping_info_map is not None
    assert wrapper.topic_queue_mapping_info_map["st"].epoch == 1_650_000_000_000


def test_a_deflated_body_flagged_as_plain_is_understood() -> None:
    body = deflated([TOPIC], mappings=[])
    assert body[:2] == b"\x78\xda"
    assert read(body) == read(body, compressed=True)


@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_any_level_is_recognised(level: int) -> None:
    body = zlib.compress(inflated([TOPIC], mappings=[]), level)
    assert "TopicTest" in topics_of(read(body))


def test_mappings_come_from_5_0_on() -> None:
    body = deflated([TOPIC])
    wrapper = read(body, 412, compressed=True).topic_config_serialize_wrapper
    assert wrapper is not None and wrapper.topic_queue_mapping_info_map == {}
    with pytest.raises(BodyInvalid):
        read(body, 413, compressed=True)


def test_bytes_after_the_last_item_are_ignored() -> None:
    body = zlib.compress(inflated([TOPIC], mappings=[]) + b"more")
    assert "TopicTest" in topics_of(read(body, compressed=True))
    assert "TopicTest" in topics_of(read(zlib.compress(inflated([TOPIC]) + b"x"), 409))


@pytest.mark.parametrize(
    "line",
    [
        b"T 8 8 6 SINGLE_TAG",
        b"T 8 8 6 SINGLE_TAG ",
        b"T 8 8 6 SINGLE_TAG {}",
        b"T 8 8 6 SINGLE_TAG not JSON",
        b'T 8 8 6 MULTI_TAG {"a": 1}',
        b"T +8 08 6 SINGLE_TAG",
    ],
)
def test_topic_lines(line: bytes) -> None:
    body = read(deflated([line], mappings=[]), compressed=True)
    assert topics_of(body) == {"T": TopicConfig(6, 8, "T", 0, 8)}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"T",
        b"T 8 8 6",
        b"T 8 8 6 ",
        b"T 8 8 6 single_tag",
        b"T 8 8 6 OTHER",
        b"T x 8 6 SINGLE_TAG",
        b"T 8 8 2147483648 SINGLE_TAG",
        b"T  8 8 6 SINGLE_TAG",
        b"T 8.0 8 6 SINGLE_TAG",
    ],
)
def test_topic_lines_that_cannot_be_read(line: bytes) -> None:
    with pytest.raises(BodyInvalid, match="topic line"):
        read(deflated([line], mappings=[]), compressed=True)


def test_a_blank_topic_name_is_a_name() -> None:
    body = read(deflated([b" 8 8 6 SINGLE_TAG"], mappings=[]), compressed=True)
    assert list(topics_of(body)) == [""]


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        (b"[]", []),
        (b'["a",null,5]', ["a", None, "5"]),
        (b"null", None),
        (b"", None),
        (b"{", []),
        (b"5", []),
    ],
)
def test_deflated_filter_servers(text: bytes, servers: list[str] | None) -> None:
    body = read(deflated([], filters=text, mappings=[]), compressed=True)
    assert body.filter_server_list == servers


@pytest.mark.parametrize("version", [b"", b"null"])
def test_a_deflated_version_of_nothing(version: bytes) -> None:
    body = read(deflated([], version=version, mappings=[]), compressed=True)
    wrapper = body.topic_config_serialize_wrapper
    assert wrapper is not None and wrapper.data_version is None


@pytest.mark.parametrize(
    "mapping", [b"null", b"[]", b"{}", b"{", b'{"topic":null}', b'{"currIdMap":5}']
)
def test_deflated_mappings_that_cannot_be_read(mapping: bytes) -> None:
    with pytest.raises(BodyInvalid):
        read(deflated([], mappings=[mapping]), compressed=True)


def test_a_version_that_cannot_be_read() -> None:
    with pytest.raises(BodyInvalid, match="data version"):
        read(deflated([], version=b"{", mappings=[]), compressed=True)


def test_any_truncation_is_refused() -> None:
    raw = inflated([TOPIC], mappings=[MAPPING])
    for length in range(len(raw)):
        with pytest.raises(BodyInvalid):
            read(zlib.compress(raw[:length]), compressed=True)


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack(">i", -1),
        struct.pack(">i", 2**31 - 1) + b"x",
        block(b"{}") + struct.pack(">i", 2**31 - 1),
        block(b"{}") + struct.pack(">ii", 1, -5),
    ],
)
def test_lengths_that_do_not_fit(raw: bytes) -> None:
    with pytest.raises(RequestFailed):
        read(zlib.compress(raw), compressed=True)


def test_a_negative_count_counts_nothing() -> None:
    raw = block(b"{}") + struct.pack(">i", -1) + block(b"[]") + struct.pack(">i", -7)
    assert topics_of(read(zlib.compress(raw), compressed=True)) == {}


@pytest.mark.parametrize("body", [b"not zlib", b"\x78\xda" + bytes(9), b"{}"])
def test_body_that_does_not_inflate_is_refused(body: bytes) -> None:
    with pytest.raises(BodyInvalid, match="does not inflate"):
        read(body, compressed=True)


def test_a_stream_that_is_cut_off() -> None:
    body = deflated([TOPIC] * 50, mappings=[])
    with pytest.raises(BodyInvalid):
        read(body[: len(body) // 2], compressed=True)


def test_a_bomb_is_refused_at_the_limit() -> None:
    bomb = zlib.compress(bytes(10_000_000))
    with pytest.raises(LimitExceeded, match="more than 4096 bytes"):
        read(bomb, compressed=True, inflated_bytes=4096)
    with pytest.raises(LimitExceeded, match="more than 4096 bytes"):
        read(bomb, inflated_bytes=4096)


def test_the_limit_itself_is_allowed() -> None:
    raw = inflated([TOPIC], mappings=[])
    body = zlib.compress(raw)
    assert topics_of(read(body, inflated_bytes=len(raw)))
    with pytest.raises(LimitExceeded, match="more than"):
        read(body, inflated_bytes=len(raw) - 1)


@given(st.binary(max_size=60), st.integers(-1, 500), st.booleans())
def test_any_bytes_are_read_or_refused(
    data: bytes, version: int, compressed: bool
) -> None:
    for body in (data, zlib.compress(data)):
        try:
            read(body, version, compressed=compressed)
        except (BodyInvalid, LimitExceeded) as failure:
            assert failure.code == 1


def test_plain_and_deflated_body_are_equal() -> None:
    plain = read(registration_body(topic_table("A", "B", queues=3)))
    lines = [f"{name} 3 3 6 SINGLE_TAG {{}}".encode() for name in "AB"]
    version = b'{"counter":0,"stateVersion":0,"timestamp":1}'
    assert read(deflated(lines, version=version, mappings=[])) == plain


# --- what few bytes may cause ---------------------------------------------------------


def padded(raw: bytes, length: int) -> bytes:
    """Deflated, with so many bytes more that say nothing and do not deflate."""
    return zlib.compress(raw + random.Random(1).randbytes(length), 9)


def test_entries_are_bounded_by_the_bytes_that_came() -> None:
    for count, refused in ((256, False), (257, True)):
        body = deflated([b"T 8 8 6 SINGLE_TAG"] * count, mappings=[])
        assert len(body) < 256
        if refused:
            with pytest.raises(
                LimitExceeded, match="257 entries, too many for its size"
            ):
                read(body, compressed=True)
        else:
            assert topics_of(read(body, compressed=True))


def test_a_refused_count_is_refused_before_anything_is_inflated() -> None:
    raw = block(b"{}") + struct.pack(">i", 200_000) + bytes(10_000_000)
    inflater = DeflatedBody(padded(raw, 20_000), LIMITS)
    with pytest.raises(LimitExceeded, match="200000 topics, the limit is 100000"):
        finish(inflater.read_steps(479))
    assert inflater.inflated_bytes <= 1 << 16


def test_growth_is_bounded_by_the_bytes_that_came() -> None:
    table = [f"topic-{n} 8 8 6 SINGLE_TAG {{}}".encode() for n in range(3000)]
    raw = inflated(table, mappings=[])
    assert len(topics_of(read(zlib.compress(raw, 9), compressed=True))) == 3000
    body = zlib.compress(raw + bytes(30_000_000), 9)
    assert len(body) * 150 < 30_000_000
    with pytest.raises(LimitExceeded, match=rf"than {len(body) * 150} bytes"):
        read(body, compressed=True)


def test_small_body_may_inflate_to_64_kib() -> None:
    raw = inflated([b"T 8 8 6 SINGLE_TAG " + b" " * 65_000], mappings=[])
    assert len(raw) <= 1 << 16
    assert len(zlib.compress(raw, 9)) * 150 < len(raw)
    assert topics_of(read(zlib.compress(raw, 9), compressed=True))


def test_real_tables_of_static_topics_fit() -> None:
    """The largest growth of anything real: 512 queues of each topic on one broker."""
    ids = ",".join(f"{n}:{n}" for n in range(512))
    mappings = [
        f'{{"bname":"b","currIdMap":{{{ids}}},"dirty":false,"epoch":1700000000000,'
        f'"scope":"__global__","topic":"topic-{n:06}","totalQueues":512}}'.encode()
        for n in range(400)
    ]
    body = deflated([], mappings=mappings)
    wrapper = read(body, compressed=True).topic_config_serialize_wrapper
    assert wrapper is not None and wrapper.topic_queue_mapping_info_map is not None
    assert len(wrapper.topic_queue_mapping_info_map) == 400


@pytest.mark.parametrize("mapping", [b"{'topic':'a'}", b'{"topic":"a","epoch":"1"}'])
def test_lenient_blocks_are_bounded_by_the_bytes_that_came(mapping: bytes) -> None:
    raw = inflated([], mappings=[mapping] * 900)
    assert read(padded(raw, 10_000), compressed=True)
    with pytest.raises(LimitExceeded, match="4 times the body"):
        read(padded(raw, 1000), compressed=True)


def test_blocks_have_a_limit() -> None:
    line = b"T 8 8 6 SINGLE_TAG " + b"x" * (1 << 18)
    raw = inflated([line], mappings=[])
    with pytest.raises(LimitExceeded, match=f"block of {len(line)} bytes"):
        read(padded(raw, 5000), compressed=True)


def test_names_and_queues_are_checked_as_they_come() -> None:
    """Before all others are in memory."""
    with pytest.raises(LimitExceeded, match="maxNameBytes"):
        read(deflated([b"n" * 100 + b" 8 8 6 SINGLE_TAG"], mappings=[]), name_bytes=99)
    with pytest.raises(LimitExceeded, match="maxQueuesPerMapping"):
        read(deflated([], mappings=[MAPPING]), mapping_queues=1)
    with pytest.raises(LimitExceeded, match="maxMappedQueues"):
        read(deflated([], mappings=[MAPPING, MAPPING]), mapped_queues=3)
    with pytest.raises(LimitExceeded, match="maxFilterServers"):
        read(deflated([], filters=b'["a","b"]', mappings=[]), filter_servers=1)
    with pytest.raises(LimitExceeded, match="maxFilterServers"):
        read(deflated([], filters=b"['a','b']", mappings=[]), filter_servers=1)


def test_a_deflated_body_is_read_in_steps() -> None:
    """A step for some hundred topics, and for some kilobytes of mappings."""
    table = [f"topic-{n} 8 8 6 SINGLE_TAG {{}}".encode() for n in range(5000)]
    steps = DeflatedBody(deflated(table, mappings=[MAPPING] * 1000), LIMITS)
    units = list(steps.read_steps(479))
    assert sum(units) >= 6000 * Cost.ENTRY
    assert len(units) >= sum(units) // (65536 * Cost.STRICT_KILOBYTE // 1024 + 600)
    assert max(units) <= 65536 * Cost.STRICT_KILOBYTE // 1024 + 2 * STEP_UNITS
