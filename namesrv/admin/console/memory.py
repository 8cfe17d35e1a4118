"""The memory of this process beside the formula of docs/architecture.md, "Memory".

The formula is an upper bound for a server that is full. Here it is filled with the
numbers of this moment, so that a process far above it has something that the formula
does not know.
"""

import contextlib
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Final

from msgspec import Meta, Struct

from namesrv.admin.metrics.subjects.process import resident_bytes
from namesrv.server.inside import Inside

_SAMPLED_NAMES: Final = 500
_PROCESS: Final = 40 << 20
_TOPIC: Final = 1000
_NAME_FACTOR: Final = 4
_ROUTE: Final = 100
_GROUP: Final = 4096
_GROUP_NAMES: Final = 4 * 64
_CONNECTION: Final = 4096
_HTTP: Final = 4096
_MISSING_TOPIC: Final = 8192
_KV_KEY: Final = 500
_INPUT_PERCENT: Final = 120


class MemoryPart(Struct):
    """One part of the formula."""

    part: Annotated[str, Meta(description="the part")]
    count: Annotated[int | None, Meta(description="how many there are, or null")]
    most_bytes: Annotated[int, Meta(description="bytes that they take at most")]


class NodeMemory(Struct):
    """Memory of the process, beside the formula for the present content."""

    resident_bytes: Annotated[
        int | None, Meta(description="bytes in RAM; null where the system has no /proc")
    ]
    most_bytes: Annotated[int, Meta(description="sum of the parts")]
    parts: Annotated[list[MemoryPart], Meta(description="the parts of the formula")]


def memory_of(inside: Inside, http_connections: int) -> NodeMemory:
    """The parts with the numbers of this moment."""
    parts = [MemoryPart(*part) for part in _parts(inside, http_connections)]
    resident: int | None = None
    with contextlib.suppress(OSError, ValueError, IndexError):
        resident = int(resident_bytes())
    return NodeMemory(resident, sum(part.most_bytes for part in parts), parts)


def _parts(inside: Inside, http: int) -> Iterator[tuple[str, int | None, int]]:
    state, tables = inside.state, inside.state.tables
    topics, groups = len(tables.topic_queue_table), len(tables.broker_addr_table)
    connections, keys = len(inside.connections), state.kv_config.table.key_count
    yield "the process itself", None, _PROCESS
    name_bytes = _NAME_FACTOR * _usual_length(inside)
    yield "topics", topics, topics * (_TOPIC + name_bytes)
    yield "routes", tables.routes, tables.routes * _ROUTE
    yield "broker groups", groups, groups * (_GROUP + _GROUP_NAMES)
    answers = tables.route_answers
    yield "ready answers", answers.kept_topics, answers.kept_bytes
    yield "lists of topics", len(state.topic_lists), state.topic_lists.kept_bytes
    yield "last events", len(state.history), state.history.bytes
    missing = len(state.missing)
    yield "topics asked for in vain", missing, missing * _MISSING_TOPIC
    yield "keys of the KV table", keys, keys * _KV_KEY
    yield "connections", connections, connections * _CONNECTION + http * _HTTP
    held = inside.connections.input_budget.held_bytes * _INPUT_PERCENT // 100
    yield "unfinished requests", None, held
    yield "unsent answers", None, inside.connections.output_budget.held_bytes


def _usual_length(inside: Inside) -> int:
    """The mean length of some names of topics."""
    names = list(islice(inside.state.tables.topic_queue_table, _SAMPLED_NAMES))
    return sum(map(len, names)) // len(names) if names else 0
