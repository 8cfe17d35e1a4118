"""Decides when the routes are written to a file, and takes them over at the start.

`KeptRoutes` puts the file together; this module has the times. Packing goes on between
other work. The thread that writes copies groups that did not change from the last file.
A small stamp is renewed meanwhile, so that the age of the routes counts from our last
sign of life. Clocks, timers, files and the writer are handed in, so that the simulator
drives the same object.
"""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

from namesrv.errors import SnapshotInvalid, StorageError
from namesrv.routing.state import RoutingState
from namesrv.routing.turns.phase import Phase
from namesrv.routing.warm_start.draft import Draft, KeptRoutes
from namesrv.routing.warm_start.pack import RouteSnapshot, read_snapshot
from namesrv.server.clock import CallLater, Clock, Timer
from namesrv.server.files.writer import WriteJob
from namesrv.server.logs.events import EventLog
from namesrv.server.warm_start.costs import SnapshotCosts
from namesrv.server.warm_start.files import Files
from namesrv.server.warm_start.jobs import SnapshotJob, Stamp, StampJob
from namesrv.server.warm_start.pace import Pace

SNAPSHOT_FILE: Final = "routes.snapshot"
STAMP_FILE: Final = "routes.stamp"
STAMP_MILLIS: Final = 5000
LEASED_STAMP_MILLIS: Final = 1000
"""While leases run: a kill may give back so much of them."""


class WarmStart(NamedTuple):
    """The age and the number of the restored routes."""

    age_millis: int
    brokers: int
    topics: int

    @property
    def text(self) -> str:
        """For people."""
        seconds = round(self.age_millis / 1000)
        when = f"{seconds} s ago"
        if seconds < 0:
            when = f"{-seconds} s in the future (the clock was set back)"
        return f"warm from {when}, {self.brokers} brokers, {self.topics} topics"


