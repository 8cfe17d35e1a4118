"""The data directory: its lock, and what is written although it cannot be locked."""

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from namesrv.errors import StartFailed, StorageError
from namesrv.server.files import data_directory
from namesrv.server.files.data_directory import DataDirectory
from tests.server.failing import fail_with

HOLD_LOCK = """
import sys
from namesrv.server.files.data_directory import DataDirectory
DataDirectory(sys.argv[1]).open()
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the lock of `tmp_path` / data."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(tmp_path / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


class TestDataDirectory:
    def test_is_made_with_its_parents_and_holds_our_pid(self, tmp_path: Path) -> None:
        directory = DataDirectory(str(tmp_path / "a" / "b"))
        directory.open()
        assert directory.warning is None
        lock = tmp_path / "a" / "b" / "namesrv.lock"
        assert lock.read_text().splitlines() == [
            str(os.getpid()),
            f"{os.readlink('/proc/self/ns/pid')} {os.uname().nodename}",
        ]
        directory.close()

    def test_second_process_gets_the_pid_of_the_holder(
        self, tmp_path: Path, other_process: "subprocess.Popen[str]"
    ) -> None:
        path = tmp_path / "data"
        with pytest.raises(StartFailed) as caught:
            DataDirectory(str(path)).open()
        assert str(caught.value) == (
            f"the data directory {path} is in use by process {other_process.pid};"
            " stop that one, or choose another directory with --data-dir"
        )

    def test_lock_of_an_ended_process_is_free(
        self, tmp_path: Path, other_process: "subprocess.Popen[str]"
    ) -> None:
        other_process.kill()
        other_process.wait()
        directory = DataDirectory(str(tmp_path / "data"))
        directory.open()
        assert directory.warning is None
        directory.close()

    def test_holder_without_a_pid_is_another_process(self, tmp_path: Path) -> None:
        holder = DataDirectory(str(tmp_path))
        holder.open()
        (tmp_path / "namesrv.lock").write_text("")
        with pytest.raises(StartFailed, match="is in use by another process;"):
            DataDirectory(str(tmp_path)).open()
        holder.close()

    def test_closed_directory_can_be_opened_by_the_next(self, tmp_path: Path) -> None:
        for _ in range(2):
            directory = DataDirectory(str(tmp_path))
            directory.open()
            directory.close()
            directory.close()

    def test_file_in_its_place_is_one_sentence(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_text("")
        with pytest.raises(StartFailed) as caught:
            DataDirectory(str(path)).open()
        assert str(caught.value) == (
            f"cannot use the data directory {path}: File exists;"
            " choose another one with --data-dir"
        )

    def test_lock_file_that_is_a_folder_is_one_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "namesrv.lock").mkdir()
        with pytest.raises(StartFailed) as caught:
            DataDirectory(str(tmp_path)).open()
        assert str(caught.value) == (
            f"cannot lock the data directory with {tmp_path / 'namesrv.lock'}: it is a"
            " directory, expected a file; move it away"
        )

    @pytest.mark.parametrize("sees_it", [True, False])
    def test_pipe_in_place_of_the_lock_file_is_one_sentence(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sees_it: bool
    ) -> None:
        os.mkfifo(tmp_path / "namesrv.lock")
        if not sees_it:
            monkeypatch.setattr(data_directory, "obstacle", lambda path: None)
        with pytest.raises(StartFailed, match="with .*/namesrv.lock: it is "):
            DataDirectory(str(tmp_path)).open()

    @pytest.mark.parametrize("target", ["victim", "/dev/null", "nothing"])
    def test_link_in_place_of_the_lock_file_is_not_followed(
        self, tmp_path: Path, target: str
    ) -> None:
        (tmp_path / "victim").write_text("mine")
        (tmp_path / "namesrv.lock").symlink_to(target)
        with pytest.raises(StartFailed, match="with .*/namesrv.lock: it is a link to "):
            DataDirectory(str(tmp_path)).open()
        assert (tmp_path / "victim").read_text() == "mine"
        assert not (tmp_path / "nothing").exists()

    @pytest.mark.parametrize(
        ("place", "said"),
        [
            (None, "process 1;"),
            ("pid:[1] web-7", "process 1 of another container or machine, whose host"),
            ("- web-7", "whose host name is web-7; stop that one, "),
        ],
    )
    def test_pid_of_another_container_is_named_with_its_host(
        self, tmp_path: Path, place: str | None, said: str
    ) -> None:
        """Where the directory is shared, both may be number 1."""
        holder = DataDirectory(str(tmp_path))
        holder.open()
        lines = ["1"] if place is None else ["1", place]
        (tmp_path / "namesrv.lock").write_text("\n".join(lines) + "\n")
        with pytest.raises(StartFailed) as caught:
            DataDirectory(str(tmp_path)).open()
        assert f"{tmp_path} is in use by process 1" in str(caught.value)
        assert said in str(caught.value)
        holder.close()

    @pytest.mark.parametrize(
        "number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL]
    )
    def test_file_system_that_knows_no_locks_is_a_warning(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        monkeypatch.setattr(fcntl, "flock", fail_with(number))
        directory = DataDirectory(str(tmp_path))
        directory.open()
        assert directory.warning == (
            f"the data directory {tmp_path} cannot be locked, because its file system"
            f" knows no locks ({os.strerror(number)}): see to it that no other server"
            " uses it, or choose another one with --data-dir"
        )
        assert directory.can_write
        directory.write(str(tmp_path / "kvConfig.json"), [b"1"])
        assert (tmp_path / "kvConfig.json").read_bytes() == b"1"
        directory.close()

    def test_lock_that_fails_otherwise_is_one_sentence(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fcntl, "flock", fail_with(errno.EIO))
        with pytest.raises(StartFailed, match="Input/output error; choose another one"):
            DataDirectory(str(tmp_path)).open()

    @pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
    def test_directory_that_cannot_be_written_is_a_warning(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        monkeypatch.setattr(os, "makedirs", fail_with(number))
        directory = DataDirectory(str(tmp_path / "data"))
        directory.open()
        assert not directory.can_write
        assert directory.warning == (
            f"the data directory {directory.path} cannot be written"
            f" ({os.strerror(number)}): changes of the KV table and of the"
            " configuration will be refused; choose another one with --data-dir"
        )
        directory.close()

    def test_lock_file_that_is_only_readable_locks_all_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real_open = os.open

        def read_only(path: str, flags: int, mode: int = 0o777) -> int:
            if flags & os.O_RDWR:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return real_open(path, flags, mode)

        (tmp_path / "namesrv.lock").write_text("1\n")
        monkeypatch.setattr(os, "open", read_only)
        directory = DataDirectory(str(tmp_path))
        directory.open()
        assert directory.warning is None
        monkeypatch.undo()
        with pytest.raises(StartFailed, match="is in use by process 1;"):
            DataDirectory(str(tmp_path)).open()
        directory.close()

    def test_lock_file_that_cannot_be_made_is_a_warning(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "open", fail_with(errno.EROFS))
        directory = DataDirectory(str(tmp_path))
        directory.open()
        assert directory.warning is not None
        assert "Read-only file system" in directory.warning

    def test_directory_that_can_be_locked_but_not_written_is_a_warning(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        directory = DataDirectory(str(tmp_path))
        directory.open()
        assert directory.warning is not None
        assert "cannot be written (read-only): " in directory.warning
        with pytest.raises(StartFailed):
            DataDirectory(str(tmp_path)).open()
        directory.close()

    def test_directory_that_is_not_locked_is_not_written(self, tmp_path: Path) -> None:
        directory = DataDirectory(str(tmp_path / "data"))
        inside, outside = tmp_path / "data" / "kvConfig.json", tmp_path / "kv"
        with pytest.raises(StorageError, match="is not locked by us"):
            directory.write(str(inside), [b"1"])
        assert not inside.exists()
        directory.write(str(outside), [b"1"])
        assert outside.read_bytes() == b"1"

    def test_locked_directory_is_written(self, tmp_path: Path) -> None:
        directory = DataDirectory(str(tmp_path))
        directory.open()
        directory.write(str(tmp_path / "kvConfig.json"), [b"1"])
        assert (tmp_path / "kvConfig.json").read_bytes() == b"1"
        directory.close()
