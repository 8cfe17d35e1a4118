"""Routes are saved whatever is written of the KV table: a kill, an end, a restart."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv.codes import RequestCode
from namesrv.errors import StorageError
from namesrv.routing.events import Cause, CauseKind
from namesrv.routing.turns.phase import Phase
from namesrv.server.warm_start.schedule import SNAPSHOT_FILE, STAMP_FILE, Snapshots
from namesrv.testing.peer import (
    WAIT_SECONDS,
    get_kv,
    lookup,
    put_kv,
    request,
    wait_until,
)
from tests.server.server_thread import LOOPS, ServerThread, local_options
from tests.server.two_brokers import FOUND, TOPICS_A, TOPICS_B, A, B, Started

KV_FILE = "kvConfig.json"
CAUSE = Cause(CauseKind.REQUEST)
SLOW = "the disk is too slow, the last changes may be lost"


class HangingFile:
    """Syncs of a file wait until it is `released`; `waits` says that one does."""

    def __init__(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits = threading.Event()
        self.released = threading.Event()
        self._name = name
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self._fsync)

    def _fsync(self, descriptor: int) -> None:
        if self._name in os.readlink(f"/proc/self/fd/{descriptor}"):
            self.waits.set()
            assert self.released.wait(WAIT_SECONDS)
        self._sync(descriptor)


@pytest.fixture
def kv_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingFile]:
    """Writes of the KV table hang, others do not."""
    disk = HangingFile(KV_FILE, monkeypatch)
    yield disk
    disk.released.set()


def put_many(server: ServerThread, count: int) -> list[StorageError | None]:
    """As many peers put a key each; their results, once they have them."""
    results: list[StorageError | None] = []

    def put() -> None:
        state = server.server._state
        for number in range(count):
            state.kv_config.put("n", f"k{number}", "v", CAUSE, results.append)
        server.server._flush()

    server.on_loop(put)
    return results


def all_are_routed(data_dir: Path, loop_name: str) -> None:
    """A server with the files as they are now, as a kill leaves them, knows both."""
    left = data_dir / "left"
    shutil.copytree(data_dir, left)
    with ServerThread(local_options(left), loop_name) as again, again.peer() as peer:
        for topic in (*TOPICS_A, *TOPICS_B):
            assert peer.ask(lookup(topic)).code == FOUND


@pytest.mark.parametrize("loop_name", LOOPS)
def test_broker_that_registered_before_a_kill_is_there_after_it(
    started: Started, tmp_path: Path, kv_disk: HangingFile, loop_name: str
) -> None:
    """A thousand KV writes are queued, and the first of them hangs."""
    data = tmp_path / SNAPSHOT_FILE
    server = started(loop_name)
    put_many(server, 1000)
    with server.peer() as peer:
        assert peer.ask(A.registration(TOPICS_A)).code == FOUND
        wait_until(lambda: data.exists() and b"Bills" in data.read_bytes())
        assert peer.ask(B.registration(TOPICS_B)).code == FOUND
        wait_until(lambda: b"Mails" in data.read_bytes())
        all_are_routed(tmp_path, loop_name)


def test_signs_of_life_are_kept_while_kv_writes_hang(
    started: Started, tmp_path: Path, kv_disk: HangingFile
) -> None:
    stamp = tmp_path / STAMP_FILE
    server = started()
    snapshots = server.server._snapshots
    put_many(server, 1000)
    assert kv_disk.waits.wait(WAIT_SECONDS)
    for _ in range(3):
        wait_until(lambda: not server.on_loop(lambda: snapshots._is_stamping))
        stamp.unlink()
        server.on_loop(lambda: snapshots.tick(snapshots._next_stamp_ms))
        wait_until(stamp.exists)


@pytest.mark.parametrize("loop_name", LOOPS)
def test_end_saves_the_routes_while_kv_writes_hang(
    started: Started,
    tmp_path: Path,
    kv_disk: HangingFile,
    loop_name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = started(loop_name, snapshot_interval_millis=86_400_000)
    put_many(server, 1000)
    with server.peer() as peer:
        peer.ask(A.registration(TOPICS_A))
        peer.ask(B.registration(TOPICS_B))
        server.stop()
    (record,) = [record for record in caplog.records if record.message == SLOW]
    assert vars(record)["fields"] == {"of": "the KV table and the configuration"}
    all_are_routed(tmp_path, loop_name)


def test_kv_writes_that_wait_are_finished_at_the_end_if_there_is_time(
    started: Started,
) -> None:
    server = started()
    results = put_many(server, 1000)
    server.stop()
    assert results == [None] * 1000
    with started().peer() as peer:
        assert peer.ask(get_kv("n", "k999")).ext_fields == {"value": "v"}


def test_registration_behind_a_kv_write_is_saved_at_the_end(
    started: Started, kv_disk: HangingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The routes are saved before it is carried out, and once more after it."""
    saved: list[int] = []
    real = Snapshots.save_all

    def save_all(snapshots: Snapshots) -> None:
        real(snapshots)
        saved.append(1)
        kv_disk.released.set()

    monkeypatch.setattr(Snapshots, "save_all", save_all)
    server = started(snapshot_interval_millis=86_400_000)
    with server.peer() as peer:
        peer.ask(A.registration(TOPICS_A))
        peer.send(put_kv("n", "k", "v"), B.registration(TOPICS_B))
        assert kv_disk.waits.wait(WAIT_SECONDS)
        server.stop()
        assert [answer.code for answer in peer.read_answers(2)] == [FOUND, FOUND]
    assert len(saved) == 2
    with started().peer() as peer:
        assert peer.ask(lookup("Mails")).code == FOUND
        assert peer.ask(get_kv("n", "k")).ext_fields == {"value": "v"}


def test_file_that_holds_all_already_is_not_packed_again_at_the_end(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = HangingFile(SNAPSHOT_FILE, monkeypatch)
    submitted: list[Any] = []
    real = Snapshots._submit

    def submit(snapshots: Snapshots) -> None:
        real(snapshots)
        submitted.append(snapshots)
        if snapshots._state.life.phase >= Phase.FROZEN:
            disk.released.set()

    def save_all(snapshots: Snapshots) -> None:
        real_save(snapshots)
        disk.released.set()

    real_save = Snapshots.save_all
    monkeypatch.setattr(Snapshots, "_submit", submit)
    monkeypatch.setattr(Snapshots, "save_all", save_all)
    server = started()
    with server.peer() as peer:
        peer.ask(A.registration(TOPICS_A))
        assert disk.waits.wait(WAIT_SECONDS)
        server.stop()
    assert len(submitted) == 1
    assert b"Bills" in (tmp_path / SNAPSHOT_FILE).read_bytes()


def test_thousand_peers_with_changes_are_answered_in_a_few_writes(
    started: Started, tmp_path: Path, kv_disk: HangingFile
) -> None:
    server = started()
    renamed: list[str] = []
    write = server.server._writers.changes._write

    def counting(path: str, chunks: Any) -> None:
        renamed.append(path)
        write(path, chunks)

    server.server._writers.changes._write = counting
    results = put_many(server, 1000)
    with server.peer() as peer:
        update = request(
            RequestCode.UPDATE_NAMESRV_CONFIG, None, b"enableTopicList=false"
        )
        peer.send(update)
        kv_disk.released.set()
        assert peer.read_answer().code == FOUND
        wait_until(lambda: len(results) == 1000)
    assert results == [None] * 1000
    assert len(renamed) <= 1000 // 100 + 2
