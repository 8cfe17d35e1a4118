"""Routes across restarts: files, starts and ends of a whole server."""

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv.codes import RequestCode, ResponseCode
from namesrv.routing import kept_routes
from namesrv.routing import snapshot as snapshot_module
from namesrv.routing.snapshot import read_snapshot
from namesrv.server import snapshots as snapshots_module
from namesrv.server.clock import wall_millis
from namesrv.server.snapshots import (
    SNAPSHOT_FILE,
    STAMP_FILE,
    UNUSABLE_SUFFIX,
    Snapshots,
)
from namesrv.wire.snapshot_records import FIRST_LINE
from tests.routing.peer import Broker as JavaBroker
from tests.routing.peer import registration, registration_body, topic_table
from tests.server.peer import (
    WAIT_SECONDS,
    Broker,
    Peer,
    lookup,
    put_kv,
    request,
    wait_until,
)
from tests.server.server_process import ServerProcess
from tests.server.server_thread import LOOPS, ServerThread, local_options

FOUND, NO_ROUTE = ResponseCode.SUCCESS, ResponseCode.TOPIC_NOT_EXIST
OFTEN = ("--snapshot-interval-millis", "100")
A = Broker("127.0.0.1:10911", "broker-a")
B = Broker("127.0.0.1:10921", "broker-b")
TOPICS_A = {"Orders": 8, "Bills": 4}
TOPICS_B = {"Orders": 2, "Mails": 1}

Started = Callable[..., ServerThread]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Starts servers, one after the other, whose files are in `tmp_path`."""
    servers: list[ServerThread] = []

    def start(loop_name: str = "uvloop", **options: Any) -> ServerThread:
        for server in servers:
            server.stop()
        options = {"snapshot_interval_millis": 100, **options}
        server = ServerThread(local_options(tmp_path, **options), loop_name)
        servers.append(server.__enter__())
        return server

    yield start
    for server in servers:
        server.stop()


def register(peer: Peer) -> None:
    """Two brokers, three topics."""
    assert peer.ask(A.registration(TOPICS_A)).code == FOUND
    assert peer.ask(B.registration(TOPICS_B)).code == FOUND


def routes(peer: Peer) -> list[Any]:
    """What clients are told."""
    frames = [lookup(topic) for topic in ("Orders", "Bills", "Mails", "None")]
    frames.append(request(RequestCode.GET_BROKER_CLUSTER_INFO))
    return [peer.ask(frame) for frame in frames]


def start_line(server: ServerProcess) -> str:
    """The log's line about the routes of the last run."""
    lines = server.log().splitlines()
    (line,) = [line for line in lines if "routes of the last run taken over" in line]
    return line


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_routes_are_the_same_after_a_restart(
    tmp_path: Path, loop_name: str, number: int
) -> None:
    words = ("--loop", loop_name, *OFTEN)
    with ServerProcess(tmp_path, *words) as server, server.peer() as peer:
        register(peer)
        before = routes(peer)
        if number == signal.SIGKILL:
            # Written once with all of it, the file is not written again.
            path = server.data_dir / SNAPSHOT_FILE
            wait_until(lambda: path.exists() and b"Mails" in path.read_bytes())
        server.end(number)
    with ServerProcess(tmp_path, *words) as server, server.peer() as peer:
        assert routes(peer) == before
        line = start_line(server)
        assert re.search(r"last_sign_of_life=\S+Z brokers=2 topics=3 ", line)
        assert peer.ask(A.registration(TOPICS_A)).code == FOUND
        assert routes(peer) == before


@pytest.mark.parametrize("loop_name", LOOPS)
def test_who_does_not_come_back_is_gone_after_the_lease(
    started: Started, loop_name: str
) -> None:
    with started(loop_name).peer() as peer:
        register(peer)
        quick = {"warm_start_lease_millis": 1000, "scan_not_active_broker_interval": 50}
        server = started(loop_name, **quick)
    with server.peer() as peer:
        assert server.server.warm_start is not None
        assert server.server.warm_start[1:] == (2, 3)
        assert peer.ask(B.registration(TOPICS_B)).code == FOUND
        wait_until(lambda: peer.ask(lookup("Bills")).code == NO_ROUTE)
        assert b"broker-a" not in peer.ask(lookup("Orders")).body
        assert peer.ask(lookup("Mails")).code == FOUND


