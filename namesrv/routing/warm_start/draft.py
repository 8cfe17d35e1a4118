"""Tracks the groups in the file of routes, and makes the next file group by group.

The caller brings dates and writes the bytes: the server with a thread and timers, the
simulator with virtual ones (docs/architecture.md, "Files").
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from namesrv._impl import BrokerLiveInfo
from namesrv.routing.state import RoutingState
from namesrv.routing.warm_start.pack import (
    RouteSnapshot,
    has_digests_of,
    pack_end,
    pack_group,
    relied_on,
    restore,
)
from namesrv.routing.warm_start.packed_tables import FileFacts, PackedTables
from namesrv.routing.warm_start.records import FIRST_LINE, Pieces, Place, TablesRecord
from namesrv.work import Steps, finish

_STEP_GROUPS: Final = 512
_MOST_TRIES: Final = 2
_MOST_CHANGED: Final = 2000
_NEVER: Final = -1


class Kept(NamedTuple):
    """A group's record: its change number, and its bytes or its place in the file."""

    change: int
    record: bytes | Place


class Draft(NamedTuple):
    """A file after its FIRST_LINE.

    A record that is a place is copied from the file that is replaced. `groups` has the
    records of groups by name, `changes` is the tables' counter at the beginning.
    """

    records: list[bytes | Place | Pieces]
    groups: dict[str, Kept]
    changes: int


class _Packing(NamedTuple):
    """A group that is being packed, as it was at this change."""

    name: str
    change: int
    steps: Steps[bytes]


