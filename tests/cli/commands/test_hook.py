"""`watch --exec`: a command for each change of a route."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv.cli import main
from namesrv.cli.commands.hook import Hook, Occasion
from namesrv.cli.commands.watch import watch
from namesrv.cli.commands.words import read_call
from namesrv.testing.peer import Broker, request
from tests.cli.commands.test_live import waiting
from tests.cli.commands.world import World

NEW = Broker("broker-n", 0, "10.0.0.7:10911", "c3")
UNREGISTER_BROKER = 104


def until(happened: Callable[[], object]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def occasion(topic: str, *texts: str, reason: str = "change") -> Occasion:
    return Occasion(topic, "10.0.0.9:9876", reason, texts, {"n": 1}, ["10.0.0.1:1"])


class Hooked:
    """A hook and its reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports: list[tuple[str, str]] = []
        self.hook: Hook | None = None

    def begin(self, command: str) -> Hook:
        self.hook = Hook(command, lambda *report: self.reports.append(report))
        return self.hook

    def lines(self, name: str = "out") -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def until_reports(self, count: int) -> None:
        until(lambda: len(self.reports) >= count)


@pytest.fixture
def hooked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hooked]:
    monkeypatch.setenv("FOLDER", str(tmp_path))
    made = Hooked(tmp_path)
    yield made
    if made.hook is not None:
        made.hook.close()


def test_command_gets_the_facts(hooked: Hooked) -> None:
    hook = hooked.begin('env | grep ^NAMESRV_ >> "$FOLDER/out"; cat >"$FOLDER/facts"')
    hook.put(occasion("T", "gone"))
    hooked.until_reports(1)
    assert set(hooked.lines()) >= {
        "NAMESRV_TOPIC=T",
        "NAMESRV_SERVER=10.0.0.9:9876",
        "NAMESRV_REASON=change",
        "NAMESRV_EXISTS=true",
        "NAMESRV_MASTERS=10.0.0.1:1",
    }
    assert json.loads((hooked.folder / "facts").read_text()) == {
        "topic": "T",
        "server": "10.0.0.9:9876",
        "reason": "change",
        "changes": ["gone"],
        "route": {"n": 1},
        "masters": ["10.0.0.1:1"],
    }


@pytest.mark.parametrize(
    ("command", "report"),
    [
        ("exit 0", r"exit code 0 after \d+\.\d s"),
        ("exit 3", r"exit code 3 after \d+\.\d s"),
        ("kill -9 $$", r"ended by signal 9 after \d+\.\d s"),
        ("no-such-command-anywhere 2>&-", r"exit code 127 after \d+\.\d s"),
    ],
)
def test_end_of_the_command_is_reported(
    hooked: Hooked, command: str, report: str
) -> None:
    hooked.begin(command).put(occasion("T"))
    hooked.until_reports(1)
    ((topic, text),) = hooked.reports
    assert topic == "T"
    assert re.fullmatch(report, text)


def test_large_facts_do_not_block_a_command_that_does_not_read(hooked: Hooked) -> None:
    large = occasion("T")._replace(route="x" * 2_000_000, masters=["m" * 70_000])
    hooked.begin('echo "${NAMESRV_MASTERS-none}" >"$FOLDER/out"').put(large)
    hooked.until_reports(1)
    assert hooked.lines() == ["none"]


def test_commands_never_overlap_and_the_last_change_wins(hooked: Hooked) -> None:
    hook = hooked.begin(
        'mkdir "$FOLDER/lock" || echo overlap >>"$FOLDER/out";'
        ' cat >>"$FOLDER/out"; echo >>"$FOLDER/out";'
        ' while [ ! -e "$FOLDER/go" ]; do sleep 0.01; done; rmdir "$FOLDER/lock"'
    )
    hook.put(occasion("T", "first", reason="start"))
    until(hooked.lines)
    for number in range(5):
        hook.put(occasion("T", f"change {number}")._replace(route=number))
    hook.put(occasion("U", "other"))
    (hooked.folder / "go").touch()
    hooked.until_reports(3)
    ran = [json.loads(line) for line in hooked.lines()]
    assert [(one["topic"], one["reason"], one["route"]) for one in ran] == [
        ("T", "start", {"n": 1}),
        ("T", "change", 4),
        ("U", "change", {"n": 1}),
    ]
    assert ran[1]["changes"] == [f"change {number}" for number in range(5)]


