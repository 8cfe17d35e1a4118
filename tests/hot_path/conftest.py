"""The fixture that runs a test over every implementation of the hot path."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.hot_path.implementations import IMPLEMENTATIONS, load, put_below_routing


@pytest.fixture(params=IMPLEMENTATIONS, scope="module")
def hot(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One twin: all its public names. `namesrv.routing` runs on it meanwhile."""
    implementation = load(request.param)
    with pytest.MonkeyPatch.context() as patch:
        put_below_routing(implementation, patch)
        yield implementation
