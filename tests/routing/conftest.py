"""A server's routing floor for each test."""

import pytest

from tests.routing.world import World


@pytest.fixture
def world() -> World:
    """With default options, at time 0, with one connection."""
    return World()
