"""Files that cannot be written: code 1 and the reason, nothing changed, on it goes."""

import errno
import json
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv.codes import RequestCode, ResponseCode
from namesrv.server.warm_start.schedule import STAMP_FILE
from namesrv.testing.peer import Peer, get_kv, lookup, put_kv, request
from tests.server.server_process import ServerProcess
from tests.server.server_thread import LOOPS, ServerThread, local_options

SUCCESS, FAILED = ResponseCode.SUCCESS, ResponseCode.SYSTEM_ERROR
KV_FILE = "kvConfig.json"

Break = Callable[[str, int], None]


@pytest.fixture(params=LOOPS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerThread]:
    """A server with one key, whose files are in `tmp_path`."""
    with ServerThread(local_options(tmp_path), request.param) as server:
        with server.peer() as peer:
            assert peer.ask(put_kv("n", "k", "before")).code == SUCCESS
        yield server


@pytest.fixture
def break_call(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Makes a call of `os` fail with an error number in the thread that writes."""

    def break_it(name: str, number: int) -> None:
        real = getattr(os, name)

        def fail(*args: Any, **more: Any) -> Any:
            if threading.current_thread().name != "namesrv-writer":
                return real(*args, **more)
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, name, fail)

    return break_it


def set_option(name: str, value: str) -> bytes:
    """UPDATE_NAMESRV_CONFIG."""
    return request(RequestCode.UPDATE_NAMESRV_CONFIG, None, f"{name}={value}".encode())


def option(peer: Peer, name: str) -> str:
    """What GET_NAMESRV_CONFIG says of it."""
    text = peer.ask(request(RequestCode.GET_NAMESRV_CONFIG)).body.decode()
    return dict(line.split("=", 1) for line in text.splitlines())[name]


@pytest.mark.parametrize(
    ("call", "number", "reason"),
    [
        ("write", errno.ENOSPC, "No space left on device"),
        ("fsync", errno.EIO, "Input/output error"),
        ("open", errno.EROFS, "Read-only file system"),
        ("open", errno.EMFILE, "Too many open files"),
        ("rename", errno.EACCES, "Permission denied"),
    ],
)
def test_failed_write_is_answered_and_changes_nothing(
    server: ServerThread,
    tmp_path: Path,
    break_call: Break,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    reason: str,
) -> None:
    before = (tmp_path / KV_FILE).read_bytes()
    break_call(call, number)
    with server.peer() as peer:
        remark = f"cannot write {tmp_path / KV_FILE}: {reason}"
        for change in (put_kv("n", "k", "after"), put_kv("new", "k", "v")):
            answer = peer.ask(change)
            assert (answer.code, answer.remark) == (FAILED, remark)
        delete = request(
            RequestCode.DELETE_KV_CONFIG, {"namespace": "n", "key": "k"}, opaque=9
        )
        assert peer.ask(delete).remark == remark
        assert peer.ask(get_kv("n", "k")).ext_fields == {"value": "before"}
        assert peer.ask(get_kv("new", "k")).code == ResponseCode.QUERY_NOT_FOUND
        refused = peer.ask(set_option("enableTopicList", "false"))
        assert refused.code == FAILED
        assert refused.remark is not None and refused.remark.endswith(f": {reason}")
        assert option(peer, "enableTopicList") == "true"
        assert (tmp_path / KV_FILE).read_bytes() == before
        left = set(os.listdir(tmp_path)) - {STAMP_FILE}
        assert left == {KV_FILE, "namesrv.lock"}
        monkeypatch.undo()
        assert peer.ask(put_kv("n", "k", "after")).code == SUCCESS
        assert peer.ask(set_option("enableTopicList", "false")).code == SUCCESS
        assert peer.ask(get_kv("n", "k")).ext_fields == {"value": "after"}
        assert option(peer, "enableTopicList") == "false"


def test_others_are_served_while_a_disk_is_slow(
    server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk_answers = threading.Event()
    real = os.fsync

    def slow_fsync(descriptor: int) -> None:
        disk_answers.wait()
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow_fsync)
    try:
        with server.peer() as waiting, server.peer() as other:
            waiting.send(put_kv("n", "k", "after", 1), lookup("t", 2))
            for _ in range(5):
                assert other.ask(get_kv("n", "k")).ext_fields == {"value": "before"}
            disk_answers.set()
            assert [answer.opaque for answer in waiting.read_answers(2)] == [1, 2]
            assert other.ask(get_kv("n", "k")).ext_fields == {"value": "after"}
    finally:
        disk_answers.set()


def test_answer_comes_after_the_file_was_replaced(
    server: ServerThread, tmp_path: Path
) -> None:
    with server.peer() as peer:
        for number in range(20):
            assert peer.ask(put_kv("n", "k", str(number))).code == SUCCESS
            table = json.loads((tmp_path / KV_FILE).read_text())["configTable"]
            assert table == {"n": {"k": str(number)}}


def test_changes_that_are_sent_at_once_stay_in_order(
    server: ServerThread, tmp_path: Path
) -> None:
    with server.peer() as one, server.peer() as two:
        for peer, name in ((one, "a"), (two, "b")):
            frames = [
                frame
                for number in range(20)
                for frame in (
                    put_kv("n", name, str(number), number),
                    get_kv("n", name, 100 + number),
                )
            ]
            peer.send(*frames)
        for peer in (one, two):
            answers = peer.read_answers(40)
            expected = [opaque for n in range(20) for opaque in (n, 100 + n)]
            assert [answer.opaque for answer in answers] == expected
            values = [answer.ext_fields for answer in answers[1::2]]
            assert values == [{"value": str(number)} for number in range(20)]
    table = json.loads((tmp_path / KV_FILE).read_text())["configTable"]
    assert table["n"] == {"k": "before", "a": "19", "b": "19"}


def test_peer_that_has_gone_has_its_change_kept(
    server: ServerThread, tmp_path: Path
) -> None:
    with server.peer() as peer:
        peer.send(*(put_kv("n", "k", str(number)) for number in range(10)))
        peer.reset()
    with server.peer() as peer:
        assert peer.ask(put_kv("n", "last", "v")).code == SUCCESS
        table = json.loads((tmp_path / KV_FILE).read_text())["configTable"]
        assert table["n"]["last"] == "v"


@pytest.mark.parametrize("loop_name", LOOPS)
def test_disk_that_is_really_full(tmp_path: Path, loop_name: str) -> None:
    # A file that may not grow any more looks to a process as a full disk does.
    limit = (resource.RLIMIT_FSIZE, 4096)
    words = ("--loop", loop_name, "--log-level", "ERROR")
    with ServerProcess(tmp_path, *words, limit=limit, is_plain=True) as server:
        with server.peer() as peer:
            assert peer.ask(put_kv("n", "k", "small")).code == SUCCESS
            before = (server.data_dir / KV_FILE).read_bytes()
            answer = peer.ask(put_kv("n", "large", "x" * 5000))
            assert answer.code == FAILED
            assert answer.remark is not None
            assert answer.remark.endswith(f"{KV_FILE}: File too large")
            assert (server.data_dir / KV_FILE).read_bytes() == before
            assert peer.ask(get_kv("n", "large")).code == ResponseCode.QUERY_NOT_FOUND
            assert peer.ask(put_kv("n", "k", "other")).code == SUCCESS
        assert server.end()[0] == 0
        assert server.log() == ""
