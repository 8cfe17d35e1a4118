"""Arguments of every wrong type and edge number, and what objects are after them."""

import copy
import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from namesrv.errors import FrameTooShort
from namesrv.hot_path import Pause
from namesrv.wire.bodies import DataVersion
from tests.parity.twins import FAST, PURE, both, outcome, plain, state


class Int(int):
    pass


class Text(str):
    pass


class Data(bytes):
    pass


NUMBERS = [
    *(-1, 0, 1, 2, 100),
    *(edge for power in (15, 31, 61, 62, 63, 64) for edge in (2**power - 1, 2**power)),
    *(-(2**power) - more for power in (31, 61, 63) for more in (0, 1)),
]
AWKWARD: list[Any] = [
    *(None, True, False, 1.5, float("nan"), Int(1)),
    *("", "text", "é", "\ud800", "\0", "a" * 300, Text("text")),
    *(b"", b"bytes", bytearray(b"bytes"), Data(b"bytes")),
    memoryview(b"bytes"),
    memoryview(b"every second")[::2],
    memoryview(b"16 bit").cast("H"),
    *([], {}, (), ("c", "a"), {"c"}, object, print),
    *(DataVersion(1, 2, 3), DataVersion(1, 2), DataVersion(2**63, 0, 0)),
    *(DataVersion(0, -(2**63) - 1, 0), DataVersion(0, 0, 2**63)),
    *NUMBERS,
]


def info(hot: Any) -> Any:
    return hot.BrokerLiveInfo("c", "a", "b", 10, DataVersion(1, 2, 3), "ha", "owner")


def live_table(hot: Any) -> Any:
    table = hot.BrokerLiveTable()
    table.put(info(hot), 5)
    return table


def route_answers(hot: Any) -> Any:
    answers = hot.RouteAnswers(1000)
    answers.mark("text")
    answers.put("text", True, b"body")
    return answers


def hot_path(hot: Any) -> Any:
    return hot.HotPath(route_answers(hot), live_table(hot), lambda *a: b"cold", 1000)


def connection(hot: Any) -> Any:
    made = hot.Connection(hot_path(hot), "peer")
    made.brokers.add(("c", "a"))
    return made


def lookups(hot: Any) -> Any:
    return hot.Lookups(hot_path(hot))


def decoder(hot: Any) -> Any:
    made = hot.FrameDecoder(1000)
    made.feed(b"\0\0\0\6\0\0\0\1ab\0\0")
    return made


