"""What is saved of the routes, and when: intervals, copies, failures, the end."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from namesrv.codes import RequestCode
from namesrv.hot_path import LARGE_REGISTRATION_BYTES
from namesrv.routing.warm_start import draft as kept_routes
from namesrv.routing.warm_start import pack as snapshot_module
from namesrv.routing.warm_start.pack import read_snapshot
from namesrv.server.clock import monotonic_millis
from namesrv.server.connections.protocol import NamesrvProtocol
from namesrv.server.warm_start import pace
from namesrv.server.warm_start.schedule import (
    SNAPSHOT_FILE,
    Snapshots,
)
from namesrv.testing.peer import (
    WAIT_SECONDS,
    Broker,
    lookup,
    registration,
    registration_body,
    request,
    topic_table,
    wait_until,
)
from namesrv.work import Steps
from tests.routing.world import RELOAD
from tests.server.server_thread import LOOPS
from tests.server.two_brokers import (
    FOUND,
    NO_ROUTE,
    TOPICS_A,
    TOPICS_B,
    A,
    B,
    Started,
    register,
    routes,
)


def test_only_what_changed_is_packed_again(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed: list[str] = []
    real = snapshot_module.pack_group

    def pack_group(tables: Any, data: Any) -> Steps[bytes]:
        packed.append(data.broker_name)
        return real(tables, data)

    monkeypatch.setattr(kept_routes, "pack_group", pack_group)
    path = tmp_path / SNAPSHOT_FILE
    with started().peer() as peer:
        register(peer)
        wait_until(lambda: path.exists() and b"Mails" in path.read_bytes())
        packed.clear()
        peer.ask(B.registration({**TOPICS_B, "News": 1}))
        wait_until(lambda: b"News" in path.read_bytes())
        assert packed == ["broker-b"]
        before = routes(peer)
        server = started()
        packed.clear()
    with server.peer() as peer:
        assert routes(peer) == before
        peer.ask(A.registration({**TOPICS_A, "Late": 1}))
        wait_until(lambda: b"Late" in path.read_bytes())
        assert packed == ["broker-a"]


def test_digests_of_other_options_are_trusted_by_no_later_start(
    started: Started, tmp_path: Path
) -> None:
    """Neither by the first one with new options, nor by one that follows."""
    path = tmp_path / SNAPSHOT_FILE
    first, repeated = (
        registration(Broker("broker-c"), registration_body(topic_table(*names)))
        for names in (("Orders", "Bills"), ("Orders", "News"))
    )
    with started().peer() as peer:
        for frame in (first, repeated, repeated):
            assert peer.ask(frame).code == FOUND
        server = started(delete_topic_with_broker_registration=True)
    with server.peer() as peer:
        register(peer)
        wait_until(lambda: b"Mails" in path.read_bytes())
        server = started(delete_topic_with_broker_registration=True)
    with server.peer() as peer:
        assert b'"broker-c"' in peer.ask(lookup("Bills")).body
        assert peer.ask(repeated).code == FOUND
        assert b'"broker-c"' not in peer.ask(lookup("Bills")).body


def test_file_that_somebody_changed_is_written_new(
    started: Started, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / SNAPSHOT_FILE
    with started().peer() as peer:
        register(peer)
        wait_until(lambda: path.exists() and b"Mails" in path.read_bytes())
        path.write_bytes(b"x" * path.stat().st_size)
        peer.ask(B.registration({**TOPICS_B, "News": 1}))
        wait_until(lambda: b"News" in path.read_bytes())
        before = routes(peer)
        server = started()
    assert "the routes could not be saved, retrying" in caplog.text
    with server.peer() as peer:
        assert routes(peer) == before


def test_failed_write_is_told_and_made_good(
    started: Started,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / SNAPSHOT_FILE
    with started().peer() as peer:
        peer.ask(A.registration(TOPICS_A))
        wait_until(lambda: path.exists() and b"Bills" in path.read_bytes())
        before = path.read_bytes()

        def full(*args: Any) -> None:
            raise OSError(28, os.strerror(28))

        monkeypatch.setattr(os, "fsync", full)
        peer.ask(B.registration(TOPICS_B))
        wait_until(lambda: "could not be saved" in caplog.text)
        (record,) = [r for r in caplog.records if "not be saved" in r.message][:1]
        assert "No space left on device" in vars(record)["fields"]["reason"]
        assert path.read_bytes() == before
        monkeypatch.undo()
        wait_until(lambda: b"Mails" in path.read_bytes())


def test_end_in_the_middle_of_packing_saves_all(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many steps as there are groups, and the end comes after the first."""
    monkeypatch.setattr(pace, "_STEP_MILLIS", -1)
    monkeypatch.setattr(pace, "_PAUSE_SECONDS", 0.05)
    topics = [f"topic-{n}" for n in range(30)]
    with started(snapshot_interval_millis=100).peer() as peer:
        for n, topic in enumerate(topics):
            peer.ask(
                Broker(f"b{n}", addr=f"127.0.0.1:{n + 1}").registration(
                    {topic: 1, "t": 1}
                )
            )
        server = started()
    with server.peer() as peer:
        assert {peer.ask(lookup(topic)).code for topic in topics} == {FOUND}


