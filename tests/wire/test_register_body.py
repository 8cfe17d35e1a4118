"""Registrations as plain JSON, new and old."""

import json
import zlib

import pytest

from namesrv.errors import BodyInvalid, LimitExceeded
from namesrv.options import Options
from namesrv.testing.peer import mapping_info, registration_body
from namesrv.wire.bodies import (
    DataVersion,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
)
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.register_body import read_register_broker_body_steps
from namesrv.work import finish

GOLDEN = (
    b'{"filterServerList":[],"topicConfigSerializeWrapper":{"dataVersion":{"counter":5,'
    b'"stateVersion":0,"timestamp":1700000000000},"mappingDataVersion":{"counter":0,'
    b'"stateVersion":0,"timestamp":1700000000001},"topicConfigTable":{"TopicTest":'
    b'{"attributes":{},"order":false,"perm":6,"readQueueNums":8,"topicFilterType":'
    b'"SINGLE_TAG","topicName":"TopicTest","topicSysFlag":0,"writeQueueNums":8}},'
    b'"topicQueueMappingDetailMap":{},"topicQueueMappingInfoMap":{}}}'
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


# --- plain JSON -----------------------------------------------------------------------


def test_the_golden_body() -> None:
    assert zlib.crc32(GOLDEN) & 0x7FFFFFFF == 875153388
    assert read(GOLDEN) == RegisterBrokerBody(
        [],
        TopicConfigSerializeWrapper(
            DataVersion(5, 0, 1_700_000_000_000),
            {"TopicTest": TopicConfig(6, 8, "TopicTest", 0, 8)},
            {},
        ),
    )


def test_a_body_of_a_4_9_broker() -> None:
    body = (
        b'{"filterServerList":[],"topicConfigSerializeWrapper":{"dataVersion":'
        b'{"counter":1,"timestamp":7},"topicConfigTable":{"T":{"order":false,"perm":6,'
        b'"readQueueNums":4,"topicFilterType":"SINGLE_TAG","topicName":"T",'
        b'"topicSysFlag":0,"writeQueueNums":4}}}}'
    )
    wrapper = read(body, 409).topic_config_serialize_wrapper
    assert wrapper is not None
    assert wrapper.data_version == DataVersion(1, 0, 7)
    assert wrapper.topic_queue_mapping_info_map == {}


@pytest.mark.parametrize("body", [None, b""])
def test_no_body_is_an_empty_table_of_version_zero(body: bytes | None) -> None:
    expected = RegisterBrokerBody(
        [], TopicConfigSerializeWrapper(DataVersion(0, 0, 0), {}, {})
    )
    assert read(body) == expected
    assert read(body, compressed=True) == expected


def test_an_absent_timestamp_stays_open() -> None:
    wrapper = read(b"{}").topic_config_serialize_wrapper
    assert wrapper is not None and wrapper.data_version is not None
    assert wrapper.data_version.timestamp is None


def test_lenient_bodies_are_read() -> None:
    body = (
        b'{\'topicConfigSerializeWrapper\':{"topicConfigTable":{"T":'
        b'{"perm":"4","readQueueNums":null,"topicName":"T"},},}}'
    )
    assert topics_of(read(body)) == {"T": TopicConfig(4, 16, "T", 0, 16)}


def test_mappings_with_bare_numbers_are_read() -> None:
    text = registration_body(mappings={"st": mapping_info("st", "b")}).decode()
    bare = text.replace('"0":', "0:").replace('"1":', "1L:")
    for body in (text, bare):
        wrapper = read(body.encode()).topic_config_serialize_wrapper
        assert wrapper is not None
        assert wrapper.topic_queue_mapping_info_map == {
            "st": TopicQueueMappingInfo(
                "b", {0: 0, 1: 1}, False, 7, topic="st", total_queues=2
            )
        }


def test_nulls_of_a_registration_are_kept() -> None:
    assert read(b'{"filterServerList":null}').filter_server_list is None
    body = read(b'{"topicConfigSerializeWrapper":null}')
    assert body.topic_config_serialize_wrapper is None
    wrapper = read(
        b'{"topicConfigSerializeWrapper":{"dataVersion":null,"topicConfigTable":null}}'
    ).topic_config_serialize_wrapper
    assert wrapper == TopicConfigSerializeWrapper(None, None, {})


def test_references_in_unused_members_are_ignored() -> None:
    body = (
        b'{"topicConfigSerializeWrapper":{"mappingDataVersion":{"$ref":"$.x"},'
        b'"topicConfigTable":{"T":{"@type":"x","attributes":{"$ref":"$"},'
        b'"topicName":"T"}}}}'
    )
    assert list(topics_of(read(body))) == ["T"]


@pytest.mark.parametrize("body", [b"null", b"[]", b" ", b"\xff\xff"])
def test_null_body_is_refused(body: bytes) -> None:
    with pytest.raises(BodyInvalid, match="registration body cannot be read"):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"5",
        b'"x"',
        b"{}{}",
        b'{"topicConfigSerializeWrapper":5}',
        b'{"topicConfigSerializeWrapper":{"topicConfigTable":[]}}',
        b'{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":null}}}',
        b'{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":[]}}}',
        b'{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":{"perm":"x"}}}}',
        b'{"topicConfigSerializeWrapper":{"topicQueueMappingInfoMap":{"T":null}}}',
        b'{"topicConfigSerializeWrapper":{"topicQueueMappingInfoMap":{"T":'
        b'{"currIdMap":{"x":1}}}}}',
        b'{"x":"\xff"}',
        b'{"x":' + b"[" * 100_000,
        b"[" * 100_000,
    ],
)
def test_bodies_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(BodyInvalid) as caught:
        read(body)
    assert caught.value.code == 1
    assert len(str(caught.value)) < 300


