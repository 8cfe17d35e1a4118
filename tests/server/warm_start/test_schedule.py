"""Routes across restarts: files, starts and ends of a whole server."""

import os
import re
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from namesrv.codes import RequestCode
from namesrv.routing.warm_start.draft import KeptRoutes
from namesrv.routing.warm_start.pack import read_snapshot
from namesrv.routing.warm_start.records import FIRST_LINE
from namesrv.server.clock import wall_millis
from namesrv.server.files.set_aside import UNUSABLE_SUFFIX
from namesrv.server.warm_start.jobs import Stamp
from namesrv.server.warm_start.schedule import (
    SNAPSHOT_FILE,
    STAMP_FILE,
    WarmStart,
)
from namesrv.testing.peer import (
    Broker,
    lookup,
    put_kv,
    request,
    wait_until,
)
from tests.server.server_process import ServerProcess
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

pytestmark = pytest.mark.slow

OFTEN = ("--snapshot-interval-millis", "100")


def start_line(server: ServerProcess) -> str:
    """The log's line about the routes of the last run."""
    lines = server.log().splitlines()
    (line,) = [line for line in lines if "routes of the last run restored" in line]
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_time_that_leases_count_goes_on_across_restarts(
    tmp_path: Path, number: int
) -> None:
    stamp = tmp_path / "data" / STAMP_FILE
    with ServerProcess(tmp_path, *OFTEN) as server, server.peer() as peer:
        register(peer)
        server.end()
    first = served_millis(stamp)
    for _ in range(2):
        with ServerProcess(tmp_path, *OFTEN) as server:
            # Both are brokers of the last run, so that it is written every second.
            wait_until(partial(has_served, stamp, first + 900))
            server.end(number)
        assert has_served(stamp, first + 900)
        first = served_millis(stamp)
    kept = read_snapshot((tmp_path / "data" / SNAPSHOT_FILE).read_bytes()).tables
    left = {lease.broker_addr: lease.left_millis for lease in kept.leases}
    assert len(left) == 2
    assert max(left.values()) <= 90_000 - 900


def served_millis(stamp: Path) -> int:
    """The second line of a stamp."""
    return int(stamp.read_text().splitlines()[1])


def has_served(stamp: Path, millis: int) -> bool:
    """Whether a server has served for so long, in all its runs together."""
    return served_millis(stamp) >= millis


@pytest.mark.parametrize("text", ["", "x", "5\nx", "5\n-1", f"5\n{2**61}", "5"])
def test_stamp_that_cannot_be_read_has_nothing_to_say(text: str) -> None:
    stamp = Stamp.read(text.encode())
    assert stamp.served_millis == 0
    assert stamp.seen_millis in (0, 5)


def test_change_that_was_answered_before_the_end_is_kept(tmp_path: Path) -> None:
    """However long the interval is."""
    with ServerProcess(tmp_path) as server, server.peer() as peer:
        names = [f"broker-{n}" for n in range(50)]
        brokers = [Broker(name, addr="127.0.0.1:1") for name in names]
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
        (lambda data: data.replace(b"version 2", b"version 1", 1), "version '1'"),
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
    written = int(stamp.read_text().splitlines()[0])
    # From the future as from the past: the clock was changed, nothing is known.
    stamp.write_text(f"{written + 3_600_000}\n")
    with ServerProcess(tmp_path, *young) as server, server.peer() as peer:
        assert peer.ask(lookup("Orders")).code == NO_ROUTE
        assert re.search(
            r"its last sign of life is of \S+Z, 3[56]\d{5} ms from now: the clock was"
            r" set back, or was wrong then; the limit is 600000 ms"
            r" \(warmStartMaxAgeMillis\)",
            server.log(),
        )


@pytest.mark.parametrize(
    ("age_millis", "when"),
    [(0, "0 s ago"), (4_600, "5 s ago"), (-400, "0 s ago")],
)
def test_warm_start_says_how_old_the_routes_are(age_millis: int, when: str) -> None:
    assert WarmStart(age_millis, 2, 3).text == f"warm from {when}, 2 brokers, 3 topics"


def test_warm_start_from_a_date_that_has_not_come_says_so() -> None:
    assert WarmStart(-30_200, 2, 3).text == (
        "warm from 30 s in the future (the clock was set back), 2 brokers, 3 topics"
    )


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (os.mkfifo, "named pipe"),
        (os.mkdir, "directory"),
        (lambda path: path.symlink_to("/dev/zero"), "link to /dev/zero"),
        (lambda path: path.symlink_to("nothing"), "link to "),
    ],
)
def test_what_is_no_snapshot_is_set_aside(
    started: Started,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[Path], None],
    kind: str,
) -> None:
    path = tmp_path / SNAPSHOT_FILE
    make(path)
    aside = path.with_name(SNAPSHOT_FILE + UNUSABLE_SUFFIX)
    with started().peer() as peer:
        assert os.path.lexists(aside)
        register(peer)
        before = routes(peer)
        server = started()
    (record,) = [r for r in caplog.records if "not used" in r.message]
    assert f"it is a {kind}" in vars(record)["fields"]["reason"]
    with server.peer() as peer:
        assert routes(peer) == before


def test_snapshot_that_cannot_be_set_aside_is_told_why(
    started: Started, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / SNAPSHOT_FILE).write_bytes(b"")
    (tmp_path / (SNAPSHOT_FILE + UNUSABLE_SUFFIX)).mkdir()
    started()
    (record,) = [r for r in caplog.records if "damaged file" in r.message]
    assert vars(record)["fields"]["reason"] == "Is a directory"


def test_stamp_that_cannot_be_written_is_told_once(
    started: Started, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / STAMP_FILE).mkdir()
    server = started()
    snapshots = server.server._snapshots
    for _ in range(3):
        wait_until(lambda: not server.on_loop(lambda: snapshots._is_stamping))
        server.on_loop(lambda: snapshots.tick(snapshots._next_stamp_ms))
    wait_until(lambda: not server.on_loop(lambda: snapshots._is_stamping))
    (record,) = [r for r in caplog.records if "stamp could not" in r.message]
    assert vars(record)["fields"]["reason"] == (
        f"cannot write {tmp_path / STAMP_FILE}: it is a directory, expected a file;"
        " move it away"
    )


def test_date_that_was_set_back_after_the_last_save_is_no_reason_to_start_cold(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the simulator: the file is then of the future, the stamp is not."""
    an_hour_ahead = wall_millis() + 3_600_000
    with monkeypatch.context() as patch:
        finish = KeptRoutes.finish
        patch.setattr(
            KeptRoutes,
            "finish",
            lambda kept, saved, now_ms: finish(kept, an_hour_ahead, now_ms),
        )
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
