"""The file of routes of a simulated server, written a little at every tick.

Plays the times of `namesrv.server.warm_start.schedule`; the witness learns what was
packed at which moment, so that the oracle knows what a killed server may have kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from namesrv.routing.state import RoutingState
from namesrv.routing.warm_start.draft import Draft, KeptRoutes
from namesrv.routing.warm_start.pack import read_snapshot
from namesrv.routing.warm_start.records import FIRST_LINE, Pieces, Place

_STAMP_MILLIS: Final = 5000
_LEASED_STAMP_MILLIS: Final = 1000


class SnapshotWitness(Protocol):
    """Hears of what becomes part of the file."""

    def packing_begins(self) -> None:
        """A new file is begun."""

    def packed(self, broker_name: str) -> None:
        """A group is in it as it is now."""

    def packed_tables(self) -> None:
        """What the groups share is in it as it is now."""

    def written(self) -> None:
        """It has replaced the old file."""


@dataclass(slots=True)
class VirtualFiles:
    """Files that survive a process: the snapshot, the date of its last sign of life,
    and the time that it had served then."""

    snapshot: bytes | None = None
    stamp_millis: int = 0
    served_millis: int = 0


class VirtualSnapshots:
    """Keeps a state in `files`, `groups_per_tick` groups at a time."""

    def __init__(
        self,
        state: RoutingState,
        files: VirtualFiles,
        witness: SnapshotWitness,
        wall_millis: Callable[[], int],
        *,
        groups_per_tick: int,
        write_millis: int,
    ) -> None:
        self._state = state
        self._files = files
        self._witness = witness
        self._wall_millis = wall_millis
        self._groups_per_tick = groups_per_tick
        self._write_millis = write_millis
        self._kept = KeptRoutes(state)
        self._is_packing = False
        self._next_save_ms = 0
        self._next_stamp_ms = 0
        self._written_ms = 0
        self._draft: Draft | None = None

    def load(self, now_ms: int) -> bool:
        """Take over the last run's routes; whether there were any, not too old."""
        data, options = self._files.snapshot, self._state.options
        if data is None:
            return False
        snapshot = read_snapshot(data)
        seen_millis = self._files.stamp_millis or snapshot.tables.saved_millis
        age_millis = abs(self._wall_millis() - seen_millis)
        if age_millis > options.warm_start_max_age_millis:
            self._files.snapshot = None
            return False
        if not snapshot.groups:
            return False
        self._kept.take_over(snapshot, self._files.served_millis, now_ms)
        return True

    def tick(self, now_ms: int) -> None:
        """Go on with the file; called at every tick."""
        if now_ms >= self._next_stamp_ms:
            has_leases = bool(self._state.liveness.leases)
            interval = _LEASED_STAMP_MILLIS if has_leases else _STAMP_MILLIS
            self._next_stamp_ms = now_ms + interval
            self._stamp(now_ms)
        if self._draft is not None:
            if now_ms >= self._written_ms:
                self._write(self._draft)
        elif self._is_packing:
            self._pack_some(now_ms, self._groups_per_tick)
        elif self._kept.is_behind and now_ms >= self._next_save_ms:
            self._next_save_ms = now_ms + self._state.options.snapshot_interval_millis
            self._begin()
            self._pack_some(now_ms, self._groups_per_tick)

    def save_all(self, now_ms: int) -> None:
        """Our own end: everything is packed and written at once."""
        if self._draft is not None:
            self._write(self._draft)
        self._state.liveness.leases.drop_confirmed()
        if self._kept.is_behind:
            self._begin()
            while self._draft is None:
                self._pack_some(now_ms, self._groups_per_tick)
            self._write(self._draft)
        self._stamp(now_ms)

    def _stamp(self, now_ms: int) -> None:
        self._files.stamp_millis = self._wall_millis()
        self._files.served_millis = self._state.liveness.leases.served_millis(now_ms)

    def _begin(self) -> None:
        self._kept.begin()
        self._is_packing = True
        self._witness.packing_begins()

    def _pack_some(self, now_ms: int, most: int) -> None:
        for _ in range(most):
            if self._kept.has_waiting:
                name = self._kept.pack_next()
                if name is not None:
                    self._witness.packed(name)
        if not self._kept.has_waiting:
            self._draft = self._kept.finish(self._wall_millis(), now_ms)
            self._is_packing = False
            self._written_ms = now_ms + self._write_millis
            self._witness.packed_tables()

    def _write(self, draft: Draft) -> None:
        self._files.snapshot = FIRST_LINE + b"".join(map(self._bytes_of, draft.records))
        self._kept.written(draft)
        self._draft = None
        self._witness.written()

    def _bytes_of(self, record: bytes | Place | Pieces) -> bytes:
        """Of a record; a place is one in the file that is replaced."""
        if isinstance(record, bytes):
            return record
        if isinstance(record, Pieces):
            return b"".join(record.whole())
        assert self._files.snapshot is not None
        return self._files.snapshot[record.offset : record.offset + record.length]
