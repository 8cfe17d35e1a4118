"""Refused registrations: the last ones, and only as long as they are refused."""

from namesrv.routing.history.refusals import Refusals
from namesrv.testing.peer import Broker, registration_body, topic_table
from tests.routing.world import World

BAD = {"bodyCrc32": "1"}


def names(refusals: Refusals) -> list[str]:
    return [refusal.broker for refusal in refusals]


def test_a_refusal_is_counted_until_a_registration_is_accepted(world: World) -> None:
    refusals = world.state.refusals
    broker = Broker("a")
    for _ in range(3):
        world.register(broker, ext=BAD)
    (refusal,) = refusals
    assert (refusal.count, refusal.remark) == (3, "crc32 not match")
    assert refusal.peer == world.connection.remote_address
    world.register(Broker("b", addr="10.0.0.2:1"), ext=BAD)
    assert names(refusals) == ["b", "a"]
    world.register(broker)
    assert names(refusals) == ["b"]
    world.register(broker, ext=BAD)
    assert next(iter(refusals)).count == 1


def test_other_requests_are_no_refusals(world: World) -> None:
    for code in (105, 100, 999):
        assert world.ask(code).code != 0
    assert names(world.state.refusals) == []


def test_a_single_topic_is_named(world: World) -> None:
    world.register(Broker(), registration_body(topic_table("Only")))
    (refusal,) = world.state.refusals
    assert refusal.topic == "Only"
    world.register(Broker(), registration_body(topic_table("T1", "T2")), ext=BAD)
    (refusal,) = world.state.refusals
    assert refusal.topic is None


def test_only_the_last_ones_are_kept_and_their_texts_are_cut(world: World) -> None:
    for number in range(200):
        broker = Broker(f"{number}-{'x' * 4000}", addr=f"10.0.0.1:{number}")
        world.register(broker, ext=BAD)
    kept = list(world.state.refusals)
    assert len(kept) == 64
    assert kept[0].broker.startswith("199-") and kept[-1].broker.startswith("136-")
    assert all(len(refusal.broker) == 256 for refusal in kept)


def test_a_refusal_without_any_name_is_one(world: World) -> None:
    names_of_broker = ("brokerName", "brokerAddr", "clusterName")
    for _ in range(2):
        world.register(Broker(), ext={**dict.fromkeys(names_of_broker), **BAD})
    (refusal,) = world.state.refusals
    assert (refusal.broker, refusal.address, refusal.count) == ("", "", 2)
