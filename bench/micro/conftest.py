"""Every benchmark runs over both twins; the options print nothing but our own table."""

from collections.abc import Iterator
from typing import Any

import pytest

from namesrv.testing.twins import NAMES, load_twin, put_below_routing


@pytest.fixture(params=NAMES, scope="module")
def twin(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One twin: all its public names. `namesrv.routing` runs on it meanwhile."""
    implementation = load_twin(request.param)
    with pytest.MonkeyPatch.context() as patch:
        put_below_routing(implementation, patch)
        yield implementation
