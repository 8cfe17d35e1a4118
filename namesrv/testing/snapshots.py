"""The file of routes of a simulated server, written a little at every tick.

Plays `namesrv.server.snapshots` with the same records; the witness learns what was
packed at which moment, so that the oracle knows what a killed server may have kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from namesrv.routing.snapshot import (
    pack_end,
    pack_group,
    pack_tables,
    read_snapshot,
    relied_on,
    restore,
)
from namesrv.routing.state import RoutingState
from namesrv.wire.snapshot_records import FIRST_LINE

_STAMP_MILLIS: Final = 5000


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
    """What survives a process: the snapshot, and the date of its last sign of life."""

    snapshot: bytes | None = None
    stamp_millis: int = 0


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
        self._kept: dict[str, tuple[int, bytes]] = {}
        self._packed: dict[str, tuple[int, bytes]] = {}
        self._waiting: list[str] | None = None
        self._changes = 0
        self._saved_changes = 0
        self._next_save_ms = 0
        self._next_stamp_ms = 0
        self._written_ms = 0
        self._file: bytes | None = None

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
        tables = self._state.tables
        infos = restore(tables, options, snapshot, now_ms)
        lease = options.warm_start_lease_millis
        self._state.liveness.lease(infos, now_ms, lease)
        is_same = snapshot.tables.options == relied_on(options)
        for group, place in snapshot.groups if is_same else ():
            change = tables.broker_addr_table[group.broker_name].change
            record = data[place.offset : place.offset + place.length]
            self._kept[group.broker_name] = change, record
        self._saved_changes = tables.changes
        self._state.is_warm = True
        return True

    def tick(self, now_ms: int) -> None:
        """Go on with the file; called at every tick."""
        if now_ms >= self._next_stamp_ms:
            self._next_stamp_ms = now_ms + _STAMP_MILLIS
            self._files.stamp_millis = self._wall_millis()
        if self._file is not None:
            if now_ms >= self._written_ms:
                self._write()
        elif self._waiting is not None:
            self._pack_some(now_ms, self._groups_per_tick)
        elif self._is_behind and now_ms >= self._next_save_ms:
            self._next_save_ms = now_ms + self._state.options.snapshot_interval_millis
            self._begin()
            self._pack_some(now_ms, self._groups_per_tick)

    def save_all(self, now_ms: int) -> None:
        """Our own end: everything is packed and written at once."""
        if self._file is not None:
            self._write()
        if self._is_behind:
            self._begin()
            self._pack_some(now_ms, len(self._waiting or ()))
            self._write()
        self._files.stamp_millis = self._wall_millis()

    @property
    def _is_behind(self) -> bool:
        return self._state.tables.changes != self._saved_changes

    def _begin(self) -> None:
        tables = self._state.tables
        self._waiting = list(tables.broker_addr_table)
        self._packed = {}
        self._changes = tables.changes
        self._witness.packing_begins()

    def _pack_some(self, now_ms: int, most: int) -> None:
        assert self._waiting is not None
        for _ in range(most):
            if self._waiting:
                self._pack(self._waiting.pop())
        if not self._waiting:
            self._finish(now_ms)

    def _pack(self, name: str) -> None:
        tables = self._state.tables
        data = tables.broker_addr_table.get(name)
        if data is None:
            return
        kept = self._kept.get(name)
        if kept is None or kept[0] != data.change:
            kept = data.change, pack_group(tables, data)
        self._packed[name] = kept
        self._witness.packed(name)

    def _finish(self, now_ms: int) -> None:
        state = self._state
        known = state.tables.broker_addr_table
        self._kept = {name: k for name, k in self._packed.items() if name in known}
        records = [record for _, record in self._kept.values()]
        options = relied_on(state.options)
        shared = pack_tables(state.tables, options, self._wall_millis(), now_ms)
        end = pack_end(len(records))
        self._file = b"".join([FIRST_LINE, *records, shared, end])
        self._written_ms = now_ms + self._write_millis
        self._waiting = None
        self._witness.packed_tables()

    def _write(self) -> None:
        self._files.snapshot = self._file
        self._saved_changes = self._changes
        self._file = None
        self._witness.written()
