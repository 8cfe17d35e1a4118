"""The comparison itself: blind to Java's hash order, and to nothing else."""

import pytest

from harness.answers import difference
from namesrv.testing.peer import Answer, Request, frame

ROUTE = Request(105, {"topic": "T"})
HEADER = (
    b'{"code":0,"flag":1,"language":"JAVA","opaque":7,'
    b'"serializeTypeCurrentRPC":"JSON","version":479}'
)
BODY = (
    b'{"brokerDatas":[{"brokerAddrs":{0:"a:1",1:"a:2"},"brokerName":"a"},'
    b'{"brokerAddrs":{},"brokerName":"b"}],"filterServerTable":{},"queueDatas":[]}'
)


def is_same(request: Request, ours: bytes, java: bytes, header: bytes = HEADER) -> bool:
    answers = Answer(frame(header, ours)), Answer(frame(HEADER, java))
    return difference(request, *answers) is None


@pytest.mark.parametrize(
    ("ours", "java"),
    [
        (BODY, BODY),
        (BODY, BODY.replace(b'0:"a:1",1:"a:2"', b'1:"a:2",0:"a:1"')),
        (
            b'{"brokerDatas":[],"queueDatas":[{"perm":6},{"perm":4}]}',
            b'{"brokerDatas":[],"queueDatas":[{"perm":4},{"perm":6}]}',
        ),
        (b"", b""),
    ],
)
def test_order_of_hash_tables_is_no_difference(ours: bytes, java: bytes) -> None:
    assert is_same(ROUTE, ours, java)


@pytest.mark.parametrize(
    "changed",
    [
        BODY.replace(b"0:", b'"0":'),
        BODY.replace(b"a:2", b"a:3"),
        BODY.replace(b',1:"a:2"', b""),
        BODY.replace(b'{"brokerAddrs":{},"brokerName":"b"}', b"null"),
        BODY.replace(b'"brokerAddrs":{},"brokerName":"b"', b'"brokerName":"b"'),
        BODY.replace(
            b'"brokerAddrs":{},"brokerName":"b"', b'"brokerName":"b","brokerAddrs":{}'
        ),
        BODY.replace(b",", b", "),
        BODY + b"\n",
        BODY[:-1],
        b"",
    ],
)
def test_everything_else_in_a_body_is_a_difference(changed: bytes) -> None:
    assert not is_same(ROUTE, changed, BODY)
    assert not is_same(ROUTE, BODY, changed)


@pytest.mark.parametrize(
    "changed",
    [
        HEADER.replace(b'"code":0', b'"code":17'),
        HEADER.replace(b'"flag":1', b'"extFields":{},"flag":1'),
        HEADER.replace(b"479", b"478"),
        HEADER.replace(b'"opaque":7', b'"opaque":7,"remark":""'),
        HEADER.replace(b"JAVA", b"PYTHON"),
        HEADER.replace(b'"code":0,"flag":1', b'"flag":1,"code":0'),
    ],
)
def test_everything_in_a_header_is_a_difference(changed: bytes) -> None:
    assert not is_same(ROUTE, BODY, BODY, changed)


def test_header_encoding_is_a_difference() -> None:
    assert difference(
        ROUTE, Answer(frame(HEADER, BODY, 1)), Answer(frame(HEADER, BODY))
    )


def test_escapes_of_both_java_releases_are_the_same() -> None:
    values = Request(219, {"namespace": "N"})
    assert is_same(
        values, b'{"table":{"k":"a\\/\\u4E2D"}}', '{"table":{"k":"a/中"}}'.encode()
    )


def test_system_topics_may_name_any_broker_but_have_to_name_one() -> None:
    system = Request(304)
    named = b'{"brokerAddr":"a:1","topicList":["a","b"]}'
    assert is_same(system, named, b'{"brokerAddr":"b:1","topicList":["b","a"]}')
    assert not is_same(system, named, b'{"topicList":["a","b"]}')


def test_difference_shows_the_request_and_all_bytes() -> None:
    text = difference(ROUTE, Answer(frame(HEADER, b"{}")), Answer(frame(HEADER, BODY)))
    assert text is not None
    assert all(part in text for part in (str(ROUTE), repr(BODY), repr(HEADER), "b'{}'"))
