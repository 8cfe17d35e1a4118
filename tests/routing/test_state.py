"""The state put together: the gate, the mask of the hot path, late answers."""

import pytest

from namesrv.errors import HeaderOverLimit, StorageError
from namesrv.hot_path import HotCode
from namesrv.routing.access.request import Request
from namesrv.routing.outbox import LateAnswer, LogEvent
from namesrv.routing.state import longest_header
from namesrv.testing.peer import Broker, read_answers, request
from namesrv.wire.command import RemotingCommand
from tests.routing.world import RELOAD, World

BROKER_CODES = int(HotCode.HEARTBEAT | HotCode.REGISTRATION)
ALL_CODES = BROKER_CODES | int(HotCode.ROUTE)


def mask(world: World) -> int:
    return int(world.state.hot.hot_codes)


def test_everything_is_hot_by_default(world: World) -> None:
    assert mask(world) == ALL_CODES
    assert world.state.is_ready(0)
    assert world.state.hot.order_topic_body == b""


def test_limits_reach_the_hot_path() -> None:
    world = World(frame_max_length=2048, answer_cache_bytes=10)
    assert world.state.hot.frame_max_bytes == 2048
    world.register()
    world.route("T1")
    assert world.tables.route_answers.kept_bytes == 0


def test_a_header_has_room_for_the_longest_value_however_it_is_escaped() -> None:
    world = World(kv_max_value_bytes=1000, kv_max_name_bytes=50)
    fields = {"namespace": "\x01" * 50, "key": "\x01" * 50, "value": "\x01" * 1000}
    put = request(100, fields)
    assert len(put) > 6000
    assert world.only(world.send(put)).code == 0
    assert world.ask(101, fields | {"value": ""}).ext_fields == {"value": "\x01" * 1000}


def test_a_longer_header_closes_the_connection() -> None:
    world = World(kv_max_value_bytes=1000, kv_max_name_bytes=50)
    assert world.state.hot.header_max_bytes == longest_header(world.options)
    start = (1 << 20).to_bytes(4) + (longest_header(world.options) + 1).to_bytes(4)
    assert world.send(start) == b""
    assert isinstance(world.connection.fault, HeaderOverLimit)


def test_headers_follow_a_reload_that_lets_values_be_longer() -> None:
    world = World(kv_max_value_bytes=1000, kv_max_name_bytes=50)
    world.state.configuration.apply({"kvMaxValueBytes": 100_000}, RELOAD)
    fields = {"namespace": "n", "key": "k", "value": "\x01" * 100_000}
    assert world.ask(100, fields, connection=world.connect()).code == 0


# --- the start-up gate ----------------------------------------------------------------


def test_lookups_wait_for_the_gate_and_others_do_not() -> None:
    world = World(started_ms=1000, need_wait_for_service=True)
    assert mask(world) == BROKER_CODES
    world.register()
    assert world.ask(904, Broker().ext_fields).code == 0
    answer = world.ask(105, {"topic": "T1"})
    assert (answer.code, answer.remark) == (1, "name server not ready")
    assert world.event("name server not ready")["code"] == 105
    world.now_ms = 1000 + 44_999
    assert world.ask(105, {"topic": "T1"}).code == 1
    world.now_ms += 1
    assert world.ask(105, {"topic": "T1"}).code == 0
    assert mask(world) == ALL_CODES


def test_the_gate_has_a_length() -> None:
    world = World(need_wait_for_service=True, wait_seconds_for_service=2)
    assert not world.state.is_ready(1999)
    assert world.state.is_ready(2000)


def test_the_gate_can_be_opened_and_closed_remotely() -> None:
    world = World(need_wait_for_service=True)
    world.ask(318, None, b"needWaitForService=false")
    assert world.ask(105, {"topic": "T1"}).code == 17
    assert mask(world) == ALL_CODES
    world.ask(318, None, b"needWaitForService=true")
    assert world.ask(105, {"topic": "T1"}).code == 1
    world.now_ms = 45_000
    assert world.ask(105, {"topic": "T1"}).code == 17
    assert mask(world) == ALL_CODES


# --- the mask -------------------------------------------------------------------------


def test_nothing_is_hot_with_binary_answers() -> None:
    assert mask(World(serialize_type="ROCKETMQ")) == 0


def test_nothing_is_hot_while_draining(world: World) -> None:
    world.state.drain(0)
    assert world.state.draining
    assert mask(world) == 0
    world.ask(105, {"topic": "T1"}, version=317)
    assert mask(world) == 0


def test_lookups_are_cold_in_cluster_test_mode() -> None:
    assert mask(World(cluster_test=True)) == BROKER_CODES


# --- the order configuration ----------------------------------------------------------


ORDER = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1", "value": "b:4"}


