"""Peers that are none: ourselves, silence, garbage, other protocols, broken frames."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from namesrv.admin.peers.own_tables import OwnTables
from namesrv.server.running.serving import ServingThread
from namesrv.testing.peer import WAIT_SECONDS, Peer, lookup
from namesrv.testing.peer.connection import wait_until
from tests.admin.peers.pair import (
    ORPHAN,
    QUICK,
    Brokers,
    comparing,
    other,
    wait_for,
)
from tests.admin.served import asked

Answer = Callable[[socket.socket], None]


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, list[float]]]:
    """A listener that answers each connection so; its address, and the times at which
    it was connected."""
    listener = socket.create_server(("127.0.0.1", 0))
    times: list[float] = []
    ended = threading.Event()

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            times.append(time.monotonic())
            with peer:
                if not ended.is_set():
                    answer(peer)

    thread = threading.Thread(target=serve)
    thread.start()
    host, port = listener.getsockname()
    try:
        yield f"{host}:{port}", times
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def sending(data: bytes) -> Answer:
    """Reads some of the request, and sends this."""

    def answer(peer: socket.socket) -> None:
        peer.recv(1 << 16)
        peer.sendall(data)

    return answer


def waiting(ended: threading.Event) -> Answer:
    """Sends nothing until then."""

    def answer(peer: socket.socket) -> None:
        ended.wait(WAIT_SECONDS)

    return answer


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Passes all on that comes until the end."""
    with source, target, suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


def state_of(server: ServingThread) -> Any:
    (found,) = asked(server.addresses[0], "/v1/peers")[1]["peers"]
    return found


HTTP_OF_OTHERS = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
FRAME_WITHOUT_HEADER = b"\0\0\0\x08\0\0\0\x04{}{}"
NO_TABLES = b'\0\0\0\x2f\0\0\0\x29{"code":0,"flag":1,"opaque":1,"remark":""}[]'


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b"", "down"),
        (b"\xff" * 100, "wrong"),
        (HTTP_OF_OTHERS, "wrong"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "wrong"),
        (FRAME_WITHOUT_HEADER, "wrong"),
        (NO_TABLES, "wrong"),
        (b"\0\xff\xff\xff", "wrong"),
        (b"\0\x0f\xff\xff", "down"),
    ],
)
def test_answers_that_are_none(tmp_path: Path, answer: bytes, state: str) -> None:
    with (
        answering(sending(answer)) as (address, _),
        comparing(tmp_path, address) as server,
    ):
        found = wait_for(
            lambda: state_of(server), lambda one: one["state"] not in ("new",)
        )
        assert found["state"] == state
        assert found["reason"]
        assert found["differences"] == []


