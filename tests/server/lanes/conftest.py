"""Servers with lanes. Files about lanes themselves need them: compiled, on Linux."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv._impl import Lanes
from tests.server.lanes.laned_server import LanedServer
from tests.server.server_thread import LOOPS, local_options

Serve = Callable[..., LanedServer]

NEED_LANES = ["test_lane_reads.py", "test_lane_threads.py", "test_native_lanes.py"]
collect_ignore = [] if Lanes is not None else NEED_LANES


@pytest.fixture(params=LOOPS)
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    """Starts servers with the number of lanes and the options given."""
    servers: list[LanedServer] = []

    def start(lanes: int = 1, **options: Any) -> LanedServer:
        found = local_options(
            tmp_path / f"data{len(servers)}", lookup_lanes=lanes, **options
        )
        servers.append(LanedServer(found, request.param).__enter__())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