def test_change_that_was_answered_before_the_end_is_kept(tmp_path: Path) -> None:
    """However long the interval is."""
    with ServerProcess(tmp_path) as server, server.peer() as peer:
        names = [f"broker-{n}" for n in range(50)]
        brokers = [Broker("127.0.0.1:1", name) for name in names]
        peer.send(*(b.registration({b.name: 1, "t": 1}) for b in brokers))
        peer.read_answer()
        server.end()
        answered = 1
        try:
            while peer.read_answer().code == FOUND:
                answered += 1
        except ConnectionError:
            pass
    with ServerProcess(tmp_path) as server, server.peer() as peer:
        found = [peer.ask(lookup(name)).code for name in names[:answered]]
        assert set(found) == {FOUND}


def test_service_gate_is_open_after_a_warm_start(started: Started) -> None:
    gated = {"need_wait_for_service": True, "wait_seconds_for_service": 3600}
    with started().peer() as peer:
        register(peer)
        server = started(**gated)
    with server.peer() as peer:
        assert peer.ask(lookup("Orders")).code == FOUND


def test_wiped_permissions_and_order_configuration_are_kept(started: Started) -> None:
    options = {"order_message_enable": True}
    wipe = request(
        RequestCode.WIPE_WRITE_PERM_OF_BROKER, {"brokerName": "broker-a"}, opaque=1
    )
    with started(**options).peer() as peer:
        register(peer)
        assert peer.ask(wipe).ext_fields == {"wipeTopicCount": "2"}
        peer.ask(put_kv("ORDER_TOPIC_CONFIG", "Bills", "broker-a:4"))
        before = routes(peer)
        assert b'"perm":4' in before[1].body and b"broker-a:4" in before[1].body
        server = started(**options)
    with server.peer() as peer:
        assert routes(peer) == before


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[:-1], "there is no whole record"),
        (lambda data: data[: len(FIRST_LINE)], "last record"),
        (lambda data: b"", "begins with b''"),
        (lambda data: data.replace(b"broker-a", b"broker-x", 1), "checksum"),
        (lambda data: data.replace(b"version 1", b"version 9", 1), "version '9'"),
        (lambda data: b"{}\n" * 100, "begins with b'{}'"),
    ],
    ids=["cut", "line only", "empty", "changed", "other version", "other file"],
)
def test_damaged_file_is_set_aside_and_the_start_is_cold(
    tmp_path: Path, damage: Callable[[bytes], bytes], reason: str
) -> None:
    with ServerProcess(tmp_path) as server, server.peer() as peer:
        register(peer)
        server.end()
    path = tmp_path / "data" / SNAPSHOT_FILE
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    with ServerProcess(tmp_path, *OFTEN) as server, server.peer() as peer:
        assert peer.ask(lookup("Orders")).code == NO_ROUTE
        (line,) = [line for line in server.log().splitlines() if "not used" in line]
        assert "WARN" in line and reason in line and SNAPSHOT_FILE in line
        aside = path.with_name(SNAPSHOT_FILE + UNUSABLE_SUFFIX)
        assert aside.read_bytes() == damaged
        register(peer)
        before = routes(peer)
        server.end()
    with ServerProcess(tmp_path) as server, server.peer() as peer:
        assert routes(peer) == before


