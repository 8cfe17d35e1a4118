"""What simulated brokers and operators ask, as facts for the oracle and as bytes.

Written from docs/protocol.md, sections 1.1 to 1.5 and 2.5; nothing of `wire` is used,
so that a mistake there cannot hide itself.
"""

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

NEWEST: Final = 479
OLD: Final = 401
"""MQVersion of 4.9.4, whose brokers deflate their registrations."""
LEGACY: Final = 317
"""MQVersion of a client that gets the legacy dialect."""
_ONEWAY: Final = 2


class Queues(NamedTuple):
    """The queues of one topic on one broker."""

    read: int
    write: int
    perm: int


class Version(NamedTuple):
    """A DataVersion."""

    counter: int
    state: int
    timestamp: int


class Identity(NamedTuple):
    """Which broker a request is about."""

    cluster: str
    name: str
    id: int
    addr: str


@dataclass(frozen=True, slots=True)
class Register:
    """103; `acting` None is a broker that does not know of acting masters, `filters`
    None one that says nothing of filter servers."""

    broker: Identity
    timeout_millis: int
    acting: bool | None
    version: Version
    topics: Mapping[str, Queues]
    filters: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """904."""

    broker: Identity


@dataclass(frozen=True, slots=True)
class QueryVersion:
    """322."""

    broker: Identity
    version: Version


@dataclass(frozen=True, slots=True)
class Unregister:
    """104."""

    broker: Identity


@dataclass(frozen=True, slots=True)
class DeleteTopic:
    """216; without a cluster in all of them."""

    topic: str
    cluster: str | None


@dataclass(frozen=True, slots=True)
class RegisterTopic:
    """217: queues by broker name, in this order."""

    topic: str
    queues: tuple[tuple[str, Queues], ...]


@dataclass(frozen=True, slots=True)
class SetWritable:
    """205, or 327 when `writable`."""

    broker_name: str
    writable: bool


@dataclass(frozen=True, slots=True)
class AskRoute:
    """105, of a client that understands the standard dialect or only the legacy one."""

    topic: str
    standard: bool


Request = (
    AskRoute
    | Register
    | Heartbeat
    | QueryVersion
    | Unregister
    | DeleteTopic
    | RegisterTopic
    | SetWritable
)


class Form(NamedTuple):
    """How a request is written: ROCKETMQ header, deflated or otherwise unusual body,
    no answer wanted."""

    binary: bool = False
    deflated: bool = False
    oneway: bool = False


PLAIN: Final = Form()


def request_frame(
    request: Request, form: Form, opaque: int, sent_at_millis: int
) -> bytes:
    """The request as one frame; `sent_at_millis` is the sender's date."""
    code, ext, body = _parts(request, form, sent_at_millis)
    version = NEWEST
    if isinstance(request, Register) and form.deflated:
        version = OLD
    elif isinstance(request, AskRoute) and not request.standard:
        version = LEGACY
    flag = _ONEWAY if form.oneway else 0
    write = binary_header if form.binary else json_header
    header = write(code, ext, opaque, version, flag)
    return frame(header, body, binary=form.binary)


def frame(header: bytes, body: bytes = b"", *, binary: bool = False) -> bytes:
    """A header and a body as they travel."""
    mark = binary << 24 | len(header)
    return struct.pack(">II", 4 + len(header) + len(body), mark) + header + body


def json_header(
    code: int,
    ext: Mapping[str, str] | None,
    opaque: int,
    version: int = NEWEST,
    flag: int = 0,
) -> bytes:
    """As Java writes it."""
    fields = "" if ext is None else f'"extFields":{json_text(ext)},'
    return (
        f'{{"code":{code},{fields}"flag":{flag},"language":"JAVA","opaque":{opaque},'
        f'"serializeTypeCurrentRPC":"JSON","version":{version}}}'
    ).encode()


def binary_header(
    code: int, ext: Mapping[str, str] | None, opaque: int, version: int, flag: int
) -> bytes:
    """The ROCKETMQ encoding."""
    fields = b""
    for name, value in (ext or {}).items():
        key, text = name.encode(), value.encode()
        fields += struct.pack(">h", len(key)) + key
        fields += struct.pack(">i", len(text)) + text
    head = struct.pack(">hBhiiii", code, 0, version, opaque, flag, 0, len(fields))
    return head + fields


