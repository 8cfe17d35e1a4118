"""Headers in both encodings, read leniently."""

import struct

import pytest

from namesrv.codes import LanguageCode
from namesrv.errors import HeaderInvalid, SerializeTypeUnknown
from namesrv.wire.command import RemotingCommand, decode_command


def read(header: str | bytes, body: bytes | None = None) -> RemotingCommand:
    return decode_command(
        0, header.encode() if isinstance(header, str) else header, body
    )


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
def test_header_with_a_value_that_is_no_number_is_refused(
    text: str, member: str
) -> None:
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


# --- what a header may hold -----------------------------------------------------------


def with_value(value: str, quote: str = '"') -> str:
    return f'{{"code":100,"extFields":{{"value":{quote}{value}{quote}}}}}'


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("unit", [",", "[{", "/*", "//", "a,'", 'b"', "\\\\"])
def test_a_long_text_is_no_multitude_of_values(unit: str, quote: str) -> None:
    text = (unit * 4000).replace(quote, "\\" + quote)
    written = unit * 4000 if "\\" not in unit else "\\" * 4000
    assert read(with_value(text, quote)).ext_fields == {"value": written}


@pytest.mark.parametrize(
    "rest",
    [
        "[" + "0," * 1001 + "0]",
        "[" + "{}," * 1001 + "{}]",
        "[" * 1002,
        "{" * 1002,
        "/* ' */" + "0," * 1001,
        "// '\n" + "0," * 1001,
        "'\\''" + "0," * 1001,
    ],
)
def test_a_header_with_a_multitude_of_values_is_not_read(rest: str) -> None:
    for start in ('{"code":1,"x":', "{'code':1,'x':"):
        with pytest.raises(HeaderInvalid, match="more than 1000 values"):
            read(start + rest)


def test_header_that_is_not_strict_may_have_few_escapes() -> None:
    text = "\\n" * 20_000
    assert read(with_value(text)).ext_fields == {"value": "\n" * 20_000}
    with pytest.raises(HeaderInvalid, match="leniently"):
        read(with_value(text, "'"))


def test_binary_ext_fields_are_counted() -> None:
    pair = b"\0\1a\0\0\0\1b"
    assert decode_command(1, binary(ext=pair * 1000), None).ext_fields == {"a": "b"}
    with pytest.raises(HeaderInvalid, match="more than 1000 extFields"):
        decode_command(1, binary(ext=pair * 1001), None)
