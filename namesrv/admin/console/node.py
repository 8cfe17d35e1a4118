"""`/v1/node`: this server, its options, connections, memory and last minutes."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from namesrv import __version__
from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.console.memory import NodeMemory, memory_of
from namesrv.admin.http.messages import HttpAnswer
from namesrv.admin.metrics.health import obstacle
from namesrv.option import Option, Value
from namesrv.options import OPTIONS, Options
from namesrv.server.inside import Inside
from namesrv.server.life.lag import WINDOW_MILLIS
from namesrv.server.life.rates import INTERVAL_MILLIS
from namesrv.work import Steps, batches

_OPTIONS_UNITS: Final = 100
_RATES_UNITS: Final = 300
_CONNECTION_UNITS: Final = 1
_SET: Final = "(set)"
_DATA_DIR: Final = "dataDir"


class ChangedOption(Struct):
    """An option that differs from its default."""

    name: Annotated[str, Meta(description="its name")]
    value: Annotated[
        bool | int | str,
        Meta(description="its value; secrets and our own paths are hidden"),
    ]
    default: Annotated[bool | int | str | None, Meta(description="its default")]
    meaning: Annotated[str, Meta(description="the meaning of its value")]


class NodeConnections(Struct):
    """Open connections by their use."""

    total: Annotated[int, Meta(description="all open connections")]
    http: Annotated[int, Meta(description="those that speak HTTP")]
    with_brokers: Annotated[
        int, Meta(description="those that carry a live broker's registration")
    ]
    limit: Annotated[int, Meta(description="open connections at most")]


class NodeRates(Struct):
    """Numbers in a second, oldest first; each is of one interval."""

    interval_millis: Annotated[int, Meta(description="time between two samples")]
    lookups: Annotated[list[float], Meta(description="lookups of routes")]
    unknown_topics: Annotated[
        list[float], Meta(description="lookups of topics that are not here")
    ]
    heartbeats: Annotated[list[float], Meta(description="heartbeats of brokers")]
    registrations: Annotated[list[float], Meta(description="registrations of brokers")]
    http_requests: Annotated[list[float], Meta(description="requests over HTTP")]
    changes: Annotated[list[float], Meta(description="changes of tables and settings")]


class Node(Struct):
    """This server."""

    version: Annotated[str, Meta(description="version of namesrv")]
    run: Annotated[str, Meta(description="name of this run of the server")]
    uptime_millis: Annotated[int, Meta(description="time since its start")]
    obstacle: Annotated[
        str | None,
        Meta(description="why clients should not come, null if they should"),
    ]
    longest_lag_millis: Annotated[
        int, Meta(description="longest delay of its loop in the last minute")
    ]
    topics: Annotated[int, Meta(description="topics with a route")]
    broker_groups: Annotated[int, Meta(description="names of brokers with a route")]
    live_brokers: Annotated[int, Meta(description="live registrations of brokers")]
    clusters: Annotated[int, Meta(description="clusters")]
    options: Annotated[
        list[ChangedOption], Meta(description="options that differ from their defaults")
    ]
    connections: Annotated[NodeConnections, Meta(description="open connections")]
    memory: Annotated[NodeMemory, Meta(description="memory and its formula")]
    rates: Annotated[NodeRates, Meta(description="rates of the last minutes")]


def get_node(call: Call) -> Steps[HttpAnswer]:
    """This server, as of now."""
    inside = call.inside
    connections = yield from _connections(inside)
    options = _changed_options(inside)
    yield _OPTIONS_UNITS
    rates = NodeRates(INTERVAL_MILLIS, **inside.ticks.rates.per_second())
    yield _RATES_UNITS
    state, tables = inside.state, inside.state.tables
    reason = obstacle(inside, call.now_ms)
    node = Node(
        version=__version__,
        run=state.run,
        uptime_millis=max(call.now_ms - state.started_ms, 0),
        obstacle=None if reason is None else reason.sentence,
        longest_lag_millis=inside.ticks.lag.longest_millis(WINDOW_MILLIS, call.now_ms),
        topics=len(tables.topic_queue_table),
        broker_groups=len(tables.broker_addr_table),
        live_brokers=len(tables.broker_live_table),
        clusters=len(tables.cluster_addr_table),
        options=options,
        connections=connections,
        memory=memory_of(inside, connections.http),
        rates=rates,
    )
    return respond(call.request, node)


def _connections(inside: Inside) -> Steps[NodeConnections]:
    http = with_brokers = 0
    for peers in batches(inside.connections.peers(), _CONNECTION_UNITS):
        http += sum(peer.is_http for peer in peers)
        with_brokers += sum(bool(peer.connection.registered) for peer in peers)
        yield len(peers) * _CONNECTION_UNITS
    total, limit = len(inside.connections), inside.connections.limit
    return NodeConnections(total, http, with_brokers, limit)


def _changed_options(inside: Inside) -> list[ChangedOption]:
    found: list[ChangedOption] = []
    # Files lie below the data directory, unless an option puts one elsewhere.
    standard = Options(data_dir=inside.options.data_dir)
    for option in OPTIONS:
        value = getattr(inside.options, option.attribute)
        is_default = option.name != _DATA_DIR and value == getattr(
            standard, option.attribute
        )
        if value is not None and value != option.default and not is_default:
            shown = _shown(option, value)
            about = option.name, shown, option.default, option.meaning
            found.append(ChangedOption(*about))
    return found


def _shown(option: Option, value: Value) -> Value:
    """A value as readers of HTTP may see it. Paths that Java's server does not have
    name files of keys and tokens."""
    if option.is_path and not option.java:
        return _SET
    return option.shown(value) if option.secret else value


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/node",
        "This server: its options, connections, memory and rates",
        get_node,
        answer=Node,
    ),
)
