"""The limit of open files, and how many connections it allows."""

import resource
from pathlib import Path

import pytest

from namesrv.errors import StartFailed
from namesrv.server.connections.file_limit import (
    ROOMY_FILES,
    connection_limit,
    make_room_for_files,
    raise_file_limit,
)
from tests.server.server_process import ServerProcess

INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        ((256, 4096), [(4096, 4096)]),
        ((4096, 4096), []),
        ((256, INFINITE), [(INFINITE, INFINITE)]),
        ((INFINITE, INFINITE), []),
    ],
)
def test_connections_may_be_as_many_as_the_system_allows(
    monkeypatch: pytest.MonkeyPatch,
    limits: tuple[int, int],
    raised: list[tuple[int, int]],
) -> None:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda number: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda number, pair: seen.append(pair))
    raise_file_limit()
    assert seen == raised


def test_promise_that_is_not_kept_is_not_taken_at_its_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[tuple[int, int]] = []

    def allow_10240(number: int, pair: tuple[int, int]) -> None:
        tried.append(pair)
        if pair[0] != 10_240:
            raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda number: (256, INFINITE))
    monkeypatch.setattr(resource, "setrlimit", allow_10240)
    raise_file_limit()
    assert [soft for soft, _ in tried] == [INFINITE, 1 << 20, 1 << 16, 10_240]
    assert {hard for _, hard in tried} == {INFINITE}


def test_limit_that_cannot_be_raised_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(number: int, pair: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda number: (256, 4096))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    raise_file_limit()
    assert connection_limit() == 128


def test_table_of_descriptors_has_room_before_there_are_threads(
    tmp_path: Path,
) -> None:
    with ServerProcess(tmp_path) as server:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("FDSize"))
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = ROOMY_FILES if hard == INFINITE else min(hard, ROOMY_FILES)
        assert int(line.split()[1]) >= most
        assert server.open_files() < 64


def test_room_for_files_that_cannot_be_had_is_done_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda number: (10**9, INFINITE))
    monkeypatch.setattr("namesrv.server.connections.file_limit.ROOMY_FILES", 10**9)
    make_room_for_files()


@pytest.mark.parametrize("limit", [0, 12, 31])
def test_limit_without_a_place_for_a_server_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda number: (limit, limit))
    with pytest.raises(StartFailed) as caught:
        raise_file_limit()
    assert str(caught.value) == (
        f"this process may have {limit} files open, expected 32 or more: raise the"
        " limit (ulimit -n)"
    )


@pytest.mark.parametrize(
    ("soft", "connections"),
    [
        (64, 32),
        (200, 100),
        (512, 384),
        (1024, 768),
        (4096, 3072),
        (20_000, 18_720),
        (10**9, 1_000_000),
        (INFINITE, 1_000_000),
    ],
)
def test_connections_leave_descriptors_for_everything_else(
    monkeypatch: pytest.MonkeyPatch, soft: int, connections: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda number: (soft, INFINITE))
    assert connection_limit() == connections
