"""RemotingCommand and the two encodings of its header (protocol.md sections 1.2-1.5).

Decoding is as lenient as Java's; encoding equals that of Java 5.5.0 byte for byte.
"""

import re
import struct
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from namesrv.codes import (
    FLAG_ONEWAY,
    FLAG_RESPONSE,
    VERSION_V5_3_3,
    LanguageCode,
    ResponseCode,
    SerializeType,
)
from namesrv.errors import HeaderInvalid, JsonInvalid, SerializeTypeUnknown
from namesrv.wire.java_json.read import read_json
from namesrv.wire.java_json.values import JsonValue, Number, to_int, to_text
from namesrv.wire.java_json.write import write_string

ExtFields = dict[str, str | None]
"""extFields of a header: values may be null (section 1.4)."""

FIXED_PART: Final = struct.Struct(">hBhii")
"""Binary header: code, language, version, opaque, flag (protocol.md section 1.5)."""
_LENGTH: Final = struct.Struct(">i")
_SHORT_LENGTH: Final = struct.Struct(">h")
_MOST_EXT_FIELDS: Final = 1000
"""Limit of a header; real ones have up to twenty."""
_MOST_ESCAPES: Final = 16_384
"""Limit of backslashes and comments in a header that is not strict JSON: the lenient
reader takes them one by one."""
_TEXT: Final = re.compile(
    rb"""
    "  (?> [^"\\]+ | \\. )*+  "?
    | '  (?> [^'\\]+ | \\. )*+  '?
    | /\*  .*?  (?: \*/ | \Z )
    | //  [^\n]*
    """,
    re.DOTALL | re.VERBOSE,
)
"""Texts and comments, closed or not, so that a search takes linear time."""


class LongBody(Struct, frozen=True):
    """A body that is sent in pieces and is never in memory as a whole."""

    pieces: Iterator[bytes]
    length: int


class RemotingCommand(Struct):
    """One request or answer. Source: `RemotingCommand`, protocol.md section 1.2.

    `language` is None for an unknown name. `body` is None when it is empty or when the
    command has a `long_body`, which only answers have.
    """

    code: int
    opaque: int = 0
    flag: int = 0
    version: int = VERSION_V5_3_3
    language: LanguageCode | None = LanguageCode.JAVA
    remark: str | None = None
    ext_fields: ExtFields | None = None
    body: bytes | None = None
    long_body: LongBody | None = None

    @property
    def is_oneway(self) -> bool:
        """Whether the sender wants no answer (flag bit 1)."""
        return bool(self.flag & FLAG_ONEWAY)

    @property
    def is_response(self) -> bool:
        """Whether this is an answer (flag bit 0)."""
        return bool(self.flag & FLAG_RESPONSE)

    def answer(
        self,
        code: int = ResponseCode.SUCCESS,
        remark: str | None = None,
        *,
        ext_fields: ExtFields | None = None,
        body: bytes | LongBody | None = None,
    ) -> "RemotingCommand":
        """An answer to this request: same opaque, our version, only flag bit 0 set."""
        long_body = body if isinstance(body, LongBody) else None
        return RemotingCommand(
            code=code,
            opaque=self.opaque,
            flag=FLAG_RESPONSE,
            remark=remark,
            ext_fields=ext_fields,
            body=None if isinstance(body, LongBody) else body,
            long_body=long_body,
        )


def decode_command(
    serialize_type: int, header: bytes, body: bytes | None
) -> RemotingCommand:
    """Read a frame's header leniently; `body` is not read.

    Raises HeaderInvalid or SerializeTypeUnknown. Source: `RemotingCommand#decode`.
    """
    if serialize_type == SerializeType.JSON:
        command = _decode_json(header)
        command.body = body or None
        return command
    if serialize_type == SerializeType.ROCKETMQ:
        command, consumed = _decode_binary(header)
        command.body = _body_after(header, consumed, body)
        return command
    raise SerializeTypeUnknown(serialize_type)


def encode_frame(command: RemotingCommand, serialize_type: int) -> bytes:
    """The whole frame of `command`, with its header in the requested encoding.

    Source: `RemotingCommand#encode`, protocol.md section 1.1.
    """
    body = command.body or b""
    if command.long_body is not None:
        body = b"".join(command.long_body.pieces)
    return encode_head(command, serialize_type, len(body)) + body


def encode_head(
    command: RemotingCommand, serialize_type: int, body_bytes: int
) -> bytes:
    """The frame of `command` without its body, which has `body_bytes`."""
    if serialize_type == SerializeType.JSON:
        header = _encode_json(command)
    else:
        header = _encode_binary(command)
    mark = serialize_type << 24 | len(header)
    return struct.pack(">II", 4 + len(header) + body_bytes, mark) + header


def _count_values(header: bytes) -> int:
    """The number of commas or brackets of a JSON text outside its strings."""
    if max(map(header.count, (b",", b"[", b"{"))) <= _MOST_EXT_FIELDS:
        return 0
    bare = _TEXT.sub(b"", header)
    return max(map(bare.count, (b",", b"[", b"{")))


def _decode_json(header: bytes) -> RemotingCommand:
    if _count_values(header) > _MOST_EXT_FIELDS:
        raise HeaderInvalid(f"it has more than {_MOST_EXT_FIELDS} values")
    escapes = sum(map(header.count, (b"\\", b"/*", b"//")))
    try:
        value = read_json(header, strictly=escapes > _MOST_ESCAPES)
        if not isinstance(value, dict):
            raise HeaderInvalid("it is not a JSON object")
        return RemotingCommand(
            code=to_int(value.get("code"), 0),
            opaque=to_int(value.get("opaque"), 0),
            flag=to_int(value.get("flag"), 0),
            version=to_int(value.get("version"), 0),
            language=_language(value.get("language", "JAVA")),
            remark=to_text(value.get("remark")),
            ext_fields=_ext_fields(value.get("extFields")),
        )
    except JsonInvalid as exc:
        raise HeaderInvalid(str(exc)) from None


