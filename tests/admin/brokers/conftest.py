"""A world, and a peer that speaks HTTP to it."""

import pytest

from tests.admin.brokers.asking import HttpPeer
from tests.routing.world import World


@pytest.fixture
def world() -> World:
    """A server's routing floor at time 0."""
    return World()


@pytest.fixture
def http(world: World) -> HttpPeer:
    """A peer with a connection of its own."""
    return HttpPeer(world)
