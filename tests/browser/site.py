"""A server with brokers, clients and a token, over real sockets."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from namesrv import serving
from namesrv.admin.companion import HttpCompanion
from namesrv.admin.peers.companion import PeersCompanion
from namesrv.testing.peer import Address, Broker, Peer, lookup
from tests.server.server_thread import local_options

TOKEN = "write-token-of-the-tests"
TOPICS = ("Orders", "Payments", "Invoices", "StockLevels", "UserEvents")
HOSTILE = "<img src=x onerror=alert(1)>&quot;'"
HOUR_MILLIS = 3_600_000
"""No broker expires during the tests, however slow the machine is."""
MASTER = Broker("broker-a", 0, "10.0.3.11:10911", "orders", HOUR_MILLIS)
SLAVE = Broker("broker-a", 1, "10.0.3.12:10911", "orders", HOUR_MILLIS)
SECOND = Broker("broker-b", 0, "10.0.3.21:10911", "orders", HOUR_MILLIS)
LONE = Broker("broker-c", 1, "10.0.3.32:10911", "edge", HOUR_MILLIS)


class Site:
    """The server and its peers; `url` is the console's address."""

    def __init__(self, folder: Path, **options: Any) -> None:
        tokens = folder / "tokens"
        tokens.write_text(f"write={TOKEN}\nread=read-{TOKEN}\n")
        tokens.chmod(0o600)
        options = {"http_token_file": str(tokens), **options}
        self._serving = serving(
            local_options(folder / "data", **options),
            companions=[HttpCompanion(), PeersCompanion()],
        )
        self._peers: dict[Broker, Peer] = {}
        self.address: Address

    @property
    def url(self) -> str:
        """Of the console."""
        host, port = self.address[:2]
        return f"http://{host}:{port}/"

    def register(self, broker: Broker, topics: dict[str, int]) -> None:
        """A broker registers, the first time on a connection of its own."""
        if broker not in self._peers:
            self._peers[broker] = Peer(self.address)
        answer = self._peers[broker].ask(broker.registration(topics))
        assert answer.code == 0, answer

    def close(self, broker: Broker) -> None:
        """The connection of a broker ends, and with it the broker."""
        self._peers.pop(broker).close()

    def look_up(self, topic: str) -> int:
        """The code of the answer that a client gets."""
        with Peer(self.address) as client:
            code: int = client.ask(lookup(topic)).code
            return code

    def __enter__(self) -> Self:
        self.address = self._serving.__enter__().addresses[0]
        self.register(MASTER, {**dict.fromkeys(TOPICS, 8), HOSTILE: 2})
        self.register(SLAVE, dict.fromkeys(TOPICS, 8))
        self.register(SECOND, {"Orders": 4, "Payments": 4})
        self.register(LONE, {"Payments": 4, "Refunds": 4})
        self.look_up("Ordrs")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for peer in self._peers.values():
            peer.close()
        self._serving.__exit__(kind, error, trace)