def answer_frame(header: dict[str, object], body: bytes = b"") -> bytes:
    """An answer to the first request of a connection."""
    text = json.dumps({"code": 0, "flag": 1, "opaque": 1, **header}).encode()
    sizes = (4 + len(text) + len(body)).to_bytes(4) + len(text).to_bytes(4)
    return sizes + text + body


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ((5 << 20).to_bytes(4), "the peer answered 5242880 bytes, more than 4194304"),
        (
            answer_frame({"remark": "x" * 20_000}),
            "bytes in the header of a frame, more than 16384",
        ),
        (
            answer_frame({"extFields": {f"{number}": "" for number in range(1001)}}),
            "the peer answered 1001 extFields in a frame, more than 1000",
        ),
    ],
)
def test_answers_over_a_limit_are_one_sentence(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    with (
        answering(sending(data)) as (address, _),
        comparing(tmp_path, address) as server,
    ):
        found = wait_for(lambda: state_of(server), lambda one: one["state"] == "wrong")
    assert reason in found["reason"]


def test_control_characters_of_a_remark_are_escaped(tmp_path: Path) -> None:
    refusal = answer_frame({"code": 1, "remark": "\x1b[31mred\a"})
    with (
        answering(sending(refusal)) as (address, _),
        comparing(tmp_path, address) as server,
    ):
        found = wait_for(lambda: state_of(server), lambda one: one["state"] == "down")
    assert "\\x1b[31mred\\x07" in found["reason"]
    assert found["reason"].isprintable()


def test_a_proxy_header_does_not_make_a_peer_the_server_itself(tmp_path: Path) -> None:
    with comparing(tmp_path, "") as server, Peer(server.addresses[0]) as client:
        client.send(b"PROXY TCP4 192.0.2.7 10.0.0.2 4321 9876\r\n")
        assert client.ask(lookup("T1")).code == 17
        inside = server._server.inside
        (served,) = inside.connections.peers()
        host, port = served.connection.socket_address.split(":")
        assert served.connection.remote_address == "192.0.2.7:4321"
        own = OwnTables(inside)
        assert not own.has_connection(("192.0.2.7", 4321))
        assert own.has_connection((host, int(port)))


def test_a_peer_that_hangs_does_not_delay_the_others(tmp_path: Path) -> None:
    held = threading.Event()
    with (
        answering(waiting(held)) as (hanging, _),
        answering(sending(b"\xff" * 9)) as (garbage, times),
        comparing(tmp_path, f"{hanging};{garbage}") as server,
    ):
        wait_until(lambda: len(times) > 4)
        first, second = asked(server.addresses[0], "/v1/peers")[1]["peers"]
        held.set()
    assert first["state"] == "new"
    assert second["state"] == "wrong"


def test_a_peer_that_was_late_once_is_asked_over_http_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("namesrv.admin.peers.peer._HTTP_SECONDS", 0.3)
    (tmp_path / "other").mkdir()
    with other(tmp_path / "other") as there:
        first: list[bytes] = []

        def answer(peer: socket.socket) -> None:
            if not first:
                first.append(peer.recv(1 << 16))
                with suppress(ConnectionError):
                    peer.recv(1)
                return
            server = socket.create_connection(there.addresses[0])
            for one, way in ((peer.dup(), server), (server.dup(), peer.dup())):
                threading.Thread(target=pass_on, args=(one, way)).start()

        with (
            answering(answer) as (address, _),
            comparing(tmp_path, address) as server,
        ):
            wait_for(lambda: state_of(server), lambda one: one["kind"] == "namesrv")
    assert first[0].startswith(b"GET /v1/digest ")


def test_our_own_address_is_noticed_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    mine = f"127.0.0.1:{port}"
    with comparing(tmp_path, mine, listen_port=port) as server:
        found = wait_for(lambda: state_of(server), lambda one: one["state"] != "new")
        assert found["state"] == "itself"
        time.sleep(5 * QUICK.every_millis / 1000)
    lines = [one for one in caplog.messages if one == "a peer is this server itself"]
    assert len(lines) == 1


def test_our_own_address_is_noticed_without_http(tmp_path: Path) -> None:
    port = free_port()
    with comparing(
        tmp_path, f"127.0.0.1:{port}", listen_port=port, http_access="off"
    ) as server:
        views = server._server.inside.state.peer_views
        wait_until(lambda: views.views and views.views[0].state == "itself")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_an_orphan_is_not_ready_until_a_broker_registers(tmp_path: Path) -> None:
    with (
        comparing(tmp_path / "there", "") as there,
        comparing(
            tmp_path / "here", "{}:{}".format(*there.addresses[0]), ORPHAN
        ) as here,
        Peer(here.addresses[0]) as client,
    ):
        at_peer, at_home = Brokers(there.addresses[0]), Brokers(here.addresses[0])
        with at_peer.peer, at_home.peer:
            at_peer.register()
            address = here.addresses[0]
            wait_for(lambda: state_of(here), lambda one: one.get("brokers") == 1)
            # Nobody asks it for a route: a node that is new is no orphan.
            assert asked(address, "/readyz")[0] == 200

            def ask_again() -> tuple[int, Any]:
                assert client.ask(lookup("T1")).code == 17
                status, body, *_ = asked(address, "/readyz")
                return status, body

            _, body = wait_for(ask_again, lambda found: found[0] == 503)
            assert body["reason"] == "orphaned"
            assert "no broker registers with it" in body["detail"]
            assert asked(address, "/v1/peers")[1]["orphan"] == body["detail"]
            at_home.register()
            wait_for(lambda: asked(address, "/readyz")[0], lambda code: code == 200)
