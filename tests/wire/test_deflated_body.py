"""The deflated form of a registration (section 2.5.4)."""

import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.errors import BodyInvalid, LimitExceeded, RequestFailed
from namesrv.options import Options
from namesrv.wire.bodies import (
    DataVersion,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
)
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.register_body import read_register_broker_body
from tests.routing.peer import registration_body, topic_table

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
    return read_register_broker_body(
        body, version, compressed=compressed, limits=LIMITS._replace(**limits)
    )


def topics_of(body: RegisterBrokerBody) -> dict[str, TopicConfig]:
    wrapper = body.topic_config_serialize_wrapper
    assert wrapper is not None and wrapper.topic_config_table is not None
    return wrapper.topic_config_table


def block(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


def inflated(
    topics: list[bytes],
    *,
    version: bytes = b'{"counter":5,"stateVersion":0,"timestamp":7}',
    filters: bytes = b"[]",
    mappings: list[bytes] | None = None,
) -> bytes:
    parts = [block(version), struct.pack(">i", len(topics)), *map(block, topics)]
    parts.append(block(filters))
    if mappings is not None:
        parts += [struct.pack(">i", len(mappings)), *map(block, mappings)]
    return b"".join(parts)


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
def test_what_does_not_inflate(body: bytes) -> None:
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


def test_plain_and_deflated_say_the_same() -> None:
    plain = read(registration_body(topic_table("A", "B", queues=3)))
    lines = [f"{name} 3 3 6 SINGLE_TAG {{}}".encode() for name in "AB"]
    version = b'{"counter":0,"stateVersion":0,"timestamp":1}'
    assert read(deflated(lines, version=version, mappings=[])) == plain
