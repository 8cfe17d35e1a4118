"""The data directory, atomic writes and the thread that does them."""

import asyncio
import errno
import io
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from namesrv.errors import StartFailed, StorageError
from namesrv.server import storage
from namesrv.server.storage import DataDirectory, Writer, read, write_atomically

HOLD_LOCK = """
import sys
from namesrv.server.storage import DataDirectory
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


def fail_with(number: int) -> Callable[..., None]:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


class TooLargeFile(io.FileIO):
    """A file that no memory is left for.

    How large a true one has to be depends on the machine's overcommit setting, and a
    sanitizer's malloc ends the process at such a size.
    """

    def read(self, size: int | None = -1) -> bytes:
        raise MemoryError


class TestDataDirectory:
    def test_is_made_with_its_parents_and_holds_our_pid(self, tmp_path: Path) -> None:
        directory = DataDirectory(str(tmp_path / "a" / "b"))
        directory.open()
        assert directory.warning is None
        lock = tmp_path / "a" / "b" / "namesrv.lock"
        assert lock.read_text() == f"{os.getpid()}\n"
        directory.close()

    def test_second_process_is_told_who_holds_it(
        self, tmp_path: Path, other_process: "subprocess.Popen[str]"
    ) -> None:
        path = tmp_path / "data"
        with pytest.raises(StartFailed) as caught:
            DataDirectory(str(path)).open()
        assert str(caught.value) == (
            f"the data directory {path} is in use by process {other_process.pid};"
            " stop that one, or choose another directory with --data-dir"
        )

    def test_lock_of_a_process_that_ended_holds_nobody_up(
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
        with pytest.raises(StartFailed, match="Is a directory"):
            DataDirectory(str(tmp_path)).open()

    @pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
    def test_directory_that_cannot_be_written_is_a_warning(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        monkeypatch.setattr(os, "makedirs", fail_with(number))
        directory = DataDirectory(str(tmp_path / "data"))
        directory.open()
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


class TestRead:
    def test_content(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"\x00\xff")
        assert read(str(tmp_path / "file")) == b"\x00\xff"

    def test_missing_file_and_missing_folder_are_none(self, tmp_path: Path) -> None:
        assert read(str(tmp_path / "file")) is None
        assert read(str(tmp_path / "folder" / "file")) is None

    def test_anything_else_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError) as caught:
            read(str(tmp_path))
        assert str(caught.value) == f"cannot read {tmp_path}: Is a directory"

    @pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
    def test_what_is_no_file_is_an_error_and_not_waited_for(
        self, tmp_path: Path, make: Callable[[Path], None]
    ) -> None:
        make(tmp_path / "file")
        with pytest.raises(StorageError, match="cannot read .*/file: "):
            read(str(tmp_path / "file"))

    def test_what_does_not_fit_into_memory_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_bytes(b"content")
        monkeypatch.setattr(storage, "open", TooLargeFile, raising=False)
        with pytest.raises(StorageError, match="cannot read .*/file: .*memory"):
            read(str(tmp_path / "file"))


class TestWriteAtomically:
    def test_makes_file_and_folders(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "b" / "file"
        write_atomically(str(path), [b"content"])
        assert path.read_bytes() == b"content"
        assert [child.name for child in path.parent.iterdir()] == ["file"]

    def test_replaces_the_whole_content(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"long old content")
        write_atomically(str(path), [b"new"])
        assert path.read_bytes() == b"new"

    def test_new_file_is_readable_by_all_within_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            write_atomically(str(tmp_path / "file"), [b""])
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640

    def test_mode_of_an_existing_file_is_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        path.chmod(0o604)
        write_atomically(str(path), [b"new"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o604

    def test_owner_that_cannot_be_kept_is_no_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        monkeypatch.setattr(os, "fchown", fail_with(errno.EPERM))
        write_atomically(str(path), [b"new"])
        assert path.read_bytes() == b"new"

    def test_link_stays_a_link(self, tmp_path: Path) -> None:
        target, link = tmp_path / "target", tmp_path / "link"
        target.write_bytes(b"old")
        link.symlink_to(target)
        write_atomically(str(link), [b"new"])
        assert link.is_symlink()
        assert target.read_bytes() == b"new"

    def test_link_in_place_of_the_temporary_file_is_not_followed(
        self, tmp_path: Path
    ) -> None:
        victim = tmp_path / "victim"
        victim.write_bytes(b"mine")
        (tmp_path / "file.tmp").symlink_to(victim)
        with pytest.raises(StorageError):
            write_atomically(str(tmp_path / "file"), [b"new"])
        assert victim.read_bytes() == b"mine"

    def test_what_a_killed_process_left_is_no_hindrance(self, tmp_path: Path) -> None:
        (tmp_path / "file.tmp").write_bytes(b"half of a much longer content")
        write_atomically(str(tmp_path / "file"), [b"new"])
        assert (tmp_path / "file").read_bytes() == b"new"
        assert not (tmp_path / "file.tmp").exists()

    def test_short_writes_are_continued(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real_write = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: real_write(fd, data[:3]))
        write_atomically(str(tmp_path / "file"), [b"0123456789"])
        assert (tmp_path / "file").read_bytes() == b"0123456789"

    @pytest.mark.parametrize("call", ["write", "fsync", "rename", "open"])
    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
    def test_failure_leaves_everything_as_it_was(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        monkeypatch.setattr(os, call, fail_with(number))
        with pytest.raises(StorageError) as caught:
            write_atomically(str(path), [b"new"])
        monkeypatch.undo()
        assert str(caught.value) == f"cannot write {path}: {os.strerror(number)}"
        assert caught.value.path == str(path)
        assert path.read_bytes() == b"old"
        assert [child.name for child in tmp_path.iterdir()] == ["file"]

    def test_folder_that_cannot_be_synced_is_no_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real_fsync = os.fsync

        def files_only(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            real_fsync(descriptor)

        monkeypatch.setattr(os, "fsync", files_only)
        write_atomically(str(tmp_path / "file"), [b"new"])
        assert (tmp_path / "file").read_bytes() == b"new"

    def test_folder_that_is_a_file_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "folder").write_bytes(b"")
        with pytest.raises(StorageError, match="cannot write .*: "):
            write_atomically(str(tmp_path / "folder" / "file"), [b"new"])

    def test_name_that_no_file_can_have_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="null byte"):
            write_atomically(f"{tmp_path}/a\0b", [b"new"])


class Job:
    """Writes `text`; notes in `notes` what happens to it, in order."""

    def __init__(self, path: Path, text: str, notes: list[str]) -> None:
        self.path = str(path)
        self.text = text
        self.notes = notes
        self.error: StorageError | None = None
        self.then: Callable[[], None] = lambda: None

    def content(self) -> Iterable[bytes]:
        self.notes.append(f"content {self.text}")
        return [self.text.encode()]

    def done(self, error: StorageError | None) -> None:
        self.notes.append(f"done {self.text}")
        self.error = error
        self.then()


class TestWriter:
    def run(self, *jobs: Job, write: Callable[[str, Iterable[bytes]], None]) -> None:
        async def submit_all() -> None:
            writer = Writer(write)
            for job in jobs:
                writer.submit(job)
            await writer.close()

        asyncio.run(submit_all())

    def test_writes_in_order_and_asks_for_content_only_when_it_is_due(
        self, tmp_path: Path
    ) -> None:
        notes: list[str] = []
        jobs = [Job(tmp_path / "file", text, notes) for text in "abc"]
        self.run(*jobs, write=write_atomically)
        assert notes == [
            f"{what} {text}" for text in "abc" for what in ("content", "done")
        ]
        assert (tmp_path / "file").read_text() == "c"
        assert [job.error for job in jobs] == [None, None, None]

    def test_writes_in_another_thread_and_reports_on_the_loop(
        self, tmp_path: Path
    ) -> None:
        threads: list[threading.Thread] = []

        def write(path: str, data: Iterable[bytes]) -> None:
            threads.append(threading.current_thread())

        job = Job(tmp_path / "file", "a", [])
        job.then = lambda: threads.append(threading.current_thread())
        self.run(job, write=write)
        assert threads[0] is not threading.main_thread()
        assert threads[0].daemon
        assert threads[1] is threading.main_thread()

    def test_loop_goes_on_while_a_write_lasts(self, tmp_path: Path) -> None:
        released = threading.Event()

        async def scenario() -> None:
            writer = Writer(lambda path, data: assert_soon(released))
            job = Job(tmp_path / "file", "a", [])
            writer.submit(job)
            await asyncio.sleep(0)
            assert job.notes == ["content a"]
            released.set()
            await writer.close()
            assert job.notes == ["content a", "done a"]

        asyncio.run(scenario())

    def test_failed_write_is_reported_and_the_next_one_is_done(
        self, tmp_path: Path
    ) -> None:
        def write(path: str, data: Iterable[bytes]) -> None:
            if data == [b"a"]:
                raise StorageError("write", path, "No space left on device")
            write_atomically(path, data)

        jobs = [Job(tmp_path / "file", text, []) for text in "ab"]
        self.run(*jobs, write=write)
        assert str(jobs[0].error) == (
            f"cannot write {tmp_path / 'file'}: No space left on device"
        )
        assert jobs[1].error is None
        assert (tmp_path / "file").read_text() == "b"

    def test_job_may_submit_the_next_one_when_it_is_done(self, tmp_path: Path) -> None:
        async def scenario() -> None:
            writer = Writer()
            notes: list[str] = []
            first, second = (Job(tmp_path / name, name, notes) for name in "ab")
            first.then = lambda: writer.submit(second)
            writer.submit(first)
            await writer.drain()
            assert notes == ["content a", "done a", "content b", "done b"]
            await writer.close()

        asyncio.run(scenario())

    def test_content_that_cannot_be_made_fails_that_job_only(
        self, tmp_path: Path
    ) -> None:
        class Full(Job):
            def content(self) -> Iterable[bytes]:
                raise StorageError("write", self.path, "the table is full")

        bad, good = Full(tmp_path / "bad", "a", []), Job(tmp_path / "good", "b", [])
        self.run(bad, good, write=write_atomically)
        assert str(bad.error) == f"cannot write {tmp_path / 'bad'}: the table is full"
        assert (tmp_path / "good").read_text() == "b"

    def test_thread_that_cannot_be_started_fails_the_job_and_is_tried_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        async def scenario() -> None:
            writer = Writer()
            first, second, third = (Job(tmp_path / name, name, []) for name in "abc")
            first.then = lambda: writer.submit(second)
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", refuse)
                writer.submit(first)
                await writer.drain()
            assert "can't start new thread" in str(first.error)
            assert "can't start new thread" in str(second.error)
            writer.submit(third)
            await writer.close()
            assert third.error is None
            assert (tmp_path / "c").read_text() == "c"

        asyncio.run(scenario())

    def test_bug_in_a_job_does_not_stop_the_line(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Buggy(Job):
            def content(self) -> Iterable[bytes]:
                return [bytes(1 // 0)]

            def done(self, error: StorageError | None) -> None:
                super().done(error)
                raise KeyError("bug")

        bad, good = Buggy(tmp_path / "bad", "a", []), Job(tmp_path / "good", "b", [])
        self.run(bad, good, write=write_atomically)
        assert str(bad.error) == (
            f"cannot write {tmp_path / 'bad'}: internal error, see the server's log"
        )
        assert (tmp_path / "good").read_text() == "b"
        assert [record.message for record in caplog.records] == [
            "a write failed for an unforeseen reason",
            "a finished write could not be taken note of",
        ]

    def test_bug_in_a_write_is_an_error_of_that_job(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        def write(path: str, data: Iterable[bytes]) -> None:
            raise KeyError("bug")

        job = Job(tmp_path / "file", "a", [])
        self.run(job, write=write)
        assert isinstance(job.error, StorageError)

    def test_drain_of_an_idle_writer_returns_at_once(self) -> None:
        async def scenario() -> None:
            writer = Writer()
            await writer.drain()
            await writer.close()

        asyncio.run(scenario())

    def test_every_one_who_drains_is_woken(self, tmp_path: Path) -> None:
        async def scenario() -> None:
            writer = Writer()
            writer.submit(Job(tmp_path / "file", "a", []))
            await asyncio.gather(writer.drain(), writer.drain())
            await writer.close()

        asyncio.run(scenario())

    def test_drain_can_be_given_up_while_a_disk_hangs(self, tmp_path: Path) -> None:
        released = threading.Event()

        async def scenario() -> None:
            writer = Writer(lambda path, data: assert_soon(released))
            writer.submit(Job(tmp_path / "file", "a", []))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(writer.drain(), 0.01)
            released.set()
            await writer.close()

        asyncio.run(scenario())

    def test_write_that_ends_after_the_loop_is_nobodys_business(
        self, tmp_path: Path
    ) -> None:
        released = threading.Event()
        job = Job(tmp_path / "file", "a", [])
        writer = Writer(lambda path, data: assert_soon(released))

        async def scenario() -> None:
            writer.submit(job)

        asyncio.run(scenario())
        released.set()
        assert writer._thread is not None
        writer._orders.put(None)
        writer._thread.join(10)
        assert job.notes == ["content a"]


def assert_soon(event: threading.Event) -> None:
    assert event.wait(10)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_reason_is_the_systems_word_for_it(number: int) -> None:
    error = OSError(number, os.strerror(number))
    assert storage._reason(error) == os.strerror(number)
