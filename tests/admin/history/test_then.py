"""`/v1/history/at` and `/between`: routes of a moment, found from the events since."""

import random
from typing import Any
from urllib.parse import quote, urljoin

import pytest

from namesrv.routing.history import touched
from namesrv.testing.peer import Broker, data_version
from tests.admin.api.asking import Api
from tests.routing.world import WALL_MILLIS

A = Broker("broker-a", 0, "10.0.0.1:10911", "c1")
SLAVE = Broker("broker-a", 1, "10.0.0.2:10911", "c1")
B = Broker("broker-b", 0, "10.0.0.3:10911", "c2")


class Dated(Api):
    """Each event has a date of its own: a second more for each that was put."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.millis = WALL_MILLIS
        self.world.state.events.wall_millis = self.next_millis

    def next_millis(self) -> int:
        self.millis += 1000
        return self.millis

    def register(
        self, topics: Any, broker: Broker | None = None, counter: int = 0
    ) -> None:
        sent = (broker or Broker()).registration(topics, version=data_version(counter))
        assert self.world.only(self.world.send(sent)).code == 0
        self.world.flush()

    def remove(self, broker: Broker) -> None:
        self.world.ask(104, broker.ext_fields)
        self.world.flush()

    def routes(self) -> tuple[Any, Any]:
        """Topics and brokers as the tables have them."""
        tables = self.world.tables
        topics = {n: sorted(e.queues) for n, e in tables.topic_queue_table.items()}
        groups = {
            name: {str(i): addr for i, addr in sorted(data.broker_addrs.items())}
            for name, data in tables.broker_addr_table.items()
        }
        return topics, groups

    def then(self, millis: int) -> tuple[Any, Any]:
        """The same as the history has them."""
        listed = self.listed(f"/v1/history/at?time={millis}&limit=3", "topics")
        groups = self.listed(
            f"/v1/history/at?time={millis}&kind=brokers&limit=2", "brokers"
        )
        return (
            {one["topic"]: one["brokers"] for one in listed},
            {one["broker"]: one["addresses"] for one in groups},
        )

    def listed(self, target: str, member: str) -> list[Any]:
        found: list[Any] = []
        while True:
            page = self.get(target)
            assert page["is_complete"]
            found += page[member]
            if "next" not in page:
                return found
            target = urljoin(target, page["next"])


@pytest.fixture
def api() -> Dated:
    """A broker with a slave came, then another one; the first one went."""
    api = Dated()
    api.register({"T": 4, "U": 4}, A)
    api.register({"T": 4, "U": 4}, SLAVE)
    api.register({"T": 8, "W": 8}, B)
    api.remove(A)
    api.remove(SLAVE)
    return api


def test_a_topic_of_a_moment_has_its_groups_and_addresses(api: Dated) -> None:
    found = api.get(f"/v1/history/at?time={WALL_MILLIS + 3000}&topic=T")
    assert found["number"] == 3
    assert found["topics"] == [{"topic": "T", "brokers": ["broker-a", "broker-b"]}]
    group, other = found["brokers"]
    assert group == {
        "broker": "broker-a",
        "cluster": "c1",
        "addresses": {"0": "10.0.0.1:10911", "1": "10.0.0.2:10911"},
    }
    assert other["cluster"] == "c2"
    later = api.get(f"/v1/history/at?time={WALL_MILLIS + 4000}&topic=U")
    assert later["brokers"][0]["addresses"] == {"1": "10.0.0.2:10911"}
    gone = api.get("/v1/history/at?time=0s&topic=U")
    assert (gone["topics"], gone["brokers"]) == ([], [])


def test_before_the_first_event_there_was_nothing(api: Dated) -> None:
    assert api.then(WALL_MILLIS + 999) == ({}, {})


def test_a_moment_that_the_server_does_not_know_is_a_sentence(api: Dated) -> None:
    answer = api.ask(f"/v1/history/at?time={WALL_MILLIS - 1}")
    assert answer.status == 404
    assert "this run began at 2023-11-14T22:13:20.000Z" in answer.json["detail"]


def test_a_moment_whose_events_are_gone_is_a_sentence() -> None:
    api = Dated(history_bytes=2000)
    for number in range(20):
        api.register({"T": number + 1, "U": 1}, A, number)
    first = api.world.state.history.first
    assert first > 10
    answer = api.ask(f"/v1/history/at?time={WALL_MILLIS + 1000}")
    assert answer.status == 404
    assert "the last events of this server begin at" in answer.json["detail"]
    assert api.then(WALL_MILLIS + 1000 * first)[0] == {
        "T": ["broker-a"],
        "U": ["broker-a"],
    }


def test_a_date_that_was_twice_means_the_later_time(api: Dated) -> None:
    api.millis = WALL_MILLIS
    api.register({"X": 1, "Y": 1}, A)
    assert set(api.then(WALL_MILLIS + 1500)[0]) == {"T", "W", "X", "Y"}
    assert set(api.then(WALL_MILLIS + 900)[0]) == set()


def test_differences_between_two_moments(api: Dated) -> None:
    begin, end = WALL_MILLIS + 1500, WALL_MILLIS + 4500
    target = f"/v1/history/between?from={begin}&to={end}"
    found = api.get(target)
    assert (found["from_number"], found["to_number"]) == (1, 4)
    assert found["topics"] == [
        {
            "topic": topic,
            "added_on": ["broker-b"],
            "changed_on": [],
            "removed_from": [],
        }
        for topic in ("T", "W")
    ]
    assert api.get(f"{target}&kind=brokers")["brokers"] == [
        {
            "broker": "broker-a",
            "before": {"0": "10.0.0.1:10911"},
            "after": {"1": "10.0.0.2:10911"},
        },
        {"broker": "broker-b", "before": {}, "after": {"0": "10.0.0.3:10911"}},
    ]


def test_changed_queues_and_pages_of_differences(api: Dated) -> None:
    api.register({f"N{n}": 1 for n in range(7)}, B, 1)
    api.register({f"N{n}": 2 for n in range(7)}, B, 2)
    now = api.millis
    target = f"/v1/history/between?from={now - 1000}&to={now}&limit=3"
    found = api.listed(target, "topics")
    assert [one["topic"] for one in found] == [f"N{n}" for n in range(7)]
    assert found[0]["changed_on"] == ["broker-b"]
    assert api.listed(f"{target}&prefix=N4", "topics") == [found[4]]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=5m&to=10m", "from is later than the parameter to"),
        ("from=soon&to=0s", "the parameter from is wrong: 'soon' is no moment"),
        ("to=0s", "the parameter from is missing, expected a text"),
    ],
)
def test_wrong_moments(query: str, words: str) -> None:
    answer = Api().ask(f"/v1/history/between?{query}")
    assert answer.status == 400
    assert words in answer.json["detail"]


def test_topics_are_not_listed_where_their_list_is_off(api: Dated) -> None:
    api.world.options.enable_all_topic_list = False
    assert api.ask("/v1/history/at?time=0s").status == 403
    assert api.ask("/v1/history/at?time=0s&topic=T").status == 200


def test_changes_while_a_page_is_made_are_not_in_it(api: Dated) -> None:
    before = api.routes()
    millis = api.millis

    def change() -> None:
        api.between = lambda: None
        api.remove(B)
        api.register({"T": 1, "Z": 1}, A)

    for kind in ("topics", "brokers"):
        api.between = change
        found = api.get(f"/v1/history/at?time={millis}&kind={kind}")[kind]
        assert len(found) == len(before[kind == "brokers"])
        api.remove(A)
        api.register({"T": 8, "W": 8}, B)


@pytest.mark.parametrize("seed", range(8))
def test_every_moment_of_a_random_history(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touched, "_MOST_ENTRIES", 6)
    drawn = random.Random(seed)
    api = Dated()
    seen = []
    brokers = [
        Broker(f"b{n % 3}", n % 2, f"10.0.0.{n % 5}:1", f"c{n % 2}") for n in range(8)
    ]
    for counter in range(60):
        broker = drawn.choice(brokers)
        topics = {f"T{n}": drawn.randint(1, 3) for n in drawn.sample(range(9), 4)}
        match drawn.randrange(6):
            case 0:
                api.remove(broker)
            case 1:
                name = quote(f"T{drawn.randrange(9)}")
                api.ask(f"/v1/topics/{name}", "DELETE")
            case 2:
                api.world.ask(205, {"brokerName": broker.name})
            case _:
                api.register(topics, broker, counter)
        api.world.flush()
        seen.append((api.millis, api.routes()))
    for millis, routes in seen:
        assert api.then(millis) == routes
