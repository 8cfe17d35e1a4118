"""Refused registrations, and brokers that announce wrong places: over real sockets."""

from pathlib import Path

import pytest

from namesrv.codes import RequestCode
from namesrv.testing.peer import (
    Broker,
    data_version,
    registration,
    registration_body,
    request,
    topic_table,
)
from tests.admin.explain.asking import Asker, explaining

TOPICS = {"Orders": 4, "Bills": 4}


def test_first_registration_had_a_single_topic(asker: Asker) -> None:
    with asker.peer() as peer:
        answer = peer.ask(Broker().registration({"Orders": 4}))
        assert answer.code == 1
        found = asker.topic("Orders")
        assert found.confidence("single_topic") == "certain"
        assert "had the single topic 'Orders'" in found.sentence("single_topic")
        assert asker.topic("Other").confidence("single_topic") is None
        broker = asker.broker("broker-a")
        assert broker.confidence("single_topic") == "certain"
        assert broker.confidence("registration_refused") is None
        peer.ask(Broker().registration(TOPICS))
        assert asker.topic("Orders").causes == {}


def test_registration_beyond_a_limit(tmp_path: Path) -> None:
    options = {"max_topics_per_registration": 2}
    with explaining(tmp_path / "data", **options) as asker, asker.peer() as peer:
        for _ in range(3):
            peer.ask(Broker().registration({**TOPICS, "Plans": 4}))
        topic = asker.topic("Plans")
        assert topic.confidence("registration_refused") == "possible"
        found = asker.broker("10.0.0.1:10911")
        assert found.confidence("registration_refused") == "certain"
        sentence = found.sentence("registration_refused")
        assert "was refused, 3 times in a row, last" in sentence
        assert "maxTopicsPerRegistration" in sentence


@pytest.mark.parametrize(
    ("frame", "remark"),
    [
        (registration(Broker(), ext={"bodyCrc32": "1"}), "crc32 not match"),
        (registration(Broker(), b"no JSON"), "registration body cannot be read"),
        (registration(Broker(), ext={"brokerId": None}), "brokerId is missing"),
    ],
    ids=["checksum", "body", "header"],
)
def test_registration_that_cannot_be_read(
    asker: Asker, frame: bytes, remark: str
) -> None:
    with asker.peer() as peer:
        peer.ask(frame)
        found = asker.broker("broker-a")
        assert found.confidence("registration_refused") == "certain"
        assert remark in found.sentence("registration_refused")


def test_registration_without_the_right(tmp_path: Path) -> None:
    keys = tmp_path / "access.keys"
    keys.touch(0o600)
    keys.write_text("ops=12345678\n")
    options = {"broker_access": "signed", "access_keys_file": str(keys)}
    with explaining(tmp_path / "data", **options) as asker, asker.peer() as peer:
        peer.ask(Broker().registration(TOPICS))
        found = asker.broker("broker-a")
        assert found.confidence("registration_refused") == "certain"


def test_a_newer_broker_holds_the_id(asker: Asker) -> None:
    newer = registration_body(
        topic_table("Orders", "Bills"), version=data_version(state_version=9)
    )
    older = registration_body(topic_table("Orders", "Plans"))
    with asker.peer() as one, asker.peer() as two:
        one.ask(registration(Broker(), newer))
        two.ask(registration(Broker(addr="10.0.0.2:10911"), older))
        assert asker.topic("Plans").confidence("newer_holder") == "possible"
        assert asker.broker("10.0.0.2:10911").confidence("newer_holder") == "certain"


@pytest.mark.parametrize(
    ("addr", "host", "confidence"),
    [
        ("127.0.0.1:10911", "10.0.0.9", "certain"),
        ("127.0.0.1:10911", "", "possible"),
        ("0.0.0.0:10911", "", "certain"),
        ("[::1]:10911", "10.0.0.9", "certain"),
        ("169.254.3.4:10911", "10.0.0.9", "likely"),
        ("172.17.0.2:10911", "10.0.0.9", "likely"),
        ("localhost:10911", "10.0.0.9", "certain"),
        (":10911", "10.0.0.9", "certain"),
    ],
)
def test_address_that_others_cannot_reach(
    asker: Asker, addr: str, host: str, confidence: str
) -> None:
    with asker.peer(host) as peer:
        peer.ask(Broker(addr=addr).registration(TOPICS))
        found = asker.topic("Orders")
        assert found.confidence("unreachable_address") == confidence
        assert found.confidence("other_address") is None
        assert asker.broker("broker-a").confidence("unreachable_address") == confidence


def test_broker_connects_from_another_host(asker: Asker) -> None:
    with asker.peer("10.0.0.9") as peer:
        peer.ask(Broker().registration(TOPICS))
        found = asker.topic("Orders")
        assert found.confidence("other_address") == "possible"
        assert "connects from 10.0.0.9" in found.sentence("other_address")
        assert found.evidence["brokers"][0]["peer_host"] == "10.0.0.9"
    with asker.peer("10.0.0.1") as peer:
        peer.ask(Broker().registration(TOPICS))
        assert asker.topic("Orders").causes == {}


def test_one_name_in_two_clusters(asker: Asker) -> None:
    with asker.peer() as one, asker.peer() as two:
        one.ask(Broker().registration(TOPICS))
        other = Broker(id=1, addr="10.0.0.2:10911", cluster="c2")
        two.ask(other.registration(TOPICS))
        found = asker.topic("Orders")
        assert found.confidence("two_clusters") == "likely"
        assert "'broker-a' is in 'c1' and 'c2'" in found.sentence("two_clusters")
        assert asker.broker("broker-a").confidence("two_clusters") == "likely"


def test_two_addresses_claim_one_id(asker: Asker) -> None:
    one, two = Broker(), Broker(addr="10.0.0.2:10911")
    with asker.peer() as first, asker.peer() as second:
        first.ask(one.registration(TOPICS))
        second.ask(two.registration(TOPICS))
        assert asker.topic("Orders").confidence("two_addresses") is None
        gone = asker.broker("10.0.0.1:10911")
        assert gone.confidence("broker_replaced") == "certain"
        first.ask(one.registration(TOPICS))
        found = asker.topic("Orders")
        assert found.confidence("two_addresses") == "certain"
        sentence = found.sentence("two_addresses")
        assert "10.0.0.1:10911" in sentence and "10.0.0.2:10911" in sentence
        assert asker.broker("broker-a").confidence("two_addresses") == "certain"


def test_an_address_that_nobody_registers_any_more(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(Broker().registration(TOPICS))
        # The live entry goes, and the address stays in its group for a while.
        fields = {**Broker().ext_fields, "brokerName": "other"}
        peer.ask(request(RequestCode.UNREGISTER_BROKER, fields))
        found = asker.topic("Orders")
        assert found.confidence("not_live") == "likely"
        assert "10.0.0.1:10911 of 'broker-a'" in found.sentence("not_live")
        assert asker.broker("broker-a").confidence("not_live") == "likely"