def test_the_body_for_registrations_follows_the_configuration(world: World) -> None:
    hot = world.state.hot
    one, two = b'{"table":{"T1":"b:4"}}', b'{"table":{"T1":"b:4","T2":"b:4"}}'
    world.ask(100, ORDER)
    assert (hot.order_topic_body, world.register().body) == (b"", one)
    world.ask(100, {**ORDER, "namespace": "other", "value": "x"})
    assert hot.order_topic_body == one
    world.ask(318, None, b"returnOrderTopicConfigToBroker=false")
    assert hot.order_topic_body == b""
    world.ask(100, {**ORDER, "key": "T2"})
    assert (hot.order_topic_body, world.register().body) == (b"", b"")
    world.ask(318, None, b"returnOrderTopicConfigToBroker=true")
    assert world.register().body == two
    assert hot.order_topic_body == two


def test_order_configuration_is_written_once_for_many_changes(world: World) -> None:
    """It can be long: neither a put nor a repeated registration writes all of it."""
    calls: list[str | None] = []
    kv_config = world.state.kv_config
    real = kv_config.table_body

    def table_body(namespace: str | None) -> bytes:
        calls.append(namespace)
        return real(namespace)

    world.register()
    assert mask(world) == ALL_CODES
    kv_config.table_body = table_body  # type: ignore[method-assign]
    for number in range(10):
        assert world.ask(100, {**ORDER, "key": f"T{number}"}).code == 0
    assert calls == [] and mask(world) == ALL_CODES & ~int(HotCode.REGISTRATION)
    cold_calls = world.processor.cold_calls
    bodies = [world.register().body for _ in range(3)]
    assert len(set(bodies)) == 1 and b'"T9":"b:4"' in (bodies[0] or b"")
    assert calls == ["ORDER_TOPIC_CONFIG"] and mask(world) == ALL_CODES
    assert world.processor.cold_calls == cold_calls + 1


def test_order_configuration_of_megabytes_is_sent_in_pieces(world: World) -> None:
    """Registrations stay cold then, and are answered as any other."""
    value = "v" * 60_000
    for number in range(20):
        world.ask(100, {**ORDER, "key": f"T{number:02}", "value": value})
    expected = {f"T{number:02}": value for number in range(20)}
    for _ in range(2):
        answer = world.register()
        assert answer.code == 0 and answer.json == {"table": expected}
        assert world.state.hot.order_topic_body == b""
        assert not mask(world) & int(HotCode.REGISTRATION)
    for number in range(19):
        world.ask(102, {**ORDER, "key": f"T{number:02}"})
    assert world.register().json == {"table": {"T19": value}}
    assert mask(world) == ALL_CODES


def test_a_loaded_configuration_is_there_from_the_start(world: World) -> None:
    world.state.kv_config.load(b'{"configTable":{"ORDER_TOPIC_CONFIG":{"T1":"b:4"}}}')
    world.state.refresh_hot_path(0)
    assert world.register().body == b'{"table":{"T1":"b:4"}}'
    assert world.state.hot.order_topic_body == b'{"table":{"T1":"b:4"}}'
    assert world.state.order_topic_conf("T1") == "b:4"
    assert world.state.order_topic_conf("T2") is None


def test_remote_options_make_kept_answers_stale(world: World) -> None:
    world.register()
    world.route("T1")
    world.ask(318, None, b"supportActingMaster=true")
    assert world.tables.route_answers.kept_bytes == 0


# --- late answers ---------------------------------------------------------------------


@pytest.mark.parametrize("error", [None, StorageError("write", "f", "disk is full")])
@pytest.mark.parametrize("flag", [0, 2])
def test_the_answer_comes_when_the_file_is_written(
    world: World, error: StorageError | None, flag: int
) -> None:
    command = RemotingCommand(100, opaque=5, flag=flag)
    request = Request(command, world.connection, world.now_ms)
    done = world.state.answer_when_written(request)
    assert not world.state.outbox
    done(error)
    *others, late = world.state.outbox.take()
    assert isinstance(late, LateAnswer)
    events = [effect.event for effect in others if isinstance(effect, LogEvent)]
    assert events == (["request failed"] if error else [])
    assert late.connection is world.connection
    answers = read_answers(late.frame)
    if flag:
        assert answers == []
    else:
        (answer,) = answers
        assert answer.header["opaque"] == 5
        remark = "cannot write f: disk is full"
        assert (answer.code, answer.remark) == ((1, remark) if error else (0, None))


def test_requests_behind_a_late_one_wait_for_it(world: World) -> None:
    world.holds_writes = True
    pipelined = request(100, ORDER, opaque=1) + request(101, ORDER, opaque=2)
    assert world.send(pipelined) == b""
    world.finish_write()
    first, second = read_answers(world.late_output[world.connection])
    assert (first.header["opaque"], first.code) == (1, 0)
    assert second.ext_fields == {"value": "b:4"}
