"""kvConfig.json at the start, with and without the copy that the Java server keeps."""

from pathlib import Path

import pytest

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.routing.events import EventStream
from namesrv.routing.outbox import Outbox
from namesrv.routing.settings.kv_config import KVConfigManager
from namesrv.server.files.kv_config_file import load_kv_config


def load(path: Path) -> bytes:
    """What namespace `n` holds after the start."""
    options = Options(kv_config_path=str(path))
    manager = KVConfigManager(
        options, Outbox(), EventStream(lambda event: None, lambda: 0), lambda *_: None
    )
    load_kv_config(manager, str(path))
    return manager.table_body("n")


def test_an_empty_file_is_an_empty_table(tmp_path: Path) -> None:
    path = tmp_path / "kvConfig.json"
    path.touch()
    assert load(path) == b""


def test_an_empty_file_beside_a_copy_refuses_to_start(tmp_path: Path) -> None:
    path = tmp_path / "kvConfig.json"
    path.touch()
    copy = tmp_path / "kvConfig.json.bak"
    copy.write_bytes(b'{"configTable":{"n":{"k":"v"}}}')
    with pytest.raises(StartFailed, match="is empty, as after a crash"):
        load(path)
    assert path.read_bytes() == b""
    copy.rename(path)
    assert load(path) == b'{"table":{"k":"v"}}'


def test_a_file_that_is_not_there_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "kvConfig.json.bak").write_bytes(b'{"configTable":{"n":{"k":"v"}}}')
    assert load(tmp_path / "kvConfig.json") == b""
