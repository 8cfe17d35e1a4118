"""Fixtures of the tests of probes and metrics."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.admin.metrics.inside_server import InsideServer

Make = Callable[..., InsideServer]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a server with the options given, which has ticked once."""

    def server(**options: Any) -> InsideServer:
        made = InsideServer(tmp_path, **options)
        made.tick(0)
        return made

    return server


@pytest.fixture
def server(make: Make) -> InsideServer:
    """A server with the standard options, which has ticked once."""
    return make()
