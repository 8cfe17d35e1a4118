"""Pipes that nobody reads: the server starts, answers and ends all the same."""

import os
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from namesrv.testing.peer import WAIT_SECONDS, Address, Peer, request

pytestmark = pytest.mark.slow

BOOT = re.compile(r"boot success.* address 127\.0\.0\.1:([0-9]+)")
STARTED = re.compile(r"server started addresses=127\.0\.0\.1:([0-9]+)")


class Pipe:
    """A pipe that takes nothing more, because nobody has read what it holds."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.write_end, False)
        self.held = 0
        for size in (4096, 1):
            try:
                while True:
                    self.held += os.write(self.write_end, b"." * size)
            except BlockingIOError:
                continue
        os.set_blocking(self.write_end, True)

    def close(self) -> None:
        os.close(self.read_end)
        os.close(self.write_end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    words = ["--bind", "127.0.0.1", "--port", "0", "--data-dir", str(tmp_path)]
    return [sys.executable, "-m", "namesrv", *words]


@contextmanager
def started(
    command: list[str], stdout: int | None, stderr: int | None
) -> "Iterator[subprocess.Popen[bytes]]":
    with subprocess.Popen(command, stdout=stdout, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.kill()


def read_address(stream: int, pattern: re.Pattern[str]) -> Address:
    with open(stream, closefd=False) as lines:
        found = next(filter(None, map(pattern.search, lines)))
    return "127.0.0.1", int(found[1])


def serves_and_ends(process: "subprocess.Popen[bytes]", address: Address) -> None:
    """Each request of these has a line in the log, as long as there is a rate."""
    with Peer(address) as peer:
        for _ in range(100):
            assert peer.ask(request(206)).code == 0
            assert peer.ask(request(101, {"namespace": "n", "key": "k"})).code == 22
            assert peer.ask(request(100, {"namespace": "n"})).code == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_SECONDS) == 0


def test_full_standard_error_does_not_stop_the_server(
    command: list[str], pipe: Pipe
) -> None:
    with started(command, stdout=subprocess.PIPE, stderr=pipe.write_end) as process:
        assert process.stdout is not None
        address = read_address(process.stdout.fileno(), BOOT)
        serves_and_ends(process, address)


def test_full_standard_output_does_not_stop_the_server(
    command: list[str], pipe: Pipe
) -> None:
    with started(command, stdout=pipe.write_end, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        address = read_address(process.stderr.fileno(), STARTED)
        serves_and_ends(process, address)


def test_both_are_one_pipe_and_lines_come_once_it_is_read(
    command: list[str], pipe: Pipe
) -> None:
    with started(command, stdout=pipe.write_end, stderr=pipe.write_end) as process:
        held = pipe.held
        while held:
            held -= len(os.read(pipe.read_end, held))
        address = read_address(pipe.read_end, BOOT)
        serves_and_ends(process, address)
        rest = os.read(pipe.read_end, 1 << 16).decode()
        assert rest.splitlines()[-1].endswith("INFO  server stopped")


@pytest.mark.parametrize("is_log_full", [False, True])
def test_start_that_fails(
    command: list[str], tmp_path: Path, pipe: Pipe, is_log_full: bool
) -> None:
    (tmp_path / "kvConfig.json").write_text("{")
    stderr = pipe.write_end if is_log_full else subprocess.PIPE
    with started(command, stdout=None, stderr=stderr) as process:
        _, text = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 1
        assert is_log_full or b"is not JSON" in text


def test_terminal_that_was_stopped(command: list[str]) -> None:
    """As by Ctrl-S."""
    ours, theirs = os.openpty()
    termios.tcflow(theirs, termios.TCOOFF)
    try:
        with started(command, stdout=subprocess.PIPE, stderr=theirs) as process:
            assert process.stdout is not None
            address = read_address(process.stdout.fileno(), BOOT)
            serves_and_ends(process, address)
    finally:
        os.close(theirs)
        os.close(ours)