class Snapshots:
    """One server's snapshot: `load` before it serves, `tick` while it does, `save_all`
    at its end, once or more.

    `kept` has the state's part of the file. `submit` takes a job for the thread that
    writes these files and no others, so that they wait for nothing. `can_write` is
    false if the data directory cannot be written. `costs` are those of this run.
    """

    def __init__(
        self,
        state: RoutingState,
        kept: KeptRoutes,
        files: Files,
        submit: Callable[[WriteJob], None],
        log: EventLog,
        clock: Clock,
        call_later: CallLater,
        pace: Pace,
        *,
        can_write: bool,
    ) -> None:
        options = state.options
        self._state = state
        self._kept = kept
        self._files = files
        self._submit_job = submit
        self._log = log
        self._clock = clock
        self._call_later = call_later
        self._pace = pace
        self._writes = options.warm_start and can_write
        self._path = os.path.join(options.data_dir, SNAPSHOT_FILE)
        self._stamp_path = os.path.join(options.data_dir, STAMP_FILE)
        self._last_save_ms: int | None = None
        self._next_stamp_ms = 0
        self._is_writing = False
        self._is_stamping = False
        self._has_stamp_failed = False
        self._timer: Timer | None = None
        self.costs = SnapshotCosts()

    def load(self, now_ms: int) -> WarmStart | None:
        """Fill the empty tables from the file; None for a cold start.

        A file that cannot be used is set aside, with a line in the log.
        """
        if not self._state.options.warm_start:
            return None
        try:
            data = self._files.read(self._path)
            if data is None:
                return None
            snapshot = read_snapshot(data)
            # The stamp counts even if the date of the snapshot is later: the clock may
            # have been set back since.
            stamp = self._read_stamp()
            seen_millis = stamp.seen_millis or snapshot.tables.saved_millis
            self._check_age(seen_millis)
        except (SnapshotInvalid, StorageError) as exc:
            event = "snapshot not used, cold start"
            self._files.set_aside(self._path, str(exc), event)
            return None
        if not snapshot.groups:
            return None
        return self._take_over(snapshot, stamp, seen_millis, now_ms)

    def tick(self, now_ms: int) -> None:
        """Begin a file or a stamp that is due; called every 100 ms."""
        if not self._writes:
            return
        if now_ms >= self._next_stamp_ms and not self._is_stamping:
            has_leases = bool(self._state.liveness.leases)
            interval = LEASED_STAMP_MILLIS if has_leases else STAMP_MILLIS
            self._next_stamp_ms = now_ms + interval
            self._is_stamping = True
            self._submit_stamp()
        is_idle = self._timer is None and not self._is_writing
        if is_idle and self._kept.is_behind and self._is_due(now_ms):
            self._last_save_ms = now_ms
            self._kept.begin()
            self._step()

    def save_all(self) -> None:
        """Our own end: pack all that is missing, at once, and have it written."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._writes:
            return
        self._state.liveness.leases.drop_confirmed()
        if self._kept.is_behind and not (self._is_writing and self._kept.has_begun_all):
            if self._is_writing:
                # When this file is written, the places of the last one are gone.
                self._kept.lost()
            self._kept.begin()
            while self._kept.has_waiting:
                self._kept.pack_next()
            self._submit()
        self._submit_stamp()

    def _submit_stamp(self) -> None:
        served_millis = self._state.liveness.leases.served_millis
        wall_millis = self._clock.wall_millis
        self._submit_job(
            StampJob(self._stamp_path, served_millis, wall_millis, self._stamped)
        )

    def _is_due(self, now_ms: int) -> bool:
        """By the interval as it is now, which may be shorter than it was."""
        interval = self._state.options.snapshot_interval_millis
        return self._last_save_ms is None or now_ms - self._last_save_ms >= interval

    def _step(self) -> None:
        """Pack for one step, and go on after a pause."""
        self._timer = None
        self._pace.begin()
        began_ms = self._clock.monotonic_millis()
        while self._kept.has_waiting:
            self._kept.pack_next()
            if self._pace.is_over():
                break
        self.costs.note_packing(self._clock.monotonic_millis() - began_ms)
        if self._kept.has_waiting:
            self._timer = self._call_later(self._pace.pause_seconds(), self._step)
        else:
            self._submit()

    def _submit(self) -> None:
        """Have the file written from the groups that were packed."""
        clock = self._clock
        draft = self._kept.finish(clock.wall_millis(), clock.monotonic_millis())
        self._is_writing = True
        done = partial(self._written, draft, clock.monotonic_millis())
        self._submit_job(SnapshotJob(self._path, draft.records, self._files, done))

    def _written(
        self, draft: Draft, began_ms: int, size_bytes: int, error: StorageError | None
    ) -> None:
        self._is_writing = False
        now_ms = self._clock.monotonic_millis()
        if error is None:
            self.costs.note_written(size_bytes, now_ms - began_ms, now_ms)
            self._kept.written(draft)
            return
        self.costs.note_failed(now_ms - began_ms)
        self._kept.lost()
        fields = {"reason": str(error)}
        event = "the routes could not be saved, retrying"
        if self._state.life.phase == Phase.HALTED:
            event = "the last route changes could not be saved"
        self._log.log_event(logging.WARNING, event, fields)

    def _stamped(self, error: StorageError | None) -> None:
        """The date of the snapshot itself counts without a stamp."""
        self._is_stamping = False
        if error is not None and not self._has_stamp_failed:
            event = "the stamp could not be written, the next start may be cold"
            self._log.log_event(logging.WARNING, event, {"reason": str(error)})
        self._has_stamp_failed = error is not None

    def _take_over(
        self, snapshot: RouteSnapshot, stamp: Stamp, seen_millis: int, now_ms: int
    ) -> WarmStart:
        infos = self._kept.take_over(snapshot, stamp.served_millis, now_ms)
        age = self._clock.wall_millis() - seen_millis
        start = WarmStart(age, len(infos), len(self._state.tables.topic_queue_table))
        fields: dict[str, object] = {
            "last_sign_of_life": date_text(seen_millis),
            "brokers": start.brokers,
            "topics": start.topics,
            "lease_millis": self._state.options.warm_start_lease_millis,
        }
        self._log.log_own(logging.INFO, "routes of the last run restored", fields)
        return start

    def _read_stamp(self) -> Stamp:
        try:
            return Stamp.read(self._files.read(self._stamp_path) or b"")
        except StorageError:
            return Stamp(0, 0)

    def _check_age(self, seen_millis: int) -> None:
        """Raise SnapshotInvalid for a date too long ago, or as far in the future."""
        limit = self._state.options.warm_start_max_age_millis
        age = self._clock.wall_millis() - seen_millis
        if abs(age) <= limit:
            return
        when = f"{age} ms ago"
        if age < 0:
            when = f"{-age} ms from now: the clock was set back, or was wrong then"
        raise SnapshotInvalid(
            f"its last sign of life is of {date_text(seen_millis)}, {when}; the limit"
            f" is {limit} ms (warmStartMaxAgeMillis)"
        )


def date_text(millis: int) -> str:
    """A date in UTC, to the second; any number that a file may have is taken."""
    try:
        return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{millis} ms after 1970"
