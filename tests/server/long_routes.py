"""Registrations that make routes long."""

from collections.abc import Iterator, Mapping
from typing import Final

from namesrv.testing.peer import Broker

LONG_NAME: Final = 4000


def long_routes(topics: Mapping[str, int], least_bytes: int) -> Iterator[bytes]:
    """Registrations after which the route of each topic has at least `least_bytes`."""
    for number in range(least_bytes // (2 * LONG_NAME) + 1):
        name = f"{number}".rjust(LONG_NAME, "b")
        yield Broker(name, addr="127.0.0.1:1").registration(topics)
