"""The thread that writes lines: order, loss, and ends that wait for nobody."""

import os
import threading
import time

import pytest

from namesrv.server.logs.line_writer import LINE_OVERHEAD_BYTES, LineWriter, close_all
from namesrv.server.logs.standard_stream import StandardStream
from namesrv.testing.peer import WAIT_SECONDS, wait_until
from tests.server.failing import HangingOutlet


class Outlet:
    """Keeps what is written; fails as long as it is told to."""

    encoding = "ascii"

    def __init__(self) -> None:
        self.data = b""
        self.failure: Exception | None = None
        self.is_closed = False

    def write(self, data: bytes) -> None:
        if self.failure is not None:
            raise self.failure
        self.data += data

    def close(self) -> None:
        self.is_closed = True


def missing(lost: int) -> str:
    return f"{lost} missing\n"


@pytest.fixture
def outlet() -> Outlet:
    return Outlet()


@pytest.fixture
def writer(outlet: Outlet) -> LineWriter:
    return LineWriter("lines", outlet, missing)


def written(writer: LineWriter, outlet: Outlet) -> list[str]:
    assert writer.flush(WAIT_SECONDS)
    return outlet.data.decode().splitlines()


def test_lines_of_many_threads_keep_their_order(
    writer: LineWriter, outlet: Outlet
) -> None:
    def put(name: str) -> None:
        for number in range(500):
            assert writer.put(f"{name} {number}\n")

    threads = [threading.Thread(target=put, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [line.split() for line in written(writer, outlet)]
    for name in "abc":
        own = [int(number) for who, number in lines if who == name]
        assert own == list(range(500))
    assert writer.waiting_bytes == 0


def test_thread_begins_with_the_first_line(writer: LineWriter, outlet: Outlet) -> None:
    before = threading.active_count()
    assert writer.flush(0) and writer.close(0)
    assert threading.active_count() == before and outlet.is_closed


def test_what_the_outlet_cannot_encode_is_escaped(
    writer: LineWriter, outlet: Outlet
) -> None:
    writer.put("主\ud800\n")
    assert written(writer, outlet) == [r"\u4e3b\ud800"]


def test_lines_that_fail_are_counted_where_they_are_missing(outlet: Outlet) -> None:
    told: list[tuple[str, int]] = []
    writer = LineWriter("lines", outlet, missing, on_failure=lambda *x: told.append(x))
    writer.put("one\n")
    assert writer.flush(WAIT_SECONDS)
    for failure in (OSError(28, "no space"), ValueError("closed")):
        outlet.failure = failure
        writer.put("lost\n")
        assert writer.flush(WAIT_SECONDS)
    outlet.failure = None
    writer.put("two\n")
    writer.put("three\n")
    assert written(writer, outlet) == ["one", "2 missing", "two", "three"]
    assert told == [("no space", 1), ("closed", 2)]
    assert writer.lost_in_all == 2


def test_lines_that_do_not_fit_are_counted_where_they_are_missing() -> None:
    outlet = HangingOutlet()
    size = LINE_OVERHEAD_BYTES + 2
    writer = LineWriter("lines", outlet, missing, most_waiting_bytes=3 * size)
    taken = [writer.put(f"{number}\n") for number in range(5)]
    assert taken == [True] * 3 + [False] * 2
    assert (writer.waiting_bytes, writer.dropped) == (3 * size, 2)
    outlet.goes_on.set()
    wait_until(lambda: outlet.lines == ["0", "1", "2", "2 missing"])
    assert writer.put("5\n") and writer.flush(WAIT_SECONDS)
    assert outlet.lines[-1] == "5" and writer.waiting_bytes == 0
    assert writer.lost_in_all == 2


def test_lines_are_dropped_where_no_thread_can_be_had(
    writer: LineWriter, outlet: Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert not writer.put("lost\n")
    assert writer.put("kept\n")
    assert written(writer, outlet) == ["1 missing", "kept"]


def test_the_collector_of_garbage_may_log_in_the_middle_of_a_call(
    outlet: Outlet,
) -> None:
    """As does asyncio for a task that nobody awaits, wherever that is collected."""

    class Nested(Outlet):
        @property
        def encoding(self) -> str:  # type: ignore[override]
            with nesting._lock:
                if not outlet.data:
                    outlet.data = b"once"
                    nesting.put("inner\n")
            return "ascii"

    nested = Nested()
    nesting = LineWriter("lines", nested, missing)
    with nesting._lock:
        nesting.put("outer\n")
    assert written(nesting, nested) == ["inner", "outer"]


def test_closed_writer_has_written_its_queue_and_takes_no_more(
    writer: LineWriter, outlet: Outlet
) -> None:
    for number in range(100):
        writer.put(f"{number}\n")
    assert writer.close(WAIT_SECONDS) and outlet.is_closed
    assert outlet.data.count(b"\n") == 100
    assert not writer.put("late\n") and writer.flush(0) and writer.close(0)


def test_close_does_not_wait_for_outlets_that_hang() -> None:
    outlets = [HangingOutlet() for _ in range(3)]
    writers = [LineWriter("lines", outlet, missing) for outlet in outlets]
    for writer in writers:
        writer.put("line\n")
    began = time.monotonic()
    close_all(writers, 0.05)
    assert time.monotonic() - began < WAIT_SECONDS
    assert not any(outlet.is_closed for outlet in outlets)
    for outlet in outlets:
        outlet.goes_on.set()
    wait_until(lambda: all(outlet.is_closed for outlet in outlets))


def test_non_blocking_pipe_loses_no_line() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    text = "x" * 99 + "\n"
    with open(write_end, "w") as stream, open(read_end, "rb") as reader:
        writer = LineWriter("lines", StandardStream(stream), missing)
        for _ in range(2000):
            assert writer.put(text)
        assert reader.read(200_000) == text.encode() * 2000
        assert writer.close(WAIT_SECONDS)
