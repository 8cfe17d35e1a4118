"""Which part of the route table is in the file, and the next file, group by group.

Whoever writes the file brings dates and bytes: the server with a thread and timers, the
simulator with virtual ones (docs/architecture.md, "Files").
"""

from typing import NamedTuple

from namesrv._impl import BrokerLiveInfo
from namesrv.routing.snapshot import (
    RouteSnapshot,
    pack_end,
    pack_group,
    pack_tables,
    relied_on,
    restore,
)
from namesrv.routing.state import RoutingState
from namesrv.wire.snapshot_records import FIRST_LINE, Place


class Kept(NamedTuple):
    """A group's record: as of which change, and its bytes or its place in the file."""

    change: int
    record: bytes | Place


class Draft(NamedTuple):
    """A file: what comes after FIRST_LINE. A record that is a place is copied from the
    file that is replaced. `places` are those of the groups in it, `changes` what the
    tables counted when it was begun."""

    records: list[bytes | Place]
    places: dict[str, Kept]
    changes: int


class KeptRoutes:
    """What a state's file holds. A new one is begun, packed and finished; then it is
    `written`, or `lost`."""

    def __init__(self, state: RoutingState) -> None:
        self._state = state
        self._places: dict[str, Kept] = {}
        self._saved_changes = 0
        self._waiting: list[str] = []
        self._packed: dict[str, Kept] = {}
        self._changes = 0
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
        """Whether groups are still to be packed."""
        return bool(self._waiting)

    def take_over(self, snapshot: RouteSnapshot, now_ms: int) -> list[BrokerLiveInfo]:
        """Fill the empty tables from the file; each broker has a lease."""
        state = self._state
        infos = restore(state.tables, state.options, snapshot, now_ms)
        lease = state.options.warm_start_lease_millis
        state.liveness.lease(infos, now_ms, lease)
        # Other options: the digests in the file are not those of the tables.
        is_same = snapshot.tables.options == relied_on(state.options)
        for group, place in snapshot.groups if is_same else ():
            data = state.tables.broker_addr_table[group.broker_name]
            # A broker that changed its group while groups were packed is in both, and
            # belongs to the later one; the older record still claims it.
            if len(data.live_keys) == len(group.lives):
                self._places[group.broker_name] = Kept(data.change, place)
        self._saved_changes = state.tables.changes
        state.is_warm = True
        return infos

    def begin(self) -> None:
        """Begin a new file: all groups wait."""
        self._waiting = list(self._state.tables.broker_addr_table)
        self._packed = {}
        self._changes = self._state.tables.changes
        self._relied_on = relied_on(self._state.options)

    def pack_next(self) -> str | None:
        """Pack a group, or copy it if the file has it as it is; its name, None if it is
        gone."""
        tables, name = self._state.tables, self._waiting.pop()
        data = tables.broker_addr_table.get(name)
        if data is None:
            return None
        kept = self._places.get(name)
        if kept is None or kept.change != data.change:
            kept = Kept(data.change, pack_group(tables, data))
        self._packed[name] = kept
        return name

    def finish(self, saved_millis: int, now_ms: int) -> Draft:
        """The file, when no group waits any more; `saved_millis` is the date."""
        state = self._state
        known = state.tables.broker_addr_table
        kept = {name: k for name, k in self._packed.items() if name in known}
        self._packed = {}
        options = relied_on(state.options)
        if options != self._relied_on:
            # Nobody knows now which group was registered under which.
            options = {}
        records = [k.record for k in kept.values()]
        records.append(pack_tables(state.tables, options, saved_millis, now_ms))
        records.append(pack_end(len(kept)))
        places: dict[str, Kept] = {}
        offset = len(FIRST_LINE)
        for name, (change, record) in kept.items():
            length = record.length if isinstance(record, Place) else len(record)
            places[name] = Kept(change, Place(offset, length))
            offset += length
        return Draft(records, places, self._changes)

    def written(self, draft: Draft) -> None:
        """It has replaced the file."""
        self._saved_changes = draft.changes
        self._places = draft.places

    def lost(self) -> None:
        """The file may not be what it was taken for: the next one copies nothing."""
        self._places = {}
