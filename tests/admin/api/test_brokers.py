"""`/v1/brokers` and `/v1/clusters`: groups, members, ages, problems, permissions."""

import pytest

from namesrv.testing.peer import Broker
from tests.admin.api.asking import Api
from tests.routing.world import World

MASTER = Broker("a", 0, "10.0.0.1:10911", "c1")
SLAVE = Broker("a", 1, "10.0.0.2:10911", "c1", 40_000)
LONE = Broker("b", 1, "10.0.0.3:10911", "c2")


@pytest.fixture
def api() -> Api:
    """A server with a whole group, and one without a master."""
    api = Api()
    api.register({"Orders": 4, "Bills": 8}, MASTER)
    api.register({"Orders": 4, "Bills": 8}, SLAVE)
    api.register({"Lost": 4, "Found": 8}, LONE)
    return api


def test_groups_are_listed_by_name(api: Api) -> None:
    page = api.get("/v1/brokers")
    assert page["total"] == 2
    assert page["items"] == [
        {
            "broker_name": "a",
            "cluster": "c1",
            "brokers": 2,
            "live_brokers": 2,
            "topics": api.get("/v1/brokers/a")["topics"],
            "master_addr": "10.0.0.1:10911",
            "last_heard_millis_ago": 0,
            "heartbeat_timeout_millis": 120_000,
            "problems": [],
            "link": "brokers/a",
        },
        {
            "broker_name": "b",
            "cluster": "c2",
            "brokers": 1,
            "live_brokers": 1,
            "topics": api.get("/v1/brokers/b")["topics"],
            "master_addr": None,
            "last_heard_millis_ago": 0,
            "heartbeat_timeout_millis": 120_000,
            "problems": ["no_master"],
            "link": "brokers/b",
        },
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("cluster=c2", ["b"]),
        ("prefix=a", ["a"]),
        ("problem=any", ["b"]),
        ("problem=silent", []),
        ("after=a", ["b"]),
    ],
)
def test_groups_are_filtered(api: Api, query: str, names: list[str]) -> None:
    items = api.get(f"/v1/brokers?{query}")["items"]
    assert [item["broker_name"] for item in items] == names


def test_an_unknown_cluster_is_404_with_similar_names(api: Api) -> None:
    answer = api.ask("/v1/brokers?cluster=C1")
    assert answer.status == 404
    assert answer.json["similar"] == ["c1"]


def test_a_cluster_of_no_name_has_no_groups(api: Api) -> None:
    api.world.tables.join_cluster("odd", None)
    assert api.get("/v1/brokers?cluster=odd")["items"] == []
    assert api.get("/v1/clusters?prefix=odd")["items"][0]["broker_groups"] == 1


def test_a_group_shows_its_brokers_and_their_age(api: Api) -> None:
    api.world.now_ms += 25_000
    group = api.get("/v1/brokers/a")
    master, slave = group["brokers"]
    assert (master["broker_id"], slave["broker_id"]) == (0, 1)
    (live,) = slave["live"]
    assert live["cluster"] == "c1"
    assert live["last_heard_millis_ago"] == 25_000
    assert live["heartbeat_timeout_millis"] == 40_000
    assert live["remote_address"] == api.world.connection.remote_address
    assert live["data_version"]["counter"] == 0
    assert group["problems"] == ["silent"]


def test_members_come_page_by_page(api: Api) -> None:
    first = api.get("/v1/brokers/a?limit=1")
    second = api.get(f"/v1/brokers/a{first['next']}")
    assert [m["broker_id"] for m in first["brokers"] + second["brokers"]] == [0, 1]
    assert "next" not in second


def test_a_broker_of_the_last_run_is_unconfirmed(api: Api) -> None:
    world = World()
    world.begin_warm(api.world.packed_routes(), 90_000)
    warm = Api(world)
    group = warm.get("/v1/brokers/a")
    assert group["problems"] == ["unconfirmed"]
    (live,) = group["brokers"][0]["live"]
    assert not live["is_confirmed"]
    assert live["remote_address"] is None
    assert "last_heard_millis_ago" not in live
    warm.register({"Orders": 4, "Bills": 8}, MASTER)
    warm.register({"Orders": 4, "Bills": 8}, SLAVE)
    assert warm.get("/v1/brokers/a")["problems"] == []


def test_an_unknown_group_is_404_with_similar_names(api: Api) -> None:
    api.register({"Orders": 4, "Bills": 8}, Broker("broker-east"))
    for method, path in (
        ("GET", "/v1/brokers/broker-est"),
        ("PUT", "/v1/brokers/broker-est/write_perm"),
        ("DELETE", "/v1/brokers/broker-est/write_perm"),
    ):
        answer = api.ask(path, method)
        assert answer.status == 404
        assert answer.json["similar"] == ["broker-east"]


def test_write_permission_is_wiped_and_added(api: Api) -> None:
    topics = api.get("/v1/brokers/a")["topics"]
    wiped = api.ask("/v1/brokers/a/write_perm", "DELETE")
    assert (wiped.status, wiped.json) == (200, {"topics": topics})
    assert api.world.topics["Orders"] == {"a": 4}
    assert api.get("/v1/brokers/a")["problems"] == ["read_only"]
    assert api.ask("/v1/brokers/a/write_perm", "PUT").json == {"topics": topics}
    assert api.world.topics["Orders"] == {"a": 6}
    assert api.get("/v1/brokers/a")["problems"] == []


def test_clusters_count_their_brokers(api: Api) -> None:
    assert api.get("/v1/clusters")["items"] == [
        {
            "cluster": "c1",
            "broker_groups": 1,
            "groups_without_master": 0,
            "brokers": 2,
            "live_brokers": 2,
            "link": "brokers?cluster=c1",
        },
        {
            "cluster": "c2",
            "broker_groups": 1,
            "groups_without_master": 1,
            "brokers": 1,
            "live_brokers": 1,
            "link": "brokers?cluster=c2",
        },
    ]


def test_links_of_clusters_lead_to_their_groups(api: Api) -> None:
    for item in api.get("/v1/clusters")["items"]:
        assert len(api.get(f"/v1/{item['link']}")["items"]) == item["broker_groups"]
