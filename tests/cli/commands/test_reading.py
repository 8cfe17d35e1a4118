"""Commands that read, over real sockets."""

import json
from collections.abc import Callable

import pytest

from namesrv.testing.peer import Broker
from tests.cli.commands.world import Ran, World

Run = Callable[..., Ran]


def test_topic_list(run: Run) -> None:
    assert run("topic", "list") == (0, ["Hello", "Orders", "Spare", "订单"], [])
    assert run("topic", "list", "-c", "c2").out == ["Hello", "Spare"]
    assert run("topic", "list", "--prefix", "Or").out == ["Orders"]
    assert run("topic", "list", "--prefix=No") == (0, [], [])
    assert json.loads("".join(run("topic", "list", "--json").out)) == [
        "Hello",
        "Orders",
        "Spare",
        "订单",
    ]


def test_unknown_cluster(world: World) -> None:
    for command in ("topic", "broker"):
        ran = world.run(command, "list", "--cluster", "C1")
        assert ran.code == 1
        assert ran.err == [f"namesrv: {world.address} has no cluster 'C1'; similar: c1"]


def test_topic_route(run: Run) -> None:
    assert run("topic", "route", "Hello").out == [
        "BROKER    CLUSTER  ID  ROLE    ADDRESS         READ  WRITE  PERM",
        "broker-a  c1        0  master  10.0.0.1:10911     4      4  rw",
        "broker-a  c1        1  slave   10.0.0.2:10911     4      4  rw",
        "broker-b  c2        1  slave   10.0.0.3:10911     6      6  rw",
    ]
    route = json.loads("".join(run("topic", "route", "Hello", "--json").out))
    assert [one["brokerName"] for one in route["brokerDatas"]] == [
        "broker-a",
        "broker-b",
    ]


def test_topic_route_of_a_zone(world: World) -> None:
    zoned = Broker("broker-z", 0, "10.0.0.9:10911", "c1")
    with world.server.peer() as peer:
        peer.ask(zoned.registration({"Hello": 1, "T": 1}, ext={"__ZONE_NAME": "z"}))
        ran = world.run("topic", "route", "Hello", "--zone", "z")
        # A group without a master stays in the routes of every zone.
        assert [line.split()[0] for line in ran.out[1:]] == ["broker-b", "broker-z"]


def test_unknown_topic_has_similar_names(world: World) -> None:
    ran = world.run("topic", "show", "orders")
    assert ran == (
        1,
        [],
        [
            f"namesrv: {world.address} has no topic 'orders'; similar: Orders; namesrv"
            f" explain orders -n {world.address} says why"
        ],
    )
    words = ("topic", "route", "-n", world.address, "--", "-zzz")
    assert world.run_anywhere(*words).err == [
        f"namesrv: {world.address} has no topic '-zzz'; namesrv explain -n"
        f" {world.address} -- -zzz says why"
    ]


def test_topic_show(run: Run) -> None:
    assert run("topic", "show", "Orders").out == [
        "topic:          Orders",
        "clusters:       c1",
        "broker groups:  1",
        "read queues:    8",
        "write queues:   8",
        "order:          broker-a:8",
        "flags:          none",
        "static queues:  none",
        "",
        "BROKER    CLUSTER  READ  WRITE  PERM  ADDRESSES",
        "broker-a  c1          8      8  rw    0=10.0.0.1:10911, 1=10.0.0.2:10911",
    ]
    shown = json.loads("".join(run("topic", "show", "Hello", "--json").out))
    assert shown["clusters"] == ["c1", "c2"]
    assert shown["order"] is None


def test_cluster_list(run: Run) -> None:
    assert run("cluster", "list").out == [
        "CLUSTER  GROUPS  BROKERS  WITHOUT MASTER",
        "c1            1        2               0",
        "c2            1        1               1",
    ]
    (first, _) = json.loads("".join(run("cluster", "list", "--json").out))
    assert first["brokers"][0]["brokers"][1] == {
        "id": 1,
        "role": "slave",
        "address": "10.0.0.2:10911",
    }


