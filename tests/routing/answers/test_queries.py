"""Reading the tables: routes, acting masters, zones, and lists by name."""

from typing import Any

import pytest

from namesrv.routing.answers import queries
from namesrv.routing.answers.queries import RouteForm
from namesrv.testing.peer import (
    Broker,
    data_version,
    mapping_info,
    registration_body,
    topic_config,
    topic_table,
)
from namesrv.work import finish
from tests.routing.world import World

MASTER = Broker("b", 0, "m:1")
SLAVE = Broker("b", 1, "s1:1")
SECOND = Broker("b", 2, "s2:1")
OTHER = Broker("a", 0, "a:1")
ACTING: dict[str, str | None] = {"enableActingMaster": "true"}
SYNC_TOPIC = "rmq_sys_SYNC_BROKER_MEMBER_b"


def pickup(world: World, topic: str, **form: Any) -> bytes | None:
    route_form = RouteForm(**{"standard": True, **form})
    entry = world.tables.topic_queue_table.get(topic)
    if entry is None:
        return None
    return finish(
        queries.pickup_topic_route_data(world.tables, world.options, entry, route_form)
    )


# --- routes ---------------------------------------------------------------------------


def test_a_route_byte_for_byte(world: World) -> None:
    world.register(MASTER, registration_body(filters=["f:1"]), ext={"__ZONE_NAME": "z"})
    world.register(SLAVE, ext={"__ZONE_NAME": "z"})
    expected = (
        '{"brokerDatas":[{"brokerAddrs":{%s0%s:"m:1",%s1%s:"s1:1"},"brokerName":"b",'
        '"cluster":"c1","enableActingMaster":false,"zoneName":"z"}],'
        '"filterServerTable":{"m:1":["f:1"]},"queueDatas":[{"brokerName":"b","perm":6,'
        '"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}'
    )
    legacy = pickup(world, "T1", standard=False)
    assert legacy == (expected % ("", "", "", "")).encode()
    assert pickup(world, "T1") == (expected % ('"', '"', '"', '"')).encode()


def test_an_unknown_topic_has_no_route(world: World) -> None:
    assert pickup(world, "T1") is None


def test_brokers_are_in_the_order_of_their_names(world: World) -> None:
    for name in ("b", "é", "a", "B", "c"):
        world.register(Broker(name, 0, f"{name}:1"))
    route = world.route("T1")
    order = ["B", "a", "b", "c", "é"]
    assert [d["brokerName"] for d in route["brokerDatas"]] == order
    assert [d["brokerName"] for d in route["queueDatas"]] == order


def test_every_broker_of_a_topic_is_there_with_its_own_queues(world: World) -> None:
    world.register(MASTER, registration_body(topic_table("T1", "T2", queues=4)))
    world.register(OTHER, registration_body(topic_table("T1", "O", queues=8)))
    route = world.route("T1")
    queues = {d["brokerName"]: d["readQueueNums"] for d in route["queueDatas"]}
    assert queues == {"b": 4, "a": 8}
    assert len(world.route("T2")["brokerDatas"]) == 1


def test_order_and_mappings_are_shown(world: World) -> None:
    body = registration_body(
        topic_table("st", "T2"), mappings={"st": mapping_info("st", "b")}
    )
    world.register(MASTER, body)
    route = pickup(world, "st", order_topic_conf="b:4")
    assert route is not None
    assert b'"orderTopicConf":"b:4",' in route
    assert b'"topicQueueMappingByBroker":{"b":{"bname":"b","currIdMap":{"0":0,' in route
    assert b"topicQueueMapping" not in (pickup(world, "T2") or b"")


def test_mapping_without_a_group_is_shown_as_null(world: World) -> None:
    nameless = {**mapping_info("st", "b"), "bname": None}
    table = topic_table("st", "T2")
    world.register(MASTER, registration_body(table, mappings={"st": nameless}))
    route = pickup(world, "st") or b""
    assert b'"topicQueueMappingByBroker":{"null":{"currIdMap":{"0":0,"1":1},' in route
    legacy = pickup(world, "st", standard=False) or b""
    assert b'"topicQueueMappingByBroker":{null:{"currIdMap":{0:0,1:1},' in legacy


