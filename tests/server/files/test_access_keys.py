"""The file of access keys: at the start, while serving, and when it is wrong."""

import logging
import os
from pathlib import Path

import pytest

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.routing.access.control import AccessControl
from namesrv.server.files.access_keys import (
    LONGEST_FILE_BYTES,
    AccessKeysFile,
    read_keys_file,
)
from tests.server.loop_free_server import RecordedLog

SECRET = "S3CRET"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with two keys that only its owner reads."""
    path = tmp_path / "access.keys"
    path.touch(0o600)
    path.write_text(f"ops={SECRET}\nbroker-a={SECRET}2\n")
    return path


class Loaded:
    """The file, what it gives keys to, and the log."""

    def __init__(self, path: Path | str) -> None:
        self.options = Options(access_keys_file=str(path))
        self.access = AccessControl(self.options)
        self.log = RecordedLog()
        self.file = AccessKeysFile(self.options, self.access, self.log)

    def reload(self) -> None:
        self.file.take(self.file.prepare(self.options))

    def names(self) -> set[str]:
        return {n for n in ("ops", "broker-a", "new") if n in self.access.keys}


def test_load_gives_the_keys(path: Path) -> None:
    loaded = Loaded(path)
    loaded.file.load()
    assert loaded.names() == {"ops", "broker-a"}
    assert loaded.log.lines == []


def test_without_a_file_there_are_no_keys() -> None:
    loaded = Loaded("")
    loaded.file.load()
    loaded.reload()
    assert len(loaded.access.keys) == 0 and loaded.log.lines == []


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o660, 0o644, 0o601])
def test_file_that_is_open_to_others_is_a_warning(path: Path, mode: int) -> None:
    path.chmod(mode)
    loaded = Loaded(path)
    loaded.file.load()
    ((level, event, fields),) = loaded.log.lines
    assert level == logging.WARNING and fields == {}
    assert event == (
        f"the access keys of {path} are open to others (mode {mode:04o});"
        " chmod 600 closes them"
    )
    assert loaded.names() == {"ops", "broker-a"}


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700, 0o440, 0o640])
def test_file_of_the_owner_and_its_group_is_none(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert read_keys_file(str(path))[1] is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"ops=S3CRET\nS3CRET\n", "line 2: expected accessKey=secretKey"),
        (b"", "it holds no access key"),
        (b"#" * (LONGEST_FILE_BYTES + 1), "it is longer than 1048576 bytes"),
    ],
)
def test_broken_file_is_one_sentence(path: Path, data: bytes, reason: str) -> None:
    path.write_bytes(data)
    with pytest.raises(StartFailed) as caught:
        Loaded(path).file.load()
    assert str(caught.value) == f"cannot read the access keys of {path}: {reason}"


@pytest.mark.parametrize(
    ("name", "reason"), [("none", "No such file or directory"), ("", "Is a directory")]
)
def test_file_that_cannot_be_opened(tmp_path: Path, name: str, reason: str) -> None:
    path = os.path.join(tmp_path, name)
    with pytest.raises(StartFailed, match=f": {reason}$"):
        read_keys_file(path)


def test_reload_takes_new_keys_and_logs_their_names(path: Path) -> None:
    loaded = Loaded(path)
    loaded.file.load()
    path.write_text(f"new={SECRET}\nops={SECRET}\nbroker-a={SECRET}\n")
    loaded.reload()
    assert loaded.names() == {"new", "ops", "broker-a"}
    wider, again = loaded.log.lines
    assert (wider.level, wider.event) == (
        logging.WARNING,
        "access is wider than before",
    )
    assert wider.fields == {
        "option": "accessKeysFile",
        "old": "2 keys",
        "new": "3 keys",
        "new_keys": ["broker-a", "new"],
        "by": "SIGHUP",
    }
    assert (again.level, again.event) == (logging.INFO, "access keys reloaded")
    assert again.fields == {"file": str(path), "keys": 3}


def test_reload_that_takes_keys_away_is_no_warning(path: Path) -> None:
    loaded = Loaded(path)
    loaded.file.load()
    path.write_text(f"ops={SECRET}\n")
    loaded.reload()
    assert loaded.names() == {"ops"}
    assert [line.event for line in loaded.log.lines] == ["access keys reloaded"]


def test_file_that_is_named_no_more_has_no_keys(path: Path) -> None:
    loaded = Loaded(path)
    loaded.file.load()
    loaded.options.access_keys_file = ""
    loaded.reload()
    assert loaded.names() == set()


@pytest.mark.parametrize("data", [None, b"", b"S3CRET", b"ops=\xff"])
def test_reload_of_a_broken_file_keeps_the_old_keys(
    path: Path, data: bytes | None
) -> None:
    loaded = Loaded(path)
    loaded.file.load()
    path.unlink()
    if data is not None:
        path.write_bytes(data)
        path.chmod(0o600)
    with pytest.raises(StartFailed) as caught:
        loaded.reload()
    assert loaded.names() == {"ops", "broker-a"}
    assert loaded.log.lines == []
    assert str(caught.value).startswith(f"cannot read the access keys of {path}: ")
    assert SECRET not in str(caught.value)
