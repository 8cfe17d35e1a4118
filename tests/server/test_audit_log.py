"""The audit log: its lines, its file, and what it survives."""

import asyncio
import fcntl
import json
import logging
import os
import re
import stat
import termios
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.routing.outbox import AuditEvent
from namesrv.server import audit_log
from namesrv.server.audit_log import AuditLog
from namesrv.server.logs import BURST
from tests.server.peer import WAIT_SECONDS, put_kv, wait_until
from tests.server.server_process import ServerProcess
from tests.server.stage import Line, RecordedLog

FIELDS: dict[str, object] = {
    "code": 205,
    "remote": "10.0.0.9:40000",
    "brokerName": "broker-a",
    "result": 0,
}
DONE = AuditEvent("WIPE_WRITE_PERM_OF_BROKER", FIELDS, is_done=True)
REFUSED = AuditEvent("WIPE_WRITE_PERM_OF_BROKER", {"result": 16}, is_done=False)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Audited:
    """An open audit log with its clock and the server's log."""

    def __init__(self, path: Path | str, **options: Any) -> None:
        self.path = Path(path)
        self.clock = Clock()
        self.log = RecordedLog()
        options = {"audit_log": str(path), **options}
        self.audit = AuditLog(Options(**options), self.log, self.clock)
        self.audit.open()

    def wait(self) -> None:
        """Return when the thread has done with all lines."""
        wait_until(lambda: self.audit._waiting_bytes == 0)

    def close(self, seconds: float = WAIT_SECONDS) -> None:
        asyncio.run(self.audit.close(seconds))

    def lines(self) -> list[dict[str, Any]]:
        """What stands in the file once all is written."""
        self.close()
        return [json.loads(line) for line in self.path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "audit.jsonl"


class TestLines:
    def test_line_has_time_request_and_facts(self, path: Path) -> None:
        audited = Audited(path)
        audited.audit.put(DONE)
        (line,) = audited.lines()
        time = line.pop("time")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", time)
        assert line == {"level": "INFO", "event": DONE.event, **FIELDS}

    def test_lines_are_in_the_order_of_events(self, path: Path) -> None:
        audited = Audited(path)
        for number in range(1000):
            audited.audit.put(AuditEvent("PUT_KV_CONFIG", {"n": number}, is_done=True))
        assert [line["n"] for line in audited.lines()] == list(range(1000))

    def test_what_peers_send_stays_one_line(self, path: Path) -> None:
        audited = Audited(path)
        nasty = 'a"\n{"time":1}\r\x1b[2J\u2028\ud800\x7f主'
        audited.audit.put(AuditEvent("PUT_KV_CONFIG", {"key": nasty}, is_done=True))
        (line,) = audited.lines()
        assert line["key"] == nasty.replace("\ud800", "\ufffd")
        text = path.read_text().removesuffix("\n")
        assert text.isascii() and text.isprintable()

    def test_refusals_are_limited_and_counted(self, path: Path) -> None:
        audited = Audited(path)
        for _ in range(BURST + 30):
            audited.audit.put(REFUSED)
        for _ in range(BURST + 30):
            audited.audit.put(DONE)
        audited.clock.now += 1
        audited.audit.put(REFUSED)
        lines = audited.lines()
        refused = [line for line in lines if line["result"] == 16]
        assert len(refused) == BURST + 1 and len(lines) == 2 * BURST + 31
        assert refused[0]["level"] == "WARN" and "suppressed" not in refused[0]
        assert refused[-1]["suppressed"] == 30

    def test_those_that_were_held_back_last_are_counted_too(self, path: Path) -> None:
        audited = Audited(path)
        for _ in range(BURST + 7):
            audited.audit.put(REFUSED)
        audited.audit.report_suppressed()
        audited.clock.now += 60
        audited.audit.report_suppressed()
        audited.audit.report_suppressed()
        *_, last = audited.lines()
        assert last["event"] == "lines were suppressed"
        assert (last["of"], last["suppressed"]) == (REFUSED.event, 7)


class TestFile:
    def test_only_its_owner_reads_it(self, path: Path) -> None:
        umask = os.umask(0)
        try:
            audited = Audited(path, log_file_max_bytes=4096, log_file_backups=2)
            for _ in range(100):
                audited.audit.put(DONE)
            audited.close()
        finally:
            os.umask(umask)
        files = sorted(path.parent.iterdir())
        assert [file.name for file in files] == [
            "audit.jsonl",
            "audit.jsonl.1",
            "audit.jsonl.2",
        ]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert all(file.stat().st_size < 4096 + 400 for file in files)

    def test_it_is_only_appended_to(self, path: Path) -> None:
        for _ in range(3):
            audited = Audited(path)
            audited.audit.put(DONE)
            audited.close()
        assert len(path.read_text().splitlines()) == 3

    def test_mode_of_a_file_that_exists_is_kept(self, path: Path) -> None:
        path.parent.mkdir()
        path.touch()
        path.chmod(0o640)
        Audited(path).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def test_without_the_option_there_is_none(self) -> None:
        audited = AuditLog(Options(), RecordedLog())
        before = threading.active_count()
        audited.open()
        assert threading.active_count() == before
        asyncio.run(audited.close(0))

    @pytest.mark.parametrize("name", ["", "file/audit.jsonl"])
    def test_file_that_cannot_be_opened_is_one_sentence(
        self, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "file").touch()
        path = os.path.abspath(tmp_path / name)
        with pytest.raises(StartFailed) as caught:
            Audited(path)
        assert re.fullmatch(
            rf"cannot open the audit log {path}: (Is a directory|Not a directory|File"
            r" exists); choose another one with --audit-log",
            str(caught.value),
        )


def told(audited: Audited) -> list[Line]:
    """What the server's log says of the audit log."""
    return [line for line in audited.log.lines if "audit log" in line.event]


class TestFailure:
    def test_full_disk_is_told_once_a_second(self) -> None:
        audited = Audited("/dev/full")
        for count in range(1, 4):
            audited.audit.put(DONE)
            audited.wait()
            assert len(told(audited)) == 1, count
        audited.clock.now += 1
        audited.audit.put(DONE)
        audited.close()
        first, second = told(audited)
        assert first == (
            logging.ERROR,
            "the audit log cannot be written",
            {"file": "/dev/full", "reason": "No space left on device", "lines": 1},
        )
        assert second.fields["lines"] == 4

    def test_lines_that_are_missing_are_counted_in_the_file(self, path: Path) -> None:
        audited = Audited(path)
        audited.audit.put(DONE)
        audited.wait()
        path.unlink()
        path.symlink_to("/dev/full")
        # As when a line could not be written: the next one opens the file anew.
        audited.audit._file.close()
        for _ in range(2):
            audited.audit.put(DONE)
        audited.wait()
        path.unlink()
        audited.audit.put(DONE)
        audited.close()
        lines = [json.loads(x) for x in path.read_text().splitlines() if x]
        assert [line["event"] for line in lines] == [DONE.event, "lines are missing"]
        assert (lines[1]["level"], lines[1]["lines"]) == ("ERROR", 2)

    @pytest.fixture
    def pipe(self, tmp_path: Path) -> Iterator[Path]:
        """A file that takes 64 KiB and then hangs, until the test ends."""
        path = tmp_path / "pipe"
        os.mkfifo(path)
        reader = os.open(path, os.O_RDWR)
        yield path
        os.close(reader)

    def test_disk_that_hangs_does_not_keep_the_process(
        self, pipe: Path, tmp_path: Path
    ) -> None:
        words = ("--audit-log", str(pipe))
        full = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        with ServerProcess(tmp_path, *words) as server, server.peer() as peer:
            name = "n" * 400
            for number in range(300):
                peer.ask(put_kv(name, f"{name}{number}", "v"))
            wait_until(lambda: _waiting(full) > 60_000)
            os.close(full)
            code, _ = server.end()
            assert code == 0

    def test_disk_that_hangs_costs_lines_and_no_time(
        self, pipe: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit_log, "MOST_WAITING_BYTES", 200_000)
        audited = Audited(pipe)
        full = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        for _ in range(1000):
            audited.audit.put(DONE)
        wait_until(lambda: _waiting(full) > 60_000)
        os.close(full)
        for _ in range(5000):
            audited.audit.put(DONE)
        # What is kept has its bound, and the end does not wait for the disk.
        assert audited.audit._waiting_bytes <= 200_000
        assert audited.audit._dropped > 1000
        thread = audited.audit._thread
        audited.close(0.01)
        assert thread is not None and thread.is_alive()
        drain = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            wait_until(lambda: not _drained(drain) and not thread.is_alive())
        finally:
            os.close(drain)
        assert told(audited)[0].event == "the audit log is too slow, lines are lost"
        # Abandoned, it is closed by nobody else.
        stream = audited.audit._file.stream
        assert stream is not None
        stream.close()


def _waiting(descriptor: int) -> int:
    """Bytes in a pipe."""
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), "little")


def _drained(descriptor: int) -> bool:
    """Take what the pipe holds; whether there was anything."""
    try:
        return bool(os.read(descriptor, 1 << 20))
    except BlockingIOError:
        return False