# What is made, the method ("" for the constructor), and arguments that it takes.
CALLS: list[tuple[Callable[[Any], Any], str, list[Callable[[Any], Any]]]] = [
    (lambda hot: hot.FrameDecoder, "", [lambda hot: 64, lambda hot: 16]),
    (decoder, "feed", [lambda hot: b"\0\0\0"]),
    (decoder, "next_frame", []),
    (decoder, "release", []),
    (decoder, "put_back", []),
    (lambda hot: hot.read_head, "", [lambda hot: 0, lambda hot: b'{"code":1}']),
    (lambda hot: hot.RouteAnswers, "", [lambda hot: 64]),
    (route_answers, "mark", [lambda hot: "text"]),
    (route_answers, "remove", [lambda hot: "text"]),
    (route_answers, "forget_oldest", [lambda _: 2]),
    (route_answers, "put", [lambda _: "text", lambda _: False, lambda _: b"new"]),
    (route_answers, "sample_after", [lambda _: 3]),
    (route_answers, "answer", [lambda _: "text", lambda _: True, lambda _: 7]),
    (
        lambda hot: hot.BrokerLiveInfo,
        "",
        [
            lambda hot: "c",
            lambda hot: "a",
            lambda hot: "b",
            lambda hot: 10,
            lambda hot: None,
            lambda hot: "ha",
            lambda hot: "owner",
        ],
    ),
    (lambda hot: hot.BrokerLiveTable, "", []),
    (live_table, "get", [lambda hot: "c", lambda hot: "a"]),
    (live_table, "entries", []),
    (live_table, "put", [info, lambda hot: 6]),
    (live_table, "renew", [info, lambda hot: "owner", lambda hot: 6]),
    (live_table, "touch", [lambda hot: "c", lambda hot: "a", lambda hot: 6]),
    (live_table, "remove", [lambda hot: "c", lambda hot: "a"]),
    (live_table, "expired", [lambda hot: 100]),
    (live_table, "shift", [lambda hot: 100]),
    (
        lambda hot: hot.HotPath,
        "",
        [route_answers, live_table, lambda hot: print, lambda hot: 64],
    ),
    (hot_path, "sample_unknown", [lambda hot: 3, lambda hot: 2]),
    (
        hot_path,
        "note_unknown",
        [lambda hot: 0, lambda hot: b"{}", lambda hot: "10.0.0.9:4000"],
    ),
    (hot_path, "take_samples", []),
    (lambda hot: hot.Connection, "", [hot_path, lambda hot: "peer"]),
    (connection, "receive", [lambda hot: b"\0\0", lambda hot: 6]),
    (connection, "resume", [lambda hot: 6, lambda hot: b"answer"]),
    (connection, "finish", []),
    (connection, "fail", [lambda hot: FrameTooShort(3)]),
    (connection, "hold", [lambda hot: Pause.TURN]),
    (connection, "note_activity", [lambda hot: 6]),
    (connection, "note_side_effects", []),
    (connection, "note_version", [lambda hot: 479]),
    (connection, "name_peer", [lambda hot: "192.0.2.7:4321"]),
    (connection, "take_next", [lambda hot: (100,)]),
    (connection, "abandon", []),
    (lambda hot: hot.Lookups, "", [hot_path]),
    (lookups, "receive", [lambda hot: b"\0\0"]),
    (lookups, "sample_unknown", [lambda hot: 3, lambda hot: 2]),
]
IDS = [f"{n}-{call[1] or 'call'}" for n, call in enumerate(CALLS)]


def seen(thing: Any) -> Any:
    """All that can be told of an object afterwards."""
    if isinstance(thing, type) or not type(thing).__module__.startswith("namesrv"):
        return None
    return plain(thing), state(thing)


def call_both(
    make: Callable[[Any], Any], method: str, arguments: Callable[[Any], list[Any]]
) -> tuple[Any, ...]:
    """The outcome of one call, which must be the same, as must be what is left."""
    things = both(make)
    done = SimpleNamespace()
    for name, hot in (("pure", PURE), ("fast", FAST)):
        thing = getattr(things, name)
        call = getattr(thing, method) if method else thing
        result = outcome(lambda call=call, hot=hot: call(*arguments(hot)))
        setattr(done, name, (result, seen(thing)))
    assert done.fast == done.pure
    return done.pure[0]


@pytest.mark.parametrize(("make", "method", "good"), CALLS, ids=IDS)
def test_good_arguments_are_taken(
    make: Callable[[Any], Any], method: str, good: list[Callable[[Any], Any]]
) -> None:
    result = call_both(make, method, lambda hot: [g(hot) for g in good])
    assert result[0] == "ok"


@pytest.mark.parametrize(("make", "method", "good"), CALLS, ids=IDS)
def test_any_value_in_any_place_has_the_same_outcome(
    make: Callable[[Any], Any], method: str, good: list[Callable[[Any], Any]]
) -> None:
    for place in range(len(good)):
        for value in AWKWARD:

            def arguments(hot: Any, place: int = place, value: Any = value) -> list:
                made = [g(hot) for g in good]
                made[place] = value
                return made

            call_both(make, method, arguments)


