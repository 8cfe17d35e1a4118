"""The number of snapshots of one run, and their cost."""


class SnapshotCosts:
    """`written` and `failed` files; the time (monotonic ms) and the size of the last
    one that was written, None before the first. `packing_millis` is the time on the
    loop, `writing_millis` the time of the writing thread, of all files together."""

    __slots__ = (
        "failed",
        "last_bytes",
        "last_written_ms",
        "packing_millis",
        "writing_millis",
        "written",
    )

    def __init__(self) -> None:
        self.written = 0
        self.failed = 0
        self.last_written_ms: int | None = None
        self.last_bytes: int | None = None
        self.packing_millis = 0
        self.writing_millis = 0

    def note_packing(self, millis: int) -> None:
        """The loop has packed groups for so long."""
        self.packing_millis += millis

    def note_written(self, size_bytes: int, took_millis: int, now_ms: int) -> None:
        """A file is in its place."""
        self.written += 1
        self.last_bytes = size_bytes
        self.last_written_ms = now_ms
        self.writing_millis += took_millis

    def note_failed(self, took_millis: int) -> None:
        """A file could not be written."""
        self.failed += 1
        self.writing_millis += took_millis
