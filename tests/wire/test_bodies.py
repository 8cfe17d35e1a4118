"""Bodies of answers, byte for byte as section 1.8 and appendix D have them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.wire.bodies import (
    DataVersion,
    QueueData,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
    read_kv_value,
    write_array,
    write_broker_addrs,
    write_broker_data,
    write_broker_member_group,
    write_cluster_info,
    write_data_version,
    write_filter_server_list,
    write_kv_config,
    write_kv_entry,
    write_kv_table,
    write_mapping_info,
    write_object,
    write_queue_data,
    write_route,
    write_topic_list,
)
from namesrv.wire.java_json.write import write_string

ADDRS = [(0, "10.0.0.1:10911"), (1, "10.0.0.2:10911")]
MAPPING = TopicQueueMappingInfo(
    bname="broker-a", curr_id_map={1: 3, 0: 0}, epoch=165, topic="st", total_queues=2
)


def broker_text(*, quoted: bool) -> str:
    addrs = write_broker_addrs(ADDRS, quoted=quoted)
    return write_broker_data("DefaultCluster", "broker-a", addrs, True, "z/1")


def route(*, standard: bool) -> bytes:
    """The example of section 1.8, with the plain escapes of its correction."""
    return write_route(
        [broker_text(quoted=standard)],
        [("10.0.0.2:10911", write_filter_server_list(["f1"]))],
        "broker-a:4;中",
        [write_queue_data(QueueData("broker-a", 6, 4, 0, 4))],
        [('"broker-a"', write_mapping_info(MAPPING, quoted=standard))],
    )


EXPECTED_ROUTE = (
    '{"brokerDatas":[{"brokerAddrs":{0:"10.0.0.1:10911",1:"10.0.0.2:10911"},'
    '"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":true,'
    '"zoneName":"z/1"}],"filterServerTable":{"10.0.0.2:10911":["f1"]},'
    '"orderTopicConf":"broker-a:4;中","queueDatas":[{"brokerName":"broker-a","perm":6,'
    '"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}],'
    '"topicQueueMappingByBroker":{"broker-a":{"bname":"broker-a","currIdMap":{0:0,1:3},'
    '"dirty":false,"epoch":165,"scope":"__global__","topic":"st","totalQueues":2}}}'
)


def test_a_route_in_the_legacy_dialect() -> None:
    assert route(standard=False).decode() == EXPECTED_ROUTE


def test_a_route_in_the_standard_dialect_has_quoted_numbers() -> None:
    quoted = EXPECTED_ROUTE.replace("{0:", '{"0":').replace(",1:", ',"1":')
    assert route(standard=True).decode() == quoted
    assert json.loads(route(standard=True))["orderTopicConf"] == "broker-a:4;中"


def test_a_route_of_nothing() -> None:
    assert write_route([], [], None, [], None) == (
        b'{"brokerDatas":[],"filterServerTable":{},"queueDatas":[]}'
    )


def test_empty_mappings_are_shown_and_no_mappings_are_not() -> None:
    assert write_route([], [], None, [], []).endswith(
        b'"queueDatas":[],"topicQueueMappingByBroker":{}}'
    )


def test_an_empty_order_configuration_is_shown() -> None:
    assert b'"orderTopicConf":"",' in write_route([], [], "", [], None)


def test_broker_data_with_nulls() -> None:
    text = write_broker_data(None, None, "{}", False, None)
    assert text == '{"brokerAddrs":{},"enableActingMaster":false}'


def test_broker_ids_are_quoted_or_bare() -> None:
    assert write_broker_addrs([(-1, "a"), (2, "b")], quoted=True) == (
        '{"-1":"a","2":"b"}'
    )
    assert write_broker_addrs([(-1, "a"), (2, "b")], quoted=False) == ('{-1:"a",2:"b"}')


def test_a_mapping_with_nulls() -> None:
    info = TopicQueueMappingInfo(bname=None, curr_id_map=None, scope=None)
    assert write_mapping_info(info, quoted=True) == (
        '{"dirty":false,"epoch":0,"totalQueues":0}'
    )


def test_queue_data_without_a_broker() -> None:
    assert write_queue_data(QueueData()) == (
        '{"perm":0,"readQueueNums":0,"topicSysFlag":0,"writeQueueNums":0}'
    )


def test_filter_servers_may_be_null() -> None:
    assert write_filter_server_list(["a", None]) == '["a",null]'


def test_a_data_version() -> None:
    assert write_data_version(DataVersion(5, -1, 1_700_000_000_000)) == (
        '{"counter":5,"stateVersion":-1,"timestamp":1700000000000}'
    )


def test_cluster_info() -> None:
    assert write_cluster_info([], []) == (
        b'{"brokerAddrTable":{},"clusterAddrTable":{}}'
    )
    body = write_cluster_info([b'"a":{},"b":{}', b'"c":{}'], [b'"c":["b",null]'])
    assert body == (
        b'{"brokerAddrTable":{"a":{},"b":{},"c":{}},'
        b'"clusterAddrTable":{"c":["b",null]}}'
    )


def test_topic_lists() -> None:
    assert write_topic_list([]) == b'{"topicList":[]}'
    assert write_topic_list([b'"a","b"', b'"c"'], "a:1") == (
        b'{"brokerAddr":"a:1","topicList":["a","b","c"]}'
    )


def test_kv_tables_keep_the_order_and_leave_nulls_out() -> None:
    a, n, b = (write_kv_entry(*pair) for pair in (("a", "1"), ("n", None), ("b", "2")))
    assert write_kv_table([a, n, b]) == b'{"table":{"a":"1","b":"2"}}'
    assert write_kv_table([n]) == b'{"table":{}}'
    pieces = write_kv_config([("n1", [n, a, b]), ("n2", []), ("n3", [n])])
    assert b"".join(pieces) == (
        b'{"configTable":{"n1":{"a":"1","b":"2"},"n2":{},"n3":{}}}'
    )
    assert b"".join(write_kv_config([])) == b'{"configTable":{}}'


@pytest.mark.parametrize("value", ["", "v", '"', "\\", "\x00\n", "é中😀", "{:}"])
def test_value_of_a_kv_entry_can_be_read_again(value: str) -> None:
    assert read_kv_value(write_kv_entry(value, value)) == value


def test_half_a_character_of_a_kv_entry_is_a_question_mark() -> None:
    assert read_kv_value(write_kv_entry("k", "a\ud83d")) == "a?"


def test_a_member_group() -> None:
    addrs = write_broker_addrs(ADDRS, quoted=False)
    assert write_broker_member_group("c", "b", addrs) == (
        b'{"brokerMemberGroup":{"brokerAddrs":{0:"10.0.0.1:10911",1:"10.0.0.2:10911"},'
        b'"brokerName":"b","cluster":"c"}}'
    )
    assert write_broker_member_group(None, None, "{}") == (
        b'{"brokerMemberGroup":{"brokerAddrs":{}}}'
    )


def test_arrays_and_objects() -> None:
    assert write_array([]) == "[]"
    assert write_object([]) == "{}"
    assert write_object([('"', "[1]"), ("b", "2")]) == '{"\\"":[1],"b":2}'


def test_defaults_of_a_registration() -> None:
    """Section 2.5.3."""
    assert TopicConfig() == TopicConfig(6, 16, None, 0, 16)
    assert TopicQueueMappingInfo() == TopicQueueMappingInfo(
        None, {}, False, 0, "__global__", None, 0
    )
    assert DataVersion() == DataVersion(0, 0, None)
    wrapper = TopicConfigSerializeWrapper(DataVersion(), {}, {})
    assert TopicConfigSerializeWrapper() == wrapper
    assert RegisterBrokerBody() == RegisterBrokerBody([], wrapper)


def test_defaults_are_not_shared() -> None:
    first, second = RegisterBrokerBody(), RegisterBrokerBody()
    assert first.filter_server_list is not second.filter_server_list
    assert first.topic_config_serialize_wrapper is not None
    assert first.topic_config_serialize_wrapper.topic_config_table is not None
    first.topic_config_serialize_wrapper.topic_config_table["T"] = TopicConfig()
    assert second == RegisterBrokerBody()


texts = st.text(max_size=5)


@given(
    st.dictionaries(texts, texts, max_size=3),
    st.dictionaries(st.integers(-5, 20), texts, max_size=4),
    st.lists(texts, max_size=3),
)
def test_written_bodies_are_json(
    table: dict[str, str], addrs: dict[int, str], names: list[str]
) -> None:
    entries = [write_kv_entry(key, value) for key, value in table.items()]
    assert json.loads(write_kv_table(entries)) == {"table": table}
    text = write_broker_addrs(addrs.items(), quoted=True)
    assert json.loads(text) == {str(k): v for k, v in addrs.items()}
    assert json.loads(write_broker_data("c", "b", text, False, None))["cluster"] == "c"
    written = [write_string(name).encode() for name in names]
    assert json.loads(write_topic_list(written)) == {"topicList": names}
