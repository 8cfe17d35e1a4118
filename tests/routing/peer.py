"""What peers send and what they get back, as bytes; nothing of namesrv reads or writes
them, so that a mistake there cannot hide itself."""

import base64
import hashlib
import hmac
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Json = Any
ExtFields = Mapping[str, Any] | None

NEWEST = 479
LEGACY = 317


class Answer(NamedTuple):
    """One answer frame with a JSON header."""

    header: dict[str, Any]
    body: bytes | None

    @property
    def code(self) -> int:
        return self.header["code"]

    @property
    def remark(self) -> str | None:
        return self.header.get("remark")

    @property
    def ext_fields(self) -> dict[str, str] | None:
        return self.header.get("extFields")

    @property
    def json(self) -> Json:
        """The body, bare numeric keys quoted by nobody: only for standard JSON."""
        return json.loads(self.body or b"")


def frame(header: bytes, body: bytes = b"", serialize_type: int = 0) -> bytes:
    """Any header and body as a frame."""
    mark = serialize_type << 24 | len(header)
    return struct.pack(">II", 4 + len(header) + len(body), mark) + header + body


def header_json(
    code: int,
    ext_fields: ExtFields = None,
    *,
    opaque: int = 0,
    version: int = NEWEST,
    flag: int = 0,
) -> bytes:
    """A header as Java writes it."""
    members: dict[str, Any] = {"code": code}
    if ext_fields is not None:
        members["extFields"] = ext_fields
    members |= {"flag": flag, "language": "JAVA", "opaque": opaque}
    members |= {"serializeTypeCurrentRPC": "JSON", "version": version}
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


def header_binary(
    code: int,
    ext_fields: ExtFields = None,
    *,
    opaque: int = 0,
    version: int = NEWEST,
    flag: int = 0,
) -> bytes:
    """The same in the ROCKETMQ encoding; null values are left out."""
    ext = b"".join(
        struct.pack(f">h{len(n.encode())}si{len(v.encode())}s", *_parts(n, v))
        for n, v in (ext_fields or {}).items()
        if v is not None
    )
    return struct.pack(">hBhiiii", code, 0, version, opaque, flag, 0, len(ext)) + ext


def _parts(name: str, value: str) -> tuple[int, bytes, int, bytes]:
    return len(name.encode()), name.encode(), len(value.encode()), value.encode()


def request(
    code: int, ext_fields: ExtFields = None, body: bytes = b"", **more: int
) -> bytes:
    """A request with a JSON header; `more` is opaque, version, flag."""
    return frame(header_json(int(code), ext_fields, **more), body)


def binary_request(
    code: int, ext_fields: ExtFields = None, body: bytes = b"", **more: int
) -> bytes:
    """The same with a ROCKETMQ header."""
    return frame(header_binary(int(code), ext_fields, **more), body, 1)


def signed(
    ext_fields: Mapping[str, str],
    body: bytes = b"",
    access_key: str = "ops",
    secret: str = "12345678",
    **more: str,
) -> dict[str, str]:
    """The fields as `AclClientRPCHook` completes them; `more` is SecurityToken."""
    fields = {**ext_fields, "AccessKey": access_key, **more}
    values = "".join(fields[name] for name in sorted(fields))
    code = hmac.digest(secret.encode(), values.encode() + body, hashlib.sha1)
    return {**fields, "Signature": base64.b64encode(code).decode()}


def split_frames(data: bytes) -> Iterator[bytes]:
    """Whole frames, one by one."""
    position = 0
    while position < len(data):
        end = position + 4 + int.from_bytes(data[position : position + 4])
        assert end <= len(data), "an answer was cut off"
        yield data[position:end]
        position = end


def read_answers(data: bytes) -> list[Answer]:
    """All answers in `data`."""
    return [_read_answer(one) for one in split_frames(data)]


def _read_answer(one: bytes) -> Answer:
    assert one[4] == 0, "the header is not JSON"
    header_end = 8 + int.from_bytes(one[5:8])
    return Answer(json.loads(one[8:header_end]), one[header_end:] or None)


def data_version(counter: int = 0, timestamp: int = 1, state_version: int = 0) -> Json:
    """A DataVersion."""
    return {
        "counter": counter,
        "stateVersion": state_version,
        "timestamp": timestamp,
    }


def topic_config(
    name: str | None, queues: int = 4, perm: int = 6, flag: int = 0
) -> Json:
    """A TopicConfig as a 5.x broker writes it."""
    return {
        "attributes": {},
        "order": False,
        "perm": perm,
        "readQueueNums": queues,
        "topicFilterType": "SINGLE_TAG",
        "topicName": name,
        "topicSysFlag": flag,
        "writeQueueNums": queues,
    }


def mapping_info(topic: str, broker_name: str, queues: int = 2) -> Json:
    """A TopicQueueMappingInfo."""
    return {
        "bname": broker_name,
        "currIdMap": {str(i): i for i in range(queues)},
        "dirty": False,
        "epoch": 7,
        "scope": "__global__",
        "topic": topic,
        "totalQueues": queues,
    }


class Broker(NamedTuple):
    """Who registers."""

    name: str = "broker-a"
    id: int = 0
    addr: str = "10.0.0.1:10911"
    cluster: str = "c1"

    @property
    def ext_fields(self) -> dict[str, str]:
        """What 104, 322 and 904 say of it."""
        return {
            "brokerName": self.name,
            "brokerAddr": self.addr,
            "clusterName": self.cluster,
            "brokerId": str(self.id),
        }


def registration_body(
    topics: Mapping[str, Json] | None = None,
    *,
    version: Json = None,
    mappings: Mapping[str, Json] | None = None,
    filters: Json = (),
    sent_at: int = 1,
) -> bytes:
    """The body of a 5.x broker; `sent_at` is mappingDataVersion.timestamp."""
    body = {
        "filterServerList": filters,
        "topicConfigSerializeWrapper": {
            "dataVersion": data_version() if version is None else version,
            "mappingDataVersion": data_version(timestamp=sent_at),
            "topicConfigTable": topics if topics is not None else two_topics(),
            "topicQueueMappingDetailMap": {},
            "topicQueueMappingInfoMap": mappings or {},
        },
    }
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def two_topics() -> dict[str, Json]:
    """A first registration needs more than one topic."""
    return topic_table("T1", "T2")


def topic_table(*names: str, **more: int) -> dict[str, Json]:
    """A topicConfigTable of equal topics."""
    return {name: topic_config(name, **more) for name in names}


def registration(
    broker: Broker,
    body: bytes | None = None,
    *,
    ext: Mapping[str, str | None] | None = None,
    opaque: int = 0,
    version: int = NEWEST,
    flag: int = 0,
) -> bytes:
    """REGISTER_BROKER as a 5.x broker sends it; `ext` overrides, None leaves out."""
    body = registration_body() if body is None else body
    ext_fields: dict[str, str | None] = {
        **broker.ext_fields,
        "haServerAddr": f"{broker.addr}-ha",
        "enableActingMaster": "false",
        "compressed": "false",
        "bodyCrc32": str(zlib.crc32(body) & 0x7FFFFFFF),
        **(ext or {}),
    }
    known = {name: text for name, text in ext_fields.items() if text is not None}
    return request(103, known, body, opaque=opaque, version=version, flag=flag)
