"""Name servers and brokers that belong together, and their common end."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from harness.broker import BrokerIdentity, JavaBroker
from harness.fetch import Peers
from harness.haproxy import Haproxy
from harness.mqadmin import Mqadmin
from harness.nameserver import (
    Addressed,
    JavaNameServer,
    NameServer,
    server_under_test,
)
from harness.traffic import Traffic
from harness.view import View
from harness.waiting import until

# Six JVMs that start at once on two busy cores.
BROKER_START_SECONDS = 120.0


class Fleet:
    """Starts peers in homes below `folder`; kills every one of them at its end."""

    def __init__(self, folder: Path, peers: Peers) -> None:
        self.folder = folder
        self.peers = peers
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._ends.close()

    def home(self, name: str) -> Path:
        """A new, empty directory of this fleet."""
        home = self.folder / name
        home.mkdir()
        return home

    def our_server(self, name: str, properties: dict[str, str]) -> NameServer:
        home = self.home(name)
        return self.start(server_under_test(name, home, properties, self.peers))

    def java_server(self, name: str, properties: dict[str, str]) -> NameServer:
        home = self.home(name)
        return self.start(JavaNameServer(name, home, properties, self.peers))

    def broker(
        self, identity: BrokerIdentity, name_servers: Sequence[Addressed]
    ) -> JavaBroker:
        home = self.home(identity.label)
        broker = JavaBroker(identity, name_servers, home, self.peers)
        self._ends.callback(broker.process.kill)
        broker.start()
        return broker

    def mqadmin(self, properties: dict[str, str] | None = None) -> Mqadmin:
        home = self.home("mqadmin")
        return self._ends.enter_context(Mqadmin(home, self.peers, properties or {}))

    def traffic(
        self,
        name: str,
        name_servers: Sequence[Addressed],
        properties: dict[str, str] | None = None,
    ) -> Traffic:
        traffic = Traffic(name_servers, self.home(name), self.peers, properties or {})
        return self._ends.enter_context(traffic)

    def haproxy(self, server: NameServer) -> Haproxy:
        haproxy = Haproxy(server, self.home("haproxy"), self.peers)
        self._ends.callback(haproxy.process.kill)
        haproxy.start()
        return haproxy

    def start(self, server: NameServer) -> NameServer:
        """Begin its start; it ends with the fleet."""
        self._ends.callback(server.kill)
        server.begin_start()
        return server


def wait_for(
    servers: Sequence[NameServer],
    is_true: Callable[[View], bool],
    seconds: float,
    wanted: str,
) -> None:
    """Poll until `is_true` of what every server knows; fail with `wanted`."""
    for server in servers:
        with View(server) as view:
            _wait_for_view(server.name, view, is_true, seconds, wanted)


def wait_for_brokers(
    servers: Sequence[NameServer],
    brokers: Sequence[JavaBroker],
    seconds: float = BROKER_START_SECONDS,
) -> None:
    """Until each of `brokers` is known, and no other."""
    wanted = sorted(
        (broker.identity.name, broker.identity.broker_id, broker.address)
        for broker in brokers
    )

    def are_known(view: View) -> bool:
        return wanted == sorted(
            (name, broker_id, address)
            for name, group in view.brokers().items()
            for broker_id, address in group.items()
        )

    wait_for(servers, are_known, seconds, f"exactly the brokers {wanted}")


def _wait_for_view(
    name: str,
    view: View,
    is_true: Callable[[View], bool],
    seconds: float,
    wanted: str,
) -> None:
    until(
        lambda: is_true(view),
        seconds,
        lambda: (
            f"{name} should have {wanted};"
            f" it has brokers {view.brokers()}, topics {sorted(view.topics())}"
        ),
    )
