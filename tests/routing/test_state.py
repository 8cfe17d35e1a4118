"""The state put together: the gate, the mask of the hot path, late answers."""

import pytest

from namesrv.errors import StorageError
from namesrv.hot_path import HotCode
from namesrv.routing.outbox import LateAnswer, LogEvent
from namesrv.wire.command import RemotingCommand
from tests.routing.peer import Broker, read_answers, request
from tests.routing.world import World

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
    world.ask(100, ORDER)
    assert hot.order_topic_body == b'{"table":{"T1":"b:4"}}'
    world.ask(100, {**ORDER, "namespace": "other", "value": "x"})
    assert hot.order_topic_body == b'{"table":{"T1":"b:4"}}'
    world.ask(318, None, b"returnOrderTopicConfigToBroker=false")
    assert hot.order_topic_body == b""
    world.ask(100, {**ORDER, "key": "T2"})
    assert hot.order_topic_body == b""
    world.ask(318, None, b"returnOrderTopicConfigToBroker=true")
    assert hot.order_topic_body == b'{"table":{"T1":"b:4","T2":"b:4"}}'


def test_a_loaded_configuration_is_there_from_the_start(world: World) -> None:
    world.state.kv_config.load(b'{"configTable":{"ORDER_TOPIC_CONFIG":{"T1":"b:4"}}}')
    world.state.refresh_hot_path(0)
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
    done = world.state.answer_when_written(command, world.connection)
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
