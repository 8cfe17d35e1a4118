"""NOTIFY_MIN_BROKER_ID_CHANGE (section 3.9): who hears what."""

from typing import Any

import pytest

from namesrv.routing.brokers.min_broker_id import notify_min_broker_id_change
from namesrv.routing.outbox import Notification, Outbox
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.testing.peer import Broker, read_answers
from tests.routing.world import World

ACTING: dict[str, str | None] = {"enableActingMaster": "true"}


def notify(
    addrs: dict[int, str | None], offline: str | None = None, ha: str | None = None
) -> list[Notification]:
    data, outbox = BrokerData("c1", "b"), Outbox()
    data.broker_addrs.update(addrs)
    notify_min_broker_id_change(data, offline, ha, outbox)
    return [e for e in outbox.take() if isinstance(e, Notification)]


def header(notification: Notification) -> dict[str, Any]:
    (answer,) = read_answers(notification.frame)
    assert answer.body == b""
    return answer.header


def test_a_new_lowest_broker_is_told_to_the_others() -> None:
    (sent,) = notify({0: "m:1", 2: "s2:1", 1: "s1:1"}, ha="m:2")
    assert sent.addresses == ("s1:1", "s2:1")
    assert header(sent)["code"] == 905
    assert header(sent)["flag"] == 2
    fields = header(sent)["extFields"]
    assert list(fields.items()) == [
        ("haBrokerAddr", "m:2"),
        ("minBrokerAddr", "m:1"),
        ("minBrokerId", "0"),
    ]


def test_a_lost_broker_is_told_to_all_that_are_left() -> None:
    (sent,) = notify({1: "s1:1", 2: "s2:1"}, offline="m:1")
    assert sent.addresses == ("s1:1", "s2:1")
    assert list(header(sent)["extFields"].items()) == [
        ("offlineBrokerAddr", "m:1"),
        ("minBrokerAddr", "s1:1"),
        ("minBrokerId", "1"),
    ]


def test_a_single_broker_is_told_itself() -> None:
    (sent,) = notify({3: "s:1"})
    assert sent.addresses == ("s:1",)


def test_an_empty_group_hears_nothing() -> None:
    assert notify({}) == []


def test_brokers_without_an_address_cannot_be_told() -> None:
    (sent,) = notify({0: None, 1: "s:1"}, offline="m:1")
    assert sent.addresses == ("s:1",)
    assert "minBrokerAddr" not in header(sent)["extFields"]


# --- when it is sent ------------------------------------------------------------------

MASTER = Broker("b", 0, "m:1")
SLAVE = Broker("b", 1, "s1:1")
SECOND = Broker("b", 2, "s2:1")


@pytest.fixture
def watched() -> World:
    return World(notify_min_broker_id_changed=True)


def targets(world: World) -> list[tuple[str, ...]]:
    return [notification.addresses for notification in world.notifications]


def test_the_first_broker_of_a_group_is_no_change(watched: World) -> None:
    watched.register(MASTER)
    watched.register(SLAVE)
    assert targets(watched) == []


def test_a_first_slave_is_no_change_because_empty_counts_as_master(
    watched: World,
) -> None:
    watched.register(SLAVE)
    assert targets(watched) == []


def test_a_lower_id_is_told_whether_acting_or_not(watched: World) -> None:
    watched.register(SECOND)
    watched.register(SLAVE)
    watched.register(MASTER)
    assert targets(watched) == [("s2:1",), ("s1:1", "s2:1")]
    fields = header(watched.notifications[1])["extFields"]
    assert fields["haBrokerAddr"] == "m:1-ha"


def test_a_registration_that_changes_nothing_is_not_told(watched: World) -> None:
    for broker in (SLAVE, MASTER, MASTER, SLAVE):
        watched.register(broker)
    assert len(targets(watched)) == 1


def test_a_lost_lowest_id_is_told_in_acting_groups(watched: World) -> None:
    for broker in (MASTER, SLAVE, SECOND):
        watched.register(broker, ext=ACTING)
    watched.ask(104, SECOND.ext_fields)
    assert targets(watched) == []
    watched.ask(104, MASTER.ext_fields)
    assert targets(watched) == [("s1:1",)]
    watched.ask(104, SLAVE.ext_fields)
    assert targets(watched) == [("s1:1",)]


def test_a_lost_lowest_id_is_not_told_in_other_groups(watched: World) -> None:
    for broker in (MASTER, SLAVE):
        watched.register(broker)
    watched.ask(104, MASTER.ext_fields)
    assert targets(watched) == []


def test_the_id_of_the_request_decides_whether_the_lowest_went(watched: World) -> None:
    for broker in (MASTER, SLAVE):
        watched.register(broker, ext=ACTING)
    watched.ask(104, {**MASTER.ext_fields, "brokerId": "5"})
    assert targets(watched) == []
    assert watched.addrs == {"b": {1: "s1:1"}}


def test_an_expired_master_is_told(watched: World) -> None:
    watched.register(MASTER, ext={**ACTING, "heartbeatTimeoutMillis": "1000"})
    watched.register(SLAVE, ext=ACTING)
    watched.run(10_000)
    assert targets(watched) == [("s1:1",)]


def test_nothing_is_told_unless_the_option_is_set(world: World) -> None:
    for broker in (SLAVE, MASTER):
        world.register(broker, ext=ACTING)
    world.ask(104, MASTER.ext_fields)
    assert targets(world) == []