def test_close_ends_the_command_and_its_children(hooked: Hooked) -> None:
    hook = hooked.begin('sleep 300 & echo $! >"$FOLDER/out"; wait')
    hook.put(occasion("T"))
    until(hooked.lines)
    hook.put(occasion("T"))
    hook.close()
    child = int(hooked.lines()[0])
    until(lambda: not is_running(child))
    assert len(hooked.reports) == 1
    assert hooked.reports[0][1].startswith("ended by signal 15")


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_texts_of_a_server_are_escaped_in_variables() -> None:
    made = occasion("T")._replace(masters=["a\nb\0c"], route=None).environment
    assert made["NAMESRV_MASTERS"] == "a\\nb\\x00c"
    assert made["NAMESRV_EXISTS"] == "false"


ENDING = (signal.SIGTERM, signal.SIGHUP)


def watched(world: World, capsys: Any, words: list[str], *steps: Any) -> list[str]:
    before = {one: signal.getsignal(one) for one in ENDING}
    call = read_call(["watch", *words, "-n", world.address])
    try:
        watch(call, waiting(*steps))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        call.close()
    return [line[10:] for line in capsys.readouterr().out.splitlines()]


def test_watch_runs_the_command_at_the_start_and_for_each_change(
    world: World, capsys: Any, hooked: Hooked
) -> None:
    def ran(count: int) -> Callable[[], None]:
        return lambda: until(lambda: len(hooked.lines()) >= count)

    command = 'echo "$NAMESRV_REASON $NAMESRV_EXISTS $NAMESRV_MASTERS" >>"$FOLDER/out"'
    with world.server.peer() as peer:
        lines = watched(
            world,
            capsys,
            ["New", "--exec", command],
            ran(1),
            lambda: peer.ask(NEW.registration({"New": 1, "Hello": 2})),
            ran(2),
            lambda: peer.ask(request(UNREGISTER_BROKER, NEW.ext_fields)),
            ran(3),
            ran(3),
        )
    assert hooked.lines() == [
        "start false ",
        "change true 10.0.0.7:10911",
        "change false ",
    ]
    assert "route New: gone" in lines
    ends = [line for line in lines if line.startswith("command New: exit code 0 ")]
    assert 2 <= len(ends) <= 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--exec", "true"], "--exec needs topics"),
        (["T", "--exec", " "], "--exec is empty"),
    ],
)
def test_mistakes(words: list[str], sentence: str, capsys: Any) -> None:
    assert main(["watch", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_sigterm_ends_watch_and_its_command(world: World, tmp_path: Path) -> None:
    words = ["watch", "Hello", "-n", world.address, "--json"]
    command = f"echo $$ >{tmp_path}/pid; echo to people; exec sleep 300"
    process = subprocess.Popen(
        [sys.executable, "-m", "namesrv", *words, "--exec", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pid = tmp_path / "pid"
    until(lambda: pid.exists() and pid.read_text())
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert not is_running(int(pid.read_text()))
    assert err == "to people\n"
    assert [json.loads(line)["kind"] for line in out.splitlines()][0] == "server"


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_that_ends_watch_ends_the_command(
    world: World, capsys: Any, hooked: Hooked, number: signal.Signals
) -> None:
    def end() -> None:
        until(hooked.lines)
        signal.raise_signal(number)

    command = 'echo $$ >>"$FOLDER/out"; sleep 600'
    watched(world, capsys, ["T", "--exec", command], end)
    child = int(hooked.lines()[0])
    until(lambda: not is_running(child))


def test_watch_still_ignores_a_closed_terminal_under_nohup(
    world: World, capsys: Any, hooked: Hooked
) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        end = lambda: signal.raise_signal(signal.SIGHUP)  # noqa: E731
        steps = [end, lambda: (hooked.folder / "second").touch()]
        watched(world, capsys, ["T", "--exec", "true"], *steps)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (hooked.folder / "second").exists()
