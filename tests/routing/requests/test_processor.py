"""The table of handlers and the rules around it (section 2.0)."""

import logging
from typing import Any

import pytest

from namesrv.codes import RequestCode
from namesrv.errors import HeaderInvalid, RequestFailed
from namesrv.routing.requests import processor
from namesrv.testing.peer import (
    Broker,
    binary_request,
    frame,
    read_answers,
    registration,
    request,
)
from namesrv.wire.command import decode_command
from tests.routing.world import World


def test_every_request_code_has_a_handler() -> None:
    sent_only = {RequestCode.NOTIFY_MIN_BROKER_ID_CHANGE}
    assert set(processor.HANDLERS) == set(RequestCode) - sent_only


@pytest.mark.parametrize("code", [0, -1, 10, 34, 343, 902, 905, 999, 32767])
def test_unknown_codes(world: World, code: int) -> None:
    answer = world.ask(code, {"topic": "T"}, b"body", opaque=9)
    assert (answer.code, answer.header["opaque"]) == (3, 9)
    assert answer.remark == f" request type {code} not supported"
    assert answer.ext_fields is None and answer.body == b""


def test_the_worked_example_of_section_1_9(world: World) -> None:
    """E7."""
    output = world.send(request(999, opaque=9))
    assert output[:8] == bytes.fromhex("0000008e0000008a")


def test_every_answer_has_the_servers_version_and_language(world: World) -> None:
    header = world.ask(106, version=317).header
    assert header == {
        "code": 0,
        "flag": 1,
        "language": "JAVA",
        "opaque": 0,
        "serializeTypeCurrentRPC": "JSON",
        "version": 479,
    }


@pytest.mark.parametrize("code", sorted(processor.HANDLERS))
def test_every_request_may_come_without_anything(world: World, code: int) -> None:
    """Required fields are not enforced, and nothing breaks."""
    world.ask(code, None)
    world.ask(code, {})
    assert not world.has_event("internal error")
    assert world.connection.fault is None


@pytest.mark.parametrize("code", sorted(processor.HANDLERS))
@pytest.mark.parametrize("body", [b"{", b"null", b"[]", b"\xff\x00", b"5", b'"x"'])
def test_every_request_may_have_any_body(world: World, code: int, body: bytes) -> None:
    fields = {**Broker().ext_fields, "topic": "T", "namespace": "n", "key": "k"}
    answer = world.ask(code, fields, body)
    assert answer.header["flag"] == 1
    assert not world.has_event("internal error")


@pytest.mark.parametrize("code", [*sorted(processor.HANDLERS), 999])
def test_one_way_requests_are_never_answered(world: World, code: int) -> None:
    assert world.send(request(code, {}, flag=2)) == b""
    assert world.send(binary_request(code, {}, flag=2)) == b""


def test_one_way_requests_are_carried_out(world: World) -> None:
    assert world.send(registration(Broker(), flag=2)) == b""
    fields = {"namespace": "n", "key": "k", "value": "v"}
    assert world.send(request(100, fields, flag=2)) == b""
    assert world.addrs == {"broker-a": {0: "10.0.0.1:10911"}}
    assert world.ask(101, fields).ext_fields == {"value": "v"}


@pytest.mark.parametrize("code", [103, 105, 106, 904, 999])
def test_responses_are_dropped(code: int) -> None:
    world = World(log_level="DEBUG")
    assert world.send(request(code, {"topic": "T"}, opaque=7, flag=1)) == b""
    event = world.events[-1]
    assert event.event == "answer that nobody asked for dropped"
    assert event.level == logging.DEBUG
    assert event.fields["opaque"] == 7


@pytest.mark.parametrize("header", [b"", b"null", b"{", b'{"code":"x"}', b"\xff"])
def test_a_header_that_cannot_be_read_closes(world: World, header: bytes) -> None:
    assert world.send(frame(header)) == b""
    assert isinstance(world.connection.fault, HeaderInvalid)


def test_a_connection_that_broke_leaves_the_others_alone(world: World) -> None:
    other = world.connect()
    world.send(frame(b"null"))
    assert world.ask(106, connection=other).code == 0


# --- failures -------------------------------------------------------------------------


def test_a_request_that_fails_is_answered_and_logged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RequestFailed("told why", 16)

    monkeypatch.setitem(processor.HANDLERS, 106, fail)
    answer = world.ask(106, opaque=3)
    assert (answer.code, answer.remark) == (16, "told why")
    assert answer.header["opaque"] == 3
    assert answer.ext_fields is None and answer.body == b""
    assert world.event("request failed") == {
        "code": 106,
        "remark": "told why",
        "remote": "10.0.0.9:40000",
    }


@pytest.mark.parametrize("flag", [0, 2])
def test_a_mistake_of_ours_is_answered_shortly_and_logged_in_full(
    world: World, monkeypatch: pytest.MonkeyPatch, flag: int
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("secret detail")

    monkeypatch.setitem(processor.HANDLERS, 106, fail)
    answers = read_answers(world.send(request(106, opaque=3, flag=flag)))
    if flag:
        assert answers == []
    else:
        (answer,) = answers
        assert (answer.code, answer.header["opaque"]) == (1, 3)
        assert answer.remark == "internal error: KeyError"
    event = world.events[-1]
    assert (event.event, event.level) == ("internal error", logging.ERROR)
    assert event.peer_caused
    assert "KeyError: 'secret detail'" in str(event.fields["error"])
    assert world.ask(206).code == 0, "the connection goes on"


# --- draining -------------------------------------------------------------------------


@pytest.mark.parametrize("code", [103, 105, 106, 904, 999])
def test_newer_clients_are_told_to_go_away(world: World, code: int) -> None:
    world.register()
    world.state.drain(world.now_ms)
    answer = world.ask(code, Broker().ext_fields, version=476)
    assert (answer.code, answer.remark) == (1500, "please go away")
    assert answer.ext_fields is None and answer.body == b""
    assert world.send(request(code, {}, version=479, flag=2)) == b""


def test_older_clients_are_served_while_draining(world: World) -> None:
    world.register()
    world.state.drain(world.now_ms)
    assert world.route("T1", version=475) is not None
    assert world.ask(999, version=475).code == 3


# --- the encoding of answers ----------------------------------------------------------


def test_answers_are_binary_when_the_option_says_so() -> None:
    world = World(serialize_type="ROCKETMQ")
    world.send(registration(Broker()))
    sent = [
        request(105, {"topic": "T1"}, opaque=1),
        binary_request(105, {"topic": "T1"}, opaque=1),
        request(105, {"topic": "unknown"}, opaque=1),
        request(904, Broker().ext_fields, opaque=1),
        registration(Broker(), opaque=1),
        request(322, Broker().ext_fields, opaque=1),
        request(205, {"brokerName": "none"}, opaque=1),
        request(100, {"namespace": "n", "key": "k", "value": "v"}, opaque=1),
    ]
    codes = []
    for one in sent:
        (answer,) = read_answers(world.send(one))
        assert answer.serialize_type == 1
        command = decode_command(1, answer.header_bytes, answer.body)
        assert (command.opaque, command.flag, command.version) == (1, 1, 479)
        codes.append(command.code)
    assert codes == [0, 0, 17, 0, 0, 0, 0, 0]
