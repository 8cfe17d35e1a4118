"""Names that went: each cause, made over real sockets."""

from pathlib import Path

from namesrv.codes import RequestCode
from namesrv.testing.peer import Broker, request
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
        assert found.evidence["gone"][0]["type"] == "BrokerExpired"
        assert found.evidence["answer"]["code"] == 17
        assert asker.broker("broker-a").confidence("broker_expired") == "certain"


def test_closed_connection(asker: Asker) -> None:
    peer = asker.peer()
    peer.ask(Broker().registration(TOPICS))
    assert asker.topic("Orders").exists
    peer.close()
    asker.until(lambda: not asker.topic("Orders").exists)
    found = asker.topic("Orders")
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
        assert "unregistered itself" in found.sentence("broker_unregistered")
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
