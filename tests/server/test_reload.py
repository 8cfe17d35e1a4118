"""SIGHUP: what changes while the server runs, and what does not."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from namesrv.codes import RequestCode, ResponseCode
from namesrv.options import BY_NAME
from namesrv.server.reload import RELOADED
from tests.server.peer import Broker, Peer, lookup, request, wait_until
from tests.server.server_process import ServerProcess

READ_AGAIN = "the configuration was read again"
Reload = Callable[[str], str]


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

    def reload(self, text: str) -> str:
        """Change the file and say so; what was logged of it."""
        before = self.server.log()
        self.file.write_text(text)
        self.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: READ_AGAIN in self.server.log()[len(before) :])
        return self.server.log()[len(before) :]


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
def test_live_options_change_and_others_wait(tmp_path: Path, loop_name: str) -> None:
    with Reloaded(
        tmp_path, "enableTopicList=true\nlistenPort=0\n", "--loop", loop_name
    ) as it:
        with it.server.peer() as peer:
            broker = Broker("127.0.0.1:1")
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
            assert f"count from the next start only {waiting}" in said
            assert option(peer, "enableTopicList") == "false"
            assert option(peer, "scanNotActiveBrokerInterval") == "1234"
            assert option(peer, "serverSocketBacklog") == "1024"
            assert option(peer, "ownKey") == "kept"
            assert peer.ask(lookup("t")).code == 0, "connections and routes stay"


def test_mistake_changes_nothing(tmp_path: Path) -> None:
    with Reloaded(tmp_path, "enableTopicList=true\n") as it:
        said = it.reload("enableTopicList=false\nscanNotActiveBrokerInterval=soon\n")
        assert "nothing of it is taken over" in said
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
        broker = Broker("127.0.0.1:1")
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
        it.server.wait_for_log("access keys read again")
        assert peer.ask(update).code == ResponseCode.NO_PERMISSION
        keys.write_text("no key at all\n")
        it.reload(f"adminAccess=signed\naccessKeysFile={keys}\n")
        it.server.wait_for_log("the old ones stay")


def test_every_name_is_an_option() -> None:
    assert set(BY_NAME) >= RELOADED
