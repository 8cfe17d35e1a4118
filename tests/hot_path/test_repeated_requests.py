"""Requests that repeat say the same bytes, hot and cold, whatever came in between."""

import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from blake3 import blake3

from namesrv.hot_path import Pause
from namesrv.testing.peer import (
    Broker,
    read_answers,
    registration,
    registration_body,
    request,
    topic_table,
)
from namesrv.wire import body_checksum as body_checksums
from namesrv.wire import registration_digest as digests
from tests.hot_path.lone_connection import (
    heartbeat,
    lookup,
)
from tests.routing.world import World


def both_ways(hot: Any, steps: Sequence[bytes], **options: Any) -> list[bytes]:
    """Answers of a whole stack that is hot; of another that is all cold, the same."""
    outputs = []
    for all_cold in (False, True):
        world = World(**options)
        answers = []
        for step in steps:
            if all_cold:
                world.state.hot.hot_codes = 0
            answers.append(world.send(step))
            world.now_ms += 10
        outputs.append(answers)
        calls = world.processor.cold_calls
        assert not all_cold or calls == len(steps)
    assert outputs[0] == outputs[1]
    return outputs[0]


MASTER = Broker()
SLAVE = Broker(id=1, addr="10.0.0.2:10911")


def test_data_version_answers_are_equal_hot_and_cold(hot: Any) -> None:
    body = registration_body(version={"counter": 5, "stateVersion": 0, "timestamp": 7})
    same = b'{"counter":5,"stateVersion":0,"timestamp":7}'
    for asked in (same, same.replace(b"5", b"6"), b'{"counter":5}', b"", b"{"):
        answers = both_ways(
            hot,
            [
                registration(MASTER, body),
                request(322, MASTER.ext_fields, asked),
                request(322, SLAVE.ext_fields, asked),
            ],
        )
        assert read_answers(answers[1])


def test_a_repeated_slave_hears_of_its_master_hot_and_cold(hot: Any) -> None:
    answers = both_ways(
        hot, [registration(MASTER), registration(SLAVE), registration(SLAVE)]
    )
    (answer,) = read_answers(answers[2])
    assert answer.ext_fields == {
        "haServerAddr": f"{MASTER.addr}-ha",
        "masterAddr": MASTER.addr,
    }


