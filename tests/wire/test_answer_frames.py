"""The quickly written answers are those of `encode_frame`, byte for byte."""

from hypothesis import given
from hypothesis import strategies as st

from namesrv.wire.answer_frames import (
    NO_ROUTE_REMARK,
    answer_frame,
    success_header,
    topic_not_exist_header,
)
from namesrv.wire.command import RemotingCommand, encode_frame, write_ext_fields

int32 = st.integers(-(2**31), 2**31 - 1)
bodies = st.binary(max_size=20)
# Surrogates come only when they are asked for.
surrogates = st.characters(categories=["Cs"])
texts = st.text(st.characters(codec="utf-8") | surrogates, max_size=20)


@given(int32, bodies)
def test_a_success(opaque: int, body: bytes) -> None:
    expected = RemotingCommand(0, opaque, flag=1, body=body)
    assert answer_frame(success_header(opaque), body) == encode_frame(expected, 0)


@given(int32, st.dictionaries(texts, st.none() | texts, max_size=3), bodies)
def test_a_success_with_ext_fields(
    opaque: int, ext_fields: dict[str, str | None], body: bytes
) -> None:
    header = success_header(opaque, write_ext_fields(ext_fields))
    expected = RemotingCommand(0, opaque, flag=1, ext_fields=ext_fields, body=body)
    assert answer_frame(header, body) == encode_frame(expected, 0)


@given(texts, int32)
def test_an_unknown_topic(topic: str, opaque: int) -> None:
    remark = NO_ROUTE_REMARK.format(topic=topic)
    expected = RemotingCommand(17, opaque, flag=1, remark=remark)
    frame = answer_frame(topic_not_exist_header(topic, opaque), b"")
    assert frame == encode_frame(expected, 0)


def test_the_worked_example_of_section_1_9() -> None:
    """E2."""
    frame = answer_frame(topic_not_exist_header("TopicTest", 0), b"")
    assert len(frame) == 253
    assert frame[:8] == bytes.fromhex("000000f9000000f5")
    assert frame[8:].decode() == (
        '{"code":17,"flag":1,"language":"JAVA","opaque":0,"remark":"No topic route info'
        " in name server for the topic: TopicTest\\nSee https://rocketmq.apache.org/docs"
        '/bestPractice/06FAQ for further details.","serializeTypeCurrentRPC":"JSON",'
        '"version":479}'
    )


def test_braces_in_a_topic_are_only_text() -> None:
    assert b"{topic}{0}" in topic_not_exist_header("{topic}{0}", 1)
