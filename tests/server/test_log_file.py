"""The log in a file: rotation, and what a full disk costs."""

import errno
import io
import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.server.logs import EventLog, FileHandler, set_up_logging

pytestmark = pytest.mark.usefixtures("restored_logging")


class TestFile:
    def test_lines_go_to_the_file_and_folders_are_made(self, tmp_path: Path) -> None:
        path = tmp_path / "logs" / "namesrv.log"
        set_up_logging(Options(log_file=str(path)))
        EventLog().log_event(logging.INFO, "event", {"key": "主"})
        assert path.read_text(encoding="utf-8").endswith(" event key=主\n")

    def test_file_is_rotated_by_size(self, tmp_path: Path) -> None:
        path = tmp_path / "namesrv.log"
        set_up_logging(
            Options(log_file=str(path), log_file_max_bytes=4096, log_file_backups=2)
        )
        for n in range(400):
            EventLog().log_event(logging.INFO, "event", {"n": n})
        names = {child.name for child in tmp_path.iterdir()}
        assert names == {"namesrv.log", "namesrv.log.1", "namesrv.log.2"}
        sizes = [child.stat().st_size for child in tmp_path.iterdir()]
        assert max(sizes) < 4096 + 100
        assert path.read_text().splitlines()[-1].endswith("n=399")

    def test_file_that_cannot_be_opened_is_one_sentence(self, tmp_path: Path) -> None:
        with pytest.raises(StartFailed) as caught:
            set_up_logging(Options(log_file=str(tmp_path)))
        assert str(caught.value) == (
            f"cannot open the log file {tmp_path}: Is a directory;"
            " choose another one with --log-file, or none to log to standard error"
        )

    def test_setting_up_again_replaces_the_first_log(self, tmp_path: Path) -> None:
        set_up_logging(Options(log_file=str(tmp_path / "one")))
        set_up_logging(Options(log_file=str(tmp_path / "two")))
        EventLog().log_event(logging.INFO, "event", {})
        assert (tmp_path / "one").read_text() == ""
        assert (tmp_path / "two").read_text().endswith("event\n")


class FullDisk(io.FileIO):
    """A file on a disk that can be filled and emptied."""

    full = False

    def write(self, data: Any) -> int:
        if FullDisk.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


class TestFailure:
    @pytest.fixture
    def disk(self, monkeypatch: pytest.MonkeyPatch) -> type[FullDisk]:
        def opened(path: str, mode: str, **kwargs: str) -> io.TextIOWrapper:
            return io.TextIOWrapper(io.BufferedWriter(FullDisk(path, mode)), "utf-8")

        monkeypatch.setattr(FullDisk, "full", False)
        monkeypatch.setattr("builtins.open", opened)
        return FullDisk

    def test_full_disk_costs_lines_only_and_they_are_counted(
        self,
        tmp_path: Path,
        disk: type[FullDisk],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        path = tmp_path / "namesrv.log"
        set_up_logging(Options(log_file=str(path)))
        log = EventLog()
        log.log_event(logging.INFO, "before", {})
        disk.full = True
        for _ in range(3):
            log.log_event(logging.INFO, "lost", {})
        disk.full = False
        log.log_event(logging.INFO, "after", {})
        monkeypatch.undo()
        lines = [line for line in path.read_text().splitlines() if line]
        assert [line.split(" ", 2)[2] for line in lines] == [
            "INFO  before",
            "INFO  after",
            "WARN  the log could not be written for a while lines=3",
        ]
        assert capsys.readouterr().err == ""

    def test_rotation_that_fails_goes_on_in_the_same_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(source: str, target: str) -> None:
            raise PermissionError(errno.EACCES, "no")

        path = tmp_path / "namesrv.log"
        set_up_logging(Options(log_file=str(path), log_file_max_bytes=4096))
        monkeypatch.setattr(os, "rename", refuse)
        for n in range(200):
            EventLog().log_event(logging.INFO, "event", {"n": n})
        assert len(path.read_text().splitlines()) == 200

    def test_file_that_cannot_seek_is_never_rotated(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        handler = FileHandler(str(pipe), maxBytes=1, backupCount=1)
        record = logging.LogRecord("namesrv", 20, "", 0, "event", None, None)
        handler.emit(record)
        handler.emit(record)
        handler.close()
        assert os.read(reader, 100) == b"event\nevent\n"
        os.close(reader)
        assert list(tmp_path.iterdir()) == [pipe]

    def test_closed_standard_error_is_survived(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Broken(io.StringIO):
            def write(self, text: str) -> int:
                raise BrokenPipeError(errno.EPIPE, "nobody reads")

        monkeypatch.setattr(sys, "stderr", Broken())
        set_up_logging(Options())
        EventLog().log_event(logging.INFO, "event", {})
