"""Registrations with too many topics, and more routes than there may be."""

import json
import zlib
from typing import Any

import pytest

from namesrv.testing.peer import (
    Broker,
    data_version,
    mapping_info,
    packed_body,
    registration_body,
    topic_table,
)
from tests.routing.snapshot import snapshot
from tests.routing.world import World

MASTER = Broker("b", 0, "m:1")
SLAVE = Broker("b", 1, "s:1")
OTHER = Broker("c", 0, "c:1")
ACTING = {"enableActingMaster": "true"}
REFUSED = "registration refused, it is too large"


def topics(first: int, end: int) -> dict[str, Any]:
    return topic_table(*(f"T{number}" for number in range(first, end)))


def body(first: int, end: int, counter: int = 0, **more: Any) -> bytes:
    """A registration of the topics from `first` to before `end`."""
    version = data_version(counter)
    return registration_body(topics(first, end), version=version, **more)


def counted(world: World) -> int:
    """What `routes` counts, counted anew."""
    tables = world.tables
    mappings = tables.topic_queue_mapping_info_table.values()
    queues = [entry.queues for entry in tables.topic_queue_table.values()]
    return sum(map(len, queues)) + sum(map(len, mappings))


def test_topics_of_a_registration_have_a_limit() -> None:
    world = World(max_topics_per_registration=3)
    assert world.register(MASTER, body(0, 3)).code == 0
    before = snapshot(world, [world.connection])
    answer = world.register(OTHER, body(0, 4))
    assert (answer.code, answer.ext_fields) == (1, {})
    assert answer.remark == (
        "registration of 4 topics, the limit is 3 (maxTopicsPerRegistration)"
    )
    assert snapshot(world, [world.connection]) == before
    assert world.event(REFUSED) == {
        "broker": "c",
        "address": "c:1",
        "reason": answer.remark,
        "remote": "10.0.0.9:40000",
    }


def test_mappings_of_a_registration_have_the_same_limit() -> None:
    world = World(max_topics_per_registration=3)
    mappings = {f"st{n}": mapping_info(f"st{n}", "b") for n in range(4)}
    assert world.register(MASTER, body(0, 2, mappings=mappings)).code == 1
    del mappings["st0"]
    assert world.register(MASTER, body(0, 2, mappings=mappings)).code == 0


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ("brokerName", "broker name"),
        ("brokerAddr", "broker address"),
        ("clusterName", "cluster name"),
        ("haServerAddr", "HA server address"),
        ("__ZONE_NAME", "zone name"),
    ],
)
def test_names_in_headers_have_a_limit(field: str, what: str) -> None:
    world = World(max_name_bytes=64)
    assert world.register(MASTER, body(0, 2), ext={field: "n" * 64}).code == 0
    before = snapshot(world, [world.connection])
    answer = world.register(OTHER, body(0, 2), ext={field: "n" * 65})
    assert (answer.code, answer.ext_fields) == (1, {})
    remark = f"{what} of 65 bytes, the limit is 64 (maxNameBytes)"
    assert answer.remark == world.event(REFUSED)["reason"] == remark
    assert snapshot(world, [world.connection]) == before


def test_one_filter_server_of_many_bytes_is_refused() -> None:
    """64 KiB deflated, 66 million characters inflated, four bytes each in memory."""
    version = b'{"counter":1,"stateVersion":0,"timestamp":1}'
    lines = [b"x 8 8 6 SINGLE_TAG", b"y 8 8 6 SINGLE_TAG"]
    servers = '["\U0001f600'.encode() + b"a" * 66_000_000 + b'"]'
    sent = zlib.compress(
        packed_body(lines, version=version, filters=servers, mappings=()), 9
    )
    world = World()
    for number in range(6):
        broker = Broker(f"b{number}", 0, f"m:{number}")
        answer = world.register(broker, sent, ext={"compressed": "true"})
        assert answer.code == 1
        assert world.has_event(REFUSED)
    assert world.live_keys == set()
    assert world.topics == {}


