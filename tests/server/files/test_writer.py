"""The thread that writes: order, failures, and what happens at the end."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from namesrv.errors import StorageError
from namesrv.server.files.atomic import write_atomically
from namesrv.server.files.writer import Writer


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
            "unexpected error while writing a file",
            "the callback of a finished write failed",
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

    def test_all_waiting_drains_are_woken(self, tmp_path: Path) -> None:
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

    def test_write_that_ends_after_the_loop_is_ignored(self, tmp_path: Path) -> None:
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
