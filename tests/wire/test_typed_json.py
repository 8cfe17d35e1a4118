"""Strict JSON, bare names of integers, and the steps of what only the lenient reader
takes."""

from typing import Any

import msgspec
import pytest

from namesrv.errors import BodyInvalid, LimitExceeded
from namesrv.options import Options
from namesrv.wire.bodies import RegisterBrokerBody, TopicQueueMappingInfo
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.java_json.read import LONGEST_LENIENT_TEXT
from namesrv.wire.register_body import (
    read_queue_datas_steps,
    read_register_broker_body_steps,
)
from namesrv.wire.typed_json import LONGEST_OBJECT_BYTES, decode_short, decode_steps
from namesrv.work import STEP_UNITS, Cost, Steps, finish

LIMITS = BodyLimits.of(Options())
MOST_UNITS = STEP_UNITS + 64 * Cost.LENIENT_ENTRY


def counted(steps: Steps[Any]) -> tuple[list[int], Any]:
    """The units of each step, and the result."""
    units = []
    while True:
        try:
            units.append(next(steps))
        except StopIteration as stop:
            return units, stop.value


def read_plain(body: bytes) -> Steps[RegisterBrokerBody]:
    return read_register_broker_body_steps(body, 479, compressed=False, limits=LIMITS)


def registration(mappings: str, topics: str = "") -> bytes:
    return (
        f'{{"topicConfigSerializeWrapper":{{"topicConfigTable":{{{topics}}},'
        f'"topicQueueMappingInfoMap":{{{mappings}}}}}}}'
    ).encode()


def static_topic(name: str, queues: int, extra: str = "") -> str:
    ids = ",".join(f"{number}:{number}" for number in range(queues))
    return f'"{name}":{{"bname":"b","currIdMap":{{{ids}}},"topic":"{name}"{extra}}}'


def mappings_of(body: RegisterBrokerBody) -> dict[str, TopicQueueMappingInfo]:
    wrapper = body.topic_config_serialize_wrapper
    assert wrapper is not None and wrapper.topic_queue_mapping_info_map is not None
    return wrapper.topic_queue_mapping_info_map


# --- bare names -----------------------------------------------------------------------


def test_a_large_body_of_static_topics_needs_no_lenient_reader() -> None:
    """Three hundred thousand bare names, in a body too long to be read leniently."""
    topics = ",".join(static_topic(f"static-{n:03}", 5000) for n in range(60))
    body = registration(topics)
    assert len(body) > 2 * LONGEST_LENIENT_TEXT
    units, read = counted(read_plain(body))
    expected = {number: number for number in range(5000)}
    assert all(i.curr_id_map == expected for i in mappings_of(read).values())
    assert len(mappings_of(read)) == 60
    assert sum(units) < len(body) * (Cost.STRICT_KILOBYTE + Cost.BARE_KILOBYTE) / 1024
    assert max(units[1:]) < 65536 * 16 * Cost.BARE_KILOBYTE / 1024


def test_a_body_with_quoted_names_is_one_step() -> None:
    body = registration('"t":{"bname":"b","currIdMap":{"0":1},"topic":"t"}')
    units, read = counted(read_plain(body))
    assert units == []
    assert mappings_of(read)["t"].curr_id_map == {0: 1}


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ("{0:1}", {0: 1}),
        ("{-1:-2,3:4}", {-1: -2, 3: 4}),
        ("{1:2,1:3}", {1: 3}),
        ("{2147483647:-2147483648}", {2147483647: -2147483648}),
    ],
)
def test_bare_names_are_read_by_the_typed_decoder(
    ids: str, expected: dict[int, int]
) -> None:
    bare = f'{{"topic":"t","currIdMap":{ids}}}'.encode()
    for info in (
        decode_short(TopicQueueMappingInfo, bare),
        finish(decode_steps(TopicQueueMappingInfo, bare)),
    ):
        assert info == TopicQueueMappingInfo(topic="t", curr_id_map=expected)


@pytest.mark.parametrize(
    "ids",
    ["{1,2:3}", "{1:2,}", "{:2}", "{1:}", "{1:2:3}", "{-:1}", "{1-2:3}", "{1:2 }"]
    + ["{1:2,,3:4}", "{1::2}", "{1L:2}", "{1:2L}", "{1:0x1}", "{1:2,3:}"],
)
def test_other_objects_are_left_to_the_lenient_reader(ids: str) -> None:
    """Also where a member is skipped, and nobody would look at its names."""
    for name in ("currIdMap", "skipped"):
        text = f'{{"topic":"t","{name}":{ids}}}'.encode()
        with pytest.raises(msgspec.DecodeError):
            decode_short(TopicQueueMappingInfo, text)
        with pytest.raises(msgspec.DecodeError):
            finish(decode_steps(TopicQueueMappingInfo, text))


@pytest.mark.parametrize(
    "text", ["a{1:2}b", "{1:2}", "x:{1:2}", "{1:2,3:4}{5:6}", r"\"{1:2}\"", r"\\{1:2}"]
)
def test_text_with_bare_names_is_unchanged(text: str) -> None:
    extra = f',"scope":"{text}"'
    for ids in ('{"0":1}', "{0:1}"):
        body = f'{{"topic":"t","currIdMap":{ids}{extra}}}'
        read = mappings_of(finish(read_plain(registration(f'"t":{body}'))))["t"]
        assert read.curr_id_map == {0: 1}
        assert read.scope == msgspec.json.decode(f'"{text}"')


