"""Names that went: each cause, made over real sockets."""

from pathlib import Path

import pytest

from namesrv.codes import RequestCode
from namesrv.testing.peer import (
    Broker,
    request,
)
from tests.admin.explain.asking import Asker, explaining

TOPICS = {"Orders": 4, "Bills": 4}


def test_silent_brokers_expired(tmp_path: Path) -> None:
    with (
        explaining(tmp_path / "data", scan_not_active_broker_interval=50) as asker,
        asker.peer() as peer,
    ):
        peer.ask(Broker(timeout_millis=100).registration(TOPICS))
        asker.until(lambda: not asker.topic("Orders").exists)
        found = asker.topic("Orders")
        assert found.confidence("broker_expired") == "certain"
        sentence = found.sentence("broker_expired")
        assert "broker 'broker-a' (10.0.0.1:10911) was silent" in sentence.lower()
        event = found.evidence["gone"][0]
        assert event["type"] == "BrokerExpired"
        assert event["subject"] == "broker-a"
        assert "was silent for" in event["sentence"]
        assert found.evidence["answer"]["code"] == 17
        assert asker.broker("broker-a").confidence("broker_expired") == "certain"


def test_closed_connection(asker: Asker) -> None:
    peer = asker.peer()
    peer.ask(Broker().registration(TOPICS))
    assert asker.topic("Orders").exists
    peer.close()
    asker.until(lambda: not asker.topic("Orders").exists)
    found = asker.topic("Orders")
    ids = [cause["id"] for cause in found.body["causes"]]
    assert ids[:2] == ["connection_closed", "no_brokers"]
    assert found.confidence("connection_closed") == "certain"
    assert "from 127.0.0.1:" in found.sentence("connection_closed")
    assert found.confidence("never_registered") is None
    assert asker.broker("10.0.0.1:10911").confidence("connection_closed") == "certain"


def test_broker_unregistered_itself(asker: Asker) -> None:
    broker = Broker()
    with asker.peer() as peer:
        peer.ask(broker.registration(TOPICS))
        peer.ask(request(RequestCode.UNREGISTER_BROKER, broker.ext_fields))
        found = asker.topic("Orders")
        assert found.confidence("broker_unregistered") == "certain"
        sentence = found.sentence("broker_unregistered")
        assert "asked to unregister, over connection 127.0.0.1:" in sentence
        assert asker.broker("broker-a").confidence("broker_unregistered") == "certain"


def test_topic_deleted_by_an_operator(asker: Asker) -> None:
    with asker.peer() as peer, asker.peer("203.0.113.9") as operator:
        peer.ask(Broker().registration(TOPICS))
        code = RequestCode.DELETE_TOPIC_IN_NAMESRV
        operator.ask(request(code, {"topic": "Orders"}))
        found = asker.topic("Orders")
        assert found.confidence("topic_deleted") == "certain"
        assert found.sentence("topic_deleted").startswith(
            "203.0.113.9:40000 (with request 216) deleted it from broker 'broker-a'"
        )
        assert asker.topic("Bills").causes == {}


def test_registration_without_the_topic_drops_it(tmp_path: Path) -> None:
    options = {"delete_topic_with_broker_registration": True}
    with explaining(tmp_path / "data", **options) as asker, asker.peer() as peer:
        peer.ask(Broker().registration(TOPICS))
        version = {"counter": 2, "stateVersion": 0, "timestamp": 2}
        peer.ask(Broker().registration({"Bills": 4, "New": 4}, version=version))
        found = asker.topic("Orders")
        assert found.confidence("dropped_by_registration") == "certain"
        assert found.confidence("topic_deleted") is None


def test_topic_that_one_of_two_brokers_lost(asker: Asker) -> None:
    with asker.peer() as one, asker.peer() as two:
        one.ask(Broker().registration(TOPICS))
        two.ask(Broker("broker-b", addr="10.0.0.2:10911").registration(TOPICS))
        one.close()
        asker.until(lambda: bool(asker.topic("Orders").causes))
        found = asker.topic("Orders")
        assert found.exists
        assert found.confidence("connection_closed") == "likely"
        assert found.sentence("connection_closed").startswith(
            "It had one more broker before: the connection of broker 'broker-a'"
        )


def test_a_broker_that_came_back_explains_nothing(asker: Asker) -> None:
    broker = Broker()
    with asker.peer() as peer:
        peer.ask(broker.registration(TOPICS))
        peer.ask(request(RequestCode.UNREGISTER_BROKER, broker.ext_fields))
        peer.ask(broker.registration(TOPICS))
        found = asker.topic("Orders")
        assert found.causes == {}
        events = [event["type"] for event in found.evidence["gone"]]
        assert events == ["BrokerRegistered", "BrokerUnregistered", "BrokerRegistered"]
        assert asker.broker("broker-a").causes == {}


def test_without_a_history_the_removal_is_unknown(tmp_path: Path) -> None:
    with explaining(tmp_path / "data", history_bytes=0) as asker:
        with asker.peer() as peer:
            peer.ask(Broker().registration(TOPICS))
            code = RequestCode.DELETE_TOPIC_IN_NAMESRV
            peer.ask(request(code, {"topic": "Orders"}))
            found = asker.topic("Orders")
            assert found.confidence("topic_deleted") is None
            assert found.confidence("never_registered") is None
            assert any("keeps no history" in sentence for sentence in found.unknown)


def test_changes_over_http_name_http(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.touch(0o600)
    tokens.write_text("write=a-token-of-the-tests\n")
    options = {"http_token_file": str(tokens)}
    with explaining(tmp_path / "data", **options) as asker, asker.peer() as peer:
        peer.ask(Broker().registration(TOPICS))
        asker.change("DELETE", "/v1/topics/Orders", "a-token-of-the-tests")
        sentence = asker.topic("Orders").sentence("topic_deleted")
        assert "(over HTTP) deleted it from" in sentence
        path = "/v1/brokers/broker-a/write_perm"
        asker.change("DELETE", path, "a-token-of-the-tests")
        sentence = asker.topic("Bills").sentence("write_wiped")
        assert "took the write permission of 'broker-a' over HTTP" in sentence


def test_a_leftover_without_a_live_broker_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = "namesrv.routing.tables.leftovers.LEFTOVER_KEPT_MILLIS"
    monkeypatch.setattr(kept, 0)
    options = {"scan_not_active_broker_interval": 50}
    with explaining(tmp_path / "data", **options) as asker, asker.peer() as peer:
        peer.ask(Broker().registration(TOPICS))
        # The live entry goes, and the address stays in its group, as in Java.
        fields = {**Broker().ext_fields, "brokerName": "other"}
        peer.ask(request(RequestCode.UNREGISTER_BROKER, fields))
        asker.until(lambda: not asker.topic("Orders").exists)
        found = asker.topic("Orders")
        assert found.confidence("leftover_removed") == "certain"
        assert asker.broker("broker-a").confidence("leftover_removed") == "certain"
