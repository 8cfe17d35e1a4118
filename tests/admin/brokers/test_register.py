"""PUT of a broker: the rules of REGISTER_BROKER, without a connection as owner."""

import json
from typing import Any

import msgspec
import pytest

from namesrv.admin.brokers.commands import configurations
from namesrv.admin.brokers.shapes import Topic
from namesrv.testing.peer import Broker
from namesrv.work import STEP_UNITS
from tests.admin.brokers.asking import (
    ADDR,
    BROKER,
    T1,
    T2,
    HttpPeer,
    request,
    said,
)
from tests.routing.world import WALL_MILLIS, World

JAVA = Broker("h", 0, ADDR)


def test_a_broker_over_http_is_in_routes_at_once(http: HttpPeer, world: World) -> None:
    said = http.put()
    assert said.status == 200
    version = {"counter": 0, "state_version": 0, "timestamp_millis": WALL_MILLIS}
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


# --- the rules of 103 -----------------------------------------------------------------


def test_facts_of_a_registration_reach_clients(http: HttpPeer, world: World) -> None:
    http.register(
        filter_servers=["f:1"],
        zone_name="z1",
        enable_acting_master=True,
        topics=[{**T1, "topic_sys_flag": 1}],
    )
    route = world.route("T1")
    (group,) = route["brokerDatas"]
    assert group["zoneName"] == "z1" and group["enableActingMaster"] is True
    assert route["filterServerTable"] == {ADDR: ["f:1"]}
    assert route["queueDatas"][0]["topicSysFlag"] == 1


def test_own_version_decides_whether_topics_are_taken_again(
    http: HttpPeer, world: World
) -> None:
    version = {"counter": 7, "state_version": 0, "timestamp_millis": 1}
    assert http.put(data_version=version).json["data_version"] == version
    http.register(data_version=version, topics=[{**T1, "perm": 4}, T2])
    assert world.topics["T1"] == {"h": 6}
    http.register(
        data_version={**version, "counter": 8}, topics=[{**T1, "perm": 4}, T2]
    )
    assert world.topics["T1"] == {"h": 4}


def test_repeated_registration_changes_nothing(http: HttpPeer, world: World) -> None:
    http.register()
    changes = len(world.changes)
    world.now_ms += 700
    http.register()
    assert len(world.changes) == changes
    info = world.live.get("c1", ADDR)
    assert info is not None and info.last_update_timestamp == 700


def test_registration_that_was_overtaken_is_sent_again(
    http: HttpPeer, world: World
) -> None:
    """Both would have the same version, which the server makes of the last one."""
    http.register()
    other = HttpPeer(world)
    world.holds_work = True
    for peer, perm in ((http, 4), (other, 2)):
        topics = [{**T1, "perm": perm}, {"topic": f"Of{perm}"}]
        body = json.dumps({"broker_addr": ADDR, "topics": topics}).encode()
        with world.tables.busy.hold("h"):
            assert peer.send(request("PUT", BROKER, body)) == b""
    assert said(http.next_turn()).status == 200
    late = said(other.next_turn())
    assert late.status == 409 and late.detail.endswith("send it again")
    assert world.topics == {"T1": {"h": 4}, "T2": {"h": 4}, "Of4": {"h": 6}}


def test_many_topics_are_registered_in_steps(http: HttpPeer, world: World) -> None:
    names = [f"t{number}" for number in range(20_000)]
    body = json.dumps({"broker_addr": ADDR, "topics": [{"topic": n} for n in names]})
    world.holds_work = True
    output = http.send(request("PUT", BROKER, body.encode()))
    turns = 0
    while not output:
        output = http.next_turn()
        turns += 1
    assert said(output).status == 200 and turns > 10
    assert set(world.topics) == set(names)


def test_table_of_topics_is_written_in_short_steps() -> None:
    steps = configurations([Topic(f"t{number}") for number in range(5_000)])
    assert max(list(steps)[:-1]) < 2 * STEP_UNITS


def test_a_registration_of_more_than_2_mib_is_refused(http: HttpPeer) -> None:
    said = http.put(zone_name="z" * (2 << 20))
    assert said.status == 413


def test_newer_broker_keeps_its_id(http: HttpPeer, world: World) -> None:
    http.register(data_version={"state_version": 2})
    said = http.put(broker_addr="10.0.0.8:10911", data_version={"state_version": 1})
    assert said.status == 409
    assert f"a newer broker holds its id at {ADDR}" in said.detail
    assert world.live_keys == {("c1", ADDR)}


def test_registration_of_an_older_broker_counts_as_refused(
    http: HttpPeer, world: World
) -> None:
    http.register(data_version={"state_version": 2})
    http.put(broker_addr="10.0.0.8:10911", data_version={"state_version": 1})
    counts = world.state.request_counts
    assert counts.answers == {(103, 0): 1, (103, 1): 1}
    assert counts.unchanged_registrations == counts.rejected_registrations == 0


