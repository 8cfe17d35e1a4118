"""Headers in both encodings: read leniently, written exactly."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.codes import LanguageCode
from namesrv.errors import ConnectionFault, HeaderInvalid, SerializeTypeUnknown
from namesrv.wire.command import RemotingCommand, decode_command, encode_frame


def read(header: str | bytes, body: bytes | None = None) -> RemotingCommand:
    return decode_command(
        0, header.encode() if isinstance(header, str) else header, body
    )


def payload(frame: bytes) -> tuple[int, bytes, bytes]:
    """Serialize type, header and body of a whole frame, by section 1.1."""
    assert int.from_bytes(frame[:4]) == len(frame) - 4
    end = 8 + int.from_bytes(frame[5:8])
    return frame[4], frame[8:end], frame[end:]


# --- reading JSON ---------------------------------------------------------------------


def test_all_members_are_read() -> None:
    command = read(
        '{"code":105,"extFields":{"topic":"T"},"flag":2,"language":"GO","opaque":-5,'
        '"remark":"r","serializeTypeCurrentRPC":"JSON","version":317}',
        b"body",
    )
    assert command == RemotingCommand(
        105, -5, 2, 317, LanguageCode.GO, "r", {"topic": "T"}, b"body"
    )
    assert command.is_oneway and not command.is_response


def test_absent_members_have_defaults() -> None:
    assert read("{}") == RemotingCommand(0, 0, 0, 0, LanguageCode.JAVA, None, None)


def test_an_empty_body_is_none() -> None:
    assert read("{}", b"").body is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("206", 206),
        ('"206"', 206),
        ('"+5"', 5),
        ('"206.0"', 206),
        ('"1,000"', 1000),
        ("+206", 206),
        ("206L", 206),
        ("206.7", 206),
        ("-3.99", -3),
        ("2.06e2", 206),
        ("true", 1),
        ("false", 0),
        ("null", 0),
        ('""', 0),
        ('"null"', 0),
        ("-2147483648", -(2**31)),
        ("2147483647", 2**31 - 1),
    ],
)
def test_numbers_come_in_many_forms(text: str, code: int) -> None:
    assert read(f'{{"code":{text}}}').code == code


@pytest.mark.parametrize(
    "text",
    ["2147483648", "-2147483649", '" 206"', '"206 "', '"abc"', '"1e2"', '"4.5"', "0x10"]
    + [".5", "[1]", "{}", "abc"],
)
@pytest.mark.parametrize("member", ["code", "flag", "version", "opaque"])
def test_what_is_no_number_closes(text: str, member: str) -> None:
    with pytest.raises(HeaderInvalid):
        read(f'{{"{member}":{text}}}')


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ('"java"', LanguageCode.JAVA),
        ('"Go"', LanguageCode.GO),
        ('"NODE_JS"', LanguageCode.NODE_JS),
        ("0", LanguageCode.JAVA),
        ("3", LanguageCode.PYTHON),
        ("13", LanguageCode.NODE_JS),
        ('"other"', LanguageCode.OTHER),
        ('"COBOL"', None),
        ('"3"', None),
        ('""', None),
        ('" JAVA"', None),
        ("null", None),
    ],
)
def test_languages(text: str, language: LanguageCode | None) -> None:
    assert read(f'{{"language":{text}}}').language is language


@pytest.mark.parametrize("text", ["14", "99", "-1", "true", "{}", "[]", "1e0"])
def test_languages_that_close(text: str) -> None:
    with pytest.raises(HeaderInvalid, match="language"):
        read(f'{{"language":{text}}}')


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"T"', "T"),
        ("12", "12"),
        ("1.50", "1.50"),
        ("1e3", "1E+3"),
        ("true", "true"),
        ("null", None),
        ('{"k":"v","n":null}', '{"k":"v"}'),
        ('[1,"x",null]', '[1,"x",null]'),
        ('"\\u4e2d\\ud83d\\ude00"', "中😀"),
    ],
)
def test_ext_values_become_text(text: str, value: str | None) -> None:
    assert read(f'{{"extFields":{{"a":{text}}}}}').ext_fields == {"a": value}


@pytest.mark.parametrize("text", ["null", '""'])
def test_no_ext_fields(text: str) -> None:
    assert read(f'{{"extFields":{text}}}').ext_fields is None


@pytest.mark.parametrize("text", ["true", "5", '"x"', "[]", '{1:"a"}'])
def test_ext_fields_that_close(text: str) -> None:
    with pytest.raises(HeaderInvalid):
        read(f'{{"extFields":{text}}}')


@pytest.mark.parametrize(
    "header",
    [
        '{"code":105}\n',
        ' \t\r\n{"code":105}\0',
        "{'code':105}",
        '{"code":1,"code":105}',
        '{"code":105,}',
        '{"unknown":{"deep":[1,{}]},"code":105}',
        '/* a */{"code":105}// b',
        '{"code":105,"remark":"raw \n control"}',
    ],
)
def test_odd_layout_is_read(header: str) -> None:
    assert read(header).code == 105


@pytest.mark.parametrize(
    "header",
    ["", "null", "[]", "5", '"x"', "{", '{"code":105', '{"code":105}{}', "{]", "\0"]
    + ['{"remark":"\\q"}', '{"remark":"open'],
)
def test_headers_that_close(header: str) -> None:
    with pytest.raises(HeaderInvalid, match="header cannot be read"):
        read(header)


def test_a_header_that_is_not_utf_8_closes() -> None:
    with pytest.raises(HeaderInvalid, match="UTF-8"):
        read(b'{"remark":"\xff"}')


def test_other_encodings_close() -> None:
    with pytest.raises(SerializeTypeUnknown):
        decode_command(2, b"{}", None)


def test_a_very_deep_header_closes() -> None:
    with pytest.raises(HeaderInvalid):
        read('{"x":' + "[" * 100_000)


# --- reading ROCKETMQ -----------------------------------------------------------------


def text(value: bytes, length_format: str) -> bytes:
    return struct.pack(length_format, len(value)) + value


def pair(name: bytes, value: bytes) -> bytes:
    return text(name, ">h") + text(value, ">i")


def binary(
    ext: bytes = b"",
    remark: bytes = b"",
    language: int = 3,
    code: int = 105,
    version: int = 401,
) -> bytes:
    fixed = struct.pack(">hBhii", code, language, version, -5, 2)
    return fixed + text(remark, ">i") + text(ext, ">i")


def test_a_binary_header_is_read() -> None:
    header = binary(pair(b"topic", b"TopicTest"), b"why")
    assert decode_command(1, header, b"body") == RemotingCommand(
        105,
        -5,
        2,
        401,
        LanguageCode.PYTHON,
        "why",
        {"topic": "TopicTest"},
        b"body",
    )


def test_the_worked_example_of_section_1_9() -> None:
    header = bytes.fromhex(
        "0069030191000000010000000000000000"
        "000000140005746f70696300000009546f70696354657374"
    )
    command = decode_command(1, header, None)
    assert (command.code, command.version, command.opaque) == (105, 401, 1)
    assert command.ext_fields == {"topic": "TopicTest"}


def test_code_and_version_are_signed() -> None:
    command = decode_command(1, binary(code=-1, version=-1), None)
    assert (command.code, command.version) == (-1, -1)


def test_an_unknown_language_byte_is_accepted() -> None:
    assert decode_command(1, binary(language=99), None).language is None


def test_empty_texts_become_null() -> None:
    command = decode_command(1, binary(pair(b"a", b"") + pair(b"", b"v")), None)
    assert command.remark is None
    assert command.ext_fields == {"a": None}


def test_no_binary_ext_fields_are_null() -> None:
    assert decode_command(1, binary(), None).ext_fields is None
    negative = binary()[:-4] + struct.pack(">i", -1)
    assert decode_command(1, negative, None).ext_fields is None


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    command = decode_command(1, binary(pair(b"a", b"\xff")), None)
    assert command.ext_fields == {"a": "\ufffd"}


def test_the_body_begins_where_the_header_was_read_to() -> None:
    assert decode_command(1, binary() + b"xy", b"body").body == b"xybo"
    assert decode_command(1, binary() + b"xy", None).body is None


@pytest.mark.parametrize(
    "header",
    [
        b"",
        binary()[:-1],
        binary(pair(b"a", b"b"))[:-1],
        struct.pack(">hBhiii", 105, 0, 0, 0, 0, -1) + bytes(4),
        struct.pack(">hBhiii", 105, 0, 0, 0, 0, 99) + bytes(4),
        binary()[:-4] + struct.pack(">i", 99),
        binary(struct.pack(">h", -1) + b"a" + text(b"v", ">i")),
        binary(text(b"a", ">h") + struct.pack(">i", -1)),
        binary(text(b"a", ">h") + struct.pack(">i", 2**31 - 1)),
        binary(struct.pack(">h", 99) + b"a"),
        binary(pair(b"a", b"b") + b"\0"),
    ],
)
def test_binary_headers_that_close(header: bytes) -> None:
    with pytest.raises(HeaderInvalid):
        decode_command(1, header, None)


# --- writing --------------------------------------------------------------------------


def test_a_full_json_header() -> None:
    command = RemotingCommand(
        1, 7, 1, remark='a "b"\n/é\x7f', ext_fields={"z": "1", "a": None, "b": ""}
    )
    serialize_type, header, body = payload(encode_frame(command, 0))
    assert (serialize_type, body) == (0, b"")
    assert header.decode() == (
        '{"code":1,"extFields":{"z":"1","b":""},"flag":1,"language":"JAVA","opaque":7,'
        '"remark":"a \\"b\\"\\n/é\x7f","serializeTypeCurrentRPC":"JSON","version":479}'
    )


def test_a_plain_json_header() -> None:
    _, header, body = payload(encode_frame(RemotingCommand(0, 1, 1, body=b"b"), 0))
    assert body == b"b"
    assert header == (
        b'{"code":0,"flag":1,"language":"JAVA","opaque":1,'
        b'"serializeTypeCurrentRPC":"JSON","version":479}'
    )


def test_empty_ext_fields_are_an_empty_object() -> None:
    _, header, _ = payload(encode_frame(RemotingCommand(0, ext_fields={}), 0))
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
    _, header, _ = payload(encode_frame(command, 1))
    assert header == (
        struct.pack(">hBhii", 17, 0, 479, 1, 1)
        + text("é".encode(), ">i")
        + text(pair(b"a", b""), ">i")
    )


def test_codes_beyond_16_bits_wrap_in_binary() -> None:
    _, header, _ = payload(encode_frame(RemotingCommand(0x18000), 1))
    assert header[:2] == b"\x80\x00"


def test_lone_surrogates_are_written_as_question_marks() -> None:
    command = RemotingCommand(1, remark="\ud800", ext_fields={"\udc00": "\ud800"})
    for serialize_type in (0, 1):
        _, header, _ = payload(encode_frame(command, serialize_type))
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
    serialize_type, header, body = payload(encode_frame(command, 0))
    assert decode_command(serialize_type, header, body) == command


@given(binary_commands)
def test_binary_comes_back_as_it_was(command: RemotingCommand) -> None:
    serialize_type, header, body = payload(encode_frame(command, 1))
    assert decode_command(serialize_type, header, body) == command


@given(st.integers(0, 1), st.binary(max_size=60), st.none() | st.binary(max_size=9))
def test_any_bytes_are_read_or_close(
    serialize_type: int, header: bytes, body: bytes | None
) -> None:
    try:
        decode_command(serialize_type, header, body)
    except ConnectionFault as fault:
        assert isinstance(fault, HeaderInvalid)
