"""Keeps the route table in a file, and takes it over at the start.

Packing goes on between other work, group by group; what did not change since the last
file is copied from it by the thread that writes. A small stamp is renewed meanwhile, so
that the age of what is kept counts from our last sign of life.
"""

import asyncio
import logging
import os
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

from namesrv.errors import SnapshotInvalid, StorageError
from namesrv.routing.snapshot import (
    RouteSnapshot,
    pack_end,
    pack_group,
    pack_tables,
    read_snapshot,
    relied_on,
    restore,
)
from namesrv.routing.state import RoutingState
from namesrv.server.clock import monotonic_millis, wall_millis
from namesrv.server.logs import EventLog
from namesrv.server.snapshot_jobs import Kept, SnapshotJob, StampJob
from namesrv.server.storage import Writer, read
from namesrv.wire.snapshot_records import FIRST_LINE, Place

SNAPSHOT_FILE: Final = "routes.snapshot"
STAMP_FILE: Final = "routes.stamp"
UNUSABLE_SUFFIX: Final = ".unusable"
STAMP_MILLIS: Final = 5000
_STEP_MILLIS: Final = 3
_PAUSE_SECONDS: Final = 0.004


class WarmStart(NamedTuple):
    """What a start took over: how old it is, and how much."""

    age_millis: int
    brokers: int
    topics: int

    @property
    def text(self) -> str:
        """For people."""
        return (
            f"warm from {self.age_millis / 1000:.0f} s ago, {self.brokers} brokers,"
            f" {self.topics} topics"
        )