def test_configuration_of_ordered_topics_is_answered(world: World) -> None:
    world.ask(100, {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1", "value": "h:4"})
    said = HttpPeer(world).put()
    assert said.json["order_topic_conf"] == {"T1": "h:4"}


def test_draining_server_refuses_brokers(http: HttpPeer, world: World) -> None:
    world.state.drain(world.now_ms)
    assert http.put().status == 503


def test_registration_is_audited_as_one_over_http() -> None:
    world = World(audit_log="audit.log")
    HttpPeer(world).register()
    (event,) = world.audited
    assert event.fields["protocol"] == "HTTP"
    assert event.fields["brokerAddr"] == ADDR


def test_refusal_before_the_body_is_audited_once() -> None:
    world = World(
        audit_log="audit.log", broker_access="signed", http_token_file="tokens"
    )
    http = HttpPeer(world)
    data = request("PUT", BROKER, {"broker_addr": ADDR}, Expect="100-continue")
    head, end, body = data.partition(b"\r\n\r\n")
    assert said(http.send(head + end)).status == 401
    assert http.send(body) == b""
    (event,) = world.audited
    assert event.fields["remark"] == "Unauthorized"


def test_answer_may_be_messagepack(http: HttpPeer) -> None:
    body = json.dumps({"broker_addr": ADDR}).encode()
    output = http.send(request("PUT", BROKER, body, Accept="application/msgpack"))
    answer = msgspec.msgpack.decode(output.partition(b"\r\n\r\n")[2])
    assert answer["heartbeat_timeout_millis"] == 120_000


def test_host_of_a_broker_finds_room_when_it_comes_back(http: HttpPeer) -> None:
    hosts = http.inside.connections.broker_hosts
    http.put(broker_addr="nonsense")
    assert "10.0.0.7" not in hosts
    http.register()
    assert "10.0.0.7" in hosts


# --- refusals -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "changes", "detail"),
    [
        (
            {"max_topics_per_registration": 1},
            {},
            "registration of 2 topics, the limit is 1 (maxTopicsPerRegistration)",
        ),
        (
            {"max_routes": 1},
            {},
            "2 routes more than the 0 that there are, the limit is 1 (maxRoutes)",
        ),
        (
            {"max_filter_servers": 1},
            {"filter_servers": ["a:1", "b:1"]},
            "2 filter servers, the limit is 1 (maxFilterServers)",
        ),
        (
            {"max_name_bytes": 16},
            {"topics": [{"topic": "t" * 17}]},
            "topic name of 17 bytes, the limit is 16 (maxNameBytes)",
        ),
    ],
)
def test_limits_refuse_with_both_numbers(
    options: dict[str, int], changes: dict[str, Any], detail: str
) -> None:
    world = World(**options)
    said = HttpPeer(world).put(**changes)
    assert (said.status, said.detail) == (422, detail)
    assert world.live_keys == set()


def test_refused_registration_is_a_sign_of_life(world: World) -> None:
    world = World(max_topics_per_registration=2)
    http = HttpPeer(world)
    http.register()
    world.now_ms += 700
    assert http.put(topics=[T1, T2, {"topic": "T3"}]).status == 422
    info = world.live.get("c1", ADDR)
    assert info is not None and info.last_update_timestamp == 700


def test_waiting_registration_counts_with_all_its_bytes(
    http: HttpPeer, world: World
) -> None:
    topics = [{"topic": f"t{number}"} for number in range(100)]
    body = json.dumps({"broker_addr": ADDR, "topics": topics}).encode()
    world.holds_work = True
    with world.tables.busy.hold("h"):
        assert http.send(request("PUT", BROKER, body)) == b""
    # The command is longer than the body, which is not kept.
    assert 6_000 < http.conversation.buffered_bytes < 20_000
    assert said(http.next_turn()).status == 200
    assert http.conversation.buffered_bytes == 0


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"broker_addr": "10.0.0.7"}, "$.broker_addr"),
        ({"broker_addr": f"{ADDR}\n"}, "$.broker_addr"),
        ({"broker_addr": "\x1b[31m:10911"}, "$.broker_addr"),
        (
            {"topics": [T1, {"topic": "T2", "read_queue_nums": "8"}]},
            "$.topics[1].read_queue_nums",
        ),
        ({"topics": [{**T1, "perm": 16}]}, "$.topics[0].perm"),
        ({"topics": [T1, T2, T1]}, "$.topics[2].topic"),
        ({"topics": [{**T1, "queues": 3}]}, "$.topics[0].queues"),
        ({"heartbeat_timeout_millis": 999}, "$.heartbeat_timeout_millis"),
        ({"heartbeat_timeout_millis": 3_600_001}, "$.heartbeat_timeout_millis"),
        ({"data_version": {"counter": 2**63}}, "$.data_version.counter"),
        ({"name": "h"}, "$.name"),
    ],
)
def test_mistakes_are_named_by_their_path(
    http: HttpPeer, world: World, changes: dict[str, Any], path: str
) -> None:
    said = http.put(**changes)
    assert said.status == 400
    assert [error["path"] for error in said.json["errors"]] == [path]
    assert world.live_keys == set()


@pytest.mark.parametrize("broker_id", ["-1", "x", str(2**63)])
def test_id_is_a_number(http: HttpPeer, broker_id: str) -> None:
    assert http.put(f"/v1/clusters/c1/brokers/h/{broker_id}").status == 400


def test_members_have_the_names_of_the_answers(http: HttpPeer) -> None:
    topic = {
        "topic": "T",
        "perm": 6,
        "read_queue_nums": 3,
        "write_queue_nums": 2,
        "topic_sys_flag": 1,
    }
    version = {"counter": 1, "state_version": 0, "timestamp_millis": 5}
    assert http.put(topics=[topic], data_version=version).status == 200
    (queues,) = http.ask("GET", "/v1/topics/T").json["queues"]
    assert {"topic": "T", **queues}.items() >= topic.items()
    (member,) = http.ask("GET", "/v1/brokers/h").json["brokers"]
    assert member["broker_addr"] == ADDR
    assert member["live"][0]["data_version"] == version
