"""The disk of a simulated server, and a witness of each snapshot that is packed.

`namesrv.server.warm_start.schedule` decides as it does in a server. The witness learns
which group was packed at which moment, so that the oracle knows what a killed server
may have kept.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from namesrv.routing.state import RoutingState
from namesrv.routing.warm_start.draft import Draft, KeptRoutes
from namesrv.routing.warm_start.records import Place
from namesrv.server.files.writer import WriteJob
from namesrv.server.warm_start.jobs import Stamp
from namesrv.server.warm_start.schedule import SNAPSHOT_FILE, STAMP_FILE

DATA_DIR = "virtual"
_STAMP_PATH = f"{DATA_DIR}/{STAMP_FILE}"
_SNAPSHOT_PATH = f"{DATA_DIR}/{SNAPSHOT_FILE}"


class SnapshotWitness(Protocol):
    """Hears of everything that becomes part of the file."""

    def packing_begins(self) -> None:
        """A new file is begun."""

    def packed(self, broker_name: str) -> None:
        """A group is in it as it is now."""

    def packed_tables(self) -> None:
        """The data that groups share is in it as it is now."""

    def written(self) -> None:
        """It has replaced the old file."""


class WitnessedRoutes(KeptRoutes):
    """`KeptRoutes` that report each step to a witness."""

    def __init__(self, state: RoutingState, witness: SnapshotWitness) -> None:
        super().__init__(state)
        self._witness = witness
        self._latest: Draft | None = None

    def begin(self) -> None:
        """Begin a new file."""
        super().begin()
        self._witness.packing_begins()

    def pack_next(self) -> str | None:
        """Take another step."""
        name = super().pack_next()
        if name is not None:
            self._witness.packed(name)
        return name

    def finish(self, saved_millis: int, now_ms: int) -> Draft:
        """End the file."""
        self._latest = super().finish(saved_millis, now_ms)
        self._witness.packed_tables()
        return self._latest

    def written(self, draft: Draft) -> None:
        """The file was replaced; at the end of a server two drafts may follow each
        other, and only the second one stays."""
        super().written(draft)
        if draft is self._latest:
            self._witness.written()


class VirtualFiles:
    """Files that survive a process: the snapshot and the stamp."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    @property
    def stamp_millis(self) -> int:
        """The date of the last sign of life; 0 for none."""
        return Stamp.read(self._contents.get(_STAMP_PATH, b"")).seen_millis

    def read(self, path: str) -> bytes | None:
        """The whole content; None for no file."""
        return self._contents.get(path)

    def open(self, path: str) -> "_OpenFile":
        """A file to copy from."""
        return _OpenFile(self._contents[path])

    def set_aside(self, path: str, reason: str, event: str) -> None:
        """The file is not used any more."""
        del self._contents[path]

    def replace(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a whole file."""
        self._contents[path] = b"".join(chunks)


class _OpenFile:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def record_at(self, place: Place) -> bytes:
        return self._content[place.offset : place.offset + place.length]

    def close(self) -> None:
        pass


class VirtualWriter:
    """Takes `write_millis` for a snapshot. Stamps are small, and written at once."""

    def __init__(
        self,
        files: VirtualFiles,
        monotonic_millis: Callable[[], int],
        write_millis: int,
    ) -> None:
        self._files = files
        self._monotonic_millis = monotonic_millis
        self._write_millis = write_millis
        self._jobs: list[tuple[int, WriteJob]] = []

    def submit(self, job: WriteJob) -> None:
        """As `Writer.submit`."""
        if job.path == _SNAPSHOT_PATH:
            ready_ms = self._monotonic_millis() + self._write_millis
            self._jobs.append((ready_ms, job))
        else:
            self._write(job)

    def go_on(self) -> None:
        """Finish the jobs whose time has come."""
        now_ms = self._monotonic_millis()
        while self._jobs and self._jobs[0][0] <= now_ms:
            self._write(self._jobs.pop(0)[1])

    @property
    def is_busy(self) -> bool:
        """Whether a job is under way."""
        return bool(self._jobs)

    async def drain(self) -> None:
        """Finish all jobs."""
        while self._jobs:
            self._write(self._jobs.pop(0)[1])

    def _write(self, job: WriteJob) -> None:
        self._files.replace(job.path, job.content())
        job.done(None)


class TickPace:
    """Packs `groups_per_step` groups, and goes on at the next tick."""

    def __init__(self, groups_per_step: int) -> None:
        self._groups_per_step = groups_per_step
        self._packed = 0

    def begin(self) -> None:
        """A step begins."""
        self._packed = 0

    def is_over(self) -> bool:
        """Whether the step has all of its groups."""
        self._packed += 1
        return self._packed >= self._groups_per_step

    def pause_seconds(self) -> float:
        """The next tick runs all timers."""
        return 0.0