def json_text(value: object) -> str:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"))


def _parts(
    request: Request, form: Form, sent_at_millis: int
) -> tuple[int, dict[str, str], bytes]:
    match request:
        case AskRoute(topic):
            return 105, {"topic": topic}, b""
        case Register():
            return _register(request, form, sent_at_millis)
        case Heartbeat(broker):
            return 904, _fields(broker), b""
        case QueryVersion(broker, version):
            text = json_text(version_json(version))
            # As Java writes it, or in a way that the hot path leaves to others.
            end = " " if form.deflated else ""
            return 322, _fields(broker), f"{text}{end}".encode()
        case Unregister(broker):
            return 104, _fields(broker), b""
        case DeleteTopic(topic, cluster):
            where = {} if cluster is None else {"clusterName": cluster}
            return 216, {"topic": topic, **where}, b""
        case RegisterTopic(topic, queues):
            datas = [queue_json(name, q) for name, q in queues]
            return 217, {"topic": topic}, json_text({"queueDatas": datas}).encode()
        case SetWritable(name, writable):
            return 327 if writable else 205, {"brokerName": name}, b""


def _fields(broker: Identity) -> dict[str, str]:
    return {
        "brokerName": broker.name,
        "brokerAddr": broker.addr,
        "clusterName": broker.cluster,
        "brokerId": str(broker.id),
    }


def _register(
    request: Register, form: Form, sent_at_millis: int
) -> tuple[int, dict[str, str], bytes]:
    if form.deflated:
        body = _deflated_body(request)
    else:
        body = _json_body(request, sent_at_millis)
    ext = {
        **_fields(request.broker),
        "haServerAddr": ha_addr(request.broker),
        "heartbeatTimeoutMillis": str(request.timeout_millis),
        "compressed": "true" if form.deflated else "false",
        "bodyCrc32": str(zlib.crc32(body) & 0x7FFFFFFF),
    }
    if request.acting is not None:
        ext["enableActingMaster"] = "true" if request.acting else "false"
    return 103, ext, body


def ha_addr(broker: Identity) -> str:
    """Where its slaves copy from."""
    return f"{broker.addr}-ha"


def version_json(version: Version) -> dict[str, int]:
    """A DataVersion as a JSON object."""
    return {
        "counter": version.counter,
        "stateVersion": version.state,
        "timestamp": version.timestamp,
    }


def queue_json(broker_name: str, queues: Queues) -> dict[str, object]:
    """A QueueData as a JSON object."""
    return {
        "brokerName": broker_name,
        "perm": queues.perm,
        "readQueueNums": queues.read,
        "topicSysFlag": 0,
        "writeQueueNums": queues.write,
    }


def _json_body(request: Register, sent_at_millis: int) -> bytes:
    """What a 5.x broker sends; it is never the same twice."""
    table = {
        topic: {
            "attributes": {},
            "order": False,
            "perm": queues.perm,
            "readQueueNums": queues.read,
            "topicFilterType": "SINGLE_TAG",
            "topicName": topic,
            "topicSysFlag": 0,
            "writeQueueNums": queues.write,
        }
        for topic, queues in request.topics.items()
    }
    wrapper = {
        "dataVersion": version_json(request.version),
        "mappingDataVersion": version_json(Version(0, 0, sent_at_millis)),
        "topicConfigTable": table,
        "topicQueueMappingDetailMap": {},
        "topicQueueMappingInfoMap": {},
    }
    body = {
        "filterServerList": request.filters,
        "topicConfigSerializeWrapper": wrapper,
    }
    return json_text(body).encode()


def _deflated_body(request: Register) -> bytes:
    """What a 4.9 broker sends (section 2.5.4)."""
    lines = [
        f"{topic} {queues.read} {queues.write} {queues.perm} SINGLE_TAG".encode()
        for topic, queues in request.topics.items()
    ]
    version = json_text(version_json(request.version)).encode()
    raw = _block(version) + struct.pack(">i", len(lines))
    filters = json_text(request.filters or ()).encode()
    raw += b"".join(map(_block, lines)) + _block(filters)
    return zlib.compress(raw, 9)


def _block(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data