CHANGES = {
    "master moved": registration(MASTER._replace(addr="10.0.0.7:10911")),
    "master's ha address": registration(MASTER, ext={"haServerAddr": "new"}),
    "master gone": request(104, MASTER.ext_fields),
    "unregistered under another name": request(
        104, MASTER.ext_fields | {"brokerName": "other"}
    ),
    "address taken by another group": registration(
        MASTER._replace(name="other"), ext={"haServerAddr": "new"}
    ),
    "order configuration": request(
        100, {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1", "value": "b:4"}
    ),
    "other configuration": request(100, {"namespace": "n", "key": "k", "value": "v"}),
    "topic deleted": request(216, {"topic": "T1"}),
    "topic deleted in the cluster": request(216, {"topic": "T1", "clusterName": "c1"}),
    "topic registered": request(
        217, {"topic": "new"}, b'{"queueDatas":[{"brokerName":"broker-a"}]}'
    ),
    "write permission wiped": request(205, {"brokerName": MASTER.name}),
    "write permission added": request(327, {"brokerName": MASTER.name}),
    "topics dropped with registrations": request(
        318, None, b"deleteTopicWithBrokerRegistration=true"
    ),
    "order configuration not returned": request(
        318, None, b"returnOrderTopicConfigToBroker=false"
    ),
    "zone": registration(MASTER, ext={"__ZONE_NAME": "z"}),
    "old master": registration(MASTER, ext={"enableActingMaster": None}),
    "nothing": heartbeat(MASTER),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("with_order", [False, True])
def test_repeated_registration_is_equal_hot_and_cold_after_any_change(
    hot: Any, change: bytes, with_order: bool
) -> None:
    ordered = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T2", "value": "b:8"}
    again = [registration(MASTER), registration(SLAVE), lookup("T1"), lookup("T2")]
    both_ways(
        hot,
        [
            request(100, ordered) if with_order else heartbeat(),
            *again,
            *again,
            change,
            *again,
            *again,
        ],
    )


@pytest.mark.parametrize("first", CHANGES.values(), ids=CHANGES.keys())
def test_repeated_registration_is_equal_hot_and_cold_after_two_changes(
    hot: Any, first: bytes
) -> None:
    again = [registration(MASTER), registration(SLAVE), lookup("T1"), request(206)]
    for second in CHANGES.values():
        both_ways(hot, [*again, *again, first, *again, *again, second, *again])


OTHER = MASTER._replace(name="other")
LOW = MASTER._replace(id=-1, addr="10.0.0.4:10911")


def test_a_slave_whose_masters_address_another_group_took(hot: Any) -> None:
    """Both groups register one address; the slave hears of whoever did so last."""
    slave = registration(SLAVE)
    answers = both_ways(
        hot,
        [
            registration(MASTER),
            slave,
            slave,
            registration(OTHER, ext={"haServerAddr": "first"}),
            slave,
            slave,
            registration(OTHER, ext={"haServerAddr": "second"}),
            slave,
            request(104, OTHER.ext_fields),
            slave,
            registration(OTHER, ext={"haServerAddr": "third"}),
            slave,
            registration(MASTER),
            slave,
        ],
    )
    heard = [
        (read_answers(answers[i])[0].ext_fields or {}).get("haServerAddr")
        for i in (2, 4, 5, 7, 9, 11, 13)
    ]
    own = f"{MASTER.addr}-ha"
    assert heard == [own, "first", "first", "second", None, "third", own]


def test_brokers_of_a_group_that_disagree_about_topics(hot: Any) -> None:
    """Ids 0 and -1 both bring topics; each drops what the other one has too much."""
    more = registration(LOW, registration_body(topic_table("T1", "T2", "T3")))
    steps = [
        request(318, None, b"deleteTopicWithBrokerRegistration=true"),
        *[registration(MASTER), lookup("T3"), more, lookup("T3")] * 4,
    ]
    answers = both_ways(hot, steps)
    assert [read_answers(a)[0].code for a in answers[2::2]] == [17, 0] * 4


def test_a_broker_that_was_unregistered_in_the_wrong_cluster(hot: Any) -> None:
    wrong = request(104, SLAVE.ext_fields | {"clusterName": "wrong"})
    again = [registration(MASTER), registration(SLAVE), request(106)]
    answers = both_ways(hot, [*again, *again, *again, wrong, *again])
    assert answers[-1] == answers[5]


def test_a_lone_broker_that_was_unregistered_in_the_wrong_cluster(hot: Any) -> None:
    wrong = request(104, MASTER.ext_fields | {"clusterName": "wrong"})
    again = [registration(MASTER), request(106)]
    answers = both_ways(hot, [*again, *again, wrong, request(106), *again])
    assert b'"brokerAddrTable":{}' in answers[5]
    assert answers[-1] == answers[1]


def test_a_wiped_permission_survives_a_repeated_registration(hot: Any) -> None:
    answers = both_ways(
        hot,
        [
            registration(MASTER),
            registration(MASTER),
            request(205, {"brokerName": MASTER.name}),
            registration(MASTER),
            registration(MASTER),
            lookup("T1"),
        ],
    )
    (answer,) = read_answers(answers[-1])
    assert answer.json["queueDatas"][0]["perm"] == 4


def test_a_deleted_topic_comes_back_with_a_repeated_registration(hot: Any) -> None:
    answers = both_ways(
        hot,
        [
            registration(MASTER),
            request(216, {"topic": "T1"}),
            lookup("T1"),
            registration(MASTER),
            lookup("T1"),
        ],
    )
    assert [read_answers(a)[0].code for a in answers[2:]] == [17, 0, 0]


def test_a_registration_without_a_timestamp_is_never_recognised(hot: Any) -> None:
    world = World()
    body = registration_body(version={"counter": 1, "stateVersion": 0})
    for _ in range(3):
        world.register(MASTER, body)
    assert world.processor.cold_calls == 3


def test_an_unchanged_registration_never_reaches_the_processor(hot: Any) -> None:
    world = World()
    for sent_at in range(5):
        world.register(MASTER, registration_body(sent_at=sent_at))
    assert world.processor.cold_calls == 1


def test_the_brokers_of_a_group_do_not_disturb_each_other(hot: Any) -> None:
    world = World()
    brokers = [MASTER, SLAVE, SLAVE._replace(id=2, addr="10.0.0.3:10911")]
    for sent_at in range(5):
        for broker in brokers:
            world.register(broker, registration_body(sent_at=sent_at))
    # The address of each one that joins is news to those before it.
    assert world.processor.cold_calls == len(brokers) + len(brokers) - 1


@pytest.mark.parametrize("ha_server_addr", ["new", None])
def test_a_slave_hears_at_once_that_its_master_moved_its_ha_address(
    hot: Any, ha_server_addr: str | None
) -> None:
    world = World()
    for _ in range(3):
        world.register(MASTER)
        world.register(SLAVE)
    world.register(MASTER, ext={"haServerAddr": ha_server_addr})
    answer = world.register(SLAVE)
    assert (answer.ext_fields or {}).get("haServerAddr") == ha_server_addr


class Counted:
    """A function, and the number of its calls."""

    def __init__(self, function: Any) -> None:
        self.calls = 0
        self._function = function

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.calls += 1
        return self._function(*args, **options)


def test_digest_and_checksum_of_a_changed_registration_are_computed_once(
    hot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, other = World(), Broker(name="other", addr="10.0.0.9:10911")
    world.send(registration(MASTER))
    world.send(registration(other))
    changed = [
        registration(MASTER, registration_body(topic_table("T1"))),
        registration(MASTER, registration_body(topic_table("T2"))),
    ]
    same, damaged = registration(other), registration(other, ext={"bodyCrc32": "1"})
    hashes, crc32 = Counted(blake3), Counted(zlib.crc32)
    monkeypatch.setattr(digests, "_hash", lambda: hashes)
    monkeypatch.setattr(body_checksums, "_crc32", lambda: crc32)
    before = world.processor.cold_calls
    for count, frame in enumerate(changed, 1):
        world.send(frame)
        assert (hashes.calls, crc32.calls) == (count, count)
    assert world.processor.cold_calls == before + 2
    # Each digest counts for its own request only.
    world.send(same)
    assert (hashes.calls, crc32.calls) == (3, 3)
    world.send(damaged)
    assert hashes.calls == 3


def test_digest_of_a_request_that_has_to_come_again_is_not_kept(hot: Any) -> None:
    world = World()
    world.send(registration(MASTER))
    world.state.turn.spend(1_000_000)
    changed = registration(MASTER, registration_body(topic_table("T1")))
    connection = world.connect()
    world.processor.state.hot.digest = b"of this request"
    connection.receive(changed, world.now_ms)
    assert connection.pause == Pause.TURN
    assert world.state.hot.take_digest() is None