def _language(value: JsonValue) -> LanguageCode | None:
    """A name in any letter case, a number 0-13, or nothing (section 1.4)."""
    if isinstance(value, Number):
        if value.isascii() and value.isdecimal() and len(value) <= 2:
            number = int(value)
            if number <= LanguageCode.NODE_JS:
                return LanguageCode(number)
        raise HeaderInvalid(f"language {value[:32]} is none of 0 to 13")
    if value is None:
        return None
    if isinstance(value, str):
        return LanguageCode.__members__.get(value.upper())
    raise HeaderInvalid("language is neither a name nor a number")


def _ext_fields(value: JsonValue) -> ExtFields | None:
    if value is None or value == "":
        return None
    if not isinstance(value, dict):
        raise HeaderInvalid("extFields is not an object")
    if any(type(name) is Number for name in value):
        raise HeaderInvalid("a name in extFields is a bare number")
    return {name: to_text(member) for name, member in value.items()}


def _encode_json(command: RemotingCommand) -> bytes:
    parts = [f'{{"code":{command.code}']
    if command.ext_fields is not None:
        parts.append(f'"extFields":{write_ext_fields(command.ext_fields)}')
    parts.append(f'"flag":{command.flag},"language":"JAVA","opaque":{command.opaque}')
    if command.remark is not None:
        parts.append(f'"remark":{write_string(command.remark)}')
    parts.append(f'"serializeTypeCurrentRPC":"JSON","version":{command.version}}}')
    return ",".join(parts).encode()


def write_ext_fields(ext_fields: Mapping[str, str | None]) -> str:
    """The extFields object of a JSON header, null members left out (section 1.3)."""
    members = (
        f"{write_string(name)}:{write_string(value)}"
        for name, value in ext_fields.items()
        if value is not None
    )
    return "{" + ",".join(members) + "}"


def _decode_binary(header: bytes) -> tuple[RemotingCommand, int]:
    """The command, and the number of header bytes read (section 1.5)."""
    try:
        code, language, version, opaque, flag = FIXED_PART.unpack_from(header)
        remark, position = _read_text(header, FIXED_PART.size, _LENGTH, len(header))
        (ext_length,) = _LENGTH.unpack_from(header, position)
        position += _LENGTH.size
        if ext_length > len(header):
            raise HeaderInvalid(f"extFields of {ext_length} bytes do not fit")
        ext_fields, position = _read_ext_fields(header, position, ext_length)
    except struct.error:
        raise HeaderInvalid("it ends in the middle of a field") from None
    known = language <= LanguageCode.NODE_JS
    command = RemotingCommand(
        code=code,
        opaque=opaque,
        flag=flag,
        version=version,
        language=LanguageCode(language) if known else None,
        remark=remark,
        ext_fields=ext_fields,
    )
    return command, position


def _read_text(
    header: bytes, position: int, length_type: struct.Struct, limit: int
) -> tuple[str | None, int]:
    """A text after its length, and the end; length 0 means null (section 1.5)."""
    (length,) = length_type.unpack_from(header, position)
    position += length_type.size
    if length == 0:
        return None, position
    end = position + length
    if length < 0 or length > limit or end > len(header):
        raise HeaderInvalid(f"a text of {length} bytes does not fit")
    return header[position:end].decode("utf-8", "replace"), end


def _read_ext_fields(
    header: bytes, position: int, ext_length: int
) -> tuple[ExtFields | None, int]:
    if ext_length <= 0:
        return None, position
    ext_fields: ExtFields = {}
    end = position + ext_length
    count = 0
    while position < end:
        count += 1
        if count > _MOST_EXT_FIELDS:
            raise HeaderInvalid(f"it has more than {_MOST_EXT_FIELDS} extFields")
        name, position = _read_text(header, position, _SHORT_LENGTH, ext_length)
        value, position = _read_text(header, position, _LENGTH, ext_length)
        if name is not None:
            ext_fields[name] = value
    return ext_fields, position


def _body_after(header: bytes, consumed: int, body: bytes | None) -> bytes | None:
    """The body from the end of the fields that were read, as in Java (1.5)."""
    if not body or consumed == len(header):
        return body or None
    return (header[consumed:] + body)[: len(body)]


def _encode_binary(command: RemotingCommand) -> bytes:
    remark = (command.remark or "").encode("utf-8", "replace")
    ext = b"".join(
        struct.pack(">h", len(name)) + name + struct.pack(">i", len(value)) + value
        for name, value in _binary_ext_fields(command.ext_fields or {})
    )
    fixed = FIXED_PART.pack(
        _signed_short(command.code),
        LanguageCode.JAVA,
        _signed_short(command.version),
        command.opaque,
        command.flag,
    )
    return b"".join(
        (fixed, _LENGTH.pack(len(remark)), remark, _LENGTH.pack(len(ext)), ext)
    )


def _binary_ext_fields(ext_fields: ExtFields) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode("utf-8", "replace"), value.encode("utf-8", "replace"))
        for name, value in ext_fields.items()
        if value is not None
    ]


def _signed_short(number: int) -> int:
    return (number + 0x8000 & 0xFFFF) - 0x8000