# --- the old form ---------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 36])
def test_before_3_0_11_the_body_is_the_bare_wrapper(version: int) -> None:
    wrapper = json.loads(GOLDEN)["topicConfigSerializeWrapper"]
    body = read(json.dumps(wrapper).encode(), version, compressed=True)
    assert body.filter_server_list is None
    assert topics_of(body) == {"TopicTest": TopicConfig(6, 8, "TopicTest", 0, 8)}
    assert topics_of(read(GOLDEN, version)) == {}


@pytest.mark.parametrize("body", [None, b""])
def test_an_old_registration_without_a_body(body: bytes | None) -> None:
    assert read(body, 0) == RegisterBrokerBody(
        None, TopicConfigSerializeWrapper(DataVersion(0, 0, 0), {}, {})
    )


@pytest.mark.parametrize("body", [b"null", b"[]"])
def test_an_old_registration_of_nothing(body: bytes) -> None:
    assert read(body, 0) == RegisterBrokerBody(None, None)


def test_an_old_registration_that_cannot_be_read() -> None:
    with pytest.raises(BodyInvalid):
        read(b"{", 0)
    with pytest.raises(BodyInvalid):
        read(b'{"topicQueueMappingInfoMap":{"T":null}}', 0)


def test_large_bodies_of_empty_objects_are_refused_unread() -> None:
    """Java's brokers write seventy bytes for each object of their tables."""
    table = ",".join(f'"{number:040}":{{}}' for number in range(8000))
    wrapper = f'{{"topicConfigTable":{{{table}}}}}'
    body = f'{{"topicConfigSerializeWrapper":{wrapper}}}'.encode()
    assert len(body) > 1 << 18
    for sent, version in ((body, 479), (wrapper.encode(), 0)):
        with pytest.raises(LimitExceeded, match="with 800[0-9] objects, the limit is"):
            read(sent, version)
    longer = body.replace(b":{}", b':{"perm":2}')
    assert read(longer).topic_config_serialize_wrapper is not None
