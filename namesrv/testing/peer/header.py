"""Headers in both encodings (sections 1.3 to 1.5 of docs/protocol.md)."""

import json
import struct
from collections.abc import Mapping
from typing import Any, Final

from namesrv.testing.peer.json_text import json_bytes

ExtFields = Mapping[str, Any] | None

NEWEST: Final = 479
"""MQVersion of 5.3.3."""
V4_9: Final = 401
"""MQVersion of 4.9.4, whose brokers deflate their registrations."""
LEGACY: Final = 317
"""MQVersion of a client that gets the legacy dialect."""
BINARY: Final = 1
"""Serialize type of the ROCKETMQ encoding; that of JSON is 0."""

_FIXED: Final = struct.Struct(">hBhii")


def header_json(
    code: int,
    ext_fields: ExtFields = None,
    *,
    opaque: int = 0,
    version: int = NEWEST,
    flag: int = 0,
) -> bytes:
    """A header as Java writes it; without extFields if they are None."""
    members: dict[str, Any] = {"code": code}
    if ext_fields is not None:
        members["extFields"] = ext_fields
    members |= {"flag": flag, "language": "JAVA", "opaque": opaque}
    members |= {"serializeTypeCurrentRPC": "JSON", "version": version}
    return json_bytes(members)


def header_binary(
    code: int,
    ext_fields: ExtFields = None,
    *,
    opaque: int = 0,
    version: int = NEWEST,
    flag: int = 0,
) -> bytes:
    """The same in the ROCKETMQ encoding, which leaves null values out."""
    pairs = b"".join(
        _text(">h", name) + _text(">i", value)
        for name, value in (ext_fields or {}).items()
        if value is not None
    )
    fixed = _FIXED.pack(code, 0, version, opaque, flag)
    return fixed + struct.pack(">ii", 0, len(pairs)) + pairs


def read_header(serialize_type: int, header: bytes) -> dict[str, Any]:
    """The members of a header in either encoding, under their names in JSON."""
    if serialize_type != BINARY:
        members: dict[str, Any] = json.loads(header)
        return members
    code, language, version, opaque, flag = _FIXED.unpack_from(header)
    remark, rest = _take_text(">i", header[_FIXED.size :])
    members = {"code": code, "language": language, "version": version}
    members |= {"opaque": opaque, "flag": flag}
    if remark:
        members["remark"] = remark
    if ext_fields := _read_pairs(rest[4:]):
        members["extFields"] = ext_fields
    return members


def _text(length_format: str, text: str) -> bytes:
    data = text.encode()
    return struct.pack(length_format, len(data)) + data


def _take_text(length_format: str, data: bytes) -> tuple[str, bytes]:
    start = struct.calcsize(length_format)
    end = start + struct.unpack_from(length_format, data)[0]
    return data[start:end].decode(), data[end:]


def _read_pairs(data: bytes) -> dict[str, str]:
    pairs = {}
    while data:
        name, data = _take_text(">h", data)
        pairs[name], data = _take_text(">i", data)
    return pairs
