"""The budget of kept input of all connections together: `inputBudgetBytes`.

It counts unfinished frames, whole frames behind a pause, and unfinished PROXY headers,
TLS records and handshakes.
"""

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Final

from namesrv.hot_path import Pause
from namesrv.options import Options
from namesrv.server.connections.broker_hosts import BrokerHosts
from namesrv.server.connections.holders import Holders
from namesrv.server.connections.served import Served
from namesrv.server.logs.events import EventLog

PATIENCE_MILLIS: Final = 30_000
"""Limit of the time for a frame, and for holding a part of the budget."""
SLOW_BYTES: Final = 1 << 16
"""Bytes of a frame that extend its limit by a second, for slow links."""
_MOST_AT_ONCE: Final = 1000


class InputBudget:
    """Counts kept input, and chooses the connections to close."""

    def __init__(self, options: Options, log: EventLog, hosts: BrokerHosts) -> None:
        self._options = options
        self._log = log
        self._holders = Holders(hosts)

    @property
    def held_bytes(self) -> int:
        """Bytes that count against the budget."""
        return self._holders.total_bytes

    def note(self, protocol: Served, now_ms: int) -> None:
        """Count the kept input of a connection again."""
        input_bytes = protocol.input_bytes
        if not input_bytes:
            self._holders.release(protocol)
        elif self._holders.bytes_of(protocol):
            self._holders.hold(protocol, input_bytes, protocol.progress_ms)
        else:
            self._holders.hold(protocol, input_bytes, now_ms)

    def release(self, protocol: Served) -> None:
        """Forget a connection that has ended."""
        self._holders.release(protocol)

    def exceeding(self) -> Iterator[Served]:
        """Connections to close until the rest fits; they no longer count."""
        budget_bytes = self._options.input_budget_bytes
        while self._holders.total_bytes > budget_bytes:
            protocol = self._holders.first_to_go()
            if protocol is None:
                return
            self._log.log_event(
                logging.WARNING,
                "input budget exceeded, closing a connection without progress",
                {
                    "remote": protocol.connection.remote_address,
                    "buffered_bytes": self._holders.release(protocol),
                    "budget_bytes": budget_bytes,
                },
                peer_caused=True,
            )
            yield protocol

    def stuck(self, now_ms: int) -> Iterator[Served]:
        """Connections whose frame does not end in time."""
        old = self._holders.without_progress(now_ms - PATIENCE_MILLIS)
        for protocol, held_bytes, progress_ms in islice(old, _MOST_AT_ONCE):
            millis = now_ms - progress_ms
            if protocol.closing_since_ms is not None or protocol.unsent_bytes:
                continue  # it goes already, or reads first
            if protocol.connection.pause != Pause.NONE:
                continue  # it waits for us
            if millis <= PATIENCE_MILLIS + held_bytes * 1000 // SLOW_BYTES:
                continue
            self._log.log_event(
                logging.WARNING,
                "frame timed out, closing its connection",
                {
                    "remote": protocol.connection.remote_address,
                    "buffered_bytes": held_bytes,
                    "millis": millis,
                },
                peer_caused=True,
            )
            yield protocol