@pytest.mark.parametrize(("make", "method", "good"), CALLS, ids=IDS)
def test_two_wrong_values_complain_about_the_same_one(
    make: Callable[[Any], Any], method: str, good: list[Callable[[Any], Any]]
) -> None:
    call_both(make, method, lambda hot: [None] * len(good))
    call_both(make, method, lambda hot: [2**64] * len(good))


@pytest.mark.parametrize(("make", "method", "good"), CALLS, ids=IDS)
def test_too_few_and_too_many_arguments_are_type_errors(
    make: Callable[[Any], Any], method: str, good: list[Callable[[Any], Any]]
) -> None:
    for hot in (PURE, FAST):
        thing = make(hot)
        call = getattr(thing, method) if method else thing
        made = [g(hot) for g in good]
        for wrong in ([*made, None], [*made, None, None], made[:-2]):
            if wrong != made:  # the sentence is the interpreter's
                assert outcome(call, *wrong)[:2] == ("err", TypeError)
        assert outcome(call, *made, unknown=1)[:2] == ("err", TypeError)


KEYWORDS: list[tuple[Callable[[Any], Any], str, dict[str, Any]]] = [
    (
        lambda hot: hot.FrameDecoder,
        "",
        {"frame_max_bytes": 64, "header_max_bytes": 16},
    ),
    (decoder, "feed", {"data": b""}),
    (lambda hot: hot.read_head, "", {"header": b"", "serialize_type": 1}),
    (lambda hot: hot.RouteAnswers, "", {"max_bytes": 64}),
    (route_answers, "put", {"body": b"b", "topic": "text", "standard": True}),
    (route_answers, "answer", {"opaque": 1, "topic": "text", "standard": True}),
    (
        lambda hot: hot.BrokerLiveInfo,
        "",
        {
            "cluster_name": "c",
            "broker_addr": "a",
            "broker_name": "b",
            "heartbeat_timeout_millis": 1,
            "data_version": None,
            "ha_server_addr": None,
            "owner": None,
        },
    ),
    (live_table, "get", {"broker_addr": "a", "cluster_name": "c"}),
    (live_table, "touch", {"now_ms": 1, "broker_addr": "a", "cluster_name": "c"}),
    (live_table, "expired", {"now_ms": 100}),
    (live_table, "shift", {"millis": 1}),
    (connection, "receive", {"now_ms": 1, "data": b"\0"}),
    (connection, "resume", {"now_ms": 1, "answer": b"x"}),
    (connection, "resume", {"now_ms": 1}),
    (lookups, "receive", {"data": b"\0"}),
    (lookups, "sample_unknown", {"stride": 2, "most": 3}),
]


@pytest.mark.parametrize(("make", "method", "keywords"), KEYWORDS)
def test_arguments_can_be_named(
    make: Callable[[Any], Any], method: str, keywords: dict[str, Any]
) -> None:
    results = []
    for hot in (PURE, FAST):
        thing = make(hot)
        call = getattr(thing, method) if method else thing
        results.append((outcome(lambda c=call: c(**keywords)), seen(thing)))
    assert results[0] == results[1]
    assert results[0][0][0] == "ok"


@pytest.mark.parametrize("name", ["RouteAnswers", "BrokerLiveTable"])
def test_a_table_of_the_other_twin_is_refused(name: str) -> None:
    for hot, other in ((PURE, FAST), (FAST, PURE)):
        tables = [hot.RouteAnswers(1), hot.BrokerLiveTable()]
        place = ["RouteAnswers", "BrokerLiveTable"].index(name)
        tables[place] = [other.RouteAnswers(1), other.BrokerLiveTable()][place]
        assert outcome(hot.HotPath, *tables, print, 64)[:2] == ("err", TypeError)


