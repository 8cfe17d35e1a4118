"""Mistakes of requests in our own words: place, wrong value, expectation."""

import json
import re
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from msgspec import UNSET, Meta, Struct, UnsetType

from namesrv.admin.api.mistakes import mistake_of
from tests.admin.api.asking import Answer, Api
from tests.admin.api.test_inputs import BODIES

BROKER = "/v1/clusters/c1/brokers/edge/0"
ADDR = "10.0.0.7:10911"
OF_MSGSPEC = re.compile(
    r"Expected|Invalid|Object contains|Object missing|malformed|got "
)
LONE = "%ED%A0%81"


def put(**members: Any) -> Answer:
    """Register a broker."""
    return Api().ask(BROKER, "PUT", {"broker_addr": ADDR, **members})


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        (
            {"broker_addr": "x"},
            "$.broker_addr is 'x', expected host:port, such as 10.0.0.7:10911",
        ),
        (
            {"broker_addr": "x" * 100},
            f"$.broker_addr is '{'x' * 60}'..., expected host:port, such as"
            " 10.0.0.7:10911",
        ),
        (
            {"heartbeat_timeout_millis": 1},
            "$.heartbeat_timeout_millis is 1, expected a whole number from 1000 to"
            " 3600000",
        ),
        (
            {"enable_acting_master": None},
            "$.enable_acting_master is null, expected true or false",
        ),
        ({"zone_name": 5}, "$.zone_name is 5, expected a text or null"),
        ({"topics": {}}, "$.topics is an object, expected an array"),
        ({"topics": [[]]}, "$.topics[0] is an array, expected an object"),
        (
            {"topics": [{"topic": "a"}, {"topic": ""}]},
            "$.topics[1].topic is '', expected a text that is not empty",
        ),
        ({"topics": [{}]}, "$.topics[0].topic is missing, expected a text that is not"),
        (
            {"topics": [{"topic": "a", "perms": 1}]},
            "there is no member 'perms' at $.topics[0].perms, expected one of topic, ",
        ),
        ({"topic": []}, "there is no member 'topic', expected one of broker_addr, "),
        (
            {"data_version": {"counter": 1.5}},
            "$.data_version.counter is 1.5, expected a whole number of 64 bits",
        ),
        ({"x` - at `$.topics[9].y": 1}, ""),
    ],
)
def test_a_mistake_of_a_body_is_a_sentence(
    members: dict[str, Any], detail: str
) -> None:
    answer = put(**members)
    assert answer.status == 400
    assert answer.json["detail"].startswith(f"the body is wrong: {detail}")
    assert not OF_MSGSPEC.search(json.dumps(answer.json))


def test_the_expectation_is_no_complaint() -> None:
    answer = put(topic=[])
    (error,) = answer.json["errors"]
    assert error["path"] == "$.topic"
    assert error["expected"].startswith("one of broker_addr, topics, ")
    assert answer.json["similar"] == ["topics"]


def test_a_body_that_is_no_object_is_wrong_as_a_whole() -> None:
    answer = Api().ask(BROKER, "PUT", b"[1]")
    assert (
        answer.json["detail"] == "the body is wrong: $ is an array, expected an object"
    )


def test_the_wrong_value_of_a_long_body_is_not_decoded_again() -> None:
    answer = put(broker_addr="x", zone_name="z" * 70_000)
    assert "$.broker_addr is wrong, expected host:port" in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (
            b"",
            "the request has no body, expected a body in application/json or"
            " application/msgpack",
        ),
        (b"{", "the body is no JSON: it ends too early, after 1 bytes"),
        (b'{"broker_addr":}', "the body is no JSON: the mistake is at byte 15 of 16"),
        (b'{"broker_addr":"\xff"}', "the body is no JSON: a text in it is not UTF-8"),
    ],
)
def test_a_body_that_is_no_json_shows_the_place(body: bytes, detail: str) -> None:
    assert Api().ask(BROKER, "PUT", body).json["detail"] == detail


def test_a_body_that_is_no_message_pack_shows_the_place() -> None:
    answer = Api().ask(BROKER, "PUT", b"\xc1", content_type="application/msgpack")
    assert answer.json["detail"].startswith("the body is no MessagePack: ")


@pytest.mark.parametrize(
    ("content_type", "given"),
    [
        ("", "the body has no type; "),
        (
            "application/x-www-form-urlencoded",
            "the body is 'application/x-www-form-urlencoded'; ",
        ),
        ("text/plain; charset=utf-8", "the body is 'text/plain'; "),
    ],
)
def test_another_type_is_415_with_the_header_to_send(
    content_type: str, given: str
) -> None:
    answer = Api().ask("/v1/kv/n/k", "PUT", {"value": "v"}, content_type=content_type)
    assert answer.status == 415
    assert answer.json["detail"].startswith(
        f"{given}send the header Content-Type: application/json"
    )


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("", "is missing, expected host:port, such as 10.0.0.7:10911"),
        ("?broker_addr=x", "is 'x', expected host:port, such as 10.0.0.7:10911"),
        (f"?broker_addr={LONE}:1", "is '\\ud801:1', expected host:port"),
    ],
)
def test_a_mistake_of_a_parameter_is_a_sentence(query: str, detail: str) -> None:
    answer = Api().ask(f"{BROKER}/heartbeat{query}", "POST")
    # A name may have a lone surrogate; there is no broker of this one.
    assert answer.status in (400, 404)
    if answer.status == 400:
        assert answer.json["detail"].startswith(f"the parameter broker_addr {detail}")


class Inner(Struct):
    """One member of a list."""

    number: int
    ratio: float = 0.0
    counts: dict[str, int] = {}


class Outer(Struct):
    """All kinds of members."""

    lists: list[list[Inner]]
    choice: Literal["a", "b"] | None | UnsetType = UNSET
    least: Annotated[int, Meta(ge=3)] = 3
    data: bytes = b""


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        ({"lists": [[], [{"number": "x"}]]}, "$.lists[1][0].number", "a whole number"),
        ({"lists": [[{"number": 1, "ratio": ""}]]}, "$.lists[0][0].ratio", "a number"),
        ({"lists": [5]}, "$.lists[0]", "an array"),
        ({"lists": [], "choice": "c"}, "$.choice", "one of a, b or null"),
        ({"lists": [], "least": 2}, "$.least", "a whole number from 3"),
        ({"lists": [], "data": 1}, "$.data", "another value"),
        ({"lists": [[{"number": 1, "counts": {"x": ""}}]]}, "$", "an object"),
    ],
)
def test_the_expectation_follows_from_the_type(
    value: object, path: str, expected: str
) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(value, Outer)
    mistake = mistake_of(raised.value, Outer, value)
    assert (mistake.path, mistake.expected) == (path, expected)


@given(BODIES)
def test_no_body_shows_a_sentence_of_msgspec(body: bytes) -> None:
    answer = Api().ask(BROKER, "PUT", body)
    assert answer.status in (200, 400, 415)
    if answer.status == 400:
        mistakes = [error["expected"] for error in answer.json["errors"]]
        assert not OF_MSGSPEC.search(answer.json["detail"] + " ".join(mistakes))
