"""Ready answers and changes of options: an answer is that of the options of now."""

import pytest

from namesrv.codes import RequestCode
from namesrv.option import Option, Value
from namesrv.options import OPTIONS
from namesrv.testing.peer import Broker, lookup, put_kv
from namesrv.work import finish
from tests.routing.world import RELOAD, World

REPLICA = Broker("broker-b", id=1, addr="10.0.0.2:10911")
TOPICS = {"Orders": 8, "Bills": 8}
LIVE = [option for option in OPTIONS if option.live]
OF_LOOKUPS = {"orderMessageEnable", "supportActingMaster", "needWaitForService"}


def other_value(option: Option, value: Value) -> Value:
    """A value that is not this one, and allowed."""
    if option.type is bool:
        return not value
    if option.type is int:
        assert isinstance(value, int)
        return value + 1 if value < option.maximum else value - 1
    return next((c for c in option.choices if c != value), f"{value}x")


def routes(world: World) -> list[bytes]:
    """What is answered about each topic."""
    return [world.send(lookup(topic)) for topic in TOPICS]


@pytest.mark.parametrize("starts_with", [False, True])
@pytest.mark.parametrize("option", LIVE, ids=lambda option: option.name)
def test_ready_answers_are_those_of_the_options_of_now(
    option: Option, starts_with: bool
) -> None:
    world = World(order_message_enable=starts_with, support_acting_master=starts_with)
    world.send(Broker().registration(TOPICS))
    world.send(REPLICA.registration(TOPICS, ext={"enableActingMaster": "true"}))
    world.send(put_kv("ORDER_TOPIC_CONFIG", "Orders", "broker-a:4"))
    before = routes(world)
    cold = world.processor.cold_calls
    assert routes(world) == before
    assert world.processor.cold_calls == cold
    value = other_value(option, getattr(world.options, option.attribute))
    world.state.configuration.apply({option.name: value}, RELOAD)
    world.flush()
    after = routes(world)
    finish(world.tables.marks.forget_all())
    assert routes(world) == after
    assert (before != after) == (option.name in OF_LOOKUPS)


def test_answers_stay_ready_when_another_option_changes(world: World) -> None:
    world.send(Broker().registration(TOPICS))
    before = routes(world)
    world.state.configuration.apply({"scanNotActiveBrokerInterval": 7000}, RELOAD)
    world.flush()
    cold = world.processor.cold_calls
    assert routes(world) == before
    assert world.processor.cold_calls == cold
    assert world.ask(RequestCode.GET_NAMESRV_CONFIG).code == 0
