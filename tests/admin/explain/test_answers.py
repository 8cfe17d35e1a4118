"""Routes that clients do not get or cannot use: each cause, over real sockets."""

from pathlib import Path
from typing import Any

from namesrv.admin.api.application import Application
from namesrv.admin.table import ENDPOINTS
from namesrv.codes import RequestCode
from namesrv.testing.peer import (
    Broker,
    registration,
    registration_body,
    request,
    topic_config,
)
from namesrv.testing.simulator.clock import VirtualClock
from tests.admin.api.asking import Api
from tests.admin.explain.asking import Asker, explaining

TOPICS = {"Orders": 4, "Bills": 4}
MASTER = Broker()
SLAVE = Broker(id=1, addr="10.0.0.2:10911")
ACTING = {"enableActingMaster": "true"}


def table(**more: Any) -> bytes:
    """The body of a registration of two topics, Orders with these values."""
    configs = {"Orders": topic_config("Orders", **more), "Bills": topic_config("Bills")}
    return registration_body(configs)


def run_before(tmp_path: Path) -> None:
    """A server with a broker runs, and ends before its broker does."""
    with explaining(tmp_path / "data") as asker:
        peer = asker.peer()
        peer.ask(MASTER.registration(TOPICS))
    peer.close()


def test_gate_is_closed(tmp_path: Path) -> None:
    with explaining(tmp_path / "data", need_wait_for_service=True) as asker:
        with asker.peer() as peer:
            peer.ask(MASTER.registration(TOPICS))
            found = asker.topic("Orders")
            assert found.exists
            assert found.confidence("gate_closed") == "certain"
            assert found.evidence["answer"]["remark"] == "name server not ready"
            assert found.evidence["answer"]["code"] == 1


def test_server_that_drains_sends_newer_clients_away(tmp_path: Path) -> None:
    options = {"enable_shutdown_gracefully": True, "shutdown_wait_time_seconds": 30}
    with explaining(tmp_path / "data", **options) as asker:
        with asker.peer() as peer:
            peer.ask(MASTER.registration(TOPICS))
            assert asker.topic("Orders").causes == {}
            asker.open_connections(2)
            asker.drain()
            found = asker.topic("Orders")
            assert found.confidence("draining") == "certain"
            assert found.evidence["answer"]["code"] == 1500
            older = asker.topic("Orders", version=400)
            assert older.confidence("draining") is None
            assert older.evidence["answer"]["code"] == 0


def test_routes_of_the_last_run_are_not_confirmed(tmp_path: Path) -> None:
    run_before(tmp_path)
    with explaining(tmp_path / "data") as asker:
        found = asker.topic("Orders")
        assert found.confidence("confirming") == "likely"
        (broker,) = found.evidence["brokers"]
        assert broker["is_confirmed"] is False
        assert broker["is_of_last_run"] is True
        assert asker.topic("Nothing").confidence("confirming") == "possible"
        assert asker.broker("broker-a").confidence("confirming") == "likely"
        with asker.peer() as peer:
            peer.ask(MASTER.registration(TOPICS))
            assert asker.topic("Orders").causes == {}


