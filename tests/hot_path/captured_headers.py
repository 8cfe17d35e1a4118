"""Request headers as real clients send them, and reading one in both ways."""

from typing import Any

from namesrv.wire.command import decode_command

# Verbatim from clients, docs/protocol.md has the table. Name, header, topic.
CAPTURED = [
    (
        "go",
        '{"code":105,"language":"GO","version":317,"opaque":2,"flag":0,"remark":"",'
        '"extFields":{"topic":"TopicA"}}',
    ),
    (
        "cpp",
        '{"code":105,"extFields":{"AccessKey":"","OnsChannel":"ALIYUN",'
        '"Signature":"Sf55A+/q=","topic":"TopicA"},"flag":0,"language":"CPP",'
        '"opaque":0,"remark":"","version":333}\n',
    ),
    (
        "pypi rocketmq",
        '{"code":105,"extFields":{"AccessKey":"","OnsChannel":"ALIYUN",'
        '"Signature":"Sf55A+/q=","topic":"TopicA"},"flag":0,"language":"CPP",'
        '"opaque":0,"remark":"","version":63}\n',
    ),
    (
        "ali-ons",
        '{"code":105,"language":"JAVA","opaque":1,"flag":0,"version":121,'
        '"extFields":{"topic":"TopicA"}}',
    ),
    (
        "npm rocketmq",
        '{"code":105,"language":"JAVA","opaque":2,"flag":0,"version":78,"extFields":'
        '{"Signature":"Sf55A+/q=","AccessKey":"a","OnsChannel":"ALIYUN",'
        '"topic":"TopicA"}}',
    ),
    (
        "lua",
        '{"code":105,"language":"other","serializeTypeCurrentRPC":"JSON","remark":"",'
        '"extFields":{"topic":"TopicA"},"version":373,"opaque":1,"flag":0}',
    ),
    (
        "pyrocketmq",
        '{"code":105,"language":3,"version":1,"opaque":1751540078,"flag":0,'
        '"extFields":{"topic":"TopicA"}}',
    ),
    (
        "mqadmin",
        '{"code":105,"extFields":{"ReqT":"0","topic":"TopicA"},"flag":0,'
        '"language":"JAVA","opaque":0,"serializeTypeCurrentRPC":"JSON","version":479}',
    ),
    (
        "EventHorizon",
        '{"code":105,"languageCode":2,"version":317,"opaque":1,"flag":0,"remark":null,'
        '"extFields":{"topic":"TopicA","sysFlag":64,"logicalQueueIdsFilter":null}}',
    ),
    (
        "ex_rocketmq",
        '{"code":105,"language":5,"version":317,"opaque":0,"flag":0,"remark":"",'
        '"extFields":{"topic":"TopicA"}}',
    ),
    (
        "NewLife",
        '{"code":105,"language":"DOTNET","version":407,"opaque":7,"flag":0,'
        '"remark":"GET_ROUTEINTO_BY_TOPIC","serializeTypeCurrentRPC":"JSON",'
        '"extFields":{"topic":"TopicA"}}',
    ),
    (
        "go with blanks and a negative opaque",
        '{ "code" : 105,\r\n\t"opaque": -5, "version":317, "flag":0, '
        '"extFields": { "topic" : "TopicA" } }\n',
    ),
]
OTHER_CAPTURED = [
    '{"code":206,"language":"GO","version":317,"opaque":1,"flag":0,"remark":"",'
    '"extFields":{}}',
    '{"code":319,"language":"GO","version":317,"opaque":17,"flag":0,"remark":"",'
    '"extFields":null}',
    '{"code":106,"flag":0,"language":"JAVA","opaque":0,'
    '"serializeTypeCurrentRPC":"JSON","version":479}',
    '{"code":103,"extFields":{"brokerId":"0","bodyCrc32":"349566579",'
    '"clusterName":"c","brokerAddr":"10.0.0.1:10911","haServerAddr":"10.0.0.1:10912",'
    '"compressed":"false","brokerName":"b"},"flag":0,"language":"JAVA","opaque":0,'
    '"serializeTypeCurrentRPC":"JSON","version":409}',
]
LUA_BINARY = bytes.fromhex(
    "0069 07 018f 00000006 00000000 00000000 00000011 0005 746f706963"
    "00000006 546f70696341"
)
ZJYKZK_BINARY = bytes.fromhex(
    "0069 09 00fc 00000002 00000000 00000000 00000011 0005 746f706963"
    "00000006 546f70696341"
)
ZJYKZK_CLUSTER = bytes.fromhex("006a 09 00fc 00000003 00000000 00000000 00000000")
RUST_BINARY = bytes.fromhex(
    "0069 07 013d 7fffffff 00000000 00000000 00000011 0005 746f706963"
    "00000006 546f70696341"
)


def read_both_ways(hot: Any, serialize_type: int, header: bytes) -> Any:
    """What the quick reader says; if it says anything, the full one says the same."""
    head = hot.read_head(serialize_type, header)
    if head is not None:
        command = decode_command(serialize_type, header, None)
        assert (head.code, head.version, head.opaque, head.flag) == (
            command.code,
            command.version,
            command.opaque,
            command.flag,
        )
        assert head.ext_fields == command.ext_fields
        if head.ext_fields is not None:
            assert {type(v) for v in head.ext_fields.values()} <= {str, type(None)}
    return head