@pytest.mark.parametrize(
    ("epoch", "shown"),
    [
        (2**53 - 1, "9007199254740991"),
        (2**53, '"9007199254740992"'),
        (1 - 2**53, "-9007199254740991"),
        (-(2**53), '"-9007199254740992"'),
    ],
)
def test_epoch_beyond_javascript_is_a_text_in_the_standard_dialect(
    world: World, epoch: int, shown: str
) -> None:
    table = topic_table("st", "T2")
    mapping = {**mapping_info("st", "b"), "epoch": epoch}
    world.register(MASTER, registration_body(table, mappings={"st": mapping}))
    assert f'"epoch":{shown},'.encode() in (pickup(world, "st") or b"")
    legacy = pickup(world, "st", standard=False) or b""
    assert f'"epoch":{epoch},'.encode() in legacy


def test_null_members_of_a_mapping_have_defaults_in_a_zone(world: World) -> None:
    """Java reads a zone's route and writes it again."""
    table = topic_table("st", "T2")
    mapping = {**mapping_info("st", "b"), "scope": None, "currIdMap": None}
    world.register(MASTER, registration_body(table, mappings={"st": mapping}))
    assert b"scope" not in (pickup(world, "st") or b"")
    zone = {"topic": "st", "__ZONE_MODE": "true", "__ZONE_NAME": "z"}
    body = world.ask(105, zone).body
    assert b'"b":{"bname":"b","currIdMap":{},"dirty":false,"epoch":7,"scope":' in body
    assert b'"scope":"__global__"' in body
    mapping["bname"] = None
    version = data_version(2)
    nameless = registration_body(table, mappings={"st": mapping}, version=version)
    world.register(MASTER, nameless)
    assert b'"null":{"currIdMap":{}' in world.ask(105, zone).body
    legacy = world.ask(105, zone, version=317).body
    assert b',null:{"currIdMap":{}' in legacy


def test_null_filter_servers_are_shown_as_null(world: World) -> None:
    world.register(MASTER, registration_body(filters=["f", None]))
    assert world.route("T1")["filterServerTable"] == {"m:1": ["f", None]}


def test_filter_servers_of_an_address_in_two_groups_are_shown_once(
    world: World,
) -> None:
    """They are a map by address in Java."""
    body = registration_body(topic_table("T1", "T2"), filters=["f:1"])
    world.register(MASTER, body)
    world.register(Broker("o", 0, "m:1"), body, connection=world.connect())
    route = pickup(world, "T1")
    assert route is not None
    assert b'"filterServerTable":{"m:1":["f:1"]}' in route


def test_filter_servers_are_in_the_order_of_addresses(world: World) -> None:
    body = registration_body(topic_table("T1", "T2"), filters=["f:1"])
    for broker in (Broker("b", 1, "z:1"), Broker("b", 0, "a:1")):
        world.register(broker, body)
    route = pickup(world, "T1")
    assert route is not None
    assert b'"filterServerTable":{"a:1":["f:1"],"z:1":["f:1"]}' in route


def test_filter_servers_of_other_brokers_are_not_shown(world: World) -> None:
    world.register(MASTER, registration_body(filters=["f"]))
    world.register(OTHER, registration_body(topic_table("O", "P")))
    assert world.route("O")["filterServerTable"] == {}


# --- acting master (3.11) -------------------------------------------------------------


def addrs(world: World, topic: str = "T1") -> dict[str, str]:
    return world.route(topic)["brokerDatas"][0]["brokerAddrs"]


@pytest.fixture
def acting() -> World:
    """A group of two slaves whose master has gone."""
    world = World(support_acting_master=True)
    body = registration_body(topic_table("T1", SYNC_TOPIC))
    for broker in (MASTER, SLAVE, SECOND):
        world.register(broker, body, ext=ACTING)
    world.ask(104, MASTER.ext_fields)
    return world


def test_the_lowest_slave_stands_for_the_master(acting: World) -> None:
    assert addrs(acting) == {"0": "s1:1", "2": "s2:1"}
    assert acting.addrs == {"b": {1: "s1:1", 2: "s2:1"}}
    cluster_info = acting.ask(106).body
    assert b'"brokerAddrs":{1:"s1:1",2:"s2:1"}' in cluster_info


def test_a_negative_id_stands_for_the_master_of_read_only_topics() -> None:
    world = World(support_acting_master=True)
    config = {**topic_config("T1"), "perm": 4}
    body = registration_body({"T1": config, "T2": topic_config("T2")})
    world.register(SLAVE._replace(id=-2), body, ext=ACTING)
    world.register(SECOND._replace(id=-1), body, ext=ACTING)
    asked = world.ask(105, {"topic": "T1"}).body
    assert b'"brokerAddrs":{"-1":"s2:1","0":"s1:1"}' in asked


def test_not_for_the_topics_by_which_brokers_find_each_other(acting: World) -> None:
    assert addrs(acting, SYNC_TOPIC) == {"1": "s1:1", "2": "s2:1"}


