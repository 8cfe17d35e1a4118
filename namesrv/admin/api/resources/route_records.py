"""Routes as records, read back from bodies of 105.

A client of an old version, or one in a zone, gets JSON with bare numbers as names of
members, which few readers take.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct, structs

from namesrv.work import STEP_UNITS, Cost, Steps, batches, kilobytes

Record = TypeVar("Record", bound=Struct)

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|(?<=[{,])(-?[0-9]+|null)(?=:)')
"""A text, or a bare name of a member."""
_TOKENS: Final = STEP_UNITS
MOST_READ_BACK_BYTES: Final = 1 << 17
"""A larger route is read back alone."""

ClientVersion = Annotated[
    int,
    Meta(
        ge=0,
        le=2**31 - 1,
        description="remoting version of the client: 401 is 4.9.4, 479 is 5.3.3",
    ),
]
ClientZone = Annotated[
    str, Meta(description="zone that the client wants to stay in; empty: none")
]


class RouteBroker(Struct):
    """A broker group of a route."""

    broker_name: Annotated[str | None, Meta(description="its name")] = None
    cluster: Annotated[str | None, Meta(description="its cluster")] = None
    broker_addrs: Annotated[
        dict[str, str], Meta(description="host:port by broker id; 0 is the master")
    ] = {}
    enable_acting_master: Annotated[
        bool, Meta(description="whether a slave may stand for a missing master")
    ] = False
    zone_name: Annotated[str | None, Meta(description="its zone")] = None


class RouteQueues(Struct):
    """The queues of a topic on one broker group."""

    broker_name: Annotated[str | None, Meta(description="the group")] = None
    perm: Annotated[int, Meta(description="permission: 4 read, 2 write, 1 inherit")] = 0
    read_queue_nums: Annotated[int, Meta(description="queues to read from")] = 0
    write_queue_nums: Annotated[int, Meta(description="queues to write to")] = 0
    topic_sys_flag: Annotated[
        int, Meta(description="1: unit, 2: unit subscription")
    ] = 0


class RouteMapping(Struct):
    """The queues of a static topic on one broker group."""

    bname: Annotated[str | None, Meta(description="the group")] = None
    curr_id_map: Annotated[
        dict[str, int] | None, Meta(description="number on the group by logical queue")
    ] = None
    dirty: Annotated[bool, Meta(description="as the broker registered it")] = False
    epoch: Annotated[
        int | str,
        Meta(description="version of the mapping; a text if it exceeds 2^53"),
    ] = 0
    scope: Annotated[str | None, Meta(description="scope of the topic")] = None
    topic: Annotated[str | None, Meta(description="the topic")] = None
    total_queues: Annotated[int, Meta(description="logical queues of the topic")] = 0


class Route(Struct):
    """The route of a topic, with the content that the client would get."""

    topic: Annotated[str, Meta(description="name of the topic")]
    broker_datas: Annotated[list[RouteBroker], Meta(description="broker groups")]
    queue_datas: Annotated[list[RouteQueues], Meta(description="queues on each group")]
    filter_server_table: Annotated[
        dict[str, list[str | None]],
        Meta(description="filter servers by address of their broker"),
    ]
    order_topic_conf: Annotated[
        str | None, Meta(description="order configuration, null for none")
    ]
    topic_queue_mapping_by_broker: Annotated[
        dict[str, RouteMapping] | None,
        Meta(description="queues of a static topic by group, null for another topic"),
    ]


class _WireRoute(Struct, rename="camel"):
    """TopicRouteData; long lists are read in steps."""

    broker_datas: list[Raw] = []
    queue_datas: list[Raw] = []
    filter_server_table: dict[str, list[str | None]] = {}
    order_topic_conf: str | None = None
    topic_queue_mapping_by_broker: dict[str, Raw] | None = None


_READ_ROUTE: Final = msgspec.json.Decoder(_WireRoute).decode


def _reader(kind: type[Record]) -> Callable[[Raw], Record]:
    """Reads a record whose members have RocketMQ's names."""
    members = [(f.name, f.type, _field(f)) for f in structs.fields(kind)]
    wire = msgspec.defstruct(f"Wire{kind.__name__}", members, rename="camel")
    decode = msgspec.json.Decoder(wire).decode
    return lambda raw: kind(*structs.astuple(decode(raw)))


def _field(field: structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    return field.default


_READ_BROKER: Final = _reader(RouteBroker)
_READ_QUEUES: Final = _reader(RouteQueues)
_READ_MAPPING: Final = _reader(RouteMapping)


def read_route(topic: str, sent: bytes) -> Steps[Route]:
    """The body of an answer to 105 as a record."""
    body = yield from _with_quoted_names(sent)
    read = _READ_ROUTE(body)
    yield kilobytes(len(body), Cost.STRICT_KILOBYTE)
    broker_datas = yield from _read(read.broker_datas, _READ_BROKER)
    queue_datas = yield from _read(read.queue_datas, _READ_QUEUES)
    mappings = None
    if (raws := read.topic_queue_mapping_by_broker) is not None:
        infos = yield from _read([*raws.values()], _READ_MAPPING)
        mappings = dict(zip(raws, infos, strict=True))
    route = Route(
        topic=topic,
        broker_datas=broker_datas,
        queue_datas=queue_datas,
        filter_server_table=read.filter_server_table,
        order_topic_conf=read.order_topic_conf,
        topic_queue_mapping_by_broker=mappings,
    )
    yield kilobytes(len(body), Cost.ANSWER_KILOBYTE)
    return route


def _read(raws: list[Raw], read: Callable[[Raw], Record]) -> Steps[list[Record]]:
    """Elements of a list as records."""
    found: list[Record] = []
    for some in batches(raws, Cost.GROUP):
        found += map(read, some)
        yield len(some) * Cost.GROUP
    return found


def _with_quoted_names(body: bytes) -> Steps[bytes]:
    """JSON with all names of members in quotes."""
    parts: list[bytes] = []
    end = 0
    for count, match in enumerate(_TOKEN.finditer(body), 1):
        if match.lastindex:
            parts += [body[end : match.start()], b'"', match[0], b'"']
            end = match.end()
        if count % _TOKENS == 0:
            yield STEP_UNITS
    return b"".join([*parts, body[end:]])