def test_end_while_a_write_lasts_saves_all(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was packed for the end is not taken from the places of an older file."""
    released = threading.Event()
    real_sync, real_save = os.fsync, Snapshots.save_all

    def sync(descriptor: int) -> None:
        assert released.wait(WAIT_SECONDS)
        real_sync(descriptor)

    def save_all(snapshots: Snapshots) -> None:
        real_save(snapshots)
        released.set()

    server = started()
    snapshots = server.server._snapshots
    with server.peer() as peer:
        peer.ask(A.registration(TOPICS_A))
        wait_until(lambda: snapshots._kept._has_unplaced)
        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(Snapshots, "save_all", save_all)
        peer.ask(B.registration(TOPICS_B))
        wait_until(lambda: snapshots._is_writing)
        late = Broker("broker-late", addr="127.0.0.1:10931")
        peer.ask(late.registration({"Late": 1, "Later": 1}))
        before = routes(peer)
        server = started()
    with server.peer() as peer:
        assert routes(peer) == before
        assert peer.ask(lookup("Late")).code == FOUND


def test_registration_of_other_options_is_not_taken_for_a_repetition(
    started: Started, tmp_path: Path
) -> None:
    """Its group did not change since, and is copied from file to file."""
    path = tmp_path / SNAPSHOT_FILE
    repeated = A.registration({"Orders": 1, "Bills": 1})
    update = request(
        RequestCode.UPDATE_NAMESRV_CONFIG,
        None,
        b"deleteTopicWithBrokerRegistration=true",
    )
    with started().peer() as peer:
        peer.ask(A.registration({"Orders": 1, "Old": 1}))
        peer.ask(repeated)
        wait_until(lambda: path.exists() and b"Bills" in path.read_bytes())
        assert peer.ask(update).code == FOUND
        peer.ask(B.registration(TOPICS_B))
        server = started(delete_topic_with_broker_registration=True)
    with server.peer() as peer:
        assert peer.ask(lookup("Old")).code == FOUND
        assert peer.ask(repeated).code == FOUND
        assert peer.ask(lookup("Old")).code == NO_ROUTE


def test_options_that_change_while_groups_are_packed_are_not_kept(
    started: Started, tmp_path: Path
) -> None:
    """Nobody knows then which of the groups was registered under which."""
    server = started(snapshot_interval_millis=86_400_000)
    path = tmp_path / SNAPSHOT_FILE

    def pack_and_change() -> None:
        snapshots, state = server.server._snapshots, server.server._state
        snapshots._kept.begin()
        snapshots._kept.pack_next()
        state.configuration.apply({"supportActingMaster": True}, RELOAD)
        snapshots._submit()

    with server.peer() as peer:
        peer.ask(A.registration(TOPICS_A))
        wait_until(lambda: path.exists())
        kept = path.read_bytes()
        assert read_snapshot(kept).tables.options
        server.on_loop(pack_and_change)
        wait_until(lambda: path.read_bytes() != kept)
        assert read_snapshot(path.read_bytes()).tables.options == {}


def test_last_save_that_fails_is_told_and_not_promised_again(
    started: Started, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, os.strerror(28))

    server = started(snapshot_interval_millis=86_400_000)
    snapshots = server.server._snapshots
    with server.peer() as peer:
        peer.ask(A.registration(TOPICS_A))
        wait_until(lambda: snapshots._kept._has_unplaced)
        peer.ask(B.registration(TOPICS_B))
        monkeypatch.setattr(os, "fsync", full)
        server.stop()
    assert "the last route changes could not be saved" in caplog.text
    assert "retrying" not in caplog.text


def test_end_that_a_hanging_disk_does_not_hold_up_says_so(
    started: Started, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    released = threading.Event()
    server = started()
    with server.peer() as peer:
        peer.ask(A.registration(TOPICS_A))
        monkeypatch.setattr(os, "fsync", lambda descriptor: released.wait(WAIT_SECONDS))
        server.stop()
        assert peer.read_to_end() == b""
    released.set()
    assert "the disk is too slow, the last changes may be lost" in caplog.text


def test_shorter_interval_counts_at_once(started: Started, tmp_path: Path) -> None:
    server = started(snapshot_interval_millis=86_400_000)
    path = tmp_path / SNAPSHOT_FILE

    def shorten() -> None:
        configuration = server.server._state.configuration
        configuration.apply({"snapshotIntervalMillis": 100}, RELOAD)

    with server.peer() as peer:
        peer.ask(A.registration(TOPICS_A))
        wait_until(lambda: path.exists())
        peer.ask(B.registration(TOPICS_B))
        server.on_loop(shorten)
        wait_until(lambda: b"Mails" in path.read_bytes())


def test_next_save_waits_for_the_interval(started: Started, tmp_path: Path) -> None:
    interval_millis = 86_400_000
    server = started(snapshot_interval_millis=interval_millis)
    snapshots = server.server._snapshots
    path = tmp_path / SNAPSHOT_FILE

    def ticked(after_millis: int) -> bool:
        snapshots.tick(monotonic_millis() + after_millis)
        return snapshots._is_writing

    with server.peer() as peer:
        peer.ask(A.registration(TOPICS_A))
        wait_until(lambda: path.exists() and not snapshots._is_writing)
        peer.ask(B.registration(TOPICS_B))
        assert not server.on_loop(lambda: ticked(interval_millis // 2))
        assert server.on_loop(lambda: ticked(interval_millis))
        wait_until(lambda: b"Mails" in path.read_bytes())


@pytest.mark.parametrize("loop_name", LOOPS)
def test_all_that_was_read_is_handled_before_the_end(
    started: Started, loop_name: str
) -> None:
    """Each of these takes a turn of the loop, and the end comes after the first."""
    server = started(loop_name, lookup_lanes=0)
    brokers = [Broker(f"broker-{n}", addr=f"127.0.0.1:{n + 1}") for n in range(30)]
    topics = {"Orders": 1, "Bills": 1}
    frames = [
        broker.registration(topics, number, padding_bytes=LARGE_REGISTRATION_BYTES)
        for number, broker in enumerate(brokers)
    ]

    def read_and_end() -> None:
        (protocol,) = server.server._connections._by_connection.values()
        assert isinstance(protocol, NamesrvProtocol)
        protocol.data_received(b"".join(frames))
        server.server.request_stop()

    with server.peer() as peer:
        peer.ask(lookup("None"))
        server.on_loop(read_and_end)
        assert [answer.opaque for answer in peer.read_answers(30)] == [*range(30)]
        assert peer.read_to_end() == b""
        server = started(loop_name)
    assert server.server.warm_start is not None
    assert server.server.warm_start.brokers == 30
