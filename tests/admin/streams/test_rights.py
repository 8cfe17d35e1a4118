"""Streams and waits whose token is taken out of the file end."""

from pathlib import Path
from typing import Any

import pytest

from namesrv.admin.http.guard import HttpGuard
from namesrv.admin.http.service import Guard
from namesrv.server.files.http_tokens import HttpTokenFile
from tests.admin.streams.lasting_server import FIRST, LastingServer, answered, types
from tests.server.loop_free_server import LoopFreePeer, RecordedLog

OLD, OTHER = "old-token-0123456789", "other-token-0123456789"
NEW, WRITE = "new-token-0123456789", "write-token-0123456789"


class GuardedServer(LastingServer):
    """A server whose readers need a token."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.path = folder / "tokens"
        self.path.touch(0o600)
        self.write(f"read={OLD}\nread={OTHER}\nwrite={WRITE}\n")
        own = {"http_access": "token", "http_token_file": str(self.path)}
        super().__init__(folder, **(own | {"http_hosts": "a"} | options))

    def write(self, text: str) -> None:
        """Write the file of tokens; its size always changes."""
        self.path.write_text(text)

    def make_guard(self) -> Guard:
        file = HttpTokenFile(self.inside.options, RecordedLog())
        file.load()
        return HttpGuard(self.inside.options, self.state, file)

    def ask_with(self, token: str, target: str) -> LoopFreePeer:
        """A new peer that has sent a request with a token."""
        return self.ask(target, f"Authorization: Bearer {token}")


@pytest.mark.parametrize("text", [f"read={OTHER}\nwrite={WRITE}\n", "nonsense\n", ""])
def test_streams_without_a_valid_token_end(tmp_path: Path, text: str) -> None:
    server = GuardedServer(tmp_path)
    streams = [server.ask_with(one, "/v1/events") for one in (OLD, OTHER, WRITE)]
    server.pass_seconds(3)
    assert [types(stream) for stream in streams] == [["picture"]] * 3
    server.write(text)
    server.pass_seconds(3)
    others_end = OTHER not in text
    ended = [types(stream)[-1] == "end" for stream in streams]
    assert ended == [True, others_end, others_end]
    assert [stream.transport.is_closed for stream in streams] == ended
    server.register(FIRST)
    server.pass_seconds(1)
    seen = ["BrokerRegistered" in types(stream) for stream in streams]
    assert seen == [not end for end in ended]


def test_waits_without_a_valid_token_end(tmp_path: Path) -> None:
    server = GuardedServer(tmp_path)
    target = "/v1/topics/Orders/route?wait=60s"
    waits = [server.ask_with(one, target) for one in (OLD, WRITE)]
    server.pass_seconds(3)
    assert [answered(wait) for wait in waits] == [[], []]
    server.write(f"read={NEW}\nwrite={WRITE}\n")
    server.pass_seconds(3)
    (refused,) = answered(waits[0])
    assert refused.status == 503 and b"token" in refused.body
    assert answered(waits[1]) == []
    server.register(FIRST)
    server.pass_seconds(1)
    assert [one.status for one in answered(waits[1])] == [200]


def test_answers_that_need_no_token_stay(tmp_path: Path) -> None:
    server = GuardedServer(tmp_path, http_access="open")
    stream = server.ask_with(OLD, "/v1/events")
    server.write(f"read={NEW}\n")
    server.pass_seconds(3)
    assert types(stream) == ["picture"]
