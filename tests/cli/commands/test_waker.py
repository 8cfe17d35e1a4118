"""`watch` of some topics at a server that tells changes of routes over HTTP."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from namesrv.cli import main
from namesrv.cli.commands.session import questions
from namesrv.cli.commands.waker import Waker
from namesrv.cli.commands.watch import _Printer, _wait
from namesrv.cli.commands.words import read_call
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


TOKENS = ("0123456789abcdef", "another-token-of-no")


@pytest.fixture
def with_tokens(tmp_path: Path) -> Iterator[str]:
    """The address of a server whose HTTP asks for a token."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"read={TOKENS[0]}\n")
    tokens.chmod(0o600)
    options: dict[str, Any] = {"http_access": "token", "http_token_file": str(tokens)}
    with serving_http(tmp_path / "data", **options) as server:
        yield "{}:{}".format(*server.addresses[0])


@pytest.mark.parametrize(
    ("token", "line"),
    [
        ("", "no token: asking every second"),
        (TOKENS[1], "the token is wrong: asking every second"),
    ],
)
def test_watch_reports_that_it_asks_every_second(
    with_tokens: str,
    token: str,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NAMESRV_TOKEN", token)
    call = read_call(["watch", "Hello", "New", "-n", with_tokens])
    wait = _wait(call, questions(call), _Printer(is_json=False), 1.0)
    # A topic each, and the second one wakes no later than after a second.
    wait(LONG)
    wait(1.0)
    call.close()
    (printed,) = capsys.readouterr().out.splitlines()
    assert printed.endswith(f"  server {with_tokens}: {line}")


def test_watch_takes_a_token_from_a_file(
    with_tokens: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKENS[0]}\n")
    words = ["watch", "Hello", "--token-file", str(path), "-n", with_tokens]
    call = read_call(words)
    wait = _wait(call, questions(call), _Printer(is_json=False), 1.0)
    wait(LONG)
    call.close()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "text", ["read=0123456789abcdef", "# tokens\nread=x\n", "a\nb"]
)
@pytest.mark.parametrize("command", ["watch", "history"])
def test_a_file_of_the_server_is_no_token(
    command: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tokens"
    path.write_text(text)
    assert main([command, "--token-file", str(path)]) == 2
    assert capsys.readouterr().err == (
        f"namesrv: --token-file {path} is wrong: expected one token alone; this looks"
        " like the server's httpTokenFile\n"
    )
    path.write_text("\n")
    assert main([command, "--token-file", str(path)]) == 2
    assert "has no secret: expected one line" in capsys.readouterr().err


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
