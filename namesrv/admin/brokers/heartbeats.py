"""Heartbeats over HTTP: one look-up from the target of the request.

A client sends the same target every time. So the target is read once and kept with
the key and the epoch of the live entry. The live table decides each time: an entry that
is gone or has registered again has another epoch, and its target is read again. An
entry that a connection carries is none of them: its heartbeats come over remoting.
"""

import re
from typing import Final
from urllib.parse import unquote

from namesrv.admin.brokers.registrations import live_broker
from namesrv.admin.brokers.shapes import BrokerAtAddr
from namesrv.routing.tables.route_tables import RouteTables

MOST_TARGETS: Final = 4096
LONGEST_TARGET: Final = 512
"""Characters of a target that is kept."""
_TARGET: Final = re.compile(
    r"/v1/clusters/([^/?]+)/brokers/([^/?]+)/(0|[1-9][0-9]{0,17})/heartbeat"
    r"\?broker_addr=([^&]+)",
    re.ASCII,
)


class Heartbeats:
    """The targets of one server's brokers."""

    def __init__(self, tables: RouteTables) -> None:
        self._tables = tables
        self._live = tables.broker_live_table
        # Target -> cluster, address and epoch of its live entry.
        self._known: dict[str, tuple[str, str, int]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def knows(self, target: str) -> bool:
        """Whether this is the target, path and query, of a live broker that no
        connection carries."""
        return self._key(target) is not None

    def beat(self, target: str, now_ms: int) -> bool:
        """The same; the broker was heard from now."""
        known = self._known.get(target)
        if known is not None:
            cluster, broker_addr, epoch = known
            info = self._live.get(cluster, broker_addr)
            if info is not None and info.epoch == epoch:
                return self._live.touch(cluster, broker_addr, now_ms)
        key = self._key(target)
        return key is not None and self._live.touch(*key, now_ms)

    def _key(self, target: str) -> tuple[str, str] | None:
        known = self._known.get(target)
        if known is None:
            return self._read(target)
        cluster, broker_addr, epoch = known
        info = self._live.get(cluster, broker_addr)
        if info is not None and info.epoch == epoch:
            return cluster, broker_addr
        del self._known[target]
        return self._read(target)

    def _read(self, target: str) -> tuple[str, str] | None:
        broker = _broker(target)
        info = None if broker is None else live_broker(self._tables, broker)
        if info is None or info.owner is not None:
            return None
        if len(target) <= LONGEST_TARGET:
            if len(self._known) >= MOST_TARGETS:
                del self._known[next(iter(self._known))]
            self._known[target] = (*info.key, info.epoch)
        return info.key


def _broker(target: str) -> BrokerAtAddr | None:
    """The broker that a target names; None for everything unusual, which the router
    reads."""
    match = _TARGET.fullmatch(target)
    if match is None:
        return None
    try:
        texts = [unquote(text, errors="strict") for text in match.groups()]
    except UnicodeDecodeError:
        return None
    cluster, name, broker_id, broker_addr = texts
    return BrokerAtAddr(cluster, name, int(broker_id), broker_addr=broker_addr)
