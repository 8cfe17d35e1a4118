"""Requests into frames, and frames into answers: protocol.md sections 1.1 to 1.5."""

import json
import struct
from typing import Final

from namesrv.codes import FLAG_RESPONSE, VERSION_V5_3_3, SerializeType
from namesrv.errors import AnswerInvalid, NamesrvError
from namesrv.wire.java_json.write import write_string

MOST_ANSWER_BYTES: Final = 1 << 26
"""Limit of a frame. Java's clients accept 16 MiB."""
_LENGTHS: Final = struct.Struct(">II")
_HEADER_MASK: Final = 0xFFFFFF


class Request:
    """A request code with its ext fields and its body."""

    __slots__ = ("body", "code", "ext_fields")

    def __init__(
        self, code: int, ext_fields: dict[str, str] | None = None, body: bytes = b""
    ) -> None:
        self.code = int(code)
        self.ext_fields = ext_fields or {}
        self.body = body


class Answer:
    """The answer to a request; `body` is empty if it has none."""

    __slots__ = ("body", "code", "ext_fields", "is_response", "opaque", "remark")

    def __init__(
        self,
        code: int,
        opaque: int,
        flag: int,
        remark: str,
        ext_fields: dict[str, str],
        body: bytes,
    ) -> None:
        self.code = code
        self.opaque = opaque
        self.is_response = bool(flag & FLAG_RESPONSE)
        self.remark = remark
        self.ext_fields = ext_fields
        self.body = body


def request_frame(request: Request, opaque: int) -> bytes:
    """The frame of a request, with a JSON header."""
    members = [f'{{"code":{request.code}']
    if request.ext_fields:
        fields = ",".join(
            f"{write_string(name)}:{write_string(value)}"
            for name, value in request.ext_fields.items()
        )
        members.append(f'"extFields":{{{fields}}}')
    members.append(
        f'"flag":0,"language":"PYTHON","opaque":{opaque},'
        f'"serializeTypeCurrentRPC":"JSON","version":{VERSION_V5_3_3}}}'
    )
    header = ",".join(members).encode()
    length = 4 + len(header) + len(request.body)
    return _LENGTHS.pack(length, len(header)) + header + request.body


def read_frame(data: bytes) -> Answer:
    """Read a frame without the four bytes of its length. Raises AnswerInvalid."""
    if len(data) < 4:
        raise AnswerInvalid(f"a frame has {len(data)} bytes, too few for its header")
    mark = int.from_bytes(data[:4])
    end = 4 + (mark & _HEADER_MASK)
    if end > len(data):
        raise AnswerInvalid(f"a header of {end - 4} bytes is longer than its frame")
    header, body = data[4:end], data[end:]
    if mark >> 24 == SerializeType.JSON:
        try:
            return _read_json(header, body)
        except (ValueError, TypeError, AttributeError, RecursionError):
            # Java writes strict JSON; the full reader knows all other forms.
            pass
    return _read_fully(mark >> 24, header, body)


def _read_json(header: bytes, body: bytes) -> Answer:
    value = json.loads(header)
    fields = value.get("extFields") or {}
    return Answer(
        _whole(value["code"]) if "code" in value else 0,
        _whole(value.get("opaque", 0)),
        _whole(value.get("flag", 0)),
        _text(value.get("remark") or ""),
        {name: _text(text) for name, text in fields.items() if text is not None},
        body,
    )


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _read_fully(serialize_type: int, header: bytes, body: bytes) -> Answer:
    """Read a header in the binary encoding, or a JSON one in an unusual form."""
    from namesrv.wire.command import decode_command  # noqa: PLC0415

    try:
        command = decode_command(serialize_type, header, body)
    except NamesrvError as error:
        raise AnswerInvalid(str(error)) from None
    fields = command.ext_fields or {}
    return Answer(
        command.code,
        command.opaque,
        command.flag,
        command.remark or "",
        {name: text for name, text in fields.items() if text is not None},
        command.body or b"",
    )