def test_not_while_the_topic_is_writable(acting: World) -> None:
    acting.ask(327, {"brokerName": "b"})
    assert addrs(acting) == {"1": "s1:1", "2": "s2:1"}


def test_not_in_a_group_that_does_not_want_it(acting: World) -> None:
    acting.register(SECOND)
    acting.ask(205, {"brokerName": "b"})
    assert addrs(acting) == {"1": "s1:1", "2": "s2:1"}


def test_not_while_there_is_a_master(acting: World) -> None:
    acting.register(MASTER, ext=ACTING)
    acting.ask(205, {"brokerName": "b"})
    assert addrs(acting) == {"0": "m:1", "1": "s1:1", "2": "s2:1"}


def test_not_unless_the_option_is_set(acting: World) -> None:
    acting.ask(318, None, b"supportActingMaster=false")
    assert addrs(acting) == {"1": "s1:1", "2": "s2:1"}
    acting.ask(318, None, b"supportActingMaster=true")
    assert addrs(acting) == {"0": "s1:1", "2": "s2:1"}


def test_a_group_without_addresses_has_nobody_to_stand() -> None:
    world = World(support_acting_master=True)
    world.register(OTHER)
    world.register(MASTER, registration_body(topic_table("T1")), ext=ACTING)
    world.ask(217, {"topic": "T1"}, b'{"queueDatas":[{"brokerName":"b"}]}')
    assert world.route("T1")["brokerDatas"][1]["brokerAddrs"] == {}


# --- zones (3.13) ---------------------------------------------------------------------


def zoned(world: World, zone: str = "z1", mode: str = "true", **more: Any) -> list[str]:
    """Names of the brokers that a client in a zone is shown."""
    fields = {"topic": "T1", "__ZONE_MODE": mode, "__ZONE_NAME": zone}
    answer = world.ask(105, fields, **more)
    assert answer.code == 0
    route = answer.json
    names = [data["brokerName"] for data in route["brokerDatas"]]
    assert [data["brokerName"] for data in route["queueDatas"]] == names
    assert set(route["filterServerTable"]) == {
        addr
        for data in route["brokerDatas"]
        for addr in data["brokerAddrs"].values()
        if addr.startswith("filtered")
    }
    return names


@pytest.fixture
def zones(world: World) -> World:
    """Brokers in zones z1, z2, in none, and one without a master in z2."""
    filters = registration_body(filters=["f"])
    for name, broker_id, zone in (
        ("in-z1", 0, "z1"),
        ("in-z2", 0, "z2"),
        ("nowhere", 0, None),
        ("slave-in-z2", 1, "z2"),
    ):
        broker = Broker(name, broker_id, f"filtered-{name}:1")
        world.register(broker, filters, ext={"__ZONE_NAME": zone})
    return world


def test_a_client_sees_its_zone_and_who_has_no_master(zones: World) -> None:
    assert zoned(zones) == ["in-z1", "slave-in-z2"]
    assert zoned(zones, "Z2") == ["in-z2", "slave-in-z2"]
    assert zoned(zones, "unknown") == ["slave-in-z2"]


@pytest.mark.parametrize("mode", ["false", "", "yes"])
def test_zone_mode_must_be_true(zones: World, mode: str) -> None:
    assert len(zoned(zones, mode=mode)) == 4
    assert len(zoned(zones, mode="TRUE")) == 2


@pytest.mark.parametrize("zone", ["", " ", "\t"])
def test_a_blank_zone_is_no_zone(zones: World, zone: str) -> None:
    assert len(zoned(zones, zone)) == 4


def test_a_zone_is_answered_in_the_legacy_dialect(zones: World) -> None:
    fields = {"topic": "T1", "__ZONE_MODE": "true", "__ZONE_NAME": "z1"}
    body = zones.ask(105, {**fields, "acceptStandardJsonOnly": "true"}).body
    assert b'"brokerAddrs":{0:' in body and b'{"0":' not in body


def test_a_zone_does_not_spoil_other_lookups(zones: World) -> None:
    assert len(zones.route("T1")["brokerDatas"]) == 4
    assert len(zoned(zones)) == 2
    assert len(zones.route("T1")["brokerDatas"]) == 4


def test_a_zone_of_an_unknown_topic(zones: World) -> None:
    fields = {"topic": "unknown", "__ZONE_MODE": "true", "__ZONE_NAME": "z1"}
    assert zones.ask(105, fields).code == 17