class KeptRoutes:
    """The content of a state's file. A new file is begun, packed and finished; then it
    is `written` or `lost`."""

    def __init__(self, state: RoutingState) -> None:
        self._state = state
        self._places: dict[str, Kept] = {}
        self._saved_changes = 0
        # The groups of the file whose places are unknown yet, and their first offset.
        self._unplaced: Iterator[tuple[str, Kept]] = iter(())
        self._offset = 0
        self._has_unplaced = False
        self._waiting: list[str] = []
        self._tables: PackedTables | None = None
        self._has_waiting = False
        self._packed: dict[str, Kept] = {}
        self._packing: _Packing | None = None
        self._tries: Counter[str] = Counter()
        self._changes = 0
        # The tables' counter at the beginning, and groups that were copied although
        # a change of them was under way: they may have changed before.
        self._begun_at = 0
        self._held: set[str] = set()
        self._relied_on: dict[str, str] = {}

    @property
    def is_behind(self) -> bool:
        """Whether anything changed since the file was begun."""
        return self._state.tables.changes != self._saved_changes

    @property
    def has_begun_all(self) -> bool:
        """Whether nothing changed since the file at hand was begun."""
        return self._state.tables.changes == self._changes

    @property
    def has_waiting(self) -> bool:
        """Whether a part is still to be packed."""
        return self._has_waiting

    def take_over(
        self, snapshot: RouteSnapshot, served_millis: int, now_ms: int
    ) -> list[BrokerLiveInfo]:
        """Fill the empty tables from the file; each broker has a lease, or its rest
        after the last run had served for `served_millis`."""
        state = self._state
        infos = restore(state.tables, state.options, snapshot, now_ms)
        # Otherwise the digests of the file differ from those of the tables.
        if has_digests_of(snapshot.tables, state.options):
            self._note_places(snapshot)
        self._saved_changes = state.tables.changes
        # Leases granted now are not in the file.
        self._grant_leases(infos, snapshot.tables, served_millis, now_ms)
        state.is_warm = True
        state.restored_epoch = max((info.epoch for info in infos), default=0)
        return infos

    def _note_places(self, snapshot: RouteSnapshot) -> None:
        """Note the records that the next file may copy."""
        changed = set(snapshot.tables.changed_groups or ())
        for group, place in snapshot.groups:
            name = group.broker_name
            data = self._state.tables.broker_addr_table[name]
            # A broker that changed its group while groups were packed is in both, and
            # belongs to the later one; the older record still claims it. The record of
            # a changed group has digests, which would count again in the next file.
            if len(data.live_keys) == len(group.lives) and name not in changed:
                self._places[name] = Kept(data.change, place)

    def _grant_leases(
        self,
        infos: list[BrokerLiveInfo],
        kept: TablesRecord,
        served_millis: int,
        now_ms: int,
    ) -> None:
        leases = self._state.liveness.leases
        served_millis = max(served_millis, kept.served_millis)
        since_millis = served_millis - kept.served_millis
        left_millis = {
            (lease.cluster_name, lease.broker_addr): lease.left_millis - since_millis
            for lease in kept.leases
        }
        leases.serve_on(served_millis, now_ms)
        lease_millis = self._state.options.warm_start_lease_millis
        leases.grant(infos, left_millis, lease_millis, now_ms)

    def begin(self) -> None:
        """Begin a new file; all groups wait."""
        self._waiting = list(self._state.tables.broker_addr_table)
        self._tables = None
        self._has_waiting = True
        self._packed = {}
        self._packing = None
        self._tries.clear()
        self._begun_at = self._changes = self._state.tables.changes
        self._held = set()
        self._relied_on = relied_on(self._state.options)

    def pack_next(self) -> str | None:
        """Take another step, of at most a millisecond.

        Returns the name of the group that was packed or copied, else None.
        """
        if self._has_unplaced:
            self._place_some()
        elif self._packing is not None:
            return self._go_on(self._packing)
        elif self._waiting:
            return self._pack_group(self._waiting.pop())
        elif self._tables is None:
            self._tables = PackedTables(self._state.tables)
        else:
            self._has_waiting = self._tables.pack_next()
        return None

    def _place_some(self) -> None:
        """Note the places of some groups of the file."""
        unplaced = list(islice(self._unplaced, _STEP_GROUPS))
        for name, (change, record) in unplaced:
            length = record.length if isinstance(record, Place) else len(record)
            self._places[name] = Kept(change, Place(self._offset, length))
            self._offset += length
        self._has_unplaced = bool(unplaced)

    def _pack_group(self, name: str) -> str | None:
        tables = self._state.tables
        data = tables.broker_addr_table.get(name)
        if data is None:
            return None
        kept = self._places.get(name)
        if name in tables.busy.held:
            # This file gets the group before the change under way, the next after it.
            self._changes = _NEVER
            if kept is None:
                return None
            self._held.add(name)
        elif kept is None or kept.change != data.change:
            steps = pack_group(tables, data)
            self._packing = _Packing(name, data.change, steps)
            return self._go_on(self._packing)
        self._packed[name] = kept
        return name

    def _go_on(self, packing: _Packing) -> str | None:
        """Another step of a group. One that changes meanwhile is packed anew, and at
        once after some times."""
        tables, name = self._state.tables, packing.name
        self._packing = None  # a step that fails must not be taken for the last one
        if self._tries[name] >= _MOST_TRIES:
            record = finish(packing.steps)
        else:
            try:
                next(packing.steps)
            except StopIteration as stop:
                record = stop.value
            else:
                self._packing = packing
                return None
        data = tables.broker_addr_table.get(name)
        if data is None or data.change != packing.change or name in tables.busy.held:
            self._tries[name] += 1
            self._waiting.append(name)
            return None
        self._packed[name] = Kept(packing.change, record)
        return name

    def finish(self, saved_millis: int, now_ms: int) -> Draft:
        """The file, once all parts are packed; `saved_millis` is the date."""
        state = self._state
        tables, kept = state.tables, self._packed
        self._packed = {}
        for name in kept.keys() - tables.broker_addr_table.keys():
            del kept[name]
        options = relied_on(state.options)
        if options != self._relied_on or state.is_forgetting:
            # It is unknown which group was registered under which options.
            options = {}
        changed = self._changed_groups(kept)
        shared = self._tables or PackedTables(tables)
        facts = FileFacts(saved_millis, options, changed)
        self._tables = None
        records: list[bytes | Place | Pieces] = [k.record for k in kept.values()]
        leases = state.liveness.leases
        records.append(shared.finish(facts, leases, now_ms))
        records.append(pack_end(len(kept)))
        return Draft(records, kept, self._changes)

    def _changed_groups(self, kept: dict[str, Kept]) -> list[str] | None:
        """The groups of the file that changed after they were packed, or are about to;
        None if so many groups changed that a look at each of them takes too long."""
        tables = self._state.tables
        changed = self._held | tables.busy.held
        since = tables.change_order.since(self._begun_at)
        for data in islice(since, _MOST_CHANGED):
            group = kept.get(data.broker_name)
            if group is not None and group.change != data.change:
                changed.add(data.broker_name)
        if next(since, None) is not None:
            return None
        return [name for name in changed if name in kept]

    def written(self, draft: Draft) -> None:
        """The draft has replaced the file."""
        self._saved_changes = draft.changes
        self._places = {}
        self._unplaced = iter(draft.groups.items())
        self._offset = len(FIRST_LINE)
        self._has_unplaced = True

    def lost(self) -> None:
        """The file may differ from its record here: the next one copies nothing."""
        self._places = {}
        self._unplaced = iter(())
        self._has_unplaced = False
