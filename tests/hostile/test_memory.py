"""P7: memory stays below the formula of docs/architecture.md, "Memory"."""

import gc
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from namesrv.codes import ZONE_NAME
from namesrv.testing.peer import (
    Broker,
    Peer,
    deflated_body,
    json_bytes,
    lookup,
    registration,
    request,
)
from namesrv.wire.bodies import (
    DataVersion,
    RegisterBrokerBody,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
    TopicRouteQueues,
)
from namesrv.wire.headers import (
    BrokerRequestHeader,
    KVConfigRequestHeader,
    RegisterBrokerRequestHeader,
)
from tests.hostile.attacked_server import SLACK_MIB, send_what_is_taken
from tests.hostile.conftest import Lay
from tests.hostile.kept_memory import assert_bounded, counted
from tests.hostile.members import (
    Filled,
    example,
    filled,
    header_fields,
    text,
    texts,
)
from tests.hostile.test_bodies import register
from tests.hostile.test_crowds import descriptors
from tests.routing.world import World

KIB, MIB = 1 << 10, 1 << 20
FRAME_MAX_BYTES = 4 * MIB
INPUT_BUDGET_BYTES = 16 * MIB
OUTPUT_BUDGET_BYTES = 8 * MIB
ANSWER_CACHE_BYTES = 2 * MIB
WORDS = (
    *("--frame-max-length", f"{FRAME_MAX_BYTES}"),
    *("--input-budget-bytes", f"{INPUT_BUDGET_BYTES}"),
    *("--output-budget-bytes", f"{OUTPUT_BUDGET_BYTES}"),
    *("--answer-cache-bytes", f"{ANSWER_CACHE_BYTES}"),
    *("--snapshot-interval-millis", "500"),
    # The witness is asked again after minutes on a slow machine.
    *("--server-channel-max-idle-time-seconds", "900"),
)
SHARED_TOPICS, SHARING_GROUPS = 2000, 100
OWN_TOPICS = 20_000
EMPTY_GROUPS = 3000
CONNECTIONS = 1000


def bound_mib(*, topics: int, routes: int, groups: int, connections: int) -> float:
    """The formula, for names of some 30 bytes."""
    tables = topics * (1000 + 4 * 30) + routes * 100 + groups * 4 * KIB
    peers = connections * (4 + 64) * KIB
    budgets = ANSWER_CACHE_BYTES + INPUT_BUDGET_BYTES + OUTPUT_BUDGET_BYTES
    at_hand = 30 * FRAME_MAX_BYTES
    return 40 + (tables + peers + budgets + at_hand) / MIB


def test_memory_stays_below_the_formula(lay_siege: Lay) -> None:
    attacked = lay_siege(*WORDS, slack_mib=SLACK_MIB + 40)
    server, peer = attacked.server, attacked.peer()
    shared = [f"an-ordinary-topic-name-{n:06}" for n in range(SHARED_TOPICS)]
    for number in range(SHARING_GROUPS):
        register_some(peer, f"sharing-{number:03}", number, shared)
    for start in range(0, OWN_TOPICS, 5000):
        own = [f"a-topic-of-one-broker-{start + n:06}" for n in range(5000)]
        register_some(peer, f"owner-of-topics-{start}", start, own)
    for number in range(EMPTY_GROUPS):
        register_some(peer, f"broker-with-a-name-{number:05}", number, [])
    for topic in shared:
        for version in (300, 479):
            assert peer.ask(lookup(topic, version=version)).code == 0
    table = ",".join(f'"{n:x}":{{}}' for n in range(300_000))
    body = f'{{"topicConfigSerializeWrapper":{{"topicConfigTable":{{{table}}}}}}}'
    assert len(body) < FRAME_MAX_BYTES
    assert peer.ask(register(body.encode())).code == 1
    with descriptors(CONNECTIONS) as count:
        crowd = [attacked.peer() for _ in range(min(count, CONNECTIONS))]
        half = (FRAME_MAX_BYTES - 4).to_bytes(4) + bytes(512 * KIB)
        for number, one in enumerate(crowd):
            if number % 2:
                send_what_is_taken(one, half)
            else:
                send_what_is_taken(one, lookup(shared[0]) * 300)
        attacked.ask_witness()
        for budget in ("input", "output"):
            server.wait_for_log(f"{budget} budget exceeded")
        bound = bound_mib(
            topics=SHARED_TOPICS + OWN_TOPICS,
            routes=SHARED_TOPICS * SHARING_GROUPS + OWN_TOPICS,
            groups=SHARING_GROUPS + EMPTY_GROUPS + 4,
            connections=len(crowd) + 2,
        )
        print(f"peak {server.peak_mib():.0f} MiB, the formula allows {bound:.0f}")
        assert server.peak_mib() < bound + SLACK_MIB
        for one in crowd:
            one.reset()


