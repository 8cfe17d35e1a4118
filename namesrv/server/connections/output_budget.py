"""The budget of unsent output of all connections: `outputBudgetBytes`."""

import logging
from collections.abc import Iterator
from typing import Final

from namesrv.options import Options
from namesrv.server.connections.broker_hosts import BrokerHosts
from namesrv.server.connections.holders import Holders
from namesrv.server.connections.served import Served
from namesrv.server.logs.events import EventLog

_HIGH_WATER_BYTES: Final = 65536
_LOW_WATER_BYTES: Final = 32768


def water_marks(options: Options) -> tuple[int, int]:
    """Unsent bytes of a connection that stop reading from it, and that resume it."""
    high = options.write_buffer_high_water_mark
    low = options.write_buffer_low_water_mark
    return (high, low) if high and low else (_HIGH_WATER_BYTES, _LOW_WATER_BYTES)


class OutputBudget:
    """Counts output of blocked connections, and chooses those to close."""

    def __init__(self, options: Options, log: EventLog, hosts: BrokerHosts) -> None:
        self._options = options
        self._log = log
        self._holders = Holders(hosts)

    @property
    def held_bytes(self) -> int:
        """Bytes that count against the budget."""
        return self._holders.total_bytes

    @property
    def is_exceeded(self) -> bool:
        """Whether a connection must be closed."""
        return self._holders.total_bytes > self._options.output_budget_bytes

    def holds(self, protocol: Served) -> bool:
        """Whether a peer has stopped reading."""
        return protocol in self._holders

    def note(self, protocol: Served, written_bytes: int, now_ms: int) -> None:
        """A peer stopped reading: its unsent output counts until it resumes.

        Answers of one write stay in memory until all of it was read.
        """
        old_bytes = self._holders.bytes_of(protocol)
        unsent_bytes = max(old_bytes, written_bytes, protocol.unsent_bytes)
        # A blocked peer makes progress only by reading, which releases it.
        progress_ms = 0 if old_bytes else now_ms
        self._holders.hold(protocol, unsent_bytes, progress_ms)

    def release(self, protocol: Served) -> None:
        """A peer reads again, or its connection ended."""
        self._holders.release(protocol)

    def exceeding(self) -> Iterator[Served]:
        """Connections to close until the rest fits; they no longer count."""
        while self.is_exceeded:
            protocol = self._holders.first_to_go()
            if protocol is None:
                return
            self._log.log_event(
                logging.WARNING,
                "output budget exceeded, closing a connection that does not read",
                {
                    "remote": protocol.connection.remote_address,
                    "unsent_bytes": self._holders.release(protocol),
                    "budget_bytes": self._options.output_budget_bytes,
                },
                peer_caused=True,
            )
            yield protocol