def test_small_deflated_registration_of_many_topics_is_refused() -> None:
    """A few kilobytes that were two seconds of work."""
    lines = [b"a 1 1 1 SINGLE_TAG"] * 90_000
    sent = zlib.compress(packed_body(lines, version="{}", mappings=()), 9)
    assert len(sent) < 10_000
    world = World()
    world.register(MASTER, body(0, 2))
    before = snapshot(world, [world.connection])
    answer = world.register(OTHER, sent, ext={"compressed": "true"})
    assert answer.remark == (
        "registration body with 90000 entries, too many for its size,"
        f" the limit is {len(sent)}"
    )
    assert snapshot(world, [world.connection]) == before


def test_topic_of_an_operator_has_the_same_limits() -> None:
    world = World(max_name_bytes=64, max_topics_per_registration=2)
    world.register(MASTER, body(0, 2))
    queues = b'{"brokerName":"b","perm":6}'
    for topic, count, code in (("n" * 64, 2, 0), ("n" * 65, 1, 1), ("n", 3, 1)):
        told = b'{"queueDatas":[' + b",".join([queues] * count) + b"]}"
        assert world.ask(217, {"topic": topic}, told).code == code
    assert set(world.topics) == {"T0", "T1", "n" * 64}


def test_queues_of_operators_are_shared_in_a_group() -> None:
    world = World()
    world.register(MASTER, body(0, 2))
    told = b'{"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":9}]}'
    for number in range(3):
        assert world.ask(217, {"topic": f"n{number}"}, told).code == 0
    table = world.tables.topic_queue_table
    assert len({id(table[f"n{number}"].queues["b"]) for number in range(3)}) == 1


class TestRoutes:
    @pytest.fixture
    def world(self) -> World:
        """Room for ten routes, of which six are taken."""
        world = World(max_routes=10)
        assert world.register(MASTER, body(0, 6)).code == 0
        return world

    def test_no_limit_by_default(self) -> None:
        world = World()
        assert world.register(MASTER, body(0, 5000)).code == 0
        assert world.tables.routes == 5000

    def test_limit_itself_is_allowed(self, world: World) -> None:
        assert world.register(OTHER, body(0, 4)).code == 0
        assert world.tables.routes == counted(world) == 10

    def test_what_goes_beyond_is_refused_whole(self, world: World) -> None:
        before = snapshot(world, [world.connection])
        answer = world.register(OTHER, body(0, 5))
        assert answer.code == 1
        assert answer.remark == (
            "5 routes more than the 6 that there are, the limit is 10 (maxRoutes)"
        )
        assert snapshot(world, [world.connection]) == before
        assert world.register(MASTER, body(0, 11, counter=1)).code == 1
        assert world.tables.routes == counted(world) == 6

    def test_registration_that_adds_nothing_passes(self, world: World) -> None:
        world.options.max_routes = 3
        assert world.register(MASTER, body(0, 6)).code == 0
        assert world.register(MASTER, body(0, 6, counter=1)).code == 0
        assert world.register(MASTER, body(0, 2, counter=2)).code == 0
        assert world.register(MASTER, body(2, 7, counter=3)).code == 1

    def test_topics_that_go_make_room(self) -> None:
        world = World(max_routes=10, delete_topic_with_broker_registration=True)
        assert world.register(MASTER, body(0, 10)).code == 0
        assert world.register(MASTER, body(5, 15, counter=1)).code == 0
        assert world.tables.routes == counted(world) == 10
        assert world.register(MASTER, body(5, 16, counter=2)).code == 1

    def test_same_topic_of_another_group_counts(self, world: World) -> None:
        assert world.register(OTHER, body(0, 5)).code == 1
        assert world.register(OTHER, body(6, 10)).code == 0

    def test_slave_beside_its_master_stores_nothing(self, world: World) -> None:
        assert world.register(SLAVE, body(0, 50)).code == 0
        assert world.register(SLAVE, body(0, 50, 1), ext=ACTING).code == 0
        old = {"enableActingMaster": None}
        assert world.register(SLAVE, body(0, 50, 2), ext=old).code == 0
        assert world.tables.routes == 6

    def test_slave_of_the_masters_address_counts(self, world: World) -> None:
        turned = MASTER._replace(id=1)
        assert world.register(turned, body(0, 50, counter=1), ext=ACTING).code == 1
        assert world.tables.routes == 6

    def test_first_slave_counts(self) -> None:
        world = World(max_routes=10)
        assert world.register(SLAVE, body(0, 11), ext=ACTING).code == 1
        assert world.register(SLAVE, body(0, 10), ext=ACTING).code == 0
        assert world.tables.routes == 10

    def test_mappings_count(self, world: World) -> None:
        mappings = {f"st{n}": mapping_info(f"st{n}", "x") for n in range(5)}
        answer = world.register(OTHER, body(0, 0, 1, mappings=mappings))
        assert (answer.remark or "").startswith("5 routes more than the 6")
        del mappings["st4"]
        assert world.register(OTHER, body(0, 0, 1, mappings=mappings)).code == 0
        assert world.register(OTHER, body(0, 0, 2, mappings=mappings)).code == 0
        assert world.tables.routes == counted(world) == 10

    def test_topic_of_an_operator_counts(self, world: World) -> None:
        world.options.max_routes = 7
        queues = {
            "brokerName": "b",
            "perm": 6,
            "readQueueNums": 1,
            "writeQueueNums": 1,
            "topicSysFlag": 0,
        }
        told = json.dumps([queues]).encode()
        told = b'{"queueDatas":' + told + b"}"
        assert world.ask(217, {"topic": "T0"}, told).code == 0
        assert world.ask(217, {"topic": "new"}, told).code == 0
        answer = world.ask(217, {"topic": "newer"}, told)
        assert answer.code == 1
        assert (answer.remark or "").endswith("the limit is 7 (maxRoutes)")
        assert world.ask(217, {"topic": "new"}, told).code == 0
        assert world.tables.routes == counted(world) == 7

    def test_routes_that_go_are_not_counted(self, world: World) -> None:
        world.register(OTHER, body(0, 4))
        world.ask(216, {"topic": "T0"})
        assert world.tables.routes == counted(world) == 8
        world.ask(104, OTHER.ext_fields)
        assert world.tables.routes == counted(world) == 5
        assert world.register(OTHER, body(0, 5)).code == 0


