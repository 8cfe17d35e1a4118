"""SIGHUP: what changes while the server runs, and what does not."""

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from namesrv.codes import RequestCode, ResponseCode
from namesrv.options import BY_NAME
from namesrv.testing.peer import (
    WAIT_SECONDS,
    Broker,
    Peer,
    lookup,
    put_kv,
    request,
    wait_until,
)
from tests.server.server_process import ServerProcess

pytestmark = pytest.mark.slow

RELOADED = "configuration reloaded"
REFUSED = "configuration not reloaded"

_HANGS_UP_AT_EXIT = """
import os, signal, sys
from namesrv.cli import main

code = main(sys.argv[1:])
os.kill(os.getpid(), signal.SIGHUP)
sys.exit(code)
"""

_HANGS_UP = """
import os, signal, sys
from namesrv.cli import main
from namesrv.server.nameserver import NameServer

build = NameServer._build

def hang_up_and_build(server):
    os.kill(os.getpid(), signal.SIGHUP)
    build(server)

NameServer._build = hang_up_and_build
sys.exit(main(sys.argv[1:]))
"""


def option(peer: Peer, name: str) -> str:
    """What GET_NAMESRV_CONFIG says of it."""
    text = peer.ask(request(RequestCode.GET_NAMESRV_CONFIG)).body.decode()
    return dict(line.split("=", 1) for line in text.splitlines())[name]


class Reloaded:
    """A server with a configuration file."""

    def __init__(self, folder: Path, text: str, *words: str) -> None:
        self.file = folder / "namesrv.conf"
        self.file.write_text(text)
        self.server = ServerProcess(folder, "-c", str(self.file), *words)

    def __enter__(self) -> "Reloaded":
        assert self.server.process.stdout is not None
        self.server.process.stdout.readline()
        self.server.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.__exit__(*exc)

    def reload(self, text: str, end: str = RELOADED) -> str:
        """Change the file and say so; returns the log of it up to the line `end`.

        Other lines speak of reloaded files, and stand before the end of the reload.
        """
        before = len(self.server.log())
        self.file.write_text(text)
        self.server.process.send_signal(signal.SIGHUP)
        return self.server.wait_for_log(end, before)


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
def test_live_options_change_and_others_wait(tmp_path: Path, loop_name: str) -> None:
    with Reloaded(
        tmp_path, "enableTopicList=true\nlistenPort=0\n", "--loop", loop_name
    ) as it:
        with it.server.peer() as peer:
            broker = Broker(addr="127.0.0.1:1")
            assert peer.ask(broker.registration({"t": 1, "u": 1})).code == 0
            said = it.reload(
                "enableTopicList=false\nscanNotActiveBrokerInterval=1234\n"
                "serverSocketBacklog=7\nlogFormat=json\nownKey=kept\n"
            )
            assert (
                "configuration changed key=enableTopicList old=true new=false by=SIGHUP"
                in said
            )
            assert "changed=enableTopicList,scanNotActiveBrokerInterval" in said
            waiting = "options=serverSocketBacklog,logFormat"
            assert f"take effect at the next start {waiting}" in said
            assert RELOADED in said.splitlines()[-1], "the last line is the summary"
            assert option(peer, "enableTopicList") == "false"
            assert option(peer, "scanNotActiveBrokerInterval") == "1234"
            assert option(peer, "serverSocketBacklog") == "1024"
            assert option(peer, "ownKey") == "kept"
            assert peer.ask(lookup("t")).code == 0, "connections and routes stay"


def has(path: Path, text: str) -> bool:
    """Whether a file is there and has a text."""
    return path.exists() and text in path.read_text()


def test_log_and_audit_file_are_opened_anew(tmp_path: Path) -> None:
    """As logrotate does: rename, then SIGHUP."""
    log, audit = tmp_path / "namesrv.log", tmp_path / "audit.jsonl"
    words = ("--log-file", str(log), "--audit-log", str(audit))
    with ServerProcess(tmp_path, *words) as server, server.peer() as peer:
        assert peer.ask(put_kv("n", "before", "v")).code == 0
        for path in (log, audit):
            wait_until(partial(has, path, "before"))
            path.rename(path.with_suffix(".1"))
        server.process.send_signal(signal.SIGHUP)
        wait_until(partial(has, log, RELOADED))
        wait_until(audit.exists)
        assert peer.ask(put_kv("n", "after", "v")).code == 0
        for path in (log, audit):
            wait_until(partial(has, path, "after"))
            assert "before" not in path.read_text()
        assert server.end()[0] == 0
    assert "server stopped" in log.read_text()