def test_the_zone_is_judged_after_an_acting_master_took_its_place() -> None:
    world = World(support_acting_master=True)
    body = registration_body(topic_table("T1", "T2"))
    world.register(SLAVE, body, ext={**ACTING, "__ZONE_NAME": "z2"})
    assert zoned(world) == []
    assert zoned(world, "z2") == ["b"]


# --- lists ----------------------------------------------------------------------------


def body(world: World, code: int, **ext_fields: str | None) -> bytes | None:
    return world.ask(code, ext_fields).body


def test_lists_of_an_empty_server(world: World) -> None:
    assert body(world, 106) == b'{"brokerAddrTable":{},"clusterAddrTable":{}}'
    for code in (206, 224, 304, 311, 312, 313):
        assert body(world, code, cluster="c1") == b'{"topicList":[]}'


def test_everything_is_in_the_order_of_names(world: World) -> None:
    for name, cluster in (("b2", "c2"), ("b1", "c2"), ("a", "c10")):
        table = registration_body(topic_table(f"T-{name}", "T"))
        world.register(Broker(name, 0, f"{name}:1", cluster), table)
    assert body(world, 206) == b'{"topicList":["T","T-a","T-b1","T-b2"]}'
    assert body(world, 224, cluster="c2") == b'{"topicList":["T","T-b1","T-b2"]}'
    assert body(world, 304) == (
        b'{"brokerAddr":"a:1","topicList":["a","b1","b2","c10","c2"]}'
    )
    info = body(world, 106) or b""
    assert info.endswith(b'"clusterAddrTable":{"c10":["a"],"c2":["b1","b2"]}}')
    order = [info.index(f'"{name}":{{"brokerAddrs"'.encode()) for name in ("a", "b1")]
    assert order == sorted(order)


def test_cluster_info_is_always_legacy(world: World) -> None:
    world.register(MASTER)
    for version in (317, 479):
        body = world.ask(106, version=version).body
        assert body == (
            b'{"brokerAddrTable":{"b":{"brokerAddrs":{0:"m:1"},"brokerName":"b",'
            b'"cluster":"c1","enableActingMaster":false}},'
            b'"clusterAddrTable":{"c1":["b"]}}'
        )


@pytest.mark.parametrize("cluster", ["unknown", "", None])
def test_unknown_clusters_have_no_topics(world: World, cluster: str | None) -> None:
    world.register(MASTER)
    assert body(world, 224, cluster=cluster) == b'{"topicList":[]}'


def test_a_cluster_may_list_names_without_a_group(world: World) -> None:
    world.register(MASTER)
    world.register(OTHER, ext={"brokerName": None})
    world.ask(104, {**MASTER.ext_fields, "clusterName": "wrong"})
    assert body(world, 224, cluster="c1") == b'{"topicList":[]}'
    assert body(world, 304) == b'{"topicList":["b","c1"]}'
    info = body(world, 106) or b""
    assert info.endswith(b'"clusterAddrTable":{"c1":[null,"b"]}}')


def test_the_first_address_is_of_a_group_that_has_one(world: World) -> None:
    world.register(OTHER, registration_body(topic_table("T1")))
    world.register(SECOND)
    world.register(SLAVE)
    assert world.ask(304).json["brokerAddr"] == "s1:1"


def test_flags_are_those_of_the_first_broker_by_name(world: World) -> None:
    table = {
        "none": topic_config("none", flag=0),
        "unit": topic_config("unit", flag=1),
        "sub": topic_config("sub", flag=2),
        "both": topic_config("both", flag=3),
    }
    world.register(MASTER, registration_body(table))
    by_code = {code: world.ask(code).json["topicList"] for code in (311, 312, 313)}
    assert by_code == {311: ["both", "unit"], 312: ["both", "sub"], 313: ["sub"]}
    world.register(OTHER, registration_body(topic_table("unit", "x")))
    assert world.ask(311).json["topicList"] == ["both"]


def test_member_groups_echo_the_cluster(world: World) -> None:
    world.register(MASTER)
    world.register(SLAVE)
    world.register(SECOND, ext={"brokerAddr": None})
    member_group = queries.get_broker_member_group
    assert member_group(world.tables, "wrong", "b") == (
        b'{"brokerMemberGroup":{"brokerAddrs":{0:"m:1",1:"s1:1"},"brokerName":"b",'
        b'"cluster":"wrong"}}'
    )
    assert member_group(world.tables, None, "unknown") == (
        b'{"brokerMemberGroup":{"brokerAddrs":{},"brokerName":"unknown"}}'
    )
    assert member_group(world.tables, "c1", None) == (
        b'{"brokerMemberGroup":{"brokerAddrs":{},"cluster":"c1"}}'
    )
