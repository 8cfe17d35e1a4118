"""Any bytes to whole servers over both twins: `receive` never raises."""

from collections.abc import Iterable
from typing import Any, Final

from namesrv.errors import StorageError
from namesrv.option_sources import parse_remote
from namesrv.testing.peer import (
    Broker,
    mapping_info,
    read_answers,
    registration,
    registration_body,
    request,
    signed,
    topic_config,
    topic_table,
)
from namesrv.wire.access_keys import AccessKeys
from namesrv.wire.properties import read_properties
from tests.fuzz.recorded import recorded_streams
from tests.fuzz.structure import JSON_WORDS, mutate_frames
from tests.fuzz.target import Target, chance, ways_to_cut
from tests.parity.stacks import Stack
from tests.wire.test_deflated_body import E6

ALLOWED: Final = ()
OPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"answer_cache_bytes": 0, "delete_topic_with_broker_registration": True},
    {"order_message_enable": True, "return_order_topic_config_to_broker": False},
    {"need_wait_for_service": True, "support_acting_master": True},
    {"broker_access": "signed", "admin_access": "signed", "access_keys_file": "keys"},
    {"max_routes": 5, "max_topics_per_registration": 3, "admin_access": "off"},
    {"support_acting_master": True, "notify_min_broker_id_changed": True},
)


def run(data: bytes) -> None:
    """The same to both, cut alike; then writes end, time passes, the peer leaves."""
    cut = chance(data).choice(list(ways_to_cut(data)))
    options = chance(data).choice(OPTIONS)
    seen = [history(Stack(twin, **options), cut) for twin in ("pure", "fast")]
    assert seen[0] == seen[1]


def history(stack: Stack, cut: list[bytes]) -> list[Any]:
    """All that can be seen of one server."""
    world = stack.world
    world.state.access.keys = AccessKeys({"ops": "12345678"})
    world.send(registration(Broker("b", 0, "b:1", "c1")))
    seen: list[Any] = [stack.send(0, cut)]
    error = StorageError("write", "a file", "the disk is full")
    for failure in (None, error, None):
        seen.append(stack.finish_writes(2, failure))
        seen.append(stack.next_turn())
        seen.append(stack.close_told())
    seen.append(stack.send(1, [request(105, {"topic": "T1"}), request(106)]))
    seen.append(stack.tables())
    restart(world)
    stack.close(0)
    for _ in range(100):
        world.tick(1_400)  # no stall
    seen += [stack.close_told(), stack.tables()]
    world.tick(86_500_000)
    world.run(6_000)
    seen += [stack.close_told(), stack.tables()]
    assert not world.has_event("internal error"), world.event("internal error")
    whole_answers(seen[0])
    return seen


def restart(world: Any) -> None:
    """Whatever peers made of the tables, they can be kept and restored."""
    other = type(world)(started_ms=world.now_ms)
    other.begin_warm(world.packed_routes(), 90_000)
    other.state.kv_config.load(world.files.get(world.options.kv_config_path))
    stored = world.files.get(world.options.config_store_path, b"")
    for entry in read_properties(stored.decode("latin-1")):
        parse_remote(entry.key, entry.value)
    for table in ("broker_addr_table", "topic_queue_table", "filter_server_table"):
        before, after = getattr(world.tables, table), getattr(other.tables, table)
        assert set(before) == set(after), table


def whole_answers(seen: list[Any]) -> None:
    """Everything that was sent is whole frames with JSON headers."""
    for output in seen:
        if isinstance(output, bytes):
            read_answers(output)


def seeds() -> Iterable[bytes]:
    """Recorded conversations, and requests with all that routing knows."""
    yield from recorded_streams()
    body = registration_body(
        {**topic_table("T1", "T3"), "T4": topic_config("T4", perm=2)},
        mappings={"T3": mapping_info("T3", "b")},
        filters=["f:1", None],
    )
    yield registration(Broker("c", 0, "c:1", "c1"), E6, ext={"compressed": "true"}) * 2
    known = signed({**Broker().ext_fields, "bodyCrc32": "0"}, E6)
    yield request(103, known, E6) + request(205, signed({"brokerName": "b"})) * 2
    slave = Broker("b", 1, "b:2", "c1")
    ext = {"enableActingMaster": "true", "zoneName": "z1", "__ZONE_NAME": "z1"}
    once = registration(slave, body, ext=ext)
    zone = {"topic": "T1", "__ZONE_MODE": "true", "__ZONE_NAME": "z1"}
    for timeout in (-(2**63), 2**63 - 1, 0, 1):
        lasting = {"heartbeatTimeoutMillis": str(timeout)}
        yield registration(Broker("a", 0, "a:1", "c1"), ext=lasting)
    yield once * 2 + request(105, zone) + request(104, slave.ext_fields)
    kv = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1", "value": "b:4"}
    yield request(100, kv) + request(101, kv) + request(105, {"topic": "T1"}) + once
    yield request(102, kv) + request(219, kv) + request(100, kv)
    yield request(318, {}, b"orderMessageEnable=true\nkvConfigPath=/x") + request(319)
    yield request(205, {"brokerName": "b"}) + request(327, {"brokerName": "b"})
    yield request(216, {"topic": "T1"}) + request(105, {"topic": "T1"})
    yield request(217, {"topic": "T9"}, b'{"queueDatas":[{"brokerName":"b","perm":6}]}')
    yield request(322, Broker("b", 0, "b:1", "c1").ext_fields, b'{"counter":0}')
    yield request(904, slave.ext_fields) + request(901, slave.ext_fields)
    yield b"".join(request(code) for code in (106, 206, 304, 311, 312, 313, 224, 9))


TARGET: Final = Target("server", run, ALLOWED, seeds, mutate_frames, JSON_WORDS)
