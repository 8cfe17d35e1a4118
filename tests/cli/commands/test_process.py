"""Commands as processes: imports, signals, pipes that close."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from namesrv.testing.peer import WAIT_SECONDS
from tests.cli.commands.world import World

HEAVY = {
    *("asyncio", "dataclasses", "inspect", "msgspec", "uvloop", "msgpack", "hashlib"),
    *("ssl", "argparse", "difflib", "platform", "email", "importlib.metadata"),
    *("namesrv.options", "namesrv.wire.command", "namesrv.server", "namesrv.routing"),
    *("concurrent.futures", "threading", "subprocess", "shutil", "unicodedata"),
    *("stringprep", "rich", "logging", "decimal", "datetime"),
}
IMPORTED = """
import sys
from namesrv.cli import main
code = main(sys.argv[1:])
print(" ".join(sys.modules), file=sys.stderr)
sys.exit(code)
"""
COMMANDS = [
    ["topic", "list"],
    ["topic", "show", "Orders"],
    ["topic", "route", "Hello"],
    ["topic", "route", "Hello", "--json"],
    ["topic", "delete", "Hello"],
    ["cluster", "list"],
    ["broker", "list", "-c", "c1"],
    ["broker", "show", "broker-b", "--topics"],
    ["broker", "wipe-write", "broker-a"],
    ["broker", "add-write", "broker-a"],
    ["kv", "list", "ORDER_TOPIC_CONFIG"],
    ["kv", "get", "ORDER_TOPIC_CONFIG", "Orders"],
    ["kv", "put", "ns", "k", "v"],
    ["kv", "delete", "ORDER_TOPIC_CONFIG", "Orders"],
    ["config", "get", "listenPort"],
    ["config", "set", "orderMessageEnable=true"],
    ["ping"],
]


def run(*words: str, code: str | None = None) -> "subprocess.CompletedProcess[str]":
    command = ["-m", "namesrv"] if code is None else ["-c", code]
    # Without the module site, so that nothing that is installed adds imports.
    return subprocess.run(
        [sys.executable, "-I", "-S", *command, *words],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )


def imported(*words: str) -> set[str]:
    """The modules that a command has imported at its end."""
    root = Path(__file__).parent.parent.parent.parent
    ran = run(*words, code=f"import sys; sys.path.insert(0, {str(root)!r})" + IMPORTED)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stderr.split())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_command_that_asks_once_imports_nothing_heavy(
    world: World, words: list[str]
) -> None:
    modules = imported(*words, "-n", world.address)
    assert modules & HEAVY == set()
    floors = {name.split(".")[1] for name in modules if name.startswith("namesrv.")}
    assert floors == {"cli", "client", "codes", "errors", "misspellings", "wire"}


@pytest.mark.parametrize(
    "words", [["--help"], ["topic", "--help"], ["topic", "list", "--help"]]
)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    # Finding the width of the terminal takes the module shutil.
    assert imported(*words) & HEAVY <= {"shutil"}


def test_version_reads_no_metadata() -> None:
    modules = imported("--version")
    assert modules & HEAVY == set()


@pytest.fixture
def watching(world: World) -> "Iterator[subprocess.Popen[str]]":
    with subprocess.Popen(
        [sys.executable, "-m", "namesrv", "watch", "-n", world.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "watching 2 clusters" in process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)]
)
def test_watch_ends_with_a_signal(
    watching: "subprocess.Popen[str]", number: signal.Signals, code: int
) -> None:
    watching.send_signal(number)
    assert watching.wait(WAIT_SECONDS) == code
    assert watching.stderr is not None
    assert watching.stderr.read() == ""


@pytest.mark.parametrize(
    "words", [["topic", "list"], ["topic", "list", "--watch"], ["watch"], ["--version"]]
)
def test_output_to_a_full_disk_is_reported(world: World, words: list[str]) -> None:
    at = [] if words == ["--version"] else ["-n", world.address]
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "namesrv", *words, *at],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=WAIT_SECONDS,
        )
    assert (ran.returncode, ran.stderr) == (
        1,
        "namesrv: standard output cannot be written: No space left on device; the"
        " output is incomplete\n",
    )


def test_list_whose_reader_leaves_is_no_traceback(world: World) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        for words in (["topic", "list"], ["topic", "list", "--watch"], ["watch"]):
            ran = subprocess.run(
                [sys.executable, "-m", "namesrv", *words, "-n", world.address],
                stdout=write_end,
                stderr=subprocess.PIPE,
                timeout=WAIT_SECONDS,
            )
            assert (ran.returncode, ran.stderr) == (0, b"")
    finally:
        os.close(write_end)
