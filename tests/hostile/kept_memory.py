"""What the tables may keep by the formula of docs/architecture.md, "Memory", and what
they do keep, counted by Python's allocator."""

import gc
import json
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from namesrv.options import Options
from namesrv.routing.tables.route_tables import RouteTables

TOPIC, ROUTE, GROUP, QUEUES, MAPPING = 1000, 100, 4096, 700, 700
LEFT_OVER = 64
MAPPED_QUEUE, FILTER_SERVER = 170, 100
SLACK_BYTES = 64 << 10
"""Freed objects that wait for others of their size, and tables of our own that grow."""


def allowed_bytes(tables: RouteTables, options: Options) -> float:
    """The formula for these tables; no name counts for more than it may have."""

    def names(*texts: str | None) -> float:
        return 4 * sum(_chars(text, options.max_name_bytes) for text in texts if text)

    total: float = ROUTE * tables.routes
    for topic, entry in tables.topic_queue_table.items():
        total += TOPIC + names(topic)
        total += sum(QUEUES + names(name) for name in entry.queues)
    for name, data in tables.broker_addr_table.items():
        total += GROUP + names(data.cluster, name, data.zone_name)
        total += LEFT_OVER * (QUEUES + names(name))
        total += sum(names(addr) for addr in data.broker_addrs.values())
    for live in tables.broker_live_table.entries():
        total += names(*live.key, live.broker_name, live.ha_server_addr)
    for servers in tables.filter_server_table.values():
        kept = servers[: options.max_filter_servers]
        total += sum(FILTER_SERVER + names(server) for server in kept)
    for topic, mappings in tables.topic_queue_mapping_info_table.items():
        for info in mappings.values():
            total += MAPPING + names(topic, info.bname, info.topic, info.scope)
            queues = min(len(info.curr_id_map or ()), options.max_queues_per_mapping)
            total += MAPPED_QUEUE * queues
    return total + options.answer_cache_bytes


def _chars(text: str, most_bytes: int) -> float:
    """Bytes of a text as JSON writes it, and as Python keeps it."""
    text = text.encode("utf-8", "surrogatepass")[:most_bytes].decode("utf-8", "ignore")
    written = len(json.dumps(text, ensure_ascii=False))
    widest = max(text, default="")
    return written * (1 if widest < "\u0100" else 2 if widest < "\U00010000" else 4)


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Counts the bytes that are allocated within and kept; what it gives says how many
    there are by now."""
    was_on = tracemalloc.is_tracing()
    if not was_on:
        tracemalloc.start()
    before = _traced()
    try:
        yield lambda: _traced() - before
    finally:
        if not was_on:
            tracemalloc.stop()


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def assert_bounded(
    tables: RouteTables, options: Options, kept: int, told: Iterable[str]
) -> None:
    """Whether what is kept is within the formula; `told` says what was sent."""
    allowed = allowed_bytes(tables, options) + SLACK_BYTES
    assert kept <= allowed, (
        f"{', '.join(told)}: {kept} bytes are kept, the formula allows {allowed:.0f};"
        " a member of a body without a limit, or without a line in the formula?"
    )
