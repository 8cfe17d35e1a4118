"""Files are read whole, and replaced as a whole or not at all."""

import errno
import io
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from namesrv.errors import StorageError
from namesrv.server.files import atomic as files
from namesrv.server.files.atomic import read, reason_of, write_atomically
from tests.server.failing import fail_with


class TooLargeFile(io.FileIO):
    """A file that no memory is left for.

    How large a true one has to be depends on the machine's overcommit setting, and a
    sanitizer's malloc ends the process at such a size.
    """

    def read(self, size: int | None = -1) -> bytes:
        raise MemoryError


Make = Callable[[Path], None]


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nothing")


def make_link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


obstacles = pytest.mark.parametrize(
    ("make", "kind"),
    [
        (os.mkfifo, "named pipe, expected a file; move it away"),
        (os.mkdir, "directory, expected a file; move it away"),
        (make_socket, "socket, expected a file; move it away"),
        (make_dangling_link, "link to "),
        (make_link_to_itself, "link to "),
    ],
)


class TestRead:
    def test_content(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"\x00\xff")
        assert read(str(tmp_path / "file")) == b"\x00\xff"

    def test_missing_file_and_missing_folder_are_none(self, tmp_path: Path) -> None:
        assert read(str(tmp_path / "file")) is None
        assert read(str(tmp_path / "folder" / "file")) is None

    def test_anything_else_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError) as caught:
            read(str(tmp_path))
        assert str(caught.value) == (
            f"cannot read {tmp_path}: it is a directory, expected a file; move it away"
        )

    @obstacles
    def test_what_is_no_file_is_an_error_and_not_waited_for(
        self, tmp_path: Path, make: Make, kind: str
    ) -> None:
        make(tmp_path / "file")
        with pytest.raises(StorageError) as caught:
            read(str(tmp_path / "file"))
        assert str(caught.value).startswith(
            f"cannot read {tmp_path / 'file'}: it is a {kind}"
        )

    @pytest.mark.parametrize("path", ["/dev/null", "/dev/full", "/dev/zero"])
    def test_device_is_an_error(self, path: str) -> None:
        with pytest.raises(StorageError, match="it is a device, expected a file"):
            read(path)

    @obstacles
    def test_what_comes_after_the_look_is_not_waited_for_either(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Make, kind: str
    ) -> None:
        make(tmp_path / "file")
        monkeypatch.setattr(files, "obstacle", lambda path: None)
        with pytest.raises(StorageError, match="cannot read .*/file: "):
            read(str(tmp_path / "file"))

    def test_link_is_refused_with_its_target(self, tmp_path: Path) -> None:
        target, link = tmp_path / "target", tmp_path / "link"
        target.write_bytes(b"content")
        link.symlink_to("target")
        with pytest.raises(StorageError) as caught:
            read(str(link))
        assert str(caught.value) == (
            f"cannot read {link}: it is a link to {target}, and a change would replace"
            " the link and not that file; put the file itself there, or name"
            f" {target} in the options"
        )

    def test_folder_may_be_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "link").symlink_to("folder")
        write_atomically(str(tmp_path / "link" / "file"), [b"content"])
        assert read(str(tmp_path / "link" / "file")) == b"content"

    def test_what_does_not_fit_into_memory_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_bytes(b"content")
        monkeypatch.setattr(files, "open", TooLargeFile, raising=False)
        with pytest.raises(StorageError, match="cannot read .*/file: .*memory"):
            read(str(tmp_path / "file"))


