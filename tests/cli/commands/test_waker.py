"""`watch` of some topics at a server that tells changes of routes over HTTP."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from namesrv.cli.commands.waker import Waker
from namesrv.client.http import HttpReply
from namesrv.errors import HttpMissing, NameServerUnreachable
from namesrv.testing.peer import Broker, Peer
from tests.admin.served import serving_http

LONG = 60.0
"""Seconds that no test waits for."""


class Server:
    """Answers each question with the next reply or error that the test gives."""

    def __init__(self) -> None:
        self.asked: SimpleQueue[str] = SimpleQueue()
        self.replies: SimpleQueue[HttpReply | Exception] = SimpleQueue()

    def ask(self, target: str) -> HttpReply:
        self.asked.put(target)
        reply = self.replies.get()
        if isinstance(reply, Exception):
            raise reply
        return reply

    def next_asked(self) -> str:
        return self.asked.get(timeout=30)

    def reply(self, index: str = "", status: int = 200, **more: str) -> None:
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        if index:
            headers["x-namesrv-index"] = index
        self.replies.put(HttpReply(status, None, headers))


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    # The thread ends.
    made.replies.put(HttpMissing("10.0.0.9:9876"))


def begun(server: Server, *topics: str) -> Waker:
    waker = Waker(topics or ("T",), server.ask)
    waker.begin()
    return waker


def seconds_of(wait: Callable[[], None]) -> float:
    began = time.monotonic()
    wait()
    return time.monotonic() - began


def test_change_of_a_route_wakes(server: Server) -> None:
    waker = begun(server, "a/b")
    assert server.next_asked() == "/v1/topics/a%2Fb/route"
    server.reply("5")
    assert server.next_asked() == "/v1/topics/a%2Fb/route?wait=30s&after=5"
    waker.wait(LONG)
    server.reply("5")
    assert server.next_asked().endswith("after=5")
    server.reply("6 7")
    assert server.next_asked().endswith("after=6%207")
    waker.wait(LONG)


def test_same_index_wakes_nobody(server: Server) -> None:
    waker = begun(server)
    server.reply("5")
    waker.wait(LONG)
    server.reply("5")
    asked = [server.next_asked() for _ in range(3)]
    assert asked[1] == asked[2]
    assert not waker.is_woken


def test_unchanged_index_is_followed_by_a_pause(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(Waker, "_pause", lambda self, seconds: pauses.append(seconds))
    begun(server)
    for index in ("5", "5", "5", "6"):
        server.next_asked()
        server.reply(index)
    server.next_asked()
    assert pauses == [1.0, 1.0]


def test_topic_without_a_route_has_an_index_too(server: Server) -> None:
    waker = begun(server)
    server.reply("0", status=404)
    waker.wait(LONG)
    server.next_asked()
    assert server.next_asked().endswith("wait=30s&after=0")


@pytest.mark.parametrize(
    "last",
    [
        HttpReply(400, {"detail": "there is no parameter wait"}, {}),
        HttpReply(200, {}, {}),
        HttpReply(401, {}, {}),
        HttpMissing("10.0.0.9:9876"),
    ],
)
def test_server_that_does_not_tell_is_asked_again_and_again(
    server: Server, last: HttpReply | Exception
) -> None:
    waker = begun(server)
    server.replies.put(last)
    waker.wait(LONG)
    assert seconds_of(lambda: waker.wait(0.01)) < 10
    server.next_asked()
    assert server.asked.empty()


def test_lost_server_wakes_and_is_asked_anew(server: Server) -> None:
    waker = begun(server)
    server.reply("5")
    waker.wait(LONG)
    server.replies.put(NameServerUnreachable("gone"))
    waker.wait(LONG)
    assert seconds_of(lambda: waker.wait(0.01)) < 10
    server.reply("5")
    waker.wait(LONG)
    asked = [server.next_asked().partition("?")[2] for _ in range(3)]
    assert asked == ["", "wait=30s&after=5", ""]


def test_busy_server_is_asked_later(server: Server) -> None:
    waker = begun(server)
    server.reply(status=503, retry_after="0")
    waker.wait(LONG)
    server.reply("5")
    waker.wait(LONG)
    assert server.next_asked() == server.next_asked()


def test_every_topic_has_its_own_wait(server: Server) -> None:
    waker = begun(server, "T", "U")
    asked = {server.next_asked(), server.next_asked()}
    assert asked == {f"/v1/topics/{topic}/route" for topic in "TU"}
    server.reply("5")
    waker.wait(LONG)
    # The other one does not wait yet.
    assert seconds_of(lambda: waker.wait(0.01)) < 10
    server.replies.put(HttpMissing("10.0.0.9:9876"))


def test_watch_prints_a_change_though_it_asks_once_in_ten_minutes(
    tmp_path: Path,
) -> None:
    with serving_http(tmp_path) as server, Peer(server.addresses[0]) as broker:
        address = "{}:{}".format(*server.addresses[0])
        words = ["watch", "New", "--every", "600", "-n", address]
        watching = subprocess.Popen(
            [sys.executable, "-m", "namesrv", *words], stdout=subprocess.PIPE, text=True
        )
        lines = watching.stdout
        assert lines is not None
        assert "watching 1 topic, 0 known" in lines.readline()
        broker.ask(Broker().registration({"New": 1, "Hello": 2}))
        assert "route New: " in lines.readline()
        watching.terminate()
        watching.communicate(timeout=30)
