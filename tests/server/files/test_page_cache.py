"""Large files are synced and let go in parts, so that no call keeps its core long."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import StorageError
from namesrv.server.files.atomic import write_atomically
from namesrv.server.files.page_cache import PART_BYTES, let_go
from namesrv.server.files.segments import SegmentDirectory
from tests.server.failing import fail_with

LENGTH = 3 * PART_BYTES + 5


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Advice and deletions, in order: the inode and the bytes, or the name."""
    seen: list[tuple[Any, ...]] = []

    def advise(descriptor: int, start: int, length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_DONTNEED
        seen.append((os.fstat(descriptor).st_ino, start, length))

    def noted(real: Callable[..., None]) -> Callable[..., None]:
        def call(*paths: str) -> None:
            seen.append((real.__name__, *map(os.path.basename, paths)))
            real(*paths)

        return call

    monkeypatch.setattr(os, "posix_fadvise", advise)
    monkeypatch.setattr(os, "rename", noted(os.rename))
    monkeypatch.setattr(os, "unlink", noted(os.unlink))
    return seen


def parts_of(path: Path) -> list[tuple[int, int, int]]:
    """Advice about a whole file."""
    inode, size = path.stat().st_ino, path.stat().st_size
    return [(inode, start, PART_BYTES) for start in range(0, size, PART_BYTES)]


def test_a_file_that_is_replaced(tmp_path: Path, calls: list[tuple[Any, ...]]) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(LENGTH))
    old = parts_of(path)
    assert len(old) == 4
    write_atomically(str(path), [b"new"])
    assert calls == [*old, ("rename", "a.tmp", "a")]


def test_a_temporary_file_that_is_of_no_use(
    tmp_path: Path, calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", fail_with(5))
    with pytest.raises(StorageError):
        write_atomically(str(tmp_path / "a"), [bytes(LENGTH)])
    *advice, end = calls
    assert end == ("unlink", "a.tmp")
    assert [call[1] for call in advice[-4:]] == [n * PART_BYTES for n in range(4)]


def test_the_oldest_segment(tmp_path: Path, calls: list[tuple[Any, ...]]) -> None:
    directory = SegmentDirectory(str(tmp_path / "r"), 2 * LENGTH + 1000)
    assert directory.open() is None
    for _ in range(2):
        directory.write(bytes(LENGTH))
        directory.begin_segment()
    first = min((tmp_path / "r").iterdir())
    old = parts_of(first)
    calls.clear()
    directory.write(bytes(2000))
    directory.close()
    assert calls == [*old, ("unlink", first.name)]


def test_a_writer_gives_way_after_each_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real_write = os.write

    def write(descriptor: int, data: bytes) -> int:
        seen.append("write")
        return real_write(descriptor, data)

    def advise(descriptor: int, start: int, length: int, advice: int) -> None:
        seen.append("advise")

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "posix_fadvise", advise)
    monkeypatch.setattr(os, "sched_yield", lambda: seen.append("give way"))
    path = tmp_path / "a"
    path.write_bytes(bytes(LENGTH))
    write_atomically(str(path), [bytes(LENGTH)])
    turns = " ".join(seen).split("give way")
    assert all(turn.split().count("write") <= 1 for turn in turns)
    assert all(turn.split().count("advise") <= 1 for turn in turns)
    assert seen.count("write") > LENGTH // PART_BYTES
    assert seen.count("advise") == LENGTH // PART_BYTES + 4


def test_refused_advice_and_a_missing_file_are_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go(str(tmp_path / "none"))
    path = tmp_path / "a"
    path.write_bytes(b"content")
    monkeypatch.setattr(os, "posix_fadvise", fail_with(22))
    let_go(str(path))
    assert path.read_bytes() == b"content"
