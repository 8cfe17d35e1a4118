"""The log in a file: rotation, files that go away, and what a full disk costs."""

import errno
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.server.logs import line_file
from namesrv.server.logs.events import EventLog
from namesrv.server.logs.handlers import (
    LogOutput,
    lost_log_lines,
    reopen_log_file,
    set_up_logging,
)
from namesrv.testing.peer import WAIT_SECONDS
from tests.server.failing import FullDisk, fail_with

pytestmark = pytest.mark.usefixtures("restored_logging")


class Logged:
    """A log in a file."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        self.output: LogOutput = set_up_logging(Options(log_file=str(path), **options))
        self.log = EventLog()

    def write(self, event: str = "event", **fields: object) -> None:
        """Log one line, and return when it is written."""
        self.log.log_own(logging.INFO, event, fields)
        assert self.output.wait(WAIT_SECONDS)

    def events(self) -> list[str]:
        """Level, event and fields of the lines that stand in the file."""
        return events_of(self.path)


def events_of(path: Path) -> list[str]:
    return [line.split(" ", 2)[2] for line in path.read_text().splitlines() if line]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "namesrv.log"


class TestFile:
    def test_lines_go_to_the_file_and_folders_are_made(self, tmp_path: Path) -> None:
        path = tmp_path / "logs" / "namesrv.log"
        Logged(path).write(key="主")
        assert path.read_text(encoding="utf-8").endswith(" event key=主\n")

    def test_file_is_rotated_by_size(self, path: Path) -> None:
        logged = Logged(path, log_file_max_bytes=4096, log_file_backups=2)
        for n in range(400):
            logged.log.log_own(logging.INFO, "event", {"n": n})
        logged.write("last")
        names = {child.name for child in path.parent.iterdir()}
        assert names == {"namesrv.log", "namesrv.log.1", "namesrv.log.2"}
        sizes = [child.stat().st_size for child in path.parent.iterdir()]
        assert max(sizes) < 4096 + 100
        assert logged.events()[-1] == "INFO  last"

    def test_setting_up_again_replaces_the_first_log(self, tmp_path: Path) -> None:
        Logged(tmp_path / "one")
        Logged(tmp_path / "two").write()
        assert (tmp_path / "one").read_text() == ""
        assert (tmp_path / "two").read_text().endswith("event\n")


@contextmanager
def listening(path: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        yield


class TestOtherThanFiles:
    """Nothing else is opened, and nothing is waited for."""

    def refusal(self, path: Path | str) -> str:
        with pytest.raises(StartFailed) as caught:
            set_up_logging(Options(log_file=str(path)))
        message = str(caught.value)
        begin = f"cannot open the log file {path}: "
        end = "; choose another one with --log-file, or none to log to standard error"
        assert message.startswith(begin) and message.endswith(end)
        return message.removeprefix(begin).removesuffix(end)

    def test_folder(self, tmp_path: Path) -> None:
        assert self.refusal(tmp_path) == "Is a directory"

    @pytest.mark.parametrize("has_reader", [False, True])
    def test_pipe(self, path: Path, has_reader: bool) -> None:
        os.mkfifo(path)
        reader = os.open(path, os.O_RDWR) if has_reader else None
        assert self.refusal(path) == "it is a pipe, and only regular files are written"
        if reader is not None:
            os.close(reader)

    @pytest.mark.parametrize("target", ["other", "/dev/stderr", "."])
    def test_link(self, path: Path, target: str) -> None:
        path.symlink_to(target)
        assert self.refusal(path) == "it is a link, and only regular files are written"
        assert [child.name for child in path.parent.iterdir()] == [path.name]

    @pytest.mark.parametrize("device", ["/dev/null", "/dev/full", "/dev/tty"])
    def test_device(self, device: str) -> None:
        reason = self.refusal(device)
        assert reason == "it is a device, and only regular files are written"

    def test_socket(self, path: Path) -> None:
        with listening(path):
            reason = self.refusal(path)
        assert reason == "it is a socket, and only regular files are written"


class TestNameThatGoes:
    """Neither logrotate nor `rm` costs a line."""

    def test_removed_file_is_made_again_at_once(self, path: Path) -> None:
        logged = Logged(path)
        logged.write("first")
        path.unlink()
        logged.write("second")
        assert logged.events() == ["INFO  second"]

    def test_renamed_file_keeps_its_lines_until_it_is_noticed(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        logged = Logged(path)
        logged.write("first")
        old = path.rename(path.with_suffix(".old"))
        logged.write("second")
        monkeypatch.setattr(line_file, "_CHECK_SECONDS", 0)
        reopen_log_file()
        logged.write("third")
        assert events_of(old) == ["INFO  first", "INFO  second"]
        assert logged.events() == ["INFO  third"]

    def test_renamed_file_is_noticed_without_a_signal(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(line_file, "_CHECK_SECONDS", 0)
        logged = Logged(path)
        logged.write("first")
        old = path.rename(path.with_suffix(".old"))
        path.touch()
        logged.write("second")
        assert events_of(old) == ["INFO  first"]
        assert logged.events() == ["INFO  second"]

    def test_signal_makes_the_file_without_a_line(self, path: Path) -> None:
        logged = Logged(path)
        logged.write("first")
        path.rename(path.with_suffix(".old"))
        reopen_log_file()
        assert logged.output.wait(WAIT_SECONDS)
        assert path.read_bytes() == b""

    def test_truncated_file_is_gone_on_with(self, path: Path) -> None:
        logged = Logged(path)
        logged.write("first")
        os.truncate(path, 0)
        logged.write("second")
        assert logged.events() == ["INFO  second"]
        assert b"\x00" not in path.read_bytes()

    def test_pipe_in_place_of_a_renamed_file_is_not_opened(self, path: Path) -> None:
        logged = Logged(path)
        old = path.rename(path.with_suffix(".old"))
        os.mkfifo(path)
        reopen_log_file()
        logged.write("first")
        assert events_of(old) == ["INFO  first"]

    def test_link_in_place_of_a_removed_file_costs_lines_only(self, path: Path) -> None:
        logged = Logged(path)
        path.unlink()
        path.symlink_to(path.with_suffix(".elsewhere"))
        logged.write("lost")
        assert not path.with_suffix(".elsewhere").exists()
        path.unlink()
        logged.write("after")
        assert logged.events() == [MISSING.format(1), "INFO  after"]


MISSING = "WARN  log lines were lost, the log could not be written lines={}"


class TestFailure:
    @pytest.mark.parametrize("room", [0, 10])
    def test_full_disk_costs_lines_only_and_they_are_counted(
        self,
        path: Path,
        disk: FullDisk,
        capfd: pytest.CaptureFixture[str],
        room: int,
    ) -> None:
        logged = Logged(path)
        logged.write("before")
        disk.fill(room)
        for _ in range(3):
            logged.write("lost")
        disk.empty()
        logged.write("after")
        before, *cut, missing, after = path.read_text().splitlines()
        assert before.endswith("INFO  before") and after.endswith("INFO  after")
        assert missing.endswith(MISSING.format(3))
        assert lost_log_lines() == {"stdout": 0, "stderr": 0, "file": 3}
        assert [len(line) for line in cut] == ([room] if room else [])
        assert capfd.readouterr().err == ""

    def test_file_that_went_stale_is_opened_anew(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As on a network disk whose server began anew."""
        logged = Logged(path)
        logged.write("before")
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", fail_with(errno.ESTALE))
            logged.write("lost")
        logged.write("after")
        assert logged.events() == ["INFO  before", MISSING.format(1), "INFO  after"]

    def test_rotation_that_fails_goes_on_in_the_same_file(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        renames: list[str] = []

        def refuse(source: str, target: str) -> None:
            renames.append(source)
            raise PermissionError

        monkeypatch.setattr(os, "rename", refuse)
        logged = Logged(path, log_file_max_bytes=4096)
        for _ in range(200):
            logged.log.log_own(logging.INFO, "event", {})
        logged.write()
        assert len(logged.events()) == 201
        # It is tried again after a while only.
        assert len(renames) < 200

    def test_rotation_whose_new_file_cannot_be_opened_moves_the_old_one_once(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(line_file, "_CHECK_SECONDS", 3600)
        logged = Logged(path, log_file_max_bytes=4096, log_file_backups=3)
        logged.write()
        monkeypatch.setattr(os, "open", _no_file)
        for _ in range(200):
            logged.log.log_own(logging.INFO, "event", {})
        logged.write()
        assert [child.name for child in path.parent.iterdir()] == ["namesrv.log.1"]
        assert len(events_of(path.with_suffix(".log.1"))) == 202


def _no_file(*args: object, **kwargs: object) -> int:
    raise PermissionError


class TestStandardError:
    def test_reader_that_has_gone_is_survived(self) -> None:
        read_end, write_end = os.pipe()
        os.close(read_end)
        with os.fdopen(write_end, "w") as stream, pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stderr", stream)
            output = set_up_logging(Options())
            EventLog().log_own(logging.INFO, "event", {})
            assert output.wait(WAIT_SECONDS)
            output.close()

    def test_closed_standard_streams_are_survived(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stderr", None)
            patch.setattr("sys.stdout", None)
            output = set_up_logging(Options())
            EventLog().log_own(logging.INFO, "event", {})
            output.say("said")
            assert output.wait(WAIT_SECONDS)
            output.close()
