"""Heartbeats over HTTP: one look-up from the target of the request.

A client sends the same target every time. So the target is read once and kept with
the key and the epoch of the live entry. The live table decides each time: an entry that
is gone or has registered again has another epoch, and its target is read again.
"""

import re
from typing import Final
from urllib.parse import unquote

from namesrv.admin.brokers.registrations import live_broker
from namesrv.admin.brokers.shapes import BrokerAtAddr
from namesrv.routing.tables.route_tables import RouteTables

MOST_TARGETS: Final = 4096
LONGEST_TARGET: Final = 512
"""Bytes of a target that is kept."""
_TARGET: Final = re.compile(
    rb"/v1/clusters/([^/?#]+)/brokers/([^/?#]+)/(0|[1-9][0-9]{0,17})/heartbeat"
    rb"\?broker_addr=([^&#]+)"
)


class Heartbeats:
    """The targets of one server's brokers. The caller has checked that the sender may
    send heartbeats."""

    def __init__(self, tables: RouteTables) -> None:
        self._tables = tables
        self._live = tables.broker_live_table
        # Target -> cluster, address and epoch of its live entry.
        self._known: dict[bytes, tuple[str, str, int]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def beat(self, target: bytes, now_ms: int) -> bool:
        """Whether this is the target of a live broker, which was heard from now.

        After False the router answers the request.
        """
        known = self._known.get(target)
        if known is not None:
            cluster, broker_addr, epoch = known
            info = self._live.get(cluster, broker_addr)
            if info is not None and info.epoch == epoch:
                return self._live.touch(cluster, broker_addr, now_ms)
            del self._known[target]
        return self._beat_unknown(target, now_ms)

    def _beat_unknown(self, target: bytes, now_ms: int) -> bool:
        broker = _read(target)
        info = None if broker is None else live_broker(self._tables, broker)
        if info is None:
            return False
        if len(target) <= LONGEST_TARGET:
            if len(self._known) >= MOST_TARGETS:
                del self._known[next(iter(self._known))]
            self._known[target] = (*info.key, info.epoch)
        return self._live.touch(*info.key, now_ms)


def _read(target: bytes) -> BrokerAtAddr | None:
    """The broker that a target names; None for everything unusual."""
    match = _TARGET.fullmatch(target)
    if match is None:
        return None
    try:
        texts = [
            unquote(part.decode("ascii"), errors="strict") for part in match.groups()
        ]
    except UnicodeDecodeError:
        return None
    cluster, name, broker_id, broker_addr = texts
    return BrokerAtAddr(cluster, name, int(broker_id), broker_addr=broker_addr)