@pytest.mark.parametrize("length", [1024, 1025, 4096, 4097])
def test_long_names_are_measured_wherever_they_are_read(length: int) -> None:
    """The typed decoder leaves them to the lenient reader."""
    name = "n" * length
    body = registration("", f'"t":{{"topicName":"{name}"}}')
    if length > 4096:
        with pytest.raises(LimitExceeded, match="topic name of 4097 bytes"):
            finish(read_plain(body))
        return
    wrapper = finish(read_plain(body)).topic_config_serialize_wrapper
    assert wrapper is not None and wrapper.topic_config_table is not None
    assert wrapper.topic_config_table["t"].topic_name == name


def test_names_that_the_typed_decoder_takes_are_within_a_lower_limit() -> None:
    body = registration("", f'"t":{{"topicName":"{"n" * 100}"}}')
    limits = LIMITS._replace(name_bytes=99)
    with pytest.raises(LimitExceeded, match="topic name of 100 bytes"):
        finish(
            read_register_broker_body_steps(body, 479, compressed=False, limits=limits)
        )


# --- steps of the lenient reader ------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        registration("", ",".join(f"'{n}':{{}}" for n in range(5000))),
        registration("", ",".join(f'"{n}":{{"perm":"6"}}' for n in range(5000))),
        registration(static_topic("t", 9000).replace("{0:0,", "{0:'0',")),
        b"{'skipped':[" + b"1," * 20_000 + b"]}",
        b"{'skipped':[" + b"'" + rb"\'" * 4000 + b"'," * 1 + b"0," * 20_000 + b"]}",
        b'{"filterServerList":[' + b"{'a':[]}," * 5000 + b"]}",
    ],
    ids=["topics", "texts of numbers", "queues", "skipped", "escapes", "servers"],
)
def test_lenient_bodies_are_read_in_steps(body: bytes) -> None:
    limits = LIMITS._replace(filter_servers=5000)
    units, _ = counted(
        read_register_broker_body_steps(body, 479, compressed=False, limits=limits)
    )
    assert sum(units) >= len(body) * Cost.LENIENT_KILOBYTE / 1024 * 0.9
    first_look = len(body) * Cost.STRICT_KILOBYTE >> 10
    long_string = 8192 * Cost.LENIENT_KILOBYTE >> 10
    assert sorted(units)[-3] <= MOST_UNITS
    assert max(units) <= max(first_look, long_string + MOST_UNITS)


def test_steps_end_in_the_same_as_one_go() -> None:
    topics = ",".join(f"'{n}':{{'topicName':'{n}','perm':4L}}" for n in range(300))
    body = registration("", topics)
    units, read = counted(read_plain(body))
    assert len(units) > 10
    wrapper = read.topic_config_serialize_wrapper
    assert wrapper is not None and wrapper.topic_config_table is not None
    read_topics = {
        name: (config.topic_name, config.perm)
        for name, config in wrapper.topic_config_table.items()
    }
    assert read_topics == {f"{n}": (f"{n}", 4) for n in range(300)}


def test_queues_of_an_operator_are_read_in_steps() -> None:
    body = b"{'queueDatas':[" + b"{'brokerName':'b'}," * 2000 + b"]}"
    units, queue_datas = counted(read_queue_datas_steps(body))
    assert len(queue_datas) == 2000
    assert len(units) > 50 and max(units) < 2 * STEP_UNITS


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            registration("", f"'{'t' * 60}':{{}}," * 20_000),
            f"1320085 bytes are too many to be read leniently, the limit is"
            f" {LONGEST_LENIENT_TEXT}",
        ),
        (
            b"{'x':'" + rb"\'" * 5000 + b"'}",
            "a string with escapes has over 8192 characters",
        ),
        (
            b"{'topicConfigSerializeWrapper':{'topicConfigTable':{'t':{'topicName':["
            + b"1," * 5000
            + b"]}}}}",
            "an object or array is too large for a text",
        ),
    ],
    ids=["long", "escapes", "text"],
)
def test_object_that_would_be_a_long_step_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BodyInvalid, match=reason):
        finish(read_plain(body))


def test_an_object_of_very_many_numbers_is_not_for_the_typed_decoder() -> None:
    """CPython hashes numbers without a seed, and a peer could make them collide."""

    def mapping(queues: int) -> bytes:
        numbers = ",".join(f'"{10**9 + number}":1' for number in range(1, queues))
        return b'{"currIdMap":{%b}}' % numbers.encode()

    most = LONGEST_OBJECT_BYTES // len('"0000000001":1,')
    few = finish(decode_steps(TopicQueueMappingInfo, mapping(most // 2)))
    assert few is not None and len(few.curr_id_map or ()) == most // 2 - 1
    with pytest.raises(msgspec.DecodeError, match="an object is too long"):
        finish(decode_steps(TopicQueueMappingInfo, mapping(2 * most)))
