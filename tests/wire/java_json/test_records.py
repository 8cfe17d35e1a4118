"""Leniently read JSON into records, and the typed decoder held against it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.errors import JsonInvalid
from namesrv.wire.bodies import (
    DataVersion,
    QueueData,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
    TopicRouteQueues,
)
from namesrv.wire.java_json.read import read_json
from namesrv.wire.java_json.records import from_lenient_steps
from namesrv.wire.typed_json import decode_short, decode_steps, read_record_steps
from namesrv.work import finish
from tests.scale import scaled

RECORDS = [
    DataVersion,
    RegisterBrokerBody,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
    TopicRouteQueues,
]


def read(record: Any, text: str) -> Any:
    return finish(from_lenient_steps(record, read_json(text.encode())))


# --- the rules ------------------------------------------------------------------------


@pytest.mark.parametrize("record", RECORDS)
def test_an_empty_object_has_all_defaults(record: Any) -> None:
    assert read(record, "{}") == record()


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("text", ["null", "[]", "5", '"x"', "true"])
def test_only_an_object_is_a_record(record: Any, text: str) -> None:
    with pytest.raises(JsonInvalid, match=f"{record.__name__} is not an object"):
        read(record, text)


def test_unknown_members_are_ignored() -> None:
    text = '{"counter":1,"Counter":2,"COUNTER":3,"x":{"counter":4}}'
    assert read(DataVersion, text) == DataVersion(1)


def test_the_last_of_equal_names_wins() -> None:
    assert read(DataVersion, '{"counter":1,"counter":2}') == DataVersion(2)


@pytest.mark.parametrize(
    ("text", "perm"),
    [("4", 4), ('"4"', 4), ("4.9", 4), ("null", 6), ('""', 6), ("true", 1), ("-1", -1)],
)
def test_numbers_of_a_topic(text: str, perm: int) -> None:
    assert read(TopicConfig, f'{{"perm":{text}}}').perm == perm


@pytest.mark.parametrize("text", ['"x"', "{}", "[]", "2147483648", '"1e2"'])
def test_numbers_that_are_none(text: str) -> None:
    with pytest.raises(JsonInvalid):
        read(TopicConfig, f'{{"perm":{text}}}')


def test_longs_have_64_bits() -> None:
    assert read(DataVersion, f'{{"timestamp":{2**63 - 1}}}').timestamp == 2**63 - 1
    with pytest.raises(JsonInvalid):
        read(DataVersion, f'{{"timestamp":{2**63}}}')


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('"T"', "T"),
        ("null", None),
        ("5", "5"),
        ("true", "true"),
        ('{"a":1}', '{"a":1}'),
    ],
)
def test_texts(text: str, name: str | None) -> None:
    assert read(TopicConfig, f'{{"topicName":{text}}}').topic_name == name


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ('"true"', True), ("1", True), ("null", False), ('""', False)],
)
def test_booleans(text: str, value: bool) -> None:
    assert read(TopicQueueMappingInfo, f'{{"dirty":{text}}}').dirty is value


def test_a_null_where_one_may_stand_is_kept() -> None:
    assert read(RegisterBrokerBody, '{"filterServerList":null}') == (
        RegisterBrokerBody(None)
    )
    assert read(DataVersion, '{"timestamp":null}').timestamp is None
    wrapper = read(TopicConfigSerializeWrapper, '{"topicConfigTable":null}')
    assert wrapper.topic_config_table is None


@pytest.mark.parametrize(
    "text",
    [
        '{"topicConfigTable":[]}',
        '{"topicConfigTable":{"T":null}}',
        '{"topicConfigTable":{"T":[]}}',
        '{"topicConfigTable":{"T":{"perm":"x"}}}',
        '{"topicQueueMappingInfoMap":{"T":{"currIdMap":{"x":1}}}}',
        '{"topicQueueMappingInfoMap":{"T":{"currIdMap":[]}}}',
    ],
)
def test_members_of_the_wrong_shape(text: str) -> None:
    with pytest.raises(JsonInvalid):
        read(TopicConfigSerializeWrapper, text)


def test_lists_of_the_wrong_shape() -> None:
    with pytest.raises(JsonInvalid):
        read(RegisterBrokerBody, '{"filterServerList":{}}')
    with pytest.raises(JsonInvalid):
        read(TopicRouteQueues, '{"queueDatas":[5]}')


def test_elements_may_be_null() -> None:
    body = read(RegisterBrokerBody, '{"filterServerList":["f",null,5]}')
    assert body.filter_server_list == ["f", None, "5"]
    queues = read(TopicRouteQueues, '{"queueDatas":[null,{"perm":6}]}')
    assert queues.queue_datas == [None, QueueData(perm=6)]


def test_names_that_are_numbers() -> None:
    text = '{"currIdMap":{0:1,"2":3,4L:"5",-6:null}}'
    info = read(TopicQueueMappingInfo, text)
    assert info.curr_id_map == {0: 1, 2: 3, 4: 5, -6: 0}


# --- the typed decoder ----------------------------------------------------------------


def read_both_ways(record: Any, data: bytes) -> None:
    """Whatever the typed decoder takes reads the same leniently."""
    try:
        data.decode()
        typed = finish(decode_steps(record, data))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    assert typed == finish(from_lenient_steps(record, read_json(data)))
    assert typed == finish(read_record_steps(record, data, "it"))
    assert typed == decode_short(record, data)


names = st.sampled_from(["counter", "x", "", "1", "a,1:b", "{0:", "é", "\ud83d\ude00"])
numbers = st.one_of(
    st.integers(-3, 9).map(str),
    st.sampled_from(["2147483648", str(2**63), "-0", "00", "1.0", "1e2", "0.5", '"7"']),
)
texts = st.one_of(
    names.map(json.dumps),
    st.sampled_from(['"\\/"', '"\\ud83d\\ude00"', '"\\udc00"', '"\\q"', '"\\u00e9"']),
    st.text(max_size=4).map(lambda text: json.dumps(text, ensure_ascii=False)),
)
keys = st.one_of(
    st.sampled_from(["0", "1", "-1", "1L", "-0", "05", "2147483648"]),
    st.sampled_from(['"0"', '"1"', '"-1"', '"05"', '"x"', '""', '" 1"']),
)


def join(name: str, value: str) -> str:
    return f"{name}:{value}"


def objects(members: Any, most: int = 4) -> Any:
    return st.lists(members, max_size=most).map(lambda found: f"{{{','.join(found)}}}")


def arrays(elements: Any) -> Any:
    return st.lists(elements, max_size=3).map(lambda found: f"[{','.join(found)}]")


junk = st.recursive(
    st.one_of(numbers, texts, st.sampled_from(["null", "true", "nul", "1,"])),
    lambda inner: arrays(inner) | objects(st.builds(join, texts | keys, inner), 3),
    max_leaves=5,
)


def record_text(record: Any) -> Any:
    """JSON of a record as its senders write it, mostly."""
    members = [
        st.builds(
            join,
            st.just(json.dumps(field.encode_name)),
            st.one_of(value_text(field.type), value_text(field.type), junk),
        )
        for field in msgspec.structs.fields(record)
    ]
    unknown = st.builds(join, texts, junk)
    return objects(st.one_of(*members, *members, unknown), 2 * len(members))


def value_text(kind: Any) -> Any:
    found = msgspec.inspect.type_info(kind)
    return info_text(found)


def info_text(info: Any) -> Any:
    kinds = msgspec.inspect
    if isinstance(info, kinds.UnionType):
        return st.one_of(*map(info_text, info.types))
    if isinstance(info, kinds.NoneType):
        return st.just("null")
    if isinstance(info, kinds.IntType):
        return numbers
    if isinstance(info, kinds.BoolType):
        return st.sampled_from(["true", "false", "1", '"true"'])
    if isinstance(info, kinds.StrType):
        return texts
    if isinstance(info, kinds.ListType):
        return arrays(info_text(info.item_type))
    if isinstance(info, kinds.DictType):
        is_number = isinstance(info.key_type, kinds.IntType)
        value = info_text(info.value_type)
        return objects(st.builds(join, keys if is_number else texts | keys, value), 3)
    assert isinstance(info, kinds.StructType)
    return record_text(info.cls)


@pytest.mark.parametrize("record", RECORDS)
def test_generated_bodies_read_the_same(record: Any) -> None:
    taken = 0

    @given(record_text(record))
    def check(text: str) -> None:
        nonlocal taken
        data = text.encode("utf-8", "replace")
        read_both_ways(record, data)
        try:
            decode_short(record, data)
        except msgspec.DecodeError:
            return
        taken += 1

    check()
    assert taken >= scaled(10)


PIECES = [b'"', b",", b"{", b"}", b"[", b"]", b":", b"1", b"\\", b"L", b"\xff", b"\0"]
edits = st.lists(
    st.tuples(st.integers(0, 900), st.integers(0, 3), st.sampled_from(PIECES)),
    min_size=1,
    max_size=4,
)
REAL_BODY = (
    b'{"filterServerList":["f:1"],"topicConfigSerializeWrapper":{"dataVersion":'
    b'{"counter":5,"stateVersion":0,"timestamp":1700000000000},"mappingDataVersion":'
    b'{"counter":0,"stateVersion":0,"timestamp":1700000000001},"topicConfigTable":'
    b'{"T":{"attributes":{"+a":"b"},"order":false,"perm":6,"readQueueNums":8,'
    b'"topicFilterType":"SINGLE_TAG","topicName":"T","topicSysFlag":0,'
    b'"writeQueueNums":8}},"topicQueueMappingDetailMap":{},"topicQueueMappingInfoMap":'
    b'{"st":{"bname":"b","currIdMap":{0:0,1:3},"dirty":false,"epoch":16500,"scope":'
    b'"__global__","topic":"st","totalQueues":2}}}}'
)


@given(edits)
def test_an_edited_body_reads_the_same(changes: list[tuple[int, int, bytes]]) -> None:
    data = REAL_BODY
    for place, removed, inserted in changes:
        at = place % len(data)
        data = data[:at] + inserted + data[at + removed :]
    read_both_ways(RegisterBrokerBody, data)


def test_bare_numbers_need_no_lenient_reader() -> None:
    body = decode_short(RegisterBrokerBody, REAL_BODY)
    assert body == finish(from_lenient_steps(RegisterBrokerBody, read_json(REAL_BODY)))
    wrapper = body.topic_config_serialize_wrapper
    assert wrapper is not None and wrapper.topic_queue_mapping_info_map is not None
    assert wrapper.topic_queue_mapping_info_map["st"].curr_id_map == {0: 0, 1: 3}


def test_text_that_looks_like_a_bare_number_is_unchanged() -> None:
    data = REAL_BODY.replace(b'"T"', b'"{1:,2:x"')
    body = finish(read_record_steps(RegisterBrokerBody, data, "it"))
    assert body is not None and body.topic_config_serialize_wrapper is not None
    table = body.topic_config_serialize_wrapper.topic_config_table
    assert table == {"{1:,2:x": TopicConfig(6, 8, "{1:,2:x", 0, 8)}
