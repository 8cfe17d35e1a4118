"""HTTP requests of brokers, without a socket: bytes in, bytes out."""

import json
from typing import Any, NamedTuple

from namesrv.admin.composition import beginning
from namesrv.hot_path import Pause
from namesrv.server.files.http_tokens import HttpTokens
from tests.admin.api.asking import inside_of
from tests.routing.world import World

BROKER = "/v1/clusters/c1/brokers/h/0"
ADDR = "10.0.0.7:10911"
TOKEN = "a-token-of-this-test"
T1 = {"topic": "T1", "read_queue_nums": 4, "write_queue_nums": 4}
T2 = {"topic": "T2", "read_queue_nums": 8, "write_queue_nums": 2, "perm": 4}


class Said(NamedTuple):
    """The status and the body of an answer."""

    status: int
    json: Any

    @property
    def detail(self) -> str:
        """The sentence of a problem."""
        return str(self.json["detail"])


class OneToken:
    """A file with one token that writes."""

    def tokens(self, now_ms: int) -> HttpTokens:
        return HttpTokens(writers=(TOKEN.encode(),))


class HttpPeer:
    """Sends requests of brokers to a world, on one connection."""

    def __init__(self, world: World, remote_address: str = "10.0.0.7:50000") -> None:
        self.world = world
        self.connection = world.connect(remote_address)
        tokens: Any = OneToken()
        self.inside = inside_of(world)
        begin = beginning(self.inside, tokens)
        self.conversation = begin(self.connection)
        world.conversations[self.connection] = self.conversation

    def send(self, data: bytes) -> bytes:
        """Feed bytes, in turns of the loop until all are answered."""
        world, connection = self.world, self.connection
        world.state.turn.begin()
        output = self.conversation.receive(data, world.now_ms)
        world.flush()
        output += world.late_output.pop(connection, b"")
        while connection.pause == Pause.TURN and not world.holds_work:
            output += self.next_turn()
        return output

    def next_turn(self) -> bytes:
        """The connection has its turn; returns the bytes for the peer."""
        world, connection = self.world, self.connection
        world.state.turn.begin()
        world.state.unfinished.go_on(others_wait=True)
        world.flush()
        output = world.late_output.pop(connection, b"")
        if connection.pause == Pause.TURN:
            output += self.conversation.resume(world.now_ms)
            world.flush()
            output += world.late_output.pop(connection, b"")
        return output

    def ask(self, method: str, target: str, body: object = b"", **headers: str) -> Said:
        """Send one request; its answer."""
        return said(self.send(request(method, target, body, **headers)))

    def put(self, target: str = BROKER, **changes: Any) -> Said:
        """Register a broker, with two topics unless `changes` has others."""
        return self.ask(
            "PUT", target, {"broker_addr": ADDR, "topics": [T1, T2], **changes}
        )

    def register(self, target: str = BROKER, **changes: Any) -> str:
        """Register a broker; the name of its registration."""
        said = self.put(target, **changes)
        assert said.status == 200, said
        return str(said.json["registration"])

    def beat(self, target: str = BROKER, addr: str = ADDR) -> int:
        """Send a heartbeat; the status."""
        return self.ask("POST", f"{target}/heartbeat?broker_addr={addr}").status

    def delete(self, registration: str, target: str = BROKER, addr: str = ADDR) -> Said:
        """Remove a broker."""
        query = f"broker_addr={addr}&registration={registration}"
        return self.ask("DELETE", f"{target}?{query}")


def request(method: str, target: str, body: object = b"", **headers: str) -> bytes:
    """The bytes of a request; a body that is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {target} HTTP/1.1", "Host: ns:9876"]
    if data:
        headers = {"Content_Type": "application/json", **headers}
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(data)}", "", ""]
    return "\r\n".join(lines).encode() + data


def said(output: bytes) -> Said:
    """The one answer in `output`."""
    head, end, body = output.partition(b"\r\n\r\n")
    assert end, output
    return Said(int(head.split()[1]), json.loads(body) if body else None)
