"""Answer frames that the hot path writes without a RemotingCommand.

`encode_frame` of the same command returns the same bytes; a test compares them.
"""

import struct
from typing import Final

from namesrv.wire.java_json.write import write_string

NO_ROUTE_REMARK: Final = (
    "No topic route info in name server for the topic: {topic}\n"
    "See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
)
"""Remark of code 17 (protocol.md section 2.7)."""

_PREFIX: Final = struct.Struct(">II")


def answer_frame(header: bytes, body: bytes) -> bytes:
    """A frame with a JSON header (section 1.1)."""
    return _PREFIX.pack(4 + len(header) + len(body), len(header)) + header + body


def success_header(opaque: int, ext_fields: str = "") -> bytes:
    """Header of code 0; `ext_fields` is the JSON object, or empty for none."""
    member = f'"extFields":{ext_fields},' if ext_fields else ""
    return (
        f'{{"code":0,{member}"flag":1,"language":"JAVA","opaque":{opaque},'
        '"serializeTypeCurrentRPC":"JSON","version":479}'
    ).encode()


def topic_not_exist_header(topic: str, opaque: int) -> bytes:
    """Header of code 17 for `topic` (section 2.7)."""
    remark = write_string(NO_ROUTE_REMARK.format(topic=topic))
    return (
        f'{{"code":17,"flag":1,"language":"JAVA","opaque":{opaque},"remark":{remark},'
        '"serializeTypeCurrentRPC":"JSON","version":479}'
    ).encode()
