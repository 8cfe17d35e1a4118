"""Headers in both encodings, written exactly; and read back."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.codes import LanguageCode
from namesrv.errors import ConnectionFault, HeaderInvalid
from namesrv.testing.peer import frame_parts
from namesrv.wire.command import (
    LongBody,
    RemotingCommand,
    decode_command,
    encode_frame,
    encode_head,
)


def text(value: bytes, length_format: str) -> bytes:
    return struct.pack(length_format, len(value)) + value


def pair(name: bytes, value: bytes) -> bytes:
    return text(name, ">h") + text(value, ">i")


# --- writing --------------------------------------------------------------------------


def test_a_full_json_header() -> None:
    command = RemotingCommand(
        1, 7, 1, remark='a "b"\n/é\x7f', ext_fields={"z": "1", "a": None, "b": ""}
    )
    serialize_type, header, body = frame_parts(encode_frame(command, 0))
    assert (serialize_type, body) == (0, b"")
    assert header.decode() == (
        '{"code":1,"extFields":{"z":"1","b":""},"flag":1,"language":"JAVA","opaque":7,'
        '"remark":"a \\"b\\"\\n/é\x7f","serializeTypeCurrentRPC":"JSON","version":479}'
    )


@pytest.mark.parametrize("serialize_type", [0, 1])
def test_frame_in_pieces_is_the_frame_at_once(serialize_type: int) -> None:
    request = RemotingCommand(1, 7)
    pieces = (b"a", b"", b"bc")
    whole = encode_frame(request.answer(body=b"abc"), serialize_type)
    answer = request.answer(body=LongBody(iter(pieces), 3))
    assert answer.body is None
    assert encode_head(answer, serialize_type, 3) + b"abc" == whole
    assert encode_frame(answer, serialize_type) == whole


def test_a_plain_json_header() -> None:
    _, header, body = frame_parts(encode_frame(RemotingCommand(0, 1, 1, body=b"b"), 0))
    assert body == b"b"
    assert header == (
        b'{"code":0,"flag":1,"language":"JAVA","opaque":1,'
        b'"serializeTypeCurrentRPC":"JSON","version":479}'
    )


def test_empty_ext_fields_are_an_empty_object() -> None:
    _, header, _ = frame_parts(encode_frame(RemotingCommand(0, ext_fields={}), 0))
    assert header.startswith(b'{"code":0,"extFields":{},"flag":0,')


def test_a_request_as_java_sends_it() -> None:
    """E1 of section 1.9."""
    command = RemotingCommand(105, ext_fields={"topic": "TopicTest"})
    frame = encode_frame(command, 0)
    assert len(frame) == 139
    assert frame[:8] == bytes.fromhex("0000008700000083")


def test_a_binary_answer_as_java_sends_it() -> None:
    """E4 of section 1.9."""
    frame = encode_frame(RemotingCommand(0, 1, 1, body=bytes(234)), 1)
    assert len(frame) == 263
    assert frame[:29] == bytes.fromhex(
        "00000103 01000015 0000 00 01df 00000001 00000001 00000000 00000000"
    )


def test_a_binary_answer_with_remark_and_ext_fields() -> None:
    command = RemotingCommand(17, 1, 1, remark="é", ext_fields={"a": "", "b": None})
    _, header, _ = frame_parts(encode_frame(command, 1))
    assert header == (
        struct.pack(">hBhii", 17, 0, 479, 1, 1)
        + text("é".encode(), ">i")
        + text(pair(b"a", b""), ">i")
    )


def test_codes_beyond_16_bits_wrap_in_binary() -> None:
    _, header, _ = frame_parts(encode_frame(RemotingCommand(0x18000), 1))
    assert header[:2] == b"\x80\x00"


def test_lone_surrogates_are_written_as_question_marks() -> None:
    command = RemotingCommand(1, remark="\ud800", ext_fields={"\udc00": "\ud800"})
    for serialize_type in (0, 1):
        _, header, _ = frame_parts(encode_frame(command, serialize_type))
        assert header.count(b"?") == 3


# --- answers --------------------------------------------------------------------------


def test_an_answer_takes_only_the_opaque_of_its_request() -> None:
    request = RemotingCommand(105, 9, 2, 317, LanguageCode.GO, "r", {"a": "b"}, b"x")
    assert request.answer() == RemotingCommand(0, 9, 1)
    assert request.answer(17, "no", ext_fields={}, body=b"y") == RemotingCommand(
        17, 9, 1, remark="no", ext_fields={}, body=b"y"
    )
    assert request.answer().is_response


# --- both ways ------------------------------------------------------------------------

int32 = st.integers(-(2**31), 2**31 - 1)
texts = st.text(max_size=6)
json_commands = st.builds(
    RemotingCommand,
    code=int32,
    opaque=int32,
    flag=int32,
    version=int32,
    remark=st.none() | texts,
    ext_fields=st.none() | st.dictionaries(texts, texts, max_size=4),
    body=st.none() | st.binary(min_size=1, max_size=9),
)
short = st.integers(-(2**15), 2**15 - 1)
solid = st.text(min_size=1, max_size=6)
binary_commands = st.builds(
    RemotingCommand,
    code=short,
    opaque=int32,
    flag=int32,
    version=short,
    remark=st.none() | solid,
    ext_fields=st.none() | st.dictionaries(solid, solid, min_size=1, max_size=4),
    body=st.none() | st.binary(min_size=1, max_size=9),
)


@given(json_commands)
def test_json_comes_back_as_it_was(command: RemotingCommand) -> None:
    serialize_type, header, body = frame_parts(encode_frame(command, 0))
    assert decode_command(serialize_type, header, body) == command


@given(binary_commands)
def test_binary_comes_back_as_it_was(command: RemotingCommand) -> None:
    serialize_type, header, body = frame_parts(encode_frame(command, 1))
    assert decode_command(serialize_type, header, body) == command


@given(st.integers(0, 1), st.binary(max_size=60), st.none() | st.binary(max_size=9))
def test_any_bytes_are_read_or_close(
    serialize_type: int, header: bytes, body: bytes | None
) -> None:
    try:
        decode_command(serialize_type, header, body)
    except ConnectionFault as fault:
        assert isinstance(fault, HeaderInvalid)