def register_some(peer: Peer, name: str, number: int, topics: list[str]) -> None:
    """A broker with these topics."""
    addr = f"10.{number // 250}.{number % 250}.1:10911"
    registration = Broker(name, addr=addr).registration(dict.fromkeys(topics, 8))
    assert peer.ask(registration).code == 0


# --- one member after the other, in memory --------------------------------------------

BROKERS = 2
ZONES = itertools.count()
# The history has a limit of its own, and tests of its own.
SMALL_CACHE: dict[str, Any] = {"answer_cache_bytes": 1 << 14, "history_bytes": 1 << 14}


@pytest.fixture(scope="module", autouse=True)
def still_heap() -> Iterator[None]:
    """What other tests left is no part of any collection here, of which there are
    hundreds."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def each_way(record: Any) -> Any:
    ways = list(filled(record, record.__name__))
    return pytest.mark.parametrize("way", ways, ids=lambda way: way.where)


def deflated(value: Any) -> bytes:
    """A registration in the form of 2.5.4, as far as that has room for it."""
    wrapper = value["topicConfigSerializeWrapper"]
    lines = [
        f"{c['topicName']} {c['readQueueNums']} {c['writeQueueNums']} {c['perm']}"
        " SINGLE_TAG"
        for c in wrapper["topicConfigTable"].values()
    ]
    return deflated_body(
        lines,
        version=wrapper["dataVersion"],
        filters=value["filterServerList"],
        mappings=map(json_bytes, wrapper["topicQueueMappingInfoMap"].values()),
    )


def broker(number: int) -> Broker:
    return Broker(f"broker-{number}", 0, f"10.0.0.{number}:10911")


def register_in(world: World, number: int, *body: bytes, **more: Any) -> None:
    """On a connection of its own."""
    send_alone(world, registration(broker(number), *body, **more))


def send_alone(world: World, data: bytes) -> None:
    """On a new connection, which stays; after a large frame it goes on in a turn."""
    connection = world.connect()
    world.send(data, connection)
    world.next_turn(connection)


def settle(world: World) -> None:
    """Ask for what is written on demand and kept; then change a group, and all route
    bodies go, which have a limit of their own."""
    for topic in list(world.tables.topic_queue_table)[:8]:
        for version in (300, 479):
            world.ask(105, {"topic": topic}, version=version)
    world.ask(106)
    register_in(world, 99, ext={ZONE_NAME: f"{next(ZONES)}"})
    world.ask(105, {"topic": "T1"})
    world.events.clear()
    world.changes.clear()


def assert_each_is_bounded(told: str, send: Callable[[World, int], object]) -> None:
    """Let some brokers send, and hold what is kept of it to the formula."""
    # Another server has made the imports of a first use.
    warmed = World(**SMALL_CACHE)
    send(warmed, 0)
    settle(warmed)
    world = World(**SMALL_CACHE)
    settle(world)
    with counted() as kept:
        for number in range(BROKERS):
            send(world, number)
        settle(world)
        assert_bounded(world.tables, world.options, kept(), [told])


@each_way(RegisterBrokerBody)
def test_each_member_of_a_registration_is_bounded(way: Filled) -> None:
    value = way.make()
    plain, small = json_bytes(value), deflated(value)
    compressed = {"compressed": "true"}
    assert_each_is_bounded(way.where, lambda world, n: register_in(world, n, plain))
    assert_each_is_bounded(
        f"{way.where}, deflated",
        lambda world, n: register_in(world, n, small, ext=compressed),
    )


@each_way(TopicConfigSerializeWrapper)
def test_each_member_of_an_old_registration_is_bounded(way: Filled) -> None:
    body = json_bytes(way.make())
    assert_each_is_bounded(
        way.where, lambda world, n: register_in(world, n, body, version=0)
    )


@each_way(TopicRouteQueues)
def test_each_member_of_an_operators_topic_is_bounded(way: Filled) -> None:
    body = json_bytes(way.make())

    def send(world: World, number: int) -> None:
        world.register(Broker("T", 0, "10.0.1.1:10911"))
        told = {"topic": f"T{number}"}
        send_alone(world, request(217, told, body))

    assert_each_is_bounded(way.where, send)


@pytest.mark.parametrize("kind", texts())
def test_names_of_operators_topics_are_bounded(kind: str) -> None:
    body = json_bytes(example(TopicRouteQueues))

    def send(world: World, number: int) -> None:
        world.register(Broker("T", 0, "10.0.1.1:10911"))
        told = {"topic": f"{number}{text(kind)}"}
        send_alone(world, request(217, told, body))

    assert_each_is_bounded(kind, send)


@each_way(DataVersion)
def test_each_member_of_a_data_version_is_bounded(way: Filled) -> None:
    body = json_bytes(way.make())

    def send(world: World, number: int) -> None:
        register_in(world, number)
        told = broker(number).ext_fields
        send_alone(world, request(322, told, body))

    assert_each_is_bounded(way.where, send)


@pytest.mark.parametrize("kind", texts())
@pytest.mark.parametrize(
    "name", [name for _, name in header_fields(RegisterBrokerRequestHeader)]
)
def test_each_field_of_a_registrations_header_is_bounded(name: str, kind: str) -> None:
    ext = {"bodyCrc32": None, name: text(kind)}
    assert_each_is_bounded(
        f"{name} {kind}", lambda world, n: register_in(world, n, ext=ext)
    )


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (code, name)
        for header, codes in (
            (BrokerRequestHeader, (104, 322, 901, 904)),
            (KVConfigRequestHeader, (100, 101, 102, 219)),
        )
        for _, name in header_fields(header)
        for code in codes
    ],
)
def test_each_field_of_other_headers_is_bounded(code: int, name: str) -> None:
    small = {"namespace": "n", "key": "k", "value": "v"}
    long = text("one emoji")

    def send(world: World, number: int) -> None:
        ext = {**broker(number).ext_fields, **small, name: f"{number}{long}"}
        send_alone(world, request(code, ext))

    assert_each_is_bounded(f"{code} {name}", send)


def test_topics_that_come_and_go_leave_nothing() -> None:
    """Their names, queues and texts, while the group stays."""
    name = text("narrow")[:500]
    queues = example(TopicRouteQueues)["queueDatas"][0]

    def send(world: World, number: int) -> None:
        world.register(Broker("T", 0, "10.0.1.1:10911"))
        for perm in range(400):
            told = json_bytes({"queueDatas": [{**queues, "perm": perm}]})
            topic = {"topic": f"{perm}{name}"}
            assert world.ask(217, topic, told).code == 0
            assert world.ask(105, topic).code == 0
            assert world.ask(216, topic).code == 0
            world.events.clear()
            world.changes.clear()

    assert_each_is_bounded("topics that come and go", send)


def test_a_new_member_without_a_limit_is_found() -> None:
    """The test of these tests: a mapping gets one more text."""
    grown = msgspec.defstruct(
        "TopicQueueMappingInfo",
        [("remark", str | None, None), ("numbers", list[str], [])],
        bases=(TopicQueueMappingInfo,),
        rename="camel",
        frozen=True,
    )
    decoder = msgspec.json.Decoder(grown)
    known = {way.where for way in filled(TopicQueueMappingInfo)}
    new = [way for way in filled(grown) if way.where not in known]
    assert {way.where.split()[0].split("[")[0] for way in new} == {
        ".remark",
        ".numbers",
    }
    found = set()
    for way in new:
        info = json_bytes(way.make())

        def send(world: World, number: int, info: bytes = info) -> None:
            kept: Any = decoder.decode(info)
            world.tables.set_mapping(f"T{number}", kept, world.now_ms)

        try:
            assert_each_is_bounded(way.where, send)
        except AssertionError as failure:
            assert "without a limit" in str(failure)
            found.add(way.where)
    assert {".remark narrow", ".remark one emoji", ".numbers[40000]"} <= found


def test_a_member_of_an_unknown_type_is_found() -> None:
    odd = msgspec.defstruct("Odd", [("parts", tuple[int, ...], ())])
    with pytest.raises(NotImplementedError, match="parts"):
        list(filled(odd))