def test_age_counts_from_the_last_sign_of_life(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, server.peer() as peer:
        register(peer)
        server.end()
    young = ("--warm-start-max-age-millis", "600000")
    stamp = tmp_path / "data" / STAMP_FILE
    written = int(stamp.read_text())
    # From the future as from the past: the clock was changed, nothing is known.
    stamp.write_text(f"{written + 3_600_000}\n")
    with ServerProcess(tmp_path, *young) as server, server.peer() as peer:
        assert peer.ask(lookup("Orders")).code == NO_ROUTE
        assert "-3" in server.log() and "warmStartMaxAgeMillis" in server.log()


def test_date_that_was_set_back_after_the_last_save_is_no_reason_to_start_cold(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulator: the file is then of the future, the stamp is not."""
    an_hour_ahead = wall_millis() + 3_600_000
    with monkeypatch.context() as patch:
        patch.setattr(snapshots_module, "wall_millis", lambda: an_hour_ahead)
        server = started()
        with server.peer() as peer:
            register(peer)
            before = routes(peer)
            server.stop()
    server = started()
    assert server.server.warm_start is not None
    assert 0 <= server.server.warm_start.age_millis < 600_000
    with server.peer() as peer:
        assert routes(peer) == before


def test_too_old_is_cold(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, server.peer() as peer:
        register(peer)
        server.end()
    words = ("--warm-start-max-age-millis", "0")
    with ServerProcess(tmp_path, *words) as server, server.peer() as peer:
        assert peer.ask(lookup("Orders")).code == NO_ROUTE
        assert "the limit is 0 ms (warmStartMaxAgeMillis)" in server.log()


def test_switched_off_nothing_is_written_or_read(
    started: Started, tmp_path: Path
) -> None:
    with started().peer() as peer:
        register(peer)
        server = started(warm_start=False)
    kept = (tmp_path / SNAPSHOT_FILE).read_bytes()
    with server.peer() as peer:
        assert server.server.warm_start is None
        assert peer.ask(lookup("Orders")).code == NO_ROUTE
        peer.ask(A.registration({"New": 1}))
        server.stop()
    assert (tmp_path / SNAPSHOT_FILE).read_bytes() == kept


def test_empty_table_is_a_cold_start(started: Started) -> None:
    started()
    assert started().server.warm_start is None


def test_only_what_changed_is_packed_again(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed: list[str] = []
    real = snapshot_module.pack_group

    def pack_group(tables: Any, data: Any) -> bytes:
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
        registration(JavaBroker("broker-c"), registration_body(topic_table(*names)))
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
    assert "the route table could not be saved, it is tried again" in caplog.text
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
    monkeypatch.setattr(snapshots_module, "_STEP_MILLIS", -1)
    monkeypatch.setattr(snapshots_module, "_PAUSE_SECONDS", 0.05)
    topics = [f"topic-{n}" for n in range(30)]
    with started(snapshot_interval_millis=100).peer() as peer:
        for n, topic in enumerate(topics):
            peer.ask(
                Broker(f"127.0.0.1:{n + 1}", f"b{n}").registration({topic: 1, "t": 1})
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
        wait_until(lambda: snapshots._kept._places)
        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(Snapshots, "save_all", save_all)
        peer.ask(B.registration(TOPICS_B))
        wait_until(lambda: snapshots._is_writing)
        late = Broker("127.0.0.1:10931", "broker-late")
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
    repeated = A.registration({"Orders": 1, "Bills": 1}, has_checksum=True)
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
        state.configuration.apply({"supportActingMaster": True})
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
        wait_until(lambda: snapshots._kept._places)
        peer.ask(B.registration(TOPICS_B))
        monkeypatch.setattr(os, "fsync", full)
        server.stop()
    assert "what changed in the route table last could not be saved" in caplog.text
    assert "it is tried again" not in caplog.text


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
    assert "the disk is too slow, what changed last may not be saved" in caplog.text


def test_shorter_interval_counts_at_once(started: Started, tmp_path: Path) -> None:
    server = started(snapshot_interval_millis=86_400_000)
    path = tmp_path / SNAPSHOT_FILE

    def shorten() -> None:
        configuration = server.server._state.configuration
        configuration.apply({"snapshotIntervalMillis": 100})

    with server.peer() as peer:
        peer.ask(A.registration(TOPICS_A))
        wait_until(lambda: path.exists())
        peer.ask(B.registration(TOPICS_B))
        server.on_loop(shorten)
        wait_until(lambda: b"Mails" in path.read_bytes())