class TestWriteAtomically:
    def test_makes_file_and_folders(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "b" / "file"
        write_atomically(str(path), [b"content"])
        assert path.read_bytes() == b"content"
        assert [child.name for child in path.parent.iterdir()] == ["file"]

    def test_replaces_the_whole_content(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"long old content")
        write_atomically(str(path), [b"new"])
        assert path.read_bytes() == b"new"

    def test_new_file_is_readable_by_all_within_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            write_atomically(str(tmp_path / "file"), [b""])
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640

    def test_mode_of_an_existing_file_is_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        path.chmod(0o604)
        write_atomically(str(path), [b"new"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o604

    def test_owner_that_cannot_be_kept_is_no_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        monkeypatch.setattr(os, "fchown", fail_with(errno.EPERM))
        write_atomically(str(path), [b"new"])
        assert path.read_bytes() == b"new"

    def test_refused_link_and_its_target_are_unchanged(self, tmp_path: Path) -> None:
        target, link = tmp_path / "target", tmp_path / "link"
        target.write_bytes(b"old")
        link.symlink_to(target)
        with pytest.raises(StorageError, match=f"cannot write {link}: it is a link"):
            write_atomically(str(link), [b"new"])
        assert link.is_symlink()
        assert target.read_bytes() == b"old"

    @obstacles
    @pytest.mark.parametrize("name", ["file", "file.tmp"])
    def test_what_is_no_file_is_an_error_and_stays(
        self, tmp_path: Path, make: Make, kind: str, name: str
    ) -> None:
        make(tmp_path / name)
        with pytest.raises(StorageError) as caught:
            write_atomically(str(tmp_path / "file"), [b"new"])
        where = f"{tmp_path / name} is in the way, " if name == "file.tmp" else ""
        assert str(caught.value).startswith(
            f"cannot write {tmp_path / 'file'}: {where}it is a {kind}"
        )
        assert os.listdir(tmp_path) == [name]

    @obstacles
    def test_what_comes_in_place_of_the_temporary_file_is_not_waited_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Make, kind: str
    ) -> None:
        make(tmp_path / "file.tmp")
        monkeypatch.setattr(files, "obstacle", lambda path: None)
        with pytest.raises(StorageError):
            write_atomically(str(tmp_path / "file"), [b"new"])
        assert os.listdir(tmp_path) == ["file.tmp"]

    @pytest.mark.parametrize("path", ["/dev/null", "/dev/full"])
    def test_device_is_an_error(self, path: str) -> None:
        with pytest.raises(StorageError, match="it is a device, expected a file"):
            write_atomically(path, [b"new"])

    def test_link_in_place_of_the_temporary_file_is_not_followed(
        self, tmp_path: Path
    ) -> None:
        victim = tmp_path / "victim"
        victim.write_bytes(b"mine")
        (tmp_path / "file.tmp").symlink_to(victim)
        with pytest.raises(StorageError):
            write_atomically(str(tmp_path / "file"), [b"new"])
        assert victim.read_bytes() == b"mine"

    def test_file_mounted_by_itself_is_refused_with_a_reason(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        monkeypatch.setattr(os, "rename", fail_with(errno.EBUSY))
        with pytest.raises(StorageError) as caught:
            write_atomically(str(path), [b"new"])
        assert str(caught.value) == (
            f"cannot write {path}: it is mounted by itself, as a file, and cannot be"
            " replaced; mount the directory that it is in"
        )
        assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]

    def test_many_small_pieces_are_few_writes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sizes: list[int] = []
        real_write = os.write

        def write(descriptor: int, data: bytes) -> int:
            sizes.append(len(data))
            return real_write(descriptor, data)

        monkeypatch.setattr(os, "write", write)
        pieces = [b"%06d" % n for n in range(100_000)]
        write_atomically(str(tmp_path / "file"), iter(pieces))
        assert (tmp_path / "file").read_bytes() == b"".join(pieces)
        assert len(sizes) < 10 and max(sizes) < 200_000

    @pytest.mark.parametrize("chunk", [1000, 3 << 20])
    def test_long_content_is_written_and_begun_to_be_synced_in_parts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
    ) -> None:
        """No call keeps its core for long."""
        content = os.urandom(chunk) * (-(-(5 << 20) // chunk))
        writes: list[int] = []
        begun: list[tuple[int, int]] = []
        real_write = os.write

        def write(descriptor: int, data: bytes) -> int:
            writes.append(len(data))
            return real_write(descriptor, data)

        def advise(descriptor: int, start: int, length: int, advice: int) -> None:
            assert advice == os.POSIX_FADV_DONTNEED
            assert start + length == sum(writes)
            begun.append((start, length))

        monkeypatch.setattr(os, "write", write)
        monkeypatch.setattr(os, "posix_fadvise", advise)
        path = tmp_path / "a"
        parts = (content[n : n + chunk] for n in range(0, len(content), chunk))
        write_atomically(str(path), parts)
        assert path.read_bytes() == content
        assert max(writes) <= 1 << 18
        assert len(writes) <= 2 + len(content) // (1 << 17)
        assert [start for start, _ in begun] == [
            sum(length for _, length in begun[:n]) for n in range(len(begun))
        ]
        assert len(content) - sum(length for _, length in begun) < 1 << 20
        assert max(length for _, length in begun) < 2 << 20

    def test_refused_advice_is_no_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "posix_fadvise", fail_with(errno.EINVAL))
        write_atomically(str(tmp_path / "a"), [bytes(3 << 20)])
        assert (tmp_path / "a").read_bytes() == bytes(3 << 20)

    def test_what_a_killed_process_left_is_no_hindrance(self, tmp_path: Path) -> None:
        (tmp_path / "file.tmp").write_bytes(b"half of a much longer content")
        write_atomically(str(tmp_path / "file"), [b"new"])
        assert (tmp_path / "file").read_bytes() == b"new"
        assert not (tmp_path / "file.tmp").exists()

    def test_short_writes_are_continued(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real_write = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: real_write(fd, data[:3]))
        write_atomically(str(tmp_path / "file"), [b"0123456789"])
        assert (tmp_path / "file").read_bytes() == b"0123456789"

    @pytest.mark.parametrize("call", ["write", "fsync", "rename", "open"])
    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
    def test_failure_leaves_everything_as_it_was(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        monkeypatch.setattr(os, call, fail_with(number))
        with pytest.raises(StorageError) as caught:
            write_atomically(str(path), [b"new"])
        monkeypatch.undo()
        assert str(caught.value) == f"cannot write {path}: {os.strerror(number)}"
        assert caught.value.path == str(path)
        assert path.read_bytes() == b"old"
        assert [child.name for child in tmp_path.iterdir()] == ["file"]

    def test_folder_that_cannot_be_synced_is_no_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real_fsync = os.fsync

        def files_only(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            real_fsync(descriptor)

        monkeypatch.setattr(os, "fsync", files_only)
        write_atomically(str(tmp_path / "file"), [b"new"])
        assert (tmp_path / "file").read_bytes() == b"new"

    def test_folder_that_is_a_file_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "folder").write_bytes(b"")
        with pytest.raises(StorageError, match="cannot write .*: "):
            write_atomically(str(tmp_path / "folder" / "file"), [b"new"])

    def test_name_that_no_file_can_have_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="null byte"):
            write_atomically(f"{tmp_path}/a\0b", [b"new"])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_reason_is_the_systems_word_for_it(number: int) -> None:
    error = OSError(number, os.strerror(number))
    assert reason_of(error) == os.strerror(number)
