"""A server over real sockets, its brokers, and questions for explanations."""

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

from namesrv.cli.commands.words import read_call
from namesrv.server.running.serving import ServingThread
from namesrv.testing.peer import WAIT_SECONDS, Peer
from tests.admin.served import asking, serving_http

PROXIED = "PROXY TCP4 {} 192.168.7.1 40000 9876\r\n"


class Asker:
    """A running server; `explain` asks for the explanation of a name."""

    def __init__(self, server: ServingThread) -> None:
        self.server = server
        self.address = server.addresses[0]
        self._opened: list[HTTPConnection] = []

    def peer(self, host: str = "") -> Peer:
        """A connection, from another host as a proxy names it."""
        peer = Peer(self.address)
        if host:
            peer.send(PROXIED.format(host).encode())
        return peer

    def open_connections(self, count: int) -> None:
        """Open the connections of the next questions, one for each."""
        for _ in range(count):
            client = asking(self.address)
            client.request("GET", "/version")
            client.getresponse().read()
            self._opened.append(client)

    def change(self, method: str, path: str, token: str) -> None:
        """Change something over HTTP."""
        client = asking(self.address)
        client.request(method, path, headers={"Authorization": f"Bearer {token}"})
        assert client.getresponse().status in (200, 204)
        client.close()

    def drain(self) -> None:
        """Begin the end of the server, which sends newer clients away meanwhile."""
        server = self.server._server
        self.server._listening.result().call_soon_threadsafe(server.request_stop)
        self.until(lambda: server._state.draining)

    def topic(self, topic: str, **query: str | int) -> "Explained":
        """The explanation of a topic."""
        return self._ask("topics", topic, **query)

    def broker(self, name: str, **query: str | int) -> "Explained":
        """The explanation of a broker group, by its name or an address."""
        return self._ask("brokers", name, **query)

    def until(self, look: Callable[[], bool]) -> None:
        """Wait until something is true."""
        end = monotonic() + WAIT_SECONDS
        while not look():
            assert monotonic() < end, "it did not become true"
            sleep(0.02)

    def _ask(self, kind: str, name: str, **query: str | int) -> "Explained":
        client = self._opened.pop() if self._opened else asking(self.address)
        text = "&".join(f"{key}={value}" for key, value in query.items())
        client.request("GET", f"/v1/{kind}/{quote(name, safe='')}/explain?{text}")
        answer = client.getresponse()
        body = json.loads(answer.read())
        client.close()
        assert answer.status == 200, body
        return Explained(body)


class Explained:
    """An explanation."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.exists = body["exists"]
        self.evidence = body["evidence"]
        self.unknown = body["unknown"]
        self.causes = {cause["id"]: cause for cause in body["causes"]}
        for cause in body["causes"]:
            words = shlex.split(cause["next"])
            if words[:1] == ["namesrv"]:
                # Raises OptionsInvalid.
                read_call(words[1:])

    def confidence(self, cause: str) -> str | None:
        """The confidence in a cause, None if it was not found."""
        found = self.causes.get(cause)
        return None if found is None else found["confidence"]

    def sentence(self, cause: str) -> str:
        """The sentence of a cause that has to be there."""
        assert cause in self.causes, sorted(self.causes)
        sentence: str = self.causes[cause]["sentence"]
        return sentence


@contextmanager
def explaining(data_dir: Path, **options: Any) -> Iterator[Asker]:
    """A server that explains."""
    with serving_http(data_dir, **options) as server:
        yield Asker(server)
