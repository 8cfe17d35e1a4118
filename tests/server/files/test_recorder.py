"""The recorder: segments on a disk, and disks that fail."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import PlaceInUse, RecordingInvalid, StartFailed
from namesrv.routing.history.replay import Replay
from namesrv.routing.history.segments import FIRST_LINE, maps
from namesrv.server.files import recorder as module
from namesrv.server.files.recorder import Recorder
from namesrv.server.files.segments import SegmentDirectory
from namesrv.server.logs.events import EventLog
from namesrv.testing.peer import Broker, data_version
from tests.routing.world import World

LONG = {f"a-topic-with-a-long-name-{n}": 1 for n in range(200)}


class Recorded:
    """A world with a recorder, whose clock a test moves."""

    def __init__(self, folder: Path, run: str = "a", **options: Any) -> None:
        self.folder = folder
        self.world = World(record_dir=str(folder), **options)
        self.world.state.run = run
        self.recorder = Recorder(self.world.options, self.world.state, EventLog())
        self.recorder.open()
        self.now_ms = 0
        self.counter = 0

    def tick(self) -> None:
        """Time for a picture, and for everything to be written."""
        self.now_ms += 60_000
        for _ in range(20):
            self.recorder.tick(self.now_ms)
            self.flush()

    def flush(self) -> None:
        writer = self.recorder._writer
        assert writer is not None
        assert writer.flush(10)

    def register(self, broker: Broker | None = None) -> None:
        """All topics change."""
        self.counter += 1
        topics = {name: self.counter for name in LONG}
        sent = (broker or Broker()).registration(
            topics, version=data_version(self.counter)
        )
        assert self.world.only(self.world.send(sent)).code == 0
        self.world.flush()
        self.flush()

    def close(self) -> None:
        self.flush()
        writer = self.recorder._writer
        assert writer is not None
        writer.close(10)

    def replay(self) -> Replay:
        replay = Replay()
        for one in read(self.folder):
            replay.take(one)
        return replay

    def check(self) -> None:
        """The recording leads to the routes as they are."""
        replay = self.replay()
        assert replay.is_complete
        assert replay.routes is not None
        tables = self.world.tables
        assert replay.routes.topics == {
            name: set(entry.queues) for name, entry in tables.topic_queue_table.items()
        }
        assert replay.number == self.world.state.history.last


def read(folder: Path) -> Iterator[Any]:
    for path in sorted(folder.iterdir()):
        yield from maps(path.read_bytes())


def test_events_and_a_picture_lead_to_the_routes(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path / "new" / "folder")
    recorded.register()
    recorded.tick()
    recorded.register(Broker("b2", 0, "10.0.0.2:1"))
    recorded.check()
    recorded.close()
    assert recorded.replay().run == recorded.world.state.run
    (path,) = recorded.folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_second_run_goes_on_in_another_segment(tmp_path: Path) -> None:
    first = Recorded(tmp_path)
    first.register()
    first.tick()
    first.close()
    second = Recorded(tmp_path, run="b")
    second.tick()
    second.check()
    second.close()
    assert second.replay().run == "b"
    assert len(list(tmp_path.iterdir())) == 2


def test_segments_are_bounded_and_the_oldest_goes(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path, record_bytes=1 << 20)
    for _ in range(300):
        recorded.register()
        recorded.recorder.tick(0)
    recorded.tick()
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert 8 < len(sizes) < 20
    assert 600_000 < sum(sizes) <= 1 << 20
    assert recorded.recorder.size_bytes == sum(sizes)
    recorded.check()
    recorded.close()


def test_a_full_disk_loses_events_and_a_picture_makes_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(tmp_path)
    recorded.register()
    recorded.tick()
    real, is_full = os.write, True

    def write(descriptor: int, data: Any) -> int:
        if is_full and len(data) > 18:
            real(descriptor, data[:10])
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    for _ in range(3):
        recorded.register()
    assert recorded.recorder.lost_frames == 3
    is_full = False
    assert recorded.world.live
    recorded.register()
    assert {"lost": 3} in [{"lost": one.get("lost")} for one in read(tmp_path)]
    assert not recorded.replay().is_complete
    recorded.tick()
    recorded.check()
    recorded.close()


def test_a_directory_that_is_deleted_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    recorded = Recorded(folder)
    recorded.tick()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    recorded.register()
    assert [one["type"] for one in read(folder)] == ["BrokerRegistered"]
    recorded.close()


def test_a_read_only_directory_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *words: False)
    warning = SegmentDirectory(str(tmp_path), 1 << 20).open()
    assert warning is not None
    assert "cannot be written (it is read-only); events are not recorded" in warning


def test_a_file_in_its_place_refuses_the_start(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    for place in (path, path / "below"):
        with pytest.raises(StartFailed, match="as the directory of the recorder"):
            SegmentDirectory(str(place), 1 << 20).open()


def test_two_processes_cannot_record_in_one_directory(tmp_path: Path) -> None:
    first = SegmentDirectory(str(tmp_path), 1 << 20)
    assert first.open() is None
    with pytest.raises(PlaceInUse, match="is in use by another process"):
        SegmentDirectory(str(tmp_path), 1 << 20).open()
    first.close()


def test_a_newer_version_refuses_the_start(tmp_path: Path) -> None:
    (tmp_path / "events-0000000001.history").write_bytes(b"namesrv history 2\n")
    with pytest.raises(StartFailed, match="it has version 2, of a newer namesrv"):
        SegmentDirectory(str(tmp_path), 1 << 20).open()


def test_a_queue_that_is_full_loses_frames_and_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING_BYTES", 1000)
    recorded = Recorded(tmp_path)
    recorded.register()
    assert recorded.recorder.lost_frames == 1
    recorded.close()


def test_routes_that_are_too_large_for_the_directory_have_no_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorded = Recorded(tmp_path, record_bytes=4096)
    for number in range(3):
        recorded.register(Broker(f"b{number}", 0, f"10.0.0.{number}:1"))
    recorded.tick()
    assert "recordBytes is too small for all routes" in caplog.text
    assert recorded.replay().routes is None
    recorded.close()


def test_the_reader_of_a_damaged_segment_says_where(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    recorded.register()
    recorded.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(RecordingInvalid, match="it is damaged or cut off after"):
        list(read(tmp_path))


def test_a_segment_skips_names_that_other_things_have(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "events-0000000001.history")
    (tmp_path / "events-0000000002.history").mkdir()
    directory = SegmentDirectory(str(tmp_path), 1 << 20)
    directory.open()
    directory.write(b"frame")
    directory.close()
    assert (tmp_path / "events-0000000003.history").read_bytes().endswith(b"frame")


def test_a_segment_follows_the_last_number_of_ten_digits(tmp_path: Path) -> None:
    last = tmp_path / "events-9999999999.history"
    last.write_bytes(FIRST_LINE)
    for name in ("events-10000000000.history", "events-10000000001.history"):
        directory = SegmentDirectory(str(tmp_path), 1 << 20)
        directory.open()
        directory.write(b"frame")
        directory.close()
        assert (tmp_path / name).read_bytes() == FIRST_LINE + b"frame"
