"""Log lines of the server's start and end."""

import logging

from namesrv import __version__
from namesrv._impl import IMPLEMENTATION
from namesrv.errors import StartFailed
from namesrv.server.logs.events import EventLog


def address_texts(addresses: list[tuple[str, int]]) -> list[str]:
    """`host:port` of each, an IPv6 host in brackets."""
    return [
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        for host, port in addresses
    ]


def log_start(
    log: EventLog,
    addresses: list[tuple[str, int]],
    loop_name: str,
    start: str,
    http_addresses: list[tuple[str, int]],
    lanes: int,
) -> None:
    """The server has started with so many lookup lanes; `start` is "cold" or describes
    the warm start, and `http_addresses` are those that serve HTTP only."""
    fields: dict[str, object] = {
        "addresses": address_texts(addresses),
        "implementation": IMPLEMENTATION,
        "loop": loop_name,
        "lanes": lanes,
        "version": __version__,
        "start": start,
    }
    if http_addresses:
        fields["http_addresses"] = address_texts(http_addresses)
    log.log_own(logging.INFO, "server started", fields)


def log_failed_start(log: EventLog, failure: StartFailed) -> None:
    """The start has failed."""
    fields = {"reason": str(failure)}
    log.log_own(logging.ERROR, "the server cannot start", fields)


def log_stop(log: EventLog, connections: int) -> None:
    """The stop was requested."""
    fields = {"connections": connections}
    log.log_own(logging.INFO, "server is stopping", fields)


def log_end(log: EventLog) -> None:
    """The server has stopped."""
    log.log_own(logging.INFO, "server stopped", {})
