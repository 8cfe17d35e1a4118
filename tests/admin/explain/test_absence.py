"""Names that are not here: each cause, made over real sockets."""

import pytest

from namesrv.testing.peer import Broker
from tests.admin.explain.asking import Asker

TOPICS = {"Orders": 4, "Bills": 4}


def test_never_registered(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(Broker().registration(TOPICS))
        found = asker.topic("Nothing-like-it")
        assert not found.exists
        assert found.confidence("never_registered") == "certain"
        assert found.confidence("no_brokers") is None
        assert found.sentence("never_registered").startswith(
            "No broker has announced 'Nothing-like-it' at this server since it started"
        )
        broker = asker.broker("10.9.9.9:10911")
        assert broker.confidence("never_registered") == "certain"


def test_no_brokers_at_all(asker: Asker) -> None:
    found = asker.topic("Orders")
    assert found.confidence("no_brokers") == "certain"
    assert found.body["causes"][0]["id"] == "no_brokers"
    assert found.evidence["answer"]["code"] == 17


def test_brokers_do_not_create_topics(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(Broker().registration(TOPICS))
        found = asker.topic("New")
        assert found.confidence("auto_create_off") == "likely"
        assert found.confidence("not_created_yet") is None
        advice = found.causes["auto_create_off"]["next"]
        assert advice == "mqadmin updateTopic -c c1 -t New"


def test_no_producer_has_sent_yet(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(Broker().registration({"TBW102": 4, "Bills": 4}))
        found = asker.topic("New")
        assert found.confidence("not_created_yet") == "possible"
        assert found.confidence("auto_create_off") is None


@pytest.mark.parametrize(
    ("asked", "difference"),
    [
        ("orders", "only in letter case"),
        ("Or-ders", "in separators or letter case"),
        ("Orders ", "in blanks at the beginning or end"),
        ("shop%Orders", "in the namespace before the %"),
        ("%DLQ%Orders", "in a prefix of RocketMQ (%RETRY%, %DLQ%)"),
    ],
)
def test_another_spelling(asker: Asker, asked: str, difference: str) -> None:
    with asker.peer() as peer:
        peer.ask(Broker().registration(TOPICS))
        found = asker.topic(asked)
        assert found.confidence("similar_name") == "likely"
        assert found.sentence("similar_name").endswith(f"which differs {difference}.")
        assert found.causes["similar_name"]["next"] == "namesrv explain Orders"


def test_a_misspelt_name(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(Broker().registration(TOPICS))
        topic = asker.topic("Ordres")
        assert topic.confidence("similar_name") == "likely"
        assert "'Orders'" in topic.sentence("similar_name")
        broker = asker.broker("broker-A")
        assert "'broker-a'" in broker.sentence("similar_name")


def test_a_name_of_another_kind(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(Broker().registration(TOPICS))
        for name, kind in (("broker-a", "broker group"), ("c1", "cluster")):
            found = asker.topic(name)
            assert found.confidence("other_kind") == "certain"
            assert f"is the name of a {kind}" in found.sentence("other_kind")
        assert "of a topic" in asker.broker("Orders").sentence("other_kind")


def test_only_another_cluster_has_it(asker: Asker) -> None:
    with asker.peer() as one, asker.peer() as two:
        one.ask(Broker().registration(TOPICS))
        other = Broker("broker-b", addr="10.0.0.2:10911", cluster="c2")
        two.ask(other.registration({"Plans": 4, "Bills": 4}))
        assert asker.topic("Orders").causes == {}
        found = asker.topic("Orders", cluster="c2")
        assert found.confidence("other_cluster") == "certain"
        sentence = found.sentence("other_cluster")
        assert sentence == "Only brokers of 'c1' have it, and none of cluster 'c2'."
        assert asker.topic("Orders", cluster="c1").causes == {}
        assert asker.topic("Bills").causes == {}
        broker = asker.broker("broker-b", cluster="c1")
        assert broker.confidence("other_cluster") == "certain"


def test_a_name_cannot_reach_into_the_command(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(Broker().registration({"TBW102": 4, "$(reboot)'": 4}))
        found = asker.topic("$(Reboot)'")
        advice = found.causes["similar_name"]["next"]
        assert advice == "namesrv explain '$(reboot)'\"'\"''"
        peer.ask(Broker().registration({"-Rf": 4, "Bills": 4}))
        advice = asker.topic("-rf").causes["similar_name"]["next"]
        assert advice == "namesrv explain -- -Rf"
