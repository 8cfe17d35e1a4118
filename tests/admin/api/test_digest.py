"""`/v1/digest`: equal routes have one digest, whatever their order and history."""

import json
import random
from hashlib import blake2b

from namesrv.testing.peer import Broker, data_version
from tests.admin.api.asking import Api

BROKERS = [
    Broker(f"b{number // 2}", number % 2, f"10.0.0.{number}:1", f"c{number // 6}")
    for number in range(12)
]


def digest(api: Api) -> str:
    return str(api.get("/v1/digest")["digest"])


def register(api: Api, broker: Broker, counter: int = 0) -> None:
    number = int(broker.name[1:])
    topics = {f"T{n}": n + 1 for n in range(number, number + 4)}
    sent = broker.registration(topics, version=data_version(counter))
    assert api.world.only(api.world.send(sent)).code == 0


def register_all(api: Api, counter: int = 0) -> None:
    for broker in BROKERS:
        register(api, broker, counter)


def test_order_does_not_count() -> None:
    digests = set()
    for seed in range(5):
        api = Api()
        brokers = BROKERS[:]
        random.Random(seed).shuffle(brokers)
        for broker in sorted(brokers, key=lambda b: b.id):
            register(api, broker)
        digests.add(digest(api))
    assert len(digests) == 1


def test_each_change_changes_it_and_its_opposite_changes_it_back() -> None:
    api = Api()
    register_all(api)
    before = digest(api)
    seen = {before}
    world = api.world
    for change, back in (
        (
            lambda: world.ask(205, {"brokerName": "b1"}),
            lambda: world.ask(327, {"brokerName": "b1"}),
        ),
        (
            lambda: world.ask(104, BROKERS[5].ext_fields),
            lambda: register(api, BROKERS[5]),
        ),
        (
            lambda: api.ask("/v1/topics/T3", "DELETE"),
            lambda: register_all(api, 1),
        ),
    ):
        change()
        seen.add(digest(api))
        back()
        assert digest(api) == before
    assert len(seen) == 4


def test_a_heartbeat_or_a_repetition_costs_nothing() -> None:
    api = Api()
    register_all(api)
    register(api, BROKERS[0])
    digest(api)
    register(api, BROKERS[0])
    api.units.clear()
    digest(api)
    assert api.units == []


def test_only_changed_groups_are_read_again() -> None:
    api = Api()
    for number in range(40):
        topics = {f"T{number}-{n}": 1 for n in range(100)}
        api.register(topics, Broker(f"b{number}", 0, f"10.0.0.{number}:1"))
    digest(api)
    whole, api.units = sum(api.units), []
    api.world.ask(205, {"brokerName": "b1"})
    digest(api)
    assert sum(api.units) < whole / 10


def test_it_can_be_made_of_the_answers_of_the_remoting_protocol() -> None:
    api = Api()
    register_all(api)
    total, groups = 0, {}
    topics = api.world.ask(206).json["topicList"]
    for topic in topics:
        route = api.world.route(topic)
        for data in route["brokerDatas"]:
            groups[data["brokerName"]] = data
        for queues in route["queueDatas"]:
            total += hashed([topic, queues])
    total += sum(map(hashed, groups.values()))
    assert digest(api) == f"{total % (1 << 128):032x}"
    assert api.get("/v1/digest")["broker_groups"] == len(groups)


def hashed(value: object) -> int:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest())


def test_a_change_meanwhile_is_in_it() -> None:
    api = Api()
    for broker in BROKERS:
        register(api, broker)

    def change() -> None:
        api.between = lambda: None
        api.world.ask(205, {"brokerName": "b1"})

    api.between = change
    found = digest(api)
    assert found == digest(api)


def test_sums_of_groups_that_are_gone_are_dropped() -> None:
    api = Api()
    register_all(api)
    digest(api)
    for broker in BROKERS[2:]:
        api.world.ask(104, broker.ext_fields)
    digest(api)
    assert len(api.world.state.route_digest) == 1