def test_broker_list(run: Run) -> None:
    assert run("broker", "list").out == [
        "CLUSTER  BROKER    ID  ROLE    ADDRESS         ZONE",
        "c1       broker-a   0  master  10.0.0.1:10911",
        "c1       broker-a   1  slave   10.0.0.2:10911",
        "c2       broker-b   1  slave   10.0.0.3:10911",
    ]
    assert len(run("broker", "list", "-c", "c2").out) == 2


def test_broker_show(world: World) -> None:
    assert world.run("broker", "show", "broker-a", "--topics").out == [
        "broker:         broker-a",
        "cluster:        c1",
        "zone:           none",
        "master:         10.0.0.1:10911",
        "acting master:  not allowed",
        "",
        "ID  ROLE    ADDRESS",
        " 0  master  10.0.0.1:10911",
        " 1  slave   10.0.0.2:10911",
        "",
        "TOPIC   READ  WRITE  PERM",
        "Hello      4      4  rw",
        "Orders     8      8  rw",
        "订单       2      2  rw",
    ]
    shown = json.loads("".join(world.run("broker", "show", "broker-b", "--json").out))
    assert (shown["clusters"], "topics" in shown) == (["c2"], False)
    assert world.run("broker", "show", "broker-c").err == [
        f"namesrv: {world.address} has no broker 'broker-c'; similar:"
        " broker-b, broker-a"
    ]


def test_acting_master_is_named(world: World) -> None:
    acting = Broker("broker-x", 2, "10.0.0.8:10911", "c1")
    with world.server.peer() as peer:
        peer.ask(
            acting.registration({"T": 1, "U": 1}, ext={"enableActingMaster": "true"})
        )
        assert world.run("broker", "show", "broker-x").out[-1].split() == [
            *("2", "acting", "master", "10.0.0.8:10911"),
        ]


def test_kv_list_and_get(world: World) -> None:
    assert world.run("kv", "list", "ORDER_TOPIC_CONFIG").out == [
        "KEY     VALUE",
        "Orders  broker-a:8",
    ]
    assert world.run("kv", "get", "ORDER_TOPIC_CONFIG", "Orders").out == ["broker-a:8"]
    assert world.run("kv", "get", "ORDER_TOPIC_CONFIG", "orders") == (
        1,
        [],
        [
            f"namesrv: {world.address} has no key 'orders' in namespace"
            " 'ORDER_TOPIC_CONFIG'; similar: Orders"
        ],
    )
    assert world.run("kv", "list", "X").err == [
        f"namesrv: {world.address} has no namespace 'X'"
    ]


def test_config_get(world: World) -> None:
    assert world.run("config", "get", "orderMessageEnable").out == ["false"]
    lines = world.run("config", "get").out
    assert lines[0].split() == ["OPTION", "VALUE"]
    assert ["listenPort", "0"] in [line.split() for line in lines]
    assert world.run("config", "get", "listenPorts") == (
        1,
        [],
        ["namesrv: no server shows an option 'listenPorts'; similar: listenPort"],
    )
    two = f"{world.address};127.0.0.1:1"
    ran = world.run_anywhere("config", "get", "listenPort", "--json", "-n", two)
    assert (ran.code, len(ran.err)) == (3, 1)
    assert json.loads("".join(ran.out)) == [
        {"server": world.address, "options": {"listenPort": "0"}}
    ]


def test_ping(world: World) -> None:
    ran = world.run("ping")
    assert (ran.code, ran.err) == (0, [])
    assert ran.out[1].split()[:2] == [world.address, "answered"]
    two = f"{world.address};127.0.0.1:1"
    ran = world.run_anywhere("ping", "--json", "-n", two)
    assert ran.code == 3
    assert [one["failure"] is None for one in json.loads("".join(ran.out))] == [
        *(True, False),
    ]


def test_flags_may_stand_before_the_command(world: World) -> None:
    ran = world.run_anywhere("-n", world.address, "--json", "topic", "list", "-c", "c2")
    assert json.loads("".join(ran.out)) == ["Hello", "Spare"]


def test_addresses_come_from_the_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAMESRV_ADDR", world.address)
    assert world.run_anywhere("topic", "list", "-c", "c2").out == ["Hello", "Spare"]
