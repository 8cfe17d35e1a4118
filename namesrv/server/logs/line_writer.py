"""A thread that writes lines, so that no pipe, terminal or disk blocks the loop.

Standard output, standard error, the log file and the audit log each have one. The queue
is limited; dropped lines are counted, and a line with their number takes their place.
"""

import queue
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

MOST_WAITING_BYTES: Final = 4 << 20
"""Limit of the queue; more lines are dropped and counted."""
LINE_OVERHEAD_BYTES: Final = 128
"""Memory of a queued line besides its bytes."""


class Outlet(Protocol):
    """The destination of lines; only the thread writes to it."""

    @property
    def encoding(self) -> str:
        """The encoding of its text."""

    def write(self, data: bytes) -> None:
        """Write all of `data`; it may block. Raises OSError."""

    def close(self) -> None:
        """No further writes follow."""


def _ignore(reason: str, lost: int) -> None:
    """Failures are not reported."""


class LineWriter:
    """Writes lines to an outlet, strictly in order; any thread may call it.

    `dropped` are lines dropped since the last one that fitted, `lost_in_all` all that
    were dropped or could not be written.

    `missing_line(lost)` makes the line that replaces `lost` lines, as text or bytes.
    `on_failure(reason, lost)` is called in the thread after each failed write. The
    thread starts with the first line. It is a daemon, so that a disk that hangs cannot
    keep the process alive.
    """

    def __init__(
        self,
        name: str,
        outlet: Outlet,
        missing_line: Callable[[int], str | bytes],
        *,
        most_waiting_bytes: int = MOST_WAITING_BYTES,
        on_failure: Callable[[str, int], None] = _ignore,
    ) -> None:
        self._name = name
        self._outlet = outlet
        self._missing_line = missing_line
        self._most_waiting_bytes = most_waiting_bytes
        self._on_failure = on_failure
        self._items: queue.SimpleQueue[_Line | Callable[[], object] | None]
        self._items = queue.SimpleQueue()
        # Reentrant, because the garbage collector may log in the middle of a call.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._lost = 0
        self.waiting_bytes = 0
        self.dropped = 0
        self.lost_in_all = 0

    @property
    def is_failing(self) -> bool:
        """Whether lines are lost that no line with their number has replaced yet."""
        return self._lost > 0 or self.dropped > 0

    def put(self, text: str) -> bool:
        """Queue a text, without blocking; False if the queue is full."""
        return self.put_bytes(self._encoded(text))

    def put_bytes(self, data: bytes) -> bool:
        """As `put`, for bytes that are written as they are."""
        size = len(data) + LINE_OVERHEAD_BYTES
        with self._lock:
            is_full = self.waiting_bytes + size > self._most_waiting_bytes
            if is_full or not self._has_thread():
                self.dropped += 1
                self.lost_in_all += 1
                return False
            self.waiting_bytes += size
            dropped, self.dropped = self.dropped, 0
        self._items.put(_Line(data, size, dropped))
        return True

    def then(self, act: Callable[[], object]) -> None:
        """Have the thread call `act` after the lines queued so far."""
        with self._lock:
            has_thread = self._has_thread()
        if has_thread:
            self._items.put(act)

    def flush(self, seconds: float) -> bool:
        """Wait until all queued lines are written; False after `seconds`."""
        if self._thread is None or self._is_closed:
            return True
        is_done = threading.Event()
        self.then(is_done.set)
        return is_done.wait(seconds)

    def close(self, seconds: float) -> bool:
        """Write the queued lines and end; False if that takes longer than `seconds`.

        The thread then goes on by itself.
        """
        with self._lock:
            if self._is_closed:
                return True
            self._is_closed = True
            thread = self._thread
        if thread is None:
            self._outlet.close()
            return True
        self._items.put(None)
        thread.join(seconds)
        return not thread.is_alive()

    def _encoded(self, line: str | bytes) -> bytes:
        if isinstance(line, bytes):
            return line
        return line.encode(self._outlet.encoding, "backslashreplace")

    def _has_thread(self) -> bool:
        if self._is_closed:
            return False
        if self._thread is None:
            thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # thread limit reached
                return False
            self._thread = thread
        return True

    def _work(self) -> None:
        while (item := self._items.get()) is not None:
            if isinstance(item, _Line):
                self._write_line(item)
            else:
                item()
        self._report_dropped()
        self._outlet.close()

    def _write_line(self, line: "_Line") -> None:
        self._lost += line.dropped
        self._write(line.data)
        with self._lock:
            self.waiting_bytes -= line.size
        if self._items.empty():
            self._report_dropped()

    def _report_dropped(self) -> None:
        """Write the number of dropped lines if no line follows."""
        with self._lock:
            dropped, self.dropped = self.dropped, 0
        if dropped:
            self._lost += dropped
            self._write(b"")

    def _write(self, data: bytes) -> None:
        reported = self._lost
        if reported:
            missing = self._missing_line(reported)
            data = self._encoded(missing) + data
        try:
            self._outlet.write(data)
        except (OSError, ValueError) as error:
            self._lost += 1
            self.lost_in_all += 1
            reason = getattr(error, "strerror", None) or str(error)
            self._on_failure(reason, self._lost)
        else:
            self._lost -= reported


class _Line:
    """A queued line; `dropped` lines are missing before it."""

    __slots__ = ("data", "dropped", "size")

    def __init__(self, data: bytes, size: int, dropped: int) -> None:
        self.data = data
        self.size = size
        self.dropped = dropped


def close_all(writers: list[LineWriter], seconds: float) -> None:
    """Close writers within `seconds` in all."""
    deadline = time.monotonic() + seconds
    for writer in writers:
        writer.close(max(0.0, deadline - time.monotonic()))
