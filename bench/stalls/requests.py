"""Frames, headers and bodies of attackers and of unusual brokers."""

import json
import struct
import zlib
from collections.abc import Iterable, Mapping

from bench.driver.remoting import REGISTER_BROKER, Request, register_request

PACKET_BYTES = 65536
DAY_MILLIS = 86_400_000
_PREFIX = struct.Struct(">II")
_VERSION = {"counter": 1, "stateVersion": 0, "timestamp": 1_760_000_000_000}


def packet(frame: bytes, limit_bytes: int = PACKET_BYTES) -> bytes:
    """As many copies of a frame as fit into one packet, at least one."""
    return frame * max(1, limit_bytes // len(frame))


def packet_of(frames: Iterable[bytes], limit_bytes: int = PACKET_BYTES) -> bytes:
    """The first frames of a row of them that fit into one packet."""
    chosen: list[bytes] = []
    size = 0
    for frame in frames:
        size += len(frame)
        if size > limit_bytes:
            break
        chosen.append(frame)
    return b"".join(chosen)


def broker_fields(
    name: str, address: str, cluster: str, broker_id: int = 0
) -> dict[str, str]:
    """The ext fields of a registration that lasts a day."""
    return {
        "brokerId": str(broker_id),
        "clusterName": cluster,
        "brokerAddr": address,
        "enableActingMaster": "false",
        "haServerAddr": address,
        "compressed": "false",
        "brokerName": name,
        "heartbeatTimeoutMillis": str(DAY_MILLIS),
    }


def topic_table(names: Iterable[str], queues: int = 8) -> dict[str, object]:
    """topicConfigTable of topics that are alike."""
    return {
        name: {
            "perm": 6,
            "readQueueNums": queues,
            "topicName": name,
            "topicSysFlag": 0,
            "writeQueueNums": 8,
        }
        for name in names
    }


def registration_body(
    table: Mapping[str, object],
    mappings: Mapping[str, object] | None = None,
    servers: Iterable[str] = (),
    counter: int = 1,
) -> bytes:
    """The JSON body of a registration."""
    version = {**_VERSION, "counter": counter}
    wrapper = {
        "dataVersion": version,
        "mappingDataVersion": version,
        "topicConfigTable": table,
        "topicQueueMappingDetailMap": {},
        "topicQueueMappingInfoMap": mappings or {},
    }
    body = {"filterServerList": list(servers), "topicConfigSerializeWrapper": wrapper}
    return json.dumps(body, separators=(",", ":")).encode()


def registration(fields: Mapping[str, str], body: bytes) -> bytes:
    """The frame of a registration with its checksum."""
    return register_request(dict(fields), body).frame()


def deflated_registration(
    fields: Mapping[str, str], lines: Iterable[str], mappings: Iterable[bytes] = ()
) -> bytes:
    """The frame of a registration in the deflated form of blocks."""
    version = json.dumps(_VERSION).encode()
    blocks = [_block(version), _blocks(line.encode() for line in lines), _block(b"[]")]
    raw = b"".join((*blocks, _blocks(mappings)))
    body = zlib.compress(raw, 9)
    sent = {**fields, "compressed": "true"}
    return Request(REGISTER_BROKER, sent, body).frame()


def with_header(header: bytes, body: bytes = b"", serialize_type: int = 0) -> bytes:
    """A frame with any bytes as its header."""
    mark = serialize_type << 24 | len(header)
    return _PREFIX.pack(4 + len(header) + len(body), mark) + header + body


def binary_header(code: int, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A header in the ROCKETMQ encoding."""
    ext = b"".join(
        struct.pack(">h", len(name)) + name + struct.pack(">i", len(value)) + value
        for name, value in fields
    )
    return struct.pack(">hBhiiii", code, 0, 479, 1, 0, 0, len(ext)) + ext


def _blocks(blocks: Iterable[bytes]) -> bytes:
    written = [_block(block) for block in blocks]
    return struct.pack(">i", len(written)) + b"".join(written)


def _block(block: bytes) -> bytes:
    return struct.pack(">i", len(block)) + block