class Snapshots:
    """One server's snapshot: `load` before it serves, `tick` while it does, `save_all`
    at its end. `can_write` says whether the data directory takes files."""

    def __init__(
        self, state: RoutingState, writer: Writer, log: EventLog, *, can_write: bool
    ) -> None:
        options = state.options
        self._state = state
        self._writer = writer
        self._log = log
        self._writes = options.warm_start and can_write
        self._path = os.path.join(options.data_dir, SNAPSHOT_FILE)
        self._stamp_path = os.path.join(options.data_dir, STAMP_FILE)
        self._places: dict[str, Kept] = {}
        self._saved_changes = 0
        self._last_save_ms: int | None = None
        self._next_stamp_ms = 0
        self._is_writing = False
        self._is_stamping = False
        self._is_ending = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[str] = []
        self._packed: dict[str, Kept] = {}
        self._changes = 0
        self._relied_on: dict[str, str] = {}

    def load(self, now_ms: int) -> WarmStart | None:
        """Fill the empty tables from the file; None for a cold start.

        What cannot be used is set aside, with a line in the log.
        """
        if not self._state.options.warm_start:
            return None
        try:
            data = read(self._path)
            if data is None:
                return None
            snapshot = read_snapshot(data)
            # Not the later one: the date may have been set back since the last save.
            seen_millis = self._read_stamp() or snapshot.tables.saved_millis
            self._check_age(seen_millis)
        except (SnapshotInvalid, StorageError) as exc:
            self._set_aside(str(exc))
            return None
        if not snapshot.groups:
            return None
        return self._take_over(snapshot, seen_millis, now_ms)

    def tick(self, now_ms: int) -> None:
        """Called every 100 ms: begins what is due."""
        if not self._writes:
            return
        if now_ms >= self._next_stamp_ms and not self._is_stamping:
            self._next_stamp_ms = now_ms + STAMP_MILLIS
            self._is_stamping = True
            self._writer.submit(StampJob(self._stamp_path, self._stamped))
        is_idle = self._timer is None and not self._is_writing
        if is_idle and self._is_behind and self._is_due(now_ms):
            self._last_save_ms = now_ms
            self._begin()
            self._step()

    def save_all(self) -> None:
        """Our own end: pack what is missing, at once, and have it written."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._writes:
            return
        self._is_ending = True
        if self._is_behind:
            if self._is_writing:
                # By the time that this is written, the places are those of no file.
                self._places = {}
            self._begin()
            while self._waiting:
                self._pack(self._waiting.pop())
            self._submit()
        self._writer.submit(StampJob(self._stamp_path, self._stamped))

    @property
    def _is_behind(self) -> bool:
        return self._state.tables.changes != self._saved_changes

    def _is_due(self, now_ms: int) -> bool:
        """By the interval as it is now, which may be shorter than it was."""
        interval = self._state.options.snapshot_interval_millis
        return self._last_save_ms is None or now_ms - self._last_save_ms >= interval

    def _begin(self) -> None:
        tables = self._state.tables
        self._waiting = list(tables.broker_addr_table)
        self._packed = {}
        self._changes = tables.changes
        self._relied_on = relied_on(self._state.options)

    def _step(self) -> None:
        """Pack for a moment, and go on when others had theirs."""
        self._timer = None
        until_ms = monotonic_millis() + _STEP_MILLIS
        while self._waiting:
            if self._pack(self._waiting.pop()) and monotonic_millis() >= until_ms:
                break
        if self._waiting:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_PAUSE_SECONDS, self._step)
        else:
            self._submit()

    def _pack(self, name: str) -> bool:
        """Pack a group, unless the file has it as it is; whether that was work."""
        tables = self._state.tables
        data = tables.broker_addr_table.get(name)
        if data is None:
            return False
        kept = self._places.get(name)
        if kept is not None and kept.change == data.change:
            self._packed[name] = kept
            return False
        self._packed[name] = Kept(data.change, pack_group(tables, data))
        return True

    def _submit(self) -> None:
        """Have the file written from what was packed."""
        state = self._state
        known = state.tables.broker_addr_table
        kept = {name: k for name, k in self._packed.items() if name in known}
        self._packed = {}
        records = [k.record for k in kept.values()]
        now_ms = monotonic_millis()
        options = relied_on(state.options)
        if options != self._relied_on:
            # Nobody knows now which group was registered under which.
            options = {}
        records.append(pack_tables(state.tables, options, wall_millis(), now_ms))
        records.append(pack_end(len(kept)))
        places: dict[str, Kept] = {}
        offset = len(FIRST_LINE)
        for name, (change, record) in kept.items():
            length = record.length if isinstance(record, Place) else len(record)
            places[name] = Kept(change, Place(offset, length))
            offset += length
        self._is_writing = True
        done = partial(self._written, self._changes, places)
        self._writer.submit(SnapshotJob(self._path, records, done))

    def _written(
        self, changes: int, places: dict[str, Kept], error: StorageError | None
    ) -> None:
        self._is_writing = False
        if error is None:
            self._saved_changes = changes
            self._places = places
            return
        # The file may not be what it was taken for: next time nothing is copied.
        self._places = {}
        fields = {"reason": str(error)}
        event = "the route table could not be saved, it is tried again"
        if self._is_ending:
            event = "what changed in the route table last could not be saved"
        self._log.log_event(logging.WARNING, event, fields, peer_caused=True)

    def _stamped(self) -> None:
        self._is_stamping = False

    def _take_over(
        self, snapshot: RouteSnapshot, seen_millis: int, now_ms: int
    ) -> WarmStart:
        state = self._state
        tables = state.tables
        infos = restore(tables, state.options, snapshot, now_ms)
        lease = state.options.warm_start_lease_millis
        state.liveness.lease(infos, now_ms, lease)
        # Other options: the digests in the file are not those of the tables.
        is_same = snapshot.tables.options == relied_on(state.options)
        for group, place in snapshot.groups if is_same else ():
            change = tables.broker_addr_table[group.broker_name].change
            self._places[group.broker_name] = Kept(change, place)
        self._saved_changes = tables.changes
        state.is_warm = True
        age = wall_millis() - seen_millis
        start = WarmStart(age, len(infos), len(tables.topic_queue_table))
        fields: dict[str, object] = {
            "last_sign_of_life": date_text(seen_millis),
            "brokers": start.brokers,
            "topics": start.topics,
            "lease_millis": lease,
        }
        self._log.log_event(logging.INFO, "routes of the last run taken over", fields)
        return start

    def _read_stamp(self) -> int:
        try:
            return int(read(self._stamp_path) or b"0")
        except (ValueError, StorageError):
            return 0

    def _check_age(self, seen_millis: int) -> None:
        """Also against dates that have not come yet: the clock was changed."""
        limit = self._state.options.warm_start_max_age_millis
        age = wall_millis() - seen_millis
        if abs(age) > limit:
            raise SnapshotInvalid(
                f"its last sign of life was at {date_text(seen_millis)}, {age} ms ago,"
                f" and the limit is {limit} ms (warmStartMaxAgeMillis)"
            )

    def _set_aside(self, reason: str) -> None:
        fields = {"file": self._path, "reason": reason}
        event = "the kept route table is not used, this is a cold start"
        self._log.log_event(logging.WARNING, event, fields)
        try:
            os.replace(self._path, self._path + UNUSABLE_SUFFIX)
        except OSError as exc:
            fields = {"file": self._path, "reason": exc.strerror or str(exc)}
            event = "the kept route table could not be set aside"
            self._log.log_event(logging.WARNING, event, fields)


def date_text(millis: int) -> str:
    """A date in UTC, to the second; whatever the file says has one."""
    try:
        return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{millis} ms after 1970"
