"""Large files are synced and let go in parts, so that no call keeps its core long."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import StorageError
from namesrv.server.files.atomic import letting_go, write_atomically
from namesrv.server.files.page_cache import PART_BYTES
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
    assert calls == [("rename", "a.tmp", "a"), *old]


def test_a_temporary_file_that_is_of_no_use(
    tmp_path: Path, calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", fail_with(5))
    with pytest.raises(StorageError):
        write_atomically(str(tmp_path / "a"), [bytes(LENGTH)])
    end, *advice = calls[-5:]
    assert end == ("unlink", "a.tmp")
    assert [call[1] for call in advice] == [n * PART_BYTES for n in range(4)]


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
    assert calls == [("unlink", first.name), *old]


def test_a_writer_sleeps_after_each_part_of_a_large_file(
    tmp_path: Path, calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: calls.append(()))
    path = tmp_path / "a"
    path.write_bytes(bytes(LENGTH))
    write_atomically(str(path), [bytes(LENGTH)])
    places = [
        at for at, call in enumerate(calls) if len(call) == 3 and call[0] != "rename"
    ]
    assert len(places) == LENGTH // PART_BYTES + 4
    assert all(calls[at + 1] == () for at in places)
    calls.clear()
    write_atomically(str(tmp_path / "small"), [bytes(PART_BYTES - 1)])
    assert calls == [("rename", "small.tmp", "small")]


@pytest.mark.parametrize("kind", ["file", "none", "pipe", "link", "folder"])
def test_no_descriptor_stays_open(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    make: dict[str, Callable[[], Any]] = {
        "file": lambda: path.write_bytes(bytes(LENGTH)),
        "pipe": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to("b"),
        "folder": path.mkdir,
    }
    make.get(kind, lambda: None)()
    before = os.listdir("/proc/self/fd")
    with letting_go(str(path)):
        pass
    with pytest.raises(ZeroDivisionError), letting_go(str(path)):
        1 / 0  # noqa: B018
    assert os.listdir("/proc/self/fd") == before


def test_a_very_long_file_is_let_go_in_few_parts(
    tmp_path: Path, calls: list[tuple[Any, ...]]
) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with letting_go(str(path)):
        pass
    assert 1000 < len(calls) < 10_000


def test_refused_advice_and_a_missing_file_are_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"content")
    monkeypatch.setattr(os, "posix_fadvise", fail_with(22))
    for name in ("a", "none"):
        with letting_go(str(tmp_path / name)):
            pass
    assert path.read_bytes() == b"content"
