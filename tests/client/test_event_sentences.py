"""Events as sentences."""

from typing import Any

import pytest

from namesrv.admin.history.filters import EVENT_TYPES
from namesrv.client import event_sentences
from namesrv.client.event_sentences import sentence_of, subject_of

BROKER = {"cluster": "c1", "broker": "b", "address": "10.0.0.1:10911"}
PEER = {"kind": "request", "request_code": 216, "peer": "10.0.0.9:5000"}


def test_every_type_has_a_sentence() -> None:
    assert set(event_sentences._SENTENCES) == set(EVENT_TYPES)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (
            {
                **BROKER,
                "type": "BrokerExpired",
                "cause": {"kind": "expiry"},
                "broker_ids": [0],
                "silent_millis": 121_000,
                "timeout_millis": 2500,
                "is_group_gone": True,
                "topics": {"removed": ["T", "U"]},
                "topics_left_out": {"removed": 3},
            },
            "10.0.0.1:10911 id 0 of c1 was silent for 121 s, longer than 2.5 s;"
            " topics: 5 removed; it was the last of its group",
        ),
        (
            {**BROKER, "type": "BrokerExpired", "cause": {"kind": "lease"}},
            "10.0.0.1:10911 of c1 did not come back after the start",
        ),
        (
            {
                "type": "TopicRemoved",
                "cause": PEER,
                "topic": "T",
                "brokers": [f"b{n}" for n in range(7)],
            },
            "topic deleted on b0, b1, b2, b3, b4 and 2 more,"
            " by 10.0.0.9:5000 (code 216)",
        ),
        (
            {
                "type": "PermissionChanged",
                "cause": {**PEER, "kind": "HTTP request", "request_code": 205},
                "broker": "b",
                "topics": ["T"],
                "is_writable": False,
            },
            "write permission taken away; topics: 1, by 10.0.0.9:5000"
            " (HTTP, as code 205)",
        ),
        (
            {
                "type": "ConfigChanged",
                "cause": {"kind": "reload"},
                "option": "x",
                "old": 1,
                "new": 2,
            },
            "option changed from 1 to 2 (options were read again)",
        ),
        (
            {"type": "PeerDisagreed", "cause": {}, "count": 2, "sentences": ["a", "b"]},
            "the peer has other routes, 2 differences; a",
        ),
        (
            {
                **BROKER,
                "type": "BrokerDisconnected",
                "cause": {"kind": "closed connection", "peer": "10.0.0.9:5000"},
                "broker_ids": [0],
                "is_group_gone": True,
            },
            "the connection of 10.0.0.1:10911 id 0 of c1 from 10.0.0.9:5000 was closed;"
            " it was the last of its group",
        ),
        (
            {
                **BROKER,
                "type": "BrokerUnregistered",
                "cause": {**PEER, "request_code": 104},
                "is_group_gone": True,
            },
            "10.0.0.1:10911 of c1 unregistered, by 10.0.0.9:5000 (code 104);"
            " it was the last of its group",
        ),
        (
            {
                "type": "TopicAskedInVain",
                "cause": {**PEER, "request_code": 105},
                "topic": "Helo",
                "language": "PYTHON",
                "version": 479,
            },
            "client 10.0.0.9:5000 (PYTHON 479) asked for Helo; it has no route",
        ),
        ({"type": "PeerAgreed"}, "the peer has the same routes again"),
        ({"type": "Later", "cause": {}, "at_millis": 1, "a": 2}, "Later: a 2"),
    ],
)
def test_sentences(facts: dict[str, Any], sentence: str) -> None:
    assert sentence_of(facts) == sentence


def test_subjects() -> None:
    assert subject_of(BROKER) == "b"
    assert subject_of({"topic": "T", "brokers": ["b"]}) == "T"
    assert subject_of({"namespace": "n", "key": "k"}) == "n/k"
    assert subject_of({"option": "o"}) == "o"
    assert subject_of({"type": "PeerAgreed", "address": "ns2:9876"}) == "ns2:9876"
    assert subject_of({}) == "-"
