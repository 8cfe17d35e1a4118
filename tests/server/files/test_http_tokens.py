"""The file of HTTP's tokens: read, changed, and wrong."""

import os
from pathlib import Path

import pytest

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.server.files.http_tokens import (
    CHECK_MILLIS,
    LONGEST_TOKEN,
    SHORTEST_TOKEN,
    HttpTokenFile,
    HttpTokens,
    read_http_tokens,
)
from tests.server.loop_free_server import RecordedLog

READ, WRITE = b"read-token-0123456789", b"write-token-0123456789=="
TEXT = b"# ours\r\n\nread=" + READ + b"\n write = " + WRITE + b" \n"
TOKENS = HttpTokens((READ,), (WRITE,))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a token of each right, closed to others."""
    path = tmp_path / "tokens"
    path.touch(0o600)
    path.write_bytes(TEXT)
    return path


class Watched:
    """The file as a server has it."""

    def __init__(self, path: Path) -> None:
        self.options = Options(http_token_file=str(path))
        self.log = RecordedLog()
        self.file = HttpTokenFile(self.options, self.log)
        self.file.load()
        self.now_ms = 0

    def later(self) -> HttpTokens:
        self.now_ms += CHECK_MILLIS
        return self.file.tokens(self.now_ms)


def test_tokens_are_read(path: Path) -> None:
    assert read_http_tokens(str(path)) == TOKENS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "it has no token"),
        (b"# none\n", "it has no token"),
        (b"token-0123456789-abc", "line 1: expected read=TOKEN or write=TOKEN"),
        (b"\nadmin=" + READ, "line 2: expected read=TOKEN or write=TOKEN"),
        (b"read=" + READ + b" x", "line 1: a token has letters"),
        (b"read=\xc3\xa9" + READ, "line 1: a token has letters"),
        (b"read=", "line 1: a token has letters"),
        (b"read=short", "line 1: the token has 5 characters, expected 16 to 512"),
        (b"read=" + b"a" * (LONGEST_TOKEN + 1), "line 1: the token has 513 characters"),
        (b"read=%s\nwrite=%s" % (READ, READ), "line 2: the token has the other right"),
        (b"#" * 70_000, "it is longer than 65536 bytes"),
    ],
)
def test_mistake_is_one_sentence(path: Path, text: bytes, reason: str) -> None:
    path.write_bytes(text)
    with pytest.raises(StartFailed) as failure:
        read_http_tokens(str(path))
    assert str(failure.value).startswith(f"cannot use the HTTP tokens of {path}: ")
    assert reason in str(failure.value)
    assert READ.decode() not in str(failure.value)


def test_shortest_and_longest_token_are_read(path: Path) -> None:
    short, long = b"a" * SHORTEST_TOKEN, b"b" * LONGEST_TOKEN
    path.write_bytes(b"read=%s\nread=%s" % (short, long))
    assert read_http_tokens(str(path)).readers == (short, long)


@pytest.mark.parametrize(("mode", "is_usable"), [
    (0o600, True), (0o640, True), (0o400, True),
    (0o644, False), (0o660, False), (0o602, False),
])  # fmt: skip
def test_file_has_to_be_closed_to_others(
    path: Path, mode: int, is_usable: bool
) -> None:
    path.chmod(mode)
    if is_usable:
        assert read_http_tokens(str(path)) == TOKENS
    else:
        with pytest.raises(StartFailed, match=rf"\(mode {mode:04o}\), chmod 600"):
            read_http_tokens(str(path))


def test_missing_file_refuses_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="No such file"):
        Watched(tmp_path / "none")


def test_changed_file_is_taken_at_the_next_check(path: Path) -> None:
    watched = Watched(path)
    assert watched.later() == TOKENS
    path.write_bytes(b"write=" + WRITE + b"\n")
    assert watched.file.tokens(watched.now_ms) == TOKENS
    assert watched.later() == HttpTokens((), (WRITE,))
    assert watched.log.events_shown() == ["HTTP tokens reloaded"]
    assert watched.log.lines[0].fields == {"readers": 0, "writers": 1}


@pytest.mark.parametrize("mistake", ["content", "mode", "gone"])
def test_broken_file_gives_no_token_until_it_is_repaired(
    path: Path, mistake: str
) -> None:
    watched = Watched(path)
    if mistake == "content":
        path.write_bytes(b"nonsense")
    elif mistake == "mode":
        path.chmod(0o644)
    else:
        path.rename(path.with_name("elsewhere"))
    assert watched.later() == watched.later() == HttpTokens()
    assert watched.log.events_shown() == [
        "HTTP tokens cannot be used, none is accepted"
    ]
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
        file.write(TEXT + b"# repaired\n")
    path.chmod(0o600)
    assert watched.later() == TOKENS


def test_another_path_is_taken(path: Path, tmp_path: Path) -> None:
    watched = Watched(path)
    watched.options.http_token_file = ""
    assert watched.later() == HttpTokens()
    watched.options.http_token_file = str(path)
    assert watched.later() == TOKENS
