"""Two servers of ours that compare themselves, with brokers and questions."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from namesrv import Companion, serving
from namesrv.admin.companion import HttpCompanion
from namesrv.admin.peers.companion import PeersCompanion
from namesrv.admin.peers.peer import Pace
from namesrv.server.running.serving import ServingThread
from namesrv.testing.peer import (
    WAIT_SECONDS,
    Address,
    Broker,
    Peer,
    Request,
    data_version,
)
from tests.admin.served import asked
from tests.server.server_thread import local_options

QUICK = Pace(every_millis=20, lasting_millis=0)
"""Asks all the time; each difference lasts long enough."""
ORPHAN = Pace(every_millis=20, lasting_millis=100)
"""Takes lookups in three of the last five tenths of a second for an orphan's."""
PATIENT = Pace(every_millis=20, lasting_millis=60_000)


class Brokers:
    """Brokers of one server, on a connection that stays open."""

    def __init__(self, address: Address) -> None:
        self.peer = Peer(address)

    def register(
        self,
        name: str = "b1",
        topics: dict[str, int] | None = None,
        number: int = 0,
        counter: int = 1,
        address: str | None = None,
    ) -> None:
        """Register a broker with topics and their numbers of queues."""
        place = address or f"10.0.0.{number}:10911"
        broker = Broker(name, number, place, "c1")
        version = data_version(counter)
        # A first registration of a single topic would be refused.
        sent = broker.registration(
            {"Base": 1, **(topics or {"T1": 4})}, version=version
        )
        assert self.peer.ask(sent).code == 0

    def ask(self, code: int, ext_fields: dict[str, str]) -> None:
        """Another request that has to succeed."""
        assert self.peer.ask(Request(code, ext_fields).frame()).code == 0


@contextmanager
def comparing(
    folder: Path, peers: str, pace: Pace = QUICK, **options: Any
) -> Iterator[ServingThread]:
    """A server that compares itself with `peers`."""
    companions: list[Companion] = [HttpCompanion(), PeersCompanion(pace)]
    given = local_options(folder, peers=peers, **options)
    with serving(given, companions=companions) as server:
        yield server


@contextmanager
def other(folder: Path, *, has_http: bool = True, **options: Any) -> Iterator[Any]:
    """A server that is only asked."""
    companions = [HttpCompanion()] if has_http else []
    with serving(local_options(folder, **options), companions=companions) as server:
        yield server


class Pair:
    """Our server, its peer, and their brokers."""

    def __init__(self, here: ServingThread, there: ServingThread) -> None:
        self.server, self.peer_server = here, there
        self.here = Brokers(here.addresses[0])
        self.there = Brokers(there.addresses[0])

    def page(self) -> Any:
        """The body of /v1/peers."""
        return asked(self.server.addresses[0], "/v1/peers")[1]

    def peer(self) -> Any:
        """The only peer in it."""
        (found,) = self.page()["peers"]
        return found

    def wait(self, is_so: Callable[[Any], bool]) -> Any:
        """The peer's entry as soon as it is so."""
        return wait_for(self.peer, is_so)

    def wait_for_differences(self, *sentences: str) -> Any:
        """Wait for a disagreement with these sentences; THERE is the peer's address."""

        def is_so(peer: Any) -> bool:
            expected = sorted(
                one.replace("THERE", peer["address"]) for one in sentences
            )
            found = sorted(peer["differences"])
            return peer["state"] == "disagrees" and found == expected

        return self.wait(is_so)

    def wait_for_state(self, state: str) -> Any:
        return self.wait(lambda peer: peer["state"] == state)


def wait_for(ask: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:
    """The answer as soon as it is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    found = ask()
    while not is_so(found):
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
        found = ask()
    return found


@contextmanager
def pair(
    tmp_path: Path,
    pace: Pace = QUICK,
    *,
    has_http: bool = True,
    there: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[Pair]:
    """Two servers; without HTTP the peer is asked as a Java server is."""
    with ExitStack() as stack:
        peer = stack.enter_context(
            other(tmp_path / "there", has_http=has_http, **(there or {}))
        )
        host, port = peer.addresses[0]
        here = stack.enter_context(
            comparing(tmp_path / "here", f"{host}:{port}", pace, **options)
        )
        both = Pair(here, peer)
        stack.enter_context(both.here.peer)
        stack.enter_context(both.there.peer)
        yield both