class TestRefusedBrokerLives:
    """Whoever asks for too much keeps what it has (P3)."""

    @pytest.fixture
    def world(self) -> World:
        world = World(max_routes=2)
        world.tick()
        world.register(MASTER, body(0, 2))
        return world

    def test_it_does_not_expire(self, world: World) -> None:
        for counter in range(1, 10):
            world.run(60_000)
            assert world.register(MASTER, body(0, 3, counter)).code == 1
        assert world.route("T0") is not None
        world.run(200_000)
        assert world.route("T0") is None

    @pytest.mark.parametrize(
        "more",
        [
            {"filters": ["f"] * 257},
            {"filters": ["f" * 4097]},
            {"mappings": {"st": mapping_info("st", "b", queues=10)}},
        ],
        ids=["filter servers", "filter server", "queues"],
    )
    def test_it_lives_whatever_there_is_too_much_of(
        self, world: World, more: dict[str, Any]
    ) -> None:
        world.options.max_queues_per_mapping = 9
        for counter in range(1, 10):
            world.run(60_000)
            assert world.register(MASTER, body(0, 2, counter, **more)).code == 1
        assert world.route("T0") is not None

    def test_it_belongs_to_its_new_connection(self, world: World) -> None:
        second = world.connect()
        assert world.register(MASTER, body(0, 3, 1), connection=second).code == 1
        world.close()
        assert world.route("T0", connection=second) is not None
        world.close(second)
        assert world.live_keys == set()

    def test_another_group_at_its_address_does_not_keep_it(self, world: World) -> None:
        second = world.connect()
        stranger = MASTER._replace(name="stranger")
        assert world.register(stranger, body(0, 3, 1), connection=second).code == 1
        world.close()
        assert world.live_keys == set()
