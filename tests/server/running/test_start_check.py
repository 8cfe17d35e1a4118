"""--check-config finds what a start would refuse, and leaves no trace."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import OptionsInvalid, StartFailed
from namesrv.server.files.data_directory import DataDirectory
from namesrv.server.running.start_check import StartCheck
from tests.server.server_thread import ServerThread, local_options
from tests.server.tls.tls_peer import Authority

Break = Callable[[Path], dict[str, Any]]


def written(path: Path, text: str = "") -> str:
    path.write_text(text)
    return str(path)


def weak_certificate(folder: Path) -> dict[str, Any]:
    weak = Authority(folder).identity("weak", is_weak=True)
    return {
        "tls_server_mode": "enforcing",
        "tls_server_cert_path": weak.cert_path,
        "tls_server_key_path": weak.key_path,
    }


BROKEN: dict[str, Break] = {
    "data directory is a file": lambda at: {"data_dir": written(at / "file")},
    "data directory below a file": lambda at: {"data_dir": written(at / "file") + "/x"},
    "kvConfig.json": lambda at: {"kv_config_path": written(at / "kv", "{")},
    "kvConfig.json is a folder": lambda at: {"kv_config_path": str(at)},
    "store is a folder": lambda at: {"config_store_path": str(at)},
    "no access keys": lambda at: {"access_keys_file": str(at / "none")},
    "access keys": lambda at: {"access_keys_file": written(at / "keys", "x")},
    "enforcing without files": lambda at: {
        "tls_server_mode": "enforcing",
        "tls_server_cert_path": str(at / "none"),
    },
    "weak key": weak_certificate,
    "ciphers": lambda at: {"tls_ciphers": "x"},
    "protocols": lambda at: {"tls_protocols": "x"},
    "no tokens of HTTP": lambda at: {"http_token_file": str(at / "none")},
    "tokens of HTTP": lambda at: {"http_token_file": written(at / "tokens", "x")},
    "address": lambda at: {"bind_address": "192.0.2.1"},
    "no address": lambda at: {"bind_address": "a b"},
    "address twice": lambda at: {"bind_address": "127.0.0.1,127.0.0.1"},
    "address of HTTP": lambda at: {"http_bind": "192.0.2.1:0"},
    "no address of HTTP": lambda at: {"http_bind": "a b:0"},
    "audit log is a folder": lambda at: {"audit_log": str(at)},
    "audit log below a file": lambda at: {"audit_log": written(at / "file") + "/x"},
    "recorder in a file": lambda at: {"record_dir": written(at / "file")},
    "recorder below a file": lambda at: {"record_dir": written(at / "file") + "/x"},
}


@pytest.mark.parametrize("break_it", BROKEN.values(), ids=BROKEN)
def test_what_a_start_refuses_is_a_mistake(tmp_path: Path, break_it: Break) -> None:
    """In the words of the start, but for files that a check must not make."""
    options = local_options(**{"data_dir": tmp_path / "data"} | break_it(tmp_path))
    with pytest.raises((StartFailed, OptionsInvalid)) as caught:
        ServerThread(options).__enter__()
    check = StartCheck(options)
    begin = str(caught.value).partition(":")[0]
    assert check.mistakes[0].startswith(begin)
    assert check.in_use == []


def test_all_mistakes_are_found(tmp_path: Path) -> None:
    broken: dict[str, Any] = {}
    for name in ("access keys", "ciphers", "address twice", "audit log is a folder"):
        broken |= BROKEN[name](tmp_path)
    assert len(StartCheck(local_options(tmp_path, **broken)).mistakes) == 4


def test_tokens_of_http_that_cannot_be_used_are_a_mistake(tmp_path: Path) -> None:
    path = written(tmp_path / "tokens", "x")
    (mistake,) = StartCheck(local_options(tmp_path, http_token_file=path)).mistakes
    assert mistake.startswith(f"cannot use the HTTP tokens of {path}: ")


def test_log_file_that_cannot_be_written_is_a_mistake(tmp_path: Path) -> None:
    check = StartCheck(local_options(tmp_path, log_file=str(tmp_path)))
    assert check.mistakes == [
        f"cannot open the log file {tmp_path}: Is a directory; choose another one with"
        " --log-file"
    ]


@pytest.mark.parametrize("name", ["log_file", "audit_log"])
def test_link_in_place_of_a_log_is_a_mistake(tmp_path: Path, name: str) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "file")
    (mistake,) = StartCheck(local_options(tmp_path, **{name: str(link)})).mistakes
    assert "it is a link, and only regular files are written" in mistake


def test_nothing_is_made_or_changed(tmp_path: Path) -> None:
    logs = {"log_file": str(tmp_path / "a/log"), "audit_log": str(tmp_path / "b/audit")}
    folders = logs | {"record_dir": str(tmp_path / "d/history")}
    check = StartCheck(local_options(tmp_path / "c/data", **folders))
    assert (check.mistakes, check.warnings, check.in_use) == ([], [], [])
    assert list(tmp_path.iterdir()) == []


def test_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    check = StartCheck(local_options(tmp_path, kv_config_path=pipe, audit_log=pipe))
    assert check.mistakes


def test_running_server_is_no_mistake(tmp_path: Path) -> None:
    """Its operator checks what it is to read next."""
    with ServerThread(local_options(tmp_path)) as server:
        port = server.address[1]
        check = StartCheck(local_options(tmp_path, listen_port=port))
    assert check.mistakes == []
    directory, listening = check.in_use
    assert directory == f"the data directory {tmp_path} is in use by another process"
    assert listening.startswith(f"port {port} of 127.0.0.1 is in use: ")


def test_check_keeps_no_lock_and_no_port(tmp_path: Path) -> None:
    directory = DataDirectory(str(tmp_path))
    directory.open()
    directory.close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = local_options(tmp_path, listen_port=port)
    check = StartCheck(options)
    assert (check.mistakes, check.in_use) == ([], [])
    with ServerThread(options) as server:
        assert server.address[1] == port


def test_directory_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a server serves, and refuses changes."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    check = StartCheck(local_options(tmp_path))
    assert check.mistakes == []
    (warning,) = check.warnings
    assert warning.startswith(
        f"the data directory {tmp_path} cannot be written (Permission denied): "
    )


def test_throw_away_certificate_that_cannot_be_made_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain connections are served all the same, unless TLS is demanded."""
    monkeypatch.setitem(__import__("sys").modules, "cryptography", None)
    check = StartCheck(local_options(tmp_path))
    assert check.mistakes == []
    (warning,) = check.warnings
    assert "no throw-away one can be made" in warning
    strict = StartCheck(local_options(tmp_path, tls_server_mode="enforcing"))
    (mistake,) = strict.mistakes
    assert "no throw-away one can be made" in mistake
    assert (
        StartCheck(local_options(tmp_path, tls_server_mode="disabled")).warnings == []
    )


def test_broken_certificate_of_a_permissive_server_is_a_mistake(tmp_path: Path) -> None:
    """A start goes on, as Java's, and refuses TLS until the files are mended."""
    options = local_options(tmp_path, tls_server_cert_path="/none")
    check = StartCheck(options)
    assert check.mistakes == [
        "tls.server.certPath /none cannot be read: No such file or directory"
    ]
    with ServerThread(options) as server:
        assert server.address
