"""Bodies of answers, also from a server that sends anything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.client import bodies
from namesrv.errors import AnswerInvalid

GROUP = (
    b'{"brokerAddrs":{1:"b:1",0:"a:1"},"brokerName":"x","cluster":"c","zoneName":"z"}'
)


def test_cluster_info_of_java_has_bare_names() -> None:
    text = b'{"brokerAddrTable":{"x":%b},"clusterAddrTable":{"c":["x","w"]}}' % GROUP
    info = bodies.read_cluster_info(text)
    assert info.clusters == {"c": ["w", "x"]}
    group = info.brokers["x"]
    assert list(group.addresses.items()) == [(0, "a:1"), (1, "b:1")]
    assert (group.cluster, group.zone, group.is_acting_master) == ("c", "z", False)


def test_bare_names_are_quoted_outside_of_strings_only() -> None:
    value = {'{1:"\\': {"-5": "{2:3,4:5}"}}
    text = json.dumps(value).replace('"-5"', "-5").encode()
    table = bodies._read_object(text)
    assert table == value


def test_route_is_read() -> None:
    text = (
        b'{"brokerDatas":[%b],"filterServerTable":{"a:1":["f"]},"orderTopicConf":"x:4",'
        b'"queueDatas":[{"brokerName":"x","perm":6,"readQueueNums":4,'
        b'"topicSysFlag":1,"writeQueueNums":"3"}]}' % GROUP
    )
    route = bodies.read_route(text)
    (queues,) = route.queues
    assert (queues.broker_name, queues.perm, queues.system_flag) == ("x", 6, 1)
    assert (queues.read_queues, queues.write_queues) == (4, 3)
    assert (route.order, route.filter_servers) == ("x:4", {"a:1": ["f"]})
    assert route.mappings == {}


def test_lists_and_tables_are_sorted() -> None:
    assert bodies.read_topic_list(b'{"topicList":["b","a",null,5]}') == ["a", "b"]
    table = bodies.read_kv_table(b'{"table":{"b":"2","a":"1","c":5}}')
    assert list(table.items()) == [("a", "1"), ("b", "2"), ("c", "")]
    options = bodies.read_configuration("b=2=3\na=ä\u2028\n\nno option\n".encode())
    assert list(options.items()) == [("a", "ä\u2028"), ("b", "2=3")]


@pytest.mark.parametrize(
    "char", ["\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x85", "\r"]
)
def test_value_of_an_option_forges_no_other_option(char: str) -> None:
    text = f"a=1{char}listenPort=666"
    assert bodies.read_configuration(f"{text}\nb=2\r\n".encode()) == {
        "a": f"1{char}listenPort=666",
        "b": "2",
    }


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (bodies.read_topic_list, b""),
        (bodies.read_topic_list, b"[]"),
        (bodies.read_topic_list, b'{"topicList":5}'),
        (bodies.read_topic_list, b"\xff"),
        (bodies.read_topic_list, b"[" * 100_000),
        (bodies.read_topic_list, b'{"topicList":[' + b"1," * 4_000_001 + b"1]}"),
        (bodies.read_route, b'{"queueDatas":{}}'),
        (bodies.read_route, b'{"queueDatas":[5]}'),
        (bodies.read_route, b'{"brokerDatas":[{"brokerAddrs":[]}]}'),
        (bodies.read_cluster_info, b'{"brokerAddrTable":{"x":null}}'),
        (bodies.read_kv_table, b'{"table":[1]}'),
    ],
)
def test_body_of_another_shape_is_refused(read, text: bytes) -> None:
    with pytest.raises(AnswerInvalid):
        read(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = ("brokerDatas", "queueDatas", "topicList", "table", "brokerAddrTable")
MORE = ("clusterAddrTable", "brokerAddrs", "perm", "filterServerTable")
OBJECTS = st.dictionaries(st.sampled_from(NAMES + MORE), JSON | st.lists(JSON))


@given(OBJECTS | st.dictionaries(st.sampled_from(NAMES), OBJECTS | st.lists(OBJECTS)))
def test_any_json_is_read_or_refused(value: object) -> None:
    text = json.dumps(value).encode()
    for read in (
        bodies.read_route,
        bodies.read_cluster_info,
        bodies.read_topic_list,
        bodies.read_kv_table,
    ):
        try:
            read(text)
        except AnswerInvalid as refused:
            assert str(refused)
