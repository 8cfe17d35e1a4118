"""Fixtures of the hostile tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from namesrv._impl import Lanes
from tests.hostile.attacked_server import GIVES_BACK, SLACK_MIB, AttackedServer
from tests.server.server_process import ServerProcess

Lay = Callable[..., AttackedServer]
"""(words of the command line, slack_mib, limit) -> an attack on a new server."""


LANES: tuple[str, ...] = ("--lookup-lanes=0",)
"""All attacks happen with a lookup lane and without, where there are lanes."""
if Lanes is not None:
    LANES += ("--lookup-lanes=1",)


@pytest.fixture(params=LANES)
def lay_siege(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lay]:
    """Starts a server and surrounds it; what must hold is checked at the end."""
    with ExitStack() as stack:

        def lay(
            *words: str,
            slack_mib: float = SLACK_MIB,
            limit: tuple[int, int] | None = None,
        ) -> AttackedServer:
            server = ServerProcess(
                tmp_path,
                request.param,
                *words,
                limit=limit,
                is_plain=True,
                environment=GIVES_BACK,
            )
            stack.enter_context(server)
            return stack.enter_context(AttackedServer(server, slack_mib))

        yield lay


@pytest.fixture(scope="module", params=LANES)
def attacked(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[AttackedServer]:
    """One attacked for all tests of a file, checked when they are over."""
    folder = tmp_path_factory.mktemp("attacked")
    with ServerProcess(
        folder, request.param, is_plain=True, environment=GIVES_BACK
    ) as server:
        with AttackedServer(server) as attacked:
            yield attacked
