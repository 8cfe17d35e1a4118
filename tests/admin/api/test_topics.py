"""`/v1/topics`: lists, problems, single topics, deletions."""

from urllib.parse import urljoin

import pytest

from namesrv.testing.peer import Broker
from tests.admin.api.asking import Api

MASTER = Broker("a", 0, "10.0.0.1:10911")
OTHER = Broker("b", 0, "10.0.0.2:10911")
SLAVE = Broker("c", 1, "10.0.0.3:10911")


@pytest.fixture
def api() -> Api:
    """A server with three groups, of which one has no master."""
    api = Api()
    api.register({"Orders": 4, "Bills": 8}, MASTER)
    api.register({"Orders": 2, "Mail/é": 1}, OTHER)
    api.register({"Lost": 4, "Bills": 1}, SLAVE)
    return api


def test_topics_are_listed_by_name(api: Api) -> None:
    page = api.get("/v1/topics")
    names = [item["topic"] for item in page["items"]]
    assert names == sorted(api.world.topics)
    assert page["total"] == len(names)
    assert "next" not in page


def test_an_item_counts_queues_and_groups(api: Api) -> None:
    (item,) = api.get("/v1/topics?prefix=Orders")["items"]
    assert item == {
        "topic": "Orders",
        "broker_groups": 2,
        "read_queue_nums": 6,
        "write_queue_nums": 6,
        "problems": [],
        "link": "topics/Orders",
    }


@pytest.mark.parametrize("name", [".", ".."])
def test_link_of_a_topic_with_dots_leads_to_it(name: str) -> None:
    api = Api()
    api.register({name: 4, "T": 4})
    (item,) = (i for i in api.get("/v1/topics")["items"] if i["topic"] == name)
    assert api.get(urljoin("/v1/topics", item["link"]))["topic"] == name


def test_links_lead_to_the_topics(api: Api) -> None:
    for item in api.get("/v1/topics")["items"]:
        assert api.get(f"/v1/{item['link']}")["topic"] == item["topic"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("no_master", {"Bills", "Lost"}),
        ("not_writable", {"Lost"}),
        ("not_readable", set()),
        ("any", {"Bills", "Lost"}),
    ],
)
def test_topics_are_filtered_by_problem(api: Api, wanted: str, names: set[str]) -> None:
    items = api.pages(f"/v1/topics?problem={wanted}&limit=1")
    found = {item["topic"] for item in items} & {"Orders", "Bills", "Mail/é", "Lost"}
    assert found == names


def test_a_wiped_permission_is_a_problem(api: Api) -> None:
    api.world.ask(205, {"brokerName": "a"})
    api.world.ask(205, {"brokerName": "b"})
    (item,) = api.get("/v1/topics?prefix=Orders")["items"]
    assert item["problems"] == ["not_writable"]
    assert (item["read_queue_nums"], item["write_queue_nums"]) == (6, 0)


def test_a_topic_shows_its_groups_page_by_page(api: Api) -> None:
    first = api.get("/v1/topics/Bills?limit=1")
    assert first["problems"] == ["no_master"]
    assert first["queues"] == [
        {
            "broker_name": "a",
            "perm": 6,
            "read_queue_nums": 8,
            "write_queue_nums": 8,
            "topic_sys_flag": 0,
            "has_master": True,
        }
    ]
    second = api.get(f"/v1/topics/Bills{first['next']}")
    assert [queue["broker_name"] for queue in second["queues"]] == ["c"]
    assert "next" not in second


def test_an_unknown_topic_is_404_with_similar_names(api: Api) -> None:
    answer = api.ask("/v1/topics/orders")
    assert answer.status == 404
    assert answer.json["similar"] == ["Orders"]
    assert "'orders'" in answer.json["detail"]


def test_names_are_not_shown_when_the_list_is_switched_off() -> None:
    api = Api(enable_all_topic_list=False)
    api.register({"Orders": 4, "Bills": 4})
    assert api.ask("/v1/topics").status == 403
    assert api.ask("/v1/topics/orders").json["similar"] == []
    assert api.ask("/v1/topics/Orders").status == 200


def test_a_topic_is_deleted(api: Api) -> None:
    assert api.ask("/v1/topics/Orders", "DELETE").status == 204
    assert "Orders" not in api.world.topics
    assert api.ask("/v1/topics/Orders", "DELETE").status == 404


def test_a_topic_is_deleted_in_one_cluster() -> None:
    api = Api()
    api.register({"Orders": 4, "Bills": 8}, MASTER)
    api.register({"Orders": 4, "Bills": 8}, OTHER._replace(cluster="c2"))
    assert api.ask("/v1/topics/Orders?cluster=c2", "DELETE").status == 204
    assert api.world.topics["Orders"] == {"a": 6}


def test_no_topic_is_deleted_in_an_unknown_cluster(api: Api) -> None:
    said = api.ask("/v1/topics/Orders?cluster=c11", "DELETE")
    assert said.status == 404
    assert "there is no cluster 'c11'" in said.json["detail"]
    assert "Orders" in api.world.topics


def test_topics_are_searched_by_a_part_of_their_name(api: Api) -> None:
    api.register({"team.OrderEvents": 1, "other": 1}, Broker("z", 0, "10.0.0.8:1"))
    found = api.pages("/v1/topics?contains=ORDERE")
    assert [item["topic"] for item in found] == ["team.OrderEvents"]


def test_topics_of_one_broker_group(api: Api) -> None:
    api.register({"OnlyHere": 1, "AndHere": 1}, Broker("z", 0, "10.0.0.8:1"))
    found = api.pages("/v1/topics?broker=z")
    assert [item["topic"] for item in found] == ["AndHere", "OnlyHere"]
    assert api.pages("/v1/topics?broker=unknown") == []
