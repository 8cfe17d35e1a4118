"""Names at other NameServers: each cause, made by two servers over real sockets."""

from pathlib import Path

from namesrv.testing.peer import lookup
from tests.admin.explain.asking import Asker, Explained
from tests.admin.peers.pair import ORPHAN, pair, wait_for


def test_a_peer_has_the_topic_and_its_broker(tmp_path: Path) -> None:
    with pair(tmp_path) as both:
        asker = Asker(both.server)
        both.here.register()
        both.there.register()
        both.there.register(name="b2", number=1, topics={"Only": 4})
        both.wait(lambda one: one["only_there"] == 1)
        # A round compares some parts after the others.
        found = wait_for(
            lambda: asker.topic("Only"), lambda one: one.confidence("at_peer")
        )
        there = both.peer()["address"]
        assert found.confidence("at_peer") == "certain"
        assert f"at {there} has it" in found.sentence("at_peer")
        advice = found.causes["at_peer"]["next"]
        assert advice == f"namesrv explain -n {there} --topic Only"
        broker = wait_for(
            lambda: asker.broker("b2"), lambda one: one.confidence("at_peer")
        )
        assert broker.confidence("at_peer") == "certain"
        assert asker.topic("Nowhere").confidence("at_peer") is None
        assert not any("other NameServers" in one for one in found.unknown)


def test_a_peer_has_had_other_queues_for_long(tmp_path: Path) -> None:
    with pair(tmp_path) as both:
        asker = Asker(both.server)
        both.here.register(topics={"T1": 4, "T2": 4})
        both.there.register(topics={"T1": 8, "T2": 4})
        both.wait_for_state("disagrees")
        found = wait_for(
            lambda: asker.topic("T1"), lambda one: one.confidence("peer_differs")
        )
        assert "queues of topic T1 on b1" in found.sentence("peer_differs")
        assert asker.topic("T2").confidence("peer_differs") is None


def test_brokers_register_at_the_peers_only(tmp_path: Path) -> None:
    with pair(tmp_path, ORPHAN) as both:
        asker = Asker(both.server)
        both.there.register()
        both.wait(lambda one: one["only_there"] >= 1)
        found = wait_for(
            lambda: asker.topic("T1"), lambda one: one.confidence("at_peer")
        )
        assert found.confidence("no_brokers") == "certain"

        def ask_again() -> Explained:
            both.here.peer.ask(lookup("T1"))
            return asker.topic("T1")

        found = wait_for(ask_again, lambda one: one.confidence("orphan"))
        assert found.sentence("orphan").startswith("Clients ask this server (")