def test_a_registration_is_the_first_sign_of_life(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(MASTER.registration(TOPICS))
        (broker,) = asker.topic("Orders").evidence["brokers"]
        assert broker["is_of_last_run"] is False
        assert broker["last_heard_millis"] >= broker["since_millis"]


def test_the_last_heartbeat_has_one_date_however_late_the_loop_is() -> None:
    api = Api()
    api.register(TOPICS)
    state, clock = api.world.state, VirtualClock()
    state.wall_millis = clock.wall_millis
    inside = api.inside._replace(clock=clock)
    api.application = Application(inside, api.guard, ENDPOINTS)
    dates = set()
    for late_millis in (0, 7, 80):
        api.world.now_ms += 1000
        clock.now_ms = api.world.now_ms + late_millis
        (broker,) = api.get("/v1/brokers/broker-a/explain")["evidence"]["brokers"]
        dates.add(broker["last_heard_millis"])
    assert len(dates) == 1


def test_broker_of_the_last_run_did_not_come_back(tmp_path: Path) -> None:
    run_before(tmp_path)
    options = {"warm_start_lease_millis": 1, "scan_not_active_broker_interval": 50}
    with explaining(tmp_path / "data", **options) as asker:
        asker.until(lambda: not asker.topic("Orders").exists)
        found = asker.topic("Orders")
        assert found.confidence("lease_ended") == "certain"
        assert found.confidence("broker_expired") is None


def test_a_broker_has_been_silent_for_long(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(Broker(timeout_millis=60).registration(TOPICS))
        asker.until(
            lambda: asker.topic("Orders").confidence("silent_broker") == "likely"
        )
        found = asker.topic("Orders")
        assert "over its timeout of" in found.sentence("silent_broker")
        assert asker.broker("broker-a").confidence("silent_broker") == "likely"


def test_only_slaves_and_no_acting_master(asker: Asker) -> None:
    with asker.peer() as one, asker.peer() as two:
        one.ask(MASTER.registration(TOPICS))
        two.ask(SLAVE.registration(TOPICS))
        assert asker.topic("Orders").causes == {}
        one.close()
        asker.until(lambda: len(asker.topic("Orders").evidence["brokers"]) == 1)
        found = asker.topic("Orders")
        assert found.confidence("no_master") == "certain"
        assert found.confidence("connection_closed") == "likely"
        assert "(10.0.0.1:10911)" in found.sentence("connection_closed")
        broker = asker.broker("broker-a")
        assert broker.confidence("no_master") == "certain"
        assert broker.confidence("connection_closed") == "likely"


def test_a_slave_acts_as_the_master(tmp_path: Path) -> None:
    with explaining(tmp_path / "data", support_acting_master=True) as asker:
        with asker.peer() as one, asker.peer() as two:
            one.ask(MASTER.registration(TOPICS, ext=ACTING))
            two.ask(SLAVE.registration(TOPICS, ext=ACTING))
            one.close()
            asker.until(lambda: len(asker.topic("Orders").evidence["brokers"]) == 1)
            found = asker.topic("Orders")
            assert found.confidence("acting_master") == "certain"
            assert "the broker with id 1 acts" in found.sentence("acting_master")
            assert found.confidence("no_master") is None


def test_acting_master_without_the_option(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(SLAVE.registration(TOPICS, ext=ACTING))
        found = asker.topic("Orders")
        assert found.confidence("no_master") == "certain"
        assert found.confidence("acting_master") is None


def test_write_permission_was_wiped(asker: Asker) -> None:
    with asker.peer() as peer, asker.peer("203.0.113.9") as operator:
        peer.ask(MASTER.registration(TOPICS))
        fields = {"brokerName": "broker-a"}
        operator.ask(request(RequestCode.WIPE_WRITE_PERM_OF_BROKER, fields))
        found = asker.topic("Orders")
        assert found.confidence("write_wiped") == "certain"
        sentence = found.sentence("write_wiped")
        assert sentence.startswith("203.0.113.9:40000 took the write permission of")
        advice = found.causes["write_wiped"]["next"]
        assert advice == "namesrv broker add-write broker-a"
        assert found.confidence("not_writable") is None
        assert asker.broker("broker-a").confidence("write_wiped") == "certain"
        operator.ask(request(RequestCode.ADD_WRITE_PERM_OF_BROKER, fields))
        assert asker.topic("Orders").causes == {}


def test_permission_without_write_or_read(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(registration(MASTER, table(perm=4)))
        found = asker.topic("Orders")
        assert found.confidence("not_writable") == "certain"
        assert "(perm 4)" in found.sentence("not_writable")
        version = {"counter": 2, "stateVersion": 0, "timestamp": 2}
        configs = {"Orders": topic_config("Orders", perm=2), "Bills": topic_config("B")}
        peer.ask(registration(MASTER, registration_body(configs, version=version)))
        found = asker.topic("Orders")
        assert found.confidence("not_readable") == "certain"
        assert found.confidence("not_writable") is None


def test_topic_without_queues(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(registration(MASTER, table(queues=4, write_queues=0)))
        found = asker.topic("Orders")
        assert found.confidence("no_queues") == "certain"
        sentence = found.sentence("no_queues")
        assert "'broker-a' with 0 write and 4 read queues" in sentence


def test_group_without_topics(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(SLAVE.registration(TOPICS, ext={"enableActingMaster": None}))
        assert asker.broker("broker-a").confidence("no_topics") == "likely"


def test_zone_of_the_client_hides_the_brokers(asker: Asker) -> None:
    with asker.peer() as peer:
        peer.ask(MASTER.registration(TOPICS, ext={"__ZONE_NAME": "east"}))
        found = asker.topic("Orders", zone="west")
        assert found.confidence("other_zone") == "certain"
        assert found.evidence["answer"]["broker_groups"] == []
        found = asker.topic("Orders", zone="EAST")
        assert found.causes == {}
        assert found.evidence["answer"]["broker_groups"] == ["broker-a"]


def test_zone_hides_a_group_whose_slave_acts(tmp_path: Path) -> None:
    with explaining(tmp_path / "data", support_acting_master=True) as asker:
        with asker.peer() as one, asker.peer() as two:
            ext = {**ACTING, "__ZONE_NAME": "east"}
            one.ask(MASTER.registration(TOPICS, ext=ext))
            two.ask(SLAVE.registration(TOPICS, ext=ext))
            one.close()
            asker.until(lambda: len(asker.topic("Orders").evidence["brokers"]) == 1)
            found = asker.topic("Orders", zone="west")
            assert found.confidence("other_zone") == "certain"
            assert found.evidence["answer"]["broker_groups"] == []


def test_a_server_that_asks_another_cluster(tmp_path: Path) -> None:
    with explaining(tmp_path / "data", cluster_test=True) as asker:
        found = asker.topic("Orders")
        assert found.evidence["answer"]["code"] is None
        assert any("(clusterTest)" in sentence for sentence in found.unknown)
