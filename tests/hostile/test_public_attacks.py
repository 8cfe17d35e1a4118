"""The published attacks on RocketMQ, replayed: refused, nothing written, nothing run.

Written from their advisories. CVE-2023-33246: an update of the configuration carries a
shell command in rocketmqHome, which the filter servers that filterServerNums asks for
are started with. CVE-2023-37582: an update of the NameServer's configuration says
with configStorePath which file the rest of the update is then written to.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from namesrv.codes import RequestCode, ResponseCode
from namesrv.server.warm_start.schedule import STAMP_FILE
from namesrv.testing.peer import Peer, binary_request, lookup, request
from tests.hostile.conftest import Lay
from tests.server.server_process import ServerProcess

UPDATE_BROKER_CONFIG = 25
UPDATE = RequestCode.UPDATE_NAMESRV_CONFIG
REFUSED = ResponseCode.NO_PERMISSION
OWN_FILES = {"namesrv.lock", STAMP_FILE}


def shell_updates(target: Path) -> Iterator[str]:
    """CVE-2023-33246; each would make `target`."""
    command = f"touch {target}"
    homes = (
        f"-c $@|sh . echo {command};",
        f"-c {{{command}}};",
        f"$({command})",
        f"`{command}`",
        f";{command};",
        f"x\\u000a{command}",
    )
    for home in homes:
        yield f"filterServerNums=1\nrocketmqHome={home}\n"
        yield f"rocketmqHome={home}"
    yield f"orderMessageEnable=true\nrocketmqHome={homes[0]}"
    yield "filterServerNums=1"


def file_updates(target: Path) -> Iterator[str]:
    """CVE-2023-37582; each would write `target`, in one step or as one of two."""
    line = "* * * * * root id"
    yield f"configStorePath={target}"
    yield f"configStorePath={target}\nproductEnvName=x\\n{line}\\n"
    yield f"productEnvName=x\\n{line}\\n\nconfigStorePath={target}"
    yield f"productEnvName=x\\n{line}\\n"
    yield f"orderMessageEnable=true\nconfigStorePath={target}"
    yield f"config\\u0053torePath={target}"
    yield f"config\\\nStorePath={target}"
    yield f"  configStorePath : {target}"
    yield f"configStorePath={target}\nconfigStorePath="
    yield f"ConfigStorePath={target}\nconfigstorepath={target}"
    yield f"configStorePath={os.path.relpath(target)}"
    yield f"configStorePathName={target}"
    # The repair of 5.1.2 was a list of keys that could not be changed; was it kept?
    yield f"configBlackList=\nconfigStorePath={target}"
    yield "configBlackList=x"
    yield f"kvConfigPath={target}"
    # What would do the same with names of our own.
    yield f"dataDir={target}"
    yield f"logFile={target}"
    yield f"auditLog={target}"
    yield f"accessKeysFile={target}\nadminAccess=open"


def attack(peer: Peer, update: str) -> None:
    """Send it in every form; nothing is accepted."""
    body = update.encode()
    settings = peer.ask(request(RequestCode.GET_NAMESRV_CONFIG)).body
    for ext_fields in (None, {}, {"configStorePath": "x", "rocketmqHome": "x"}):
        answer = peer.ask(request(UPDATE, ext_fields, body, version=395))
        assert answer.code == REFUSED, update
        assert "can not be updated remotely" in (answer.remark or "")
    peer.send(request(UPDATE, None, body, flag=2))
    assert peer.ask(binary_request(UPDATE, {}, body)).code == REFUSED
    # The broker's own request, which its NameServer never served.
    assert peer.ask(request(UPDATE_BROKER_CONFIG, None, body)).code == 3
    assert peer.ask(request(RequestCode.GET_NAMESRV_CONFIG)).body == settings


@pytest.mark.parametrize("updates", [shell_updates, file_updates])
@pytest.mark.parametrize(
    "words", [(), ("--admin-access", "open", "--order-message-enable")]
)
def test_attack_is_refused_and_nothing_is_written(
    lay_siege: Lay, tmp_path: Path, updates: object, words: tuple[str, ...]
) -> None:
    assert callable(updates)
    targets = tmp_path / "targets"
    targets.mkdir()
    attacked = lay_siege(*words)
    with attacked.server.peer() as peer:
        for update in updates(targets / "made"):
            attack(peer, update)
        assert peer.ask(lookup("nobody-has-it")).code == ResponseCode.TOPIC_NOT_EXIST
    assert list(targets.iterdir()) == []
    files = {path.name for path in attacked.server.data_dir.iterdir()}
    # The witness of the attack has put a key.
    # The snapshot may be being written.
    own = OWN_FILES | {"routes.snapshot.tmp"}
    assert files - own <= {"kvConfig.json", "routes.snapshot"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "log.txt", "targets"]


def test_nothing_of_an_attack_outlives_the_server(tmp_path: Path) -> None:
    target = tmp_path / "made"
    before = b""
    for _ in range(2):
        with ServerProcess(tmp_path, is_plain=True) as server:
            with server.peer() as peer:
                settings = peer.ask(request(RequestCode.GET_NAMESRV_CONFIG)).body
                assert before in (b"", without_port(settings))
                before = without_port(settings)
                for update in (*shell_updates(target), *file_updates(target)):
                    peer.ask(request(UPDATE, None, update.encode()))
            assert server.end()[0] == 0
    assert not target.exists()
    assert {path.name for path in server.data_dir.iterdir()} <= OWN_FILES


def without_port(settings: bytes) -> bytes:
    lines = settings.splitlines()
    return b"\n".join(line for line in lines if not line.startswith(b"listenPort="))


def test_narrowed_server_refuses_every_update(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--admin-access", "off", is_plain=True) as server:
        with server.peer() as peer:
            for update in (*file_updates(tmp_path / "made"), "orderMessageEnable=true"):
                answer = peer.ask(request(UPDATE, None, update.encode()))
                assert answer.code == REFUSED
                assert "switched off" in (answer.remark or "")
    assert not (tmp_path / "made").exists()
