"""Which brokers a connection carries: exactly the live ones that registered last on it,
and a few of those that it lost (P1, P7)."""

from collections.abc import Callable

import pytest

from namesrv.carried_brokers import MOST_LOST_BROKERS
from namesrv.testing.peer import Broker
from tests.routing.world import Connection, World

MANY = 300


def broker(number: int) -> Broker:
    return Broker(f"b{number}", 0, f"10.0.0.1:{number}")


def expire(world: World, broker: Broker) -> None:
    world.run(200_000)


def unregister(world: World, broker: Broker) -> None:
    world.ask(104, broker.ext_fields, connection=world.connect())


def register_elsewhere(world: World, broker: Broker) -> None:
    world.register(broker, connection=world.connect())


def replace_address(world: World, broker: Broker) -> None:
    other = Broker(broker.name, 0, f"elsewhere:{broker.addr}")
    world.register(other, connection=world.connect())


def change_name(world: World, broker: Broker) -> None:
    world.register(Broker("other", 0, broker.addr), connection=world.connect())


GOES = (expire, unregister, register_elsewhere, replace_address, change_name)


@pytest.mark.parametrize("go", GOES)
def test_a_broker_that_goes_leaves_its_connection(
    world: World, go: Callable[[World, Broker], None]
) -> None:
    carrier = world.connect()
    world.register(broker(1), connection=carrier)
    world.register(Broker("stays", 0, "stays:1"), connection=carrier)
    assert len(carrier.registered) == 2
    go(world, broker(1))
    if go is expire:
        assert set(carrier.registered) == set()
    else:
        assert set(carrier.registered) == {("c1", "stays:1")}


@pytest.mark.parametrize("go", [unregister, register_elsewhere, replace_address])
def test_thousands_that_come_and_go_leave_nothing_behind(
    world: World, go: Callable[[World, Broker], None]
) -> None:
    carrier = world.connect()
    for number in range(MANY):
        world.register(broker(number), connection=carrier)
        go(world, broker(number))
        assert not carrier.registered
    lost = [n for n in range(MANY) if carrier.brokers.has_lost(("c1", f"10.0.0.1:{n}"))]
    assert lost == list(range(MANY - MOST_LOST_BROKERS, MANY))


def test_connections_together_carry_each_live_broker_once(world: World) -> None:
    carriers = [world.connect() for _ in range(10)]
    for round_number in range(3):
        for number in range(40):
            carrier = carriers[(number + round_number) % len(carriers)]
            world.register(broker(number), connection=carrier)
        carried = [key for carrier in carriers for key in carrier.registered]
        assert len(carried) == len(set(carried)) == len(world.live) == 40


def test_a_refused_registration_moves_its_broker_too(world: World) -> None:
    """It is a sign of life on this connection, which carries the broker from then."""
    old, new = world.connect(), world.connect()
    world.register(broker(1), connection=old)
    world.options.max_topics_per_registration = 0
    answer = world.register(broker(1), connection=new, ext={"brokerId": "7"})
    assert answer.code == 1
    assert not old.registered and len(new.registered) == 1


class TestLateUnregistration:
    """From a connection on which the broker registered once."""

    @pytest.mark.parametrize("go", [unregister, register_elsewhere])
    def test_it_is_ignored_when_the_broker_came_again_elsewhere(
        self, world: World, go: Callable[[World, Broker], None]
    ) -> None:
        old, new = world.connect(), world.connect()
        world.register(broker(1), connection=old)
        go(world, broker(1))
        world.register(broker(1), connection=new)
        world.ask(104, broker(1).ext_fields, connection=old)
        assert len(world.live) == 1

    def test_it_is_carried_out_for_a_broker_that_said_good_bye_there(
        self, world: World
    ) -> None:
        old, new = world.connect(), world.connect()
        world.register(broker(1), connection=old)
        world.ask(104, broker(1).ext_fields, connection=old)
        world.register(broker(1), connection=new)
        world.ask(104, broker(1).ext_fields, connection=old)
        assert len(world.live) == 0


def test_an_expiry_closes_what_carries_nobody_else(world: World) -> None:
    """Without going through all its brokers for each that expires."""
    carrier: Connection = world.connect()
    for number in range(3):
        world.register(broker(number), connection=carrier)
    world.run(200_000)
    assert world.closed == [carrier]
