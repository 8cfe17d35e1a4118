"""Requests of simulated brokers and operators: facts for the oracle, written as bytes
by the peer kit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from namesrv.testing.peer import (
    LEGACY,
    NEWEST,
    V4_9,
    Broker,
    Json,
    Request,
    data_version,
    deflated_body,
    json_text,
    queue_data,
    registration_body,
    registration_fields,
    topic_config,
)

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


@dataclass(frozen=True, slots=True)
class Register:
    """103; `acting` None is a broker that does not know of acting masters, `filters`
    None one without a list of filter servers."""

    broker: Broker
    acting: bool | None
    version: Version
    topics: Mapping[str, Queues]
    filters: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """904."""

    broker: Broker


@dataclass(frozen=True, slots=True)
class QueryVersion:
    """322."""

    broker: Broker
    version: Version


@dataclass(frozen=True, slots=True)
class Unregister:
    """104."""

    broker: Broker


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


PeerRequest = (
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
    request: PeerRequest, form: Form, opaque: int, sent_at_millis: int
) -> bytes:
    """The request as one frame; `sent_at_millis` is the sender's date."""
    code, ext, body = _parts(request, form, sent_at_millis)
    version = NEWEST
    if isinstance(request, Register) and form.deflated:
        version = V4_9
    elif isinstance(request, AskRoute) and not request.standard:
        version = LEGACY
    flag = _ONEWAY if form.oneway else 0
    return Request(code, ext, body, version, flag).frame(opaque, binary=form.binary)


def version_json(version: Version) -> Json:
    """A DataVersion as a JSON object."""
    return data_version(version.counter, version.timestamp, version.state)


def _parts(
    request: PeerRequest, form: Form, sent_at_millis: int
) -> tuple[int, dict[str, str], bytes]:
    match request:
        case AskRoute(topic):
            return 105, {"topic": topic}, b""
        case Register():
            return _register(request, form, sent_at_millis)
        case Heartbeat(broker):
            return 904, broker.ext_fields, b""
        case QueryVersion(broker, version):
            text = json_text(version_json(version))
            # As Java writes it, or in a way that the hot path leaves to others.
            end = " " if form.deflated else ""
            return 322, broker.ext_fields, f"{text}{end}".encode()
        case Unregister(broker):
            return 104, broker.ext_fields, b""
        case DeleteTopic(topic, cluster):
            where = {} if cluster is None else {"clusterName": cluster}
            return 216, {"topic": topic, **where}, b""
        case RegisterTopic(topic, queues):
            datas = [queue_data(name, *q) for name, q in queues]
            return 217, {"topic": topic}, json_text({"queueDatas": datas}).encode()
        case SetWritable(name, writable):
            return 327 if writable else 205, {"brokerName": name}, b""


def _register(
    request: Register, form: Form, sent_at_millis: int
) -> tuple[int, dict[str, str], bytes]:
    acting = {None: None, True: "true", False: "false"}[request.acting]
    ext = {"enableActingMaster": acting}
    if form.deflated:
        body = _deflated_body(request)
        ext["compressed"] = "true"
    else:
        body = _json_body(request, sent_at_millis)
    return 103, registration_fields(request.broker, body, ext), body


def _json_body(request: Register, sent_at_millis: int) -> bytes:
    """The body of a 5.x broker; it is never the same twice."""
    table = {
        topic: topic_config(topic, q.read, q.perm, write_queues=q.write)
        for topic, q in request.topics.items()
    }
    return registration_body(
        table,
        version=version_json(request.version),
        filters=request.filters,
        sent_at=sent_at_millis,
    )


def _deflated_body(request: Register) -> bytes:
    """The body of a 4.9 broker, which has no block of mappings."""
    lines = [
        f"{topic} {queues.read} {queues.write} {queues.perm} SINGLE_TAG"
        for topic, queues in request.topics.items()
    ]
    version = version_json(request.version)
    return deflated_body(lines, version=version, filters=request.filters or ())