def test_an_object_that_was_never_initialised_fails_and_does_no_harm() -> None:
    uses: list[tuple[str, str, tuple[Any, ...]]] = [
        ("RouteAnswers", "mark", ("t",)),
        ("RouteAnswers", "remove", ("t",)),
        ("RouteAnswers", "answer", ("t", True, 1)),
        ("RouteAnswers", "put", ("t", True, b"")),
        ("BrokerLiveTable", "get", ("c", "a")),
        ("BrokerLiveTable", "touch", ("c", "a", 1)),
        ("BrokerLiveTable", "remove", ("c", "a")),
        ("BrokerLiveTable", "expired", (1,)),
        ("BrokerLiveTable", "entries", ()),
        ("Connection", "resume", (1,)),
        ("Connection", "receive", (b"x", 1)),
    ]
    for name, method, arguments in uses:
        for hot in (PURE, FAST):
            cls = getattr(hot, name)
            call = getattr(cls.__new__(cls), method)
            assert outcome(call, *arguments)[:2] == ("err", AttributeError)


def test_tables_that_were_taken_away_fail_and_do_no_harm() -> None:
    request = b'{"code":%d,"opaque":1,"extFields":{"topic":"t","clusterName":"c",'
    request += b'"brokerAddr":"a"}}'
    for hot in (PURE, FAST):
        for code, table in ((105, "route_answers"), (904, "live_table")):
            path = hot_path(hot)
            path.hot_codes = 7
            setattr(path, table, None)
            header = request % code
            frame = (4 + len(header)).to_bytes(4) + len(header).to_bytes(4) + header
            peer = hot.Connection(path, "peer")
            assert outcome(peer.receive, frame, 1)[:2] == ("err", AttributeError)


# --- the differences that stay --------------------------------------------------------

TYPED_ATTRIBUTES = [
    (hot_path, "route_answers", "x"),
    (hot_path, "live_table", "x"),
    (hot_path, "order_topic_body", "x"),
    (hot_path, "hot_codes", "x"),
    (hot_path, "frame_max_bytes", None),
    (hot_path, "header_max_bytes", None),
    (connection, "pause", "x"),
    (connection, "last_active_ms", "x"),
    (connection, "remote_address", b"x"),
    (connection, "socket_address", b"x"),
    (info, "cluster_name", b"x"),
    (info, "broker_addr", 1),
    (info, "broker_name", 1),
    (info, "heartbeat_timeout_millis", "x"),
    (info, "last_update_timestamp", "x"),
    (info, "epoch", "x"),
]


@pytest.mark.parametrize(("make", "name", "value"), TYPED_ATTRIBUTES)
def test_compiled_attributes_refuse_a_wrong_type_that_python_takes(
    make: Callable[[Any], Any], name: str, value: Any
) -> None:
    thing = make(PURE)
    setattr(thing, name, value)
    assert getattr(thing, name) == value
    with pytest.raises(TypeError):
        setattr(make(FAST), name, value)


def test_compiled_times_end_at_64_bits() -> None:
    for name in ("heartbeat_timeout_millis", "last_update_timestamp", "epoch"):
        for hot in (PURE, FAST):
            edge = info(hot)
            setattr(edge, name, 2**63 - 1)
            assert getattr(edge, name) == 2**63 - 1
        setattr(info(PURE), name, 2**63)
        with pytest.raises(OverflowError):
            setattr(info(FAST), name, 2**63)


def test_compiled_flags_are_bools_whatever_was_set() -> None:
    for make, name in (
        (connection, "finished"),
        (connection, "has_side_effects"),
        (hot_path, "turn_taken"),
    ):
        pure, fast = make(PURE), make(FAST)
        for thing in (pure, fast):
            setattr(thing, name, 2)
        assert getattr(pure, name) == 2
        assert getattr(fast, name) is True


@pytest.mark.parametrize("make", [decoder, info, hot_path, connection, route_answers])
@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_compiled_objects_refuse_to_be_copied(
    make: Callable[[Any], Any], way: Callable[[Any], Any]
) -> None:
    """They hold memory that a copy would share; nobody copies those of the reference,
    some of which can be."""
    with pytest.raises(TypeError, match="cannot pickle"):
        way(make(FAST))