def test_mistake_changes_nothing(tmp_path: Path) -> None:
    with Reloaded(tmp_path, "enableTopicList=true\n") as it:
        text = "enableTopicList=false\nscanNotActiveBrokerInterval=soon\n"
        said = it.reload(text, REFUSED)
        assert "line 2: scanNotActiveBrokerInterval is 'soon'" in said
        it.file.unlink()
        it.server.process.send_signal(signal.SIGHUP)
        it.server.wait_for_log("No such file or directory")
        assert "Traceback" not in it.server.log()
        with it.server.peer() as peer:
            assert option(peer, "enableTopicList") == "true"


def test_remote_update_counts_more_than_the_file(tmp_path: Path) -> None:
    with Reloaded(tmp_path, "enableTopicList=true\n") as it, it.server.peer() as peer:
        update = request(
            RequestCode.UPDATE_NAMESRV_CONFIG, None, b"enableTopicList=false"
        )
        assert peer.ask(update).code == ResponseCode.SUCCESS
        it.reload("enableTopicList=true\nenableAllTopicList=false\n")
        assert option(peer, "enableTopicList") == "false"
        assert option(peer, "enableAllTopicList") == "false"


def test_hot_path_is_told(tmp_path: Path) -> None:
    """The gate closes for lookups that the hot path answers by itself."""
    with Reloaded(tmp_path, "") as it, it.server.peer() as peer:
        broker = Broker(addr="127.0.0.1:1")
        peer.ask(broker.registration({"t": 1, "u": 1}))
        assert peer.ask(lookup("t")).code == ResponseCode.SUCCESS
        it.reload("needWaitForService=true\nwaitSecondsForService=3600\n")
        assert peer.ask(lookup("t")).code == ResponseCode.SYSTEM_ERROR
        it.reload("")
        assert peer.ask(lookup("t")).code == ResponseCode.SUCCESS


def test_log_level_changes(tmp_path: Path) -> None:
    with Reloaded(tmp_path, "logLevel=INFO\n") as it:
        it.reload("logLevel=DEBUG\n")
        with it.server.peer():
            it.server.wait_for_log("connection opened")


def test_access_is_narrowed_and_keys_are_read_again(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.touch(0o600)
    keys.write_text("operator=first\n")
    with Reloaded(tmp_path, "") as it, it.server.peer() as peer:
        update = request(
            RequestCode.UPDATE_NAMESRV_CONFIG, None, b"enableTopicList=false"
        )
        assert peer.ask(update).code == ResponseCode.SUCCESS
        said = it.reload(f"adminAccess=signed\naccessKeysFile={keys}\n")
        assert "changed=accessKeysFile,adminAccess" in said
        it.server.wait_for_log("access keys reloaded")
        assert peer.ask(update).code == ResponseCode.NO_PERMISSION
        keys.write_text("no key at all\n")
        text = f"logLevel=DEBUG\nadminAccess=open\naccessKeysFile={keys}\n"
        said = it.reload(text, REFUSED)
        assert f"cannot read the access keys of {keys}: line 1" in said
        assert peer.ask(update).code == ResponseCode.NO_PERMISSION


def test_access_is_not_narrowed_to_keys_that_cannot_be_read(tmp_path: Path) -> None:
    """Nobody could sign then: all brokers would be refused, and expire."""
    with Reloaded(tmp_path, "") as it, it.server.peer() as peer:
        keys = tmp_path / "keys"
        text = f"brokerAccess=signed\naccessKeysFile={keys}\n"
        said = it.reload(text, REFUSED)
        assert f"cannot read the access keys of {keys}: No such file" in said
        broker = Broker(addr="127.0.0.1:1")
        assert peer.ask(broker.registration({"t": 1, "u": 1})).code == 0
        keys.touch(0o600)
        keys.write_text("broker=secret-of-a-broker\n")
        it.reload(text)
        answer = peer.ask(broker.registration({"t": 1, "u": 1}))
        assert answer.code == ResponseCode.NO_PERMISSION


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
def test_signal_during_the_start_waits_for_its_end(
    tmp_path: Path, loop_name: str
) -> None:
    """Loading a large table takes a while, and a configuration may change in it."""
    words = ["--bind", "127.0.0.1", "--port", "0", "--data-dir", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-c", _HANGS_UP, *words, "--loop", loop_name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    assert "boot success" in process.stdout.readline()
    lines = iter(process.stderr.readline, "")
    assert any(RELOADED in line for line in lines)
    process.terminate()
    process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
def test_signal_at_the_very_end_does_not_spoil_the_exit_code(
    tmp_path: Path, loop_name: str
) -> None:
    """When the loop has gone already, and its handlers with it."""
    words = ["--bind", "127.0.0.1", "--port", "0", "--data-dir", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-c", _HANGS_UP_AT_EXIT, *words, "--loop", loop_name],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "boot success" in process.stdout.readline()
    process.terminate()
    process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0


def test_the_limits_of_bodies_change_together() -> None:
    limits = [
        name
        for name in BY_NAME
        if name.startswith("max") and name not in ("maxConnections",)
    ]
    assert "maxNameBytes" in limits
    assert all(BY_NAME[name].live for name in limits)
