"""The audit log: its lines, its file, and what it survives."""

import asyncio
import json
import logging
import os
import re
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.routing.outbox import BURST, AuditEvent
from namesrv.server.logs import audit_log
from namesrv.server.logs.audit_log import AuditLog
from namesrv.testing.peer import WAIT_SECONDS, wait_until
from tests.server.failing import FullDisk, HangingOutlet
from tests.server.loop_free_server import Line, RecordedLog

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
        self.log = RecordedLog(self.clock)
        options = {"audit_log": str(path), **options}
        self.audit = AuditLog(Options(**options), self.log, self.clock)
        self.audit.open()

    def wait(self) -> None:
        """Return when the thread has done with all lines."""
        assert self.audit.wait(WAIT_SECONDS)

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
        assert last["event"] == "log lines were suppressed"
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


def reports(audited: Audited) -> list[Line]:
    """Lines of the server's log about the audit log."""
    return [line for line in audited.log.lines if "audit log" in line.event]


class TestFailure:
    def test_full_disk_is_reported_once_a_second(
        self, path: Path, disk: FullDisk
    ) -> None:
        audited = Audited(path)
        disk.fill(0)
        for count in range(1, 4):
            audited.audit.put(DONE)
            audited.wait()
            assert len(reports(audited)) == 1, count
        audited.clock.now += 1
        audited.audit.put(DONE)
        audited.close()
        first, second = reports(audited)
        assert first == (
            logging.ERROR,
            "cannot write the audit log",
            {"file": str(path), "reason": "No space left on device", "lines": 1},
        )
        assert (second.fields["lines"], second.fields["suppressed"]) == (4, 2)

    def test_lines_that_are_missing_are_counted_in_the_file(
        self, path: Path, disk: FullDisk
    ) -> None:
        audited = Audited(path)
        audited.audit.put(DONE)
        audited.wait()
        disk.fill(5)
        for _ in range(2):
            audited.audit.put(DONE)
        audited.wait()
        disk.empty()
        audited.audit.put(DONE)
        audited.close()
        first, _, missing, last = path.read_text().splitlines()
        events = [json.loads(line) for line in (first, missing, last)]
        assert [line["event"] for line in events] == [
            DONE.event,
            "audit log lines are missing",
            DONE.event,
        ]
        assert (events[1]["level"], events[1]["lines"]) == ("ERROR", 2)

    def test_disk_that_hangs_costs_lines_and_no_time(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit_log, "MOST_WAITING_BYTES", 100_000)
        audited, disk = Audited(path), HangingOutlet()
        audited.audit.write_to(disk)
        for _ in range(2000):
            audited.audit.put(DONE)
        assert [line.event for line in reports(audited)] == [
            "audit log lines dropped, the disk is too slow"
        ]
        lost = audited.audit.lost_lines
        audited.close(0.01)
        assert disk.lines == []
        disk.goes_on.set()
        wait_until(lambda: disk.is_closed)
        events = [json.loads(line)["event"] for line in disk.lines]
        missing = json.loads(disk.lines[-1])["lines"]
        assert events[-1] == "audit log lines are missing"
        assert events.count(DONE.event) + missing == 2000
        assert missing == lost


class TestNameThatGoes:
    def test_removed_file_is_made_again_with_its_mode(self, path: Path) -> None:
        audited = Audited(path)
        audited.audit.put(DONE)
        audited.wait()
        path.unlink()
        audited.audit.put(REFUSED)
        (line,) = audited.lines()
        assert line["result"] == 16
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_signal_opens_it_anew(self, path: Path) -> None:
        audited = Audited(path)
        audited.audit.put(DONE)
        audited.wait()
        path.rename(path.with_suffix(".old"))
        audited.audit.reopen_file()
        audited.audit.put(REFUSED)
        (line,) = audited.lines()
        assert line["result"] == 16

    @pytest.mark.parametrize("kind", ["pipe", "link", "device"])
    def test_nothing_but_a_file_is_opened(self, path: Path, kind: str) -> None:
        path.parent.mkdir()
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "link":
            path.symlink_to("other")
        else:
            path = Path("/dev/null")
        with pytest.raises(StartFailed) as caught:
            Audited(path)
        assert str(caught.value) == (
            f"cannot open the audit log {path}: it is a {kind}, and only regular files"
            " are written; choose another one with --audit-log"
        )
