"""PUT of a broker: the rules of REGISTER_BROKER, without a connection as owner."""

from namesrv.testing.peer import Broker
from tests.admin.brokers.asking import ADDR, T1, T2, HttpPeer
from tests.routing.world import WALL_MILLIS, World

JAVA = Broker("h", 0, ADDR)


def test_a_broker_over_http_is_in_routes_at_once(http: HttpPeer, world: World) -> None:
    said = http.put()
    assert said.status == 200
    version = {"counter": 0, "state_version": 0, "timestamp": WALL_MILLIS}
    assert said.json["data_version"] == version
    assert said.json["heartbeat_timeout_millis"] == 120_000
    route = world.route("T2")
    assert route["queueDatas"] == [
        {
            "brokerName": "h",
            "perm": 4,
            "readQueueNums": 8,
            "topicSysFlag": 0,
            "writeQueueNums": 2,
        }
    ]
    (group,) = route["brokerDatas"]
    assert group["brokerAddrs"] == {"0": ADDR} and group["cluster"] == "c1"


def test_a_single_topic_registers_a_new_broker(http: HttpPeer, world: World) -> None:
    http.register(topics=[T1])
    assert world.topics == {"T1": {"h": 6}}


def test_a_broker_without_topics_is_live(http: HttpPeer, world: World) -> None:
    http.register(topics=[])
    assert world.live_keys == {("c1", ADDR)} and world.topics == {}


def test_a_changed_registration_has_a_new_version(http: HttpPeer, world: World) -> None:
    http.register()
    assert http.put().json["data_version"]["counter"] == 0
    assert http.put(topics=[T1, {**T2, "perm": 6}]).json["data_version"]["counter"] == 1
    assert world.topics["T2"] == {"h": 6}


def test_a_slave_gets_the_addresses_of_its_master(http: HttpPeer) -> None:
    http.register(ha_server_addr="10.0.0.7:10912")
    said = http.put("/v1/clusters/c1/brokers/h/1", broker_addr="10.0.0.8:10911")
    assert said.json["master_addr"] == ADDR
    assert said.json["ha_server_addr"] == "10.0.0.7:10912"


def test_the_end_of_the_http_connection_removes_nothing(
    http: HttpPeer, world: World
) -> None:
    http.register()
    world.close(http.connection)
    assert world.live_keys == {("c1", ADDR)}


def test_silence_removes_a_broker_and_nothing_else(
    http: HttpPeer, world: World
) -> None:
    world.register(Broker("j", 0, "10.0.0.9:10911"))
    http.register(heartbeat_timeout_millis=20_000)
    world.run(20_000)
    assert len(world.live) == 2
    world.run(10_500)
    assert world.live_keys == {("c1", "10.0.0.9:10911")}
    assert world.event("broker expired")["address"] == ADDR
    assert world.closed == []


def test_a_java_broker_takes_over_with_its_connection(
    http: HttpPeer, world: World
) -> None:
    registration = http.register()
    java = world.connect()
    world.register(JAVA, connection=java)
    assert java.registered == {("c1", ADDR)}
    late = http.delete(registration)
    assert late.status == 409 and registration in late.detail
    world.close(java)
    assert world.live_keys == set()


def test_a_broker_over_http_takes_over_from_a_connection(
    http: HttpPeer, world: World
) -> None:
    world.register(JAVA)
    http.register()
    assert world.connection.registered == set()
    world.close()
    assert world.live_keys == {("c1", ADDR)}


def test_heartbeats_keep_a_broker_alive(http: HttpPeer, world: World) -> None:
    http.register(heartbeat_timeout_millis=20_000)
    for _ in range(6):
        world.run(10_000)
        assert http.beat() == 204
    assert world.live_keys == {("c1", ADDR)}
    world.run(40_000)
    assert http.beat() == 404


def test_the_last_registration_may_be_removed(http: HttpPeer, world: World) -> None:
    first = http.register()
    second = http.register()
    assert http.delete(first).status == 409
    assert http.delete(second).status == 204
    assert world.live_keys == set() and world.topics == {}
    assert http.delete(second).status == 404
