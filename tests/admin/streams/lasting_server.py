"""A server with the API, without sockets and loop, whose time a test moves."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from namesrv.admin.api.application import Application
from namesrv.admin.http.conversation import HttpConversation
from namesrv.admin.http.service import Guard, HttpService
from namesrv.admin.table import ENDPOINTS
from namesrv.testing.peer import Broker
from tests.admin.http.talk import Open, Read, answers, request
from tests.admin.metrics.inside_server import InsideServer
from tests.admin.streams.reader import Sent
from tests.server.loop_free_server import LoopFreePeer

TOPICS = {"Orders": 1, "Payments": 2}
FIRST, SECOND = Broker("b", addr="10.0.0.1:1"), Broker("c", addr="10.0.0.2:1")


class LastingServer(InsideServer):
    """`lookups` counts lookups of routes over HTTP and remoting."""

    def __init__(self, data_dir: Path, **options: Any) -> None:
        super().__init__(data_dir, **options)
        guard = self.make_guard()
        self.application = Application(self.inside, guard, ENDPOINTS)
        self.connections = self.inside.connections
        service = HttpService(
            self.inside.processor,
            self.application,
            guard,
            self.clock.wall_millis,
            counts=self.connections.http_counts,
        )
        self.connections.speak_http(partial(HttpConversation, service))
        self.tick(0)

    def make_guard(self) -> Guard:
        """A guard that lets all requests pass."""
        return Open()

    @property
    def counts(self) -> Any:
        """Those of streams and waits."""
        return self.connections.http_counts.lasting

    def ask(self, target: str, *lines: str, host: str = "10.0.0.1") -> LoopFreePeer:
        """A new peer that has sent a request."""
        peer = self.loop_free.accept((host, 5000))
        peer.receive(request(target, *lines))
        self.turn()
        return peer

    def turn(self) -> None:
        """The loop turns until nothing waits for it."""
        self.loop_free.turn_until_quiet()

    def register(self, broker: Broker, topics: dict[str, int] = TOPICS) -> LoopFreePeer:
        """A broker registers on a connection of its own."""
        peer = self.loop_free.accept()
        peer.receive(broker.registration(topics))
        self.turn()
        return peer

    def pass_seconds(self, seconds: float) -> None:
        """Time passes in ticks of 100 ms."""
        for _ in range(round(seconds * 10)):
            self.tick(100)
            self.turn()


def sent(peer: LoopFreePeer) -> bytes:
    """All that a peer was sent."""
    return b"".join(peer.transport.writes)


def events(peer: LoopFreePeer) -> list[Sent]:
    """The events of a stream so far."""
    found = []
    for block in sent(peer).partition(b"\r\n\r\n")[2].decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and line[0] != ":"]
        fields = dict(line.split(": ", 1) for line in lines)
        if "data" in fields:
            data = json.loads(fields["data"])
            found.append(Sent(fields["event"], data, fields.get("id", "")))
    return found


def types(peer: LoopFreePeer) -> list[str]:
    """The types of these events."""
    return [event.type for event in events(peer)]


def answered(peer: LoopFreePeer) -> list[Read]:
    """The answers that a peer has so far."""
    return answers(sent(peer))
