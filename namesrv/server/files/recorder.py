"""The recorder (`recordDir`): every event in files, and pictures of all routes.

The loop gives frames to a writing thread and never waits. Frames that do not fit into
its queue or cannot be written are lost: they are counted in the file, logged at most
once a second, and followed by a new picture, so that the recording is whole again.
"""

import asyncio
import logging
from typing import Final

from namesrv.options import Options
from namesrv.routing.history.picture import Picture
from namesrv.routing.history.record import Record
from namesrv.routing.history.segments import frame_of, framed, run_frame
from namesrv.routing.state import RoutingState
from namesrv.server.files.segments import SegmentDirectory
from namesrv.server.logs.events import EventLog
from namesrv.server.logs.line_writer import LineWriter
from namesrv.work import Steps

MOST_WAITING_BYTES: Final = 16 << 20
"""Bytes of frames that wait for the disk; more are lost and counted."""
TICK_UNITS: Final = 1500
"""Work on a picture in one tick."""
_SEGMENTS: Final = 16
"""A segment has about this part of `recordBytes`."""
_RETRY_MILLIS: Final = 10_000
"""Time between two pictures after losses."""


class Recorder:
    """One server's recorder; `open` begins it, `tick` makes the pictures.

    `lost_frames` are those that could not be written, `size_bytes` those of all files.
    The events of a segment bound it; the picture at its beginning does not count.
    """

    def __init__(self, options: Options, state: RoutingState, log: EventLog) -> None:
        self._state = state
        self._log = log
        self._most_bytes = options.record_bytes
        self._path = options.record_dir
        self._directory = SegmentDirectory(options.record_dir, options.record_bytes)
        self._pictures = Picture(
            state.tables, state.topic_lists.names, state.wall_millis
        )
        self._writer: LineWriter | None = None
        self._picture: Steps[None] | None = None
        self._picture_bytes = 0
        self._segment_bytes = 0
        self._seen_lost = 0
        self._next_picture_ms = 0

    @property
    def lost_frames(self) -> int:
        """Frames that were dropped or could not be written."""
        return 0 if self._writer is None else self._writer.lost_in_all

    @property
    def size_bytes(self) -> int:
        """Bytes of all files, after the last write."""
        return self._directory.size_bytes

    def open(self) -> str | None:
        """Begin to record; a sentence if the directory cannot be written yet. Raises
        StartFailed."""
        warning = self._directory.open()
        self._writer = LineWriter(
            "namesrv-recorder",
            self._directory,
            self._missing_frame,
            most_waiting_bytes=MOST_WAITING_BYTES,
            on_failure=self._report_failure,
        )
        self._state.history.add(self._note)
        self._begin_picture()
        return warning

    def _note(self, record: Record) -> None:
        """A reader of the history."""
        frame = framed(record.content)
        self._put(frame)
        self._segment_bytes += len(frame)
        if self._segment_bytes > self._most_bytes // _SEGMENTS:
            if self._picture is None:
                self._begin_picture()

    def _put(self, frame: bytes) -> None:
        assert self._writer is not None
        if not self._writer.put_bytes(frame):
            self._report("frames of the recorder dropped, the disk is too slow")

    def _begin_picture(self) -> None:
        """Begin a segment and a picture of all routes in it, which ticks go on with."""
        assert self._writer is not None
        self._writer.then(self._directory.begin_segment)
        self._segment_bytes = self._picture_bytes = 0
        self._put(run_frame(self._state.run, self._state.wall_millis()))
        self._picture = self._pictures.parts(self._put_part)

    def _put_part(self, part: dict[str, object]) -> None:
        frame = frame_of(part)
        self._picture_bytes += len(frame)
        self._put(frame)

    def tick(self, now_ms: int) -> None:
        """Go on with the picture, or begin one when frames are written again after a
        loss."""
        writer = self._writer
        if writer is None:
            return
        has_lost = writer.lost_in_all != self._seen_lost and not writer.is_failing
        if has_lost and now_ms >= self._next_picture_ms:
            self._seen_lost = writer.lost_in_all
            self._next_picture_ms = now_ms + _RETRY_MILLIS
            self._begin_picture()
        if writer.waiting_bytes < MOST_WAITING_BYTES // 4:
            self._go_on()

    def _go_on(self) -> None:
        units = 0
        while self._picture is not None and units < TICK_UNITS:
            step = next(self._picture, None)
            if step is None:
                self._picture = None
                return
            units += step
            if self._picture_bytes > self._most_bytes // 2:
                self._picture = None
                self._report(
                    "recordBytes is too small for all routes; events are recorded, and"
                    " the routes of a moment cannot be found"
                )

    async def close(self, seconds: float) -> None:
        """Write the waiting frames, for at most so many seconds."""
        writer, self._writer = self._writer, None
        if writer is not None:
            self._state.history.remove(self._note)
            await asyncio.to_thread(writer.close, seconds)

    def _missing_frame(self, lost: int) -> bytes:
        return frame_of({"lost": lost, "at_millis": self._state.wall_millis()})

    def _report_failure(self, reason: str, lost: int) -> None:
        self._report("cannot write the history", reason=reason, frames=lost)

    def _report(self, event: str, **fields: object) -> None:
        fields = {"directory": self._path, **fields}
        self._log.log_damped(logging.ERROR, event, fields)
