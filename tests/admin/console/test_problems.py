"""`/v1/problems`: one sentence for each, the worst first, with what happens next."""

from typing import cast

import pytest

from namesrv.admin.api.endpoint import Call
from namesrv.admin.console.gone_brokers import gone_brokers
from namesrv.routing.events import BrokerDisconnected, Cause, CauseKind, TopicChanges
from namesrv.routing.history.peer_views import KeptDifference, PeerState, PeerView
from namesrv.testing.peer import Broker, lookup, request
from tests.admin.console.conftest import Asked, Make

A = Broker("broker-a", 0, "10.0.0.1:10911", "c1", 20_000)
SLAVE = Broker("broker-b", 1, "10.0.0.2:10911", "c1", 20_000)


def gone(asked: Asked, address: str, topics: list[str]) -> BrokerDisconnected:
    """The event of a broker whose connection was closed just now."""
    return BrokerDisconnected(
        wall_millis=asked.state.wall_millis(),
        cause=Cause(CauseKind.CONNECTION),
        cluster="c1",
        broker="b",
        address=address,
        epoch=1,
        broker_ids=(0,),
        was_live=True,
        timeout_millis=20_000,
        silent_millis=None,
        registered_in=None,
        is_group_gone=True,
        is_read_only=False,
        topics=TopicChanges(removed=topics),
    )


def pass_time(asked: Asked, seconds: int) -> None:
    """Time passes in steps that are no stall."""
    for _ in range(seconds):
        asked.server.tick(1000)


def test_a_server_without_problems_has_none(asked: Asked) -> None:
    asked.register(A, {"Orders": 4, "Bills": 4})
    page = asked.get("/v1/problems", limit=10)
    assert page == {"problems": [], "errors": 0, "warnings": 0, "notes": 0}


def test_a_group_without_a_master_and_its_topics(asked: Asked) -> None:
    asked.register(SLAVE, {"Orders": 4, "Bills": 4})
    page = asked.get("/v1/problems")
    first, second = page["problems"]
    assert (first["id"], first["subject"], first["name"]) == (
        "not_writable",
        "topics",
        None,
    )
    assert first["sentence"] == "No client can send to 2 topics: Orders, Bills."
    assert (second["id"], second["subject"], second["name"]) == (
        "no_master",
        "broker",
        "broker-b",
    )
    assert second["sentence"] == "Broker group broker-b of cluster c1 has no master."
    assert second["next"].endswith("a broker with id 0 registers.")
    assert (page["errors"], page["warnings"]) == (1, 1)


def test_a_silent_broker_and_the_time_that_is_left(asked: Asked) -> None:
    asked.register(A, {"Orders": 4, "Bills": 4})
    pass_time(asked, 12)
    (problem,) = asked.get("/v1/problems")["problems"]
    assert (problem["severity"], problem["id"]) == ("warning", "silent")
    assert problem["sentence"].startswith("Broker broker-a at 10.0.0.1:10911 was last")
    assert (
        problem["sentence"].endswith("heard 12 s ago.")
        or "11 s ago" in (problem["sentence"])
    )
    assert problem["next"] == "It is removed in 8 s if it stays silent."


def test_a_broker_over_its_timeout_waits_for_the_next_check(make: Make) -> None:
    asked = make(scan_not_active_broker_interval=3_600_000)
    asked.register(A, {"Orders": 4, "Bills": 4})
    pass_time(asked, 22)
    (problem,) = asked.get("/v1/problems")["problems"]
    assert problem["id"] == "silent"
    assert problem["next"] == "It is over its timeout; the next check removes it."


def test_an_expired_broker_is_gone_until_it_comes_back(asked: Asked) -> None:
    asked.register(A, {"Orders": 4, "Bills": 4})
    pass_time(asked, 40)
    (problem,) = asked.get("/v1/problems")["problems"]
    assert (problem["severity"], problem["id"]) == ("error", "gone")
    assert "it was silent for 2" in problem["sentence"]
    assert problem["sentence"].endswith("2 topics have no queues on it any more.")
    asked.register(A, {"Orders": 4, "Bills": 4})
    asked.server.tick(0)
    assert "gone" not in [found[1] for found in asked.problems()]


def test_a_broker_that_unregistered_is_a_note(asked: Asked) -> None:
    peer = asked.register(A, {"Orders": 4, "Bills": 4})
    names = {"brokerName": A.name, "brokerAddr": A.addr, "clusterName": A.cluster}
    peer.receive(request(104, {**names, "brokerId": "0"}))
    asked.server.tick()
    assert [found[:2] for found in asked.problems()] == [("note", "gone")]


def test_a_wiped_group_is_read_only_and_its_topics_not_writable(asked: Asked) -> None:
    peer = asked.register(A, {"Orders": 4, "Bills": 4})
    peer.receive(request(205, {"brokerName": "broker-a"}))
    found = asked.get("/v1/problems")["problems"]
    assert [problem["id"] for problem in found] == ["not_writable", "read_only"]
    assert "namesrv broker add-write broker-a" in found[1]["next"]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("b;id\n$(id)", "`namesrv broker add-write 'b;id\n$(id)'` gives it back."),
        ("--help", "`namesrv broker add-write -- --help` gives it back."),
        ("x" * 256, ""),
    ],
)
def test_a_shell_reads_an_odd_name_as_it_is(
    asked: Asked, name: str, command: str
) -> None:
    peer = asked.register(A._replace(name=name), {"Orders": 4, "Bills": 4})
    peer.receive(request(205, {"brokerName": name}))
    found = asked.get("/v1/problems")["problems"][1]["next"]
    sentence = "Somebody wiped it, or the broker registers so."
    assert found == f"{sentence} {command}".strip()


def test_a_gate_at_the_start_is_a_problem_of_the_server(make: Make) -> None:
    asked = make(need_wait_for_service=True, wait_seconds_for_service=60)
    ((severity, word, sentence),) = asked.problems()
    assert (severity, word) == ("error", "waiting")
    assert sentence.startswith("The server answers no lookup in its first 60 s")


def test_a_loop_that_stood_still_is_late(asked: Asked) -> None:
    asked.server.tick(1400)
    ((_, word, sentence),) = asked.problems()
    assert word == "late"
    assert "stood still for 1.3 s" in sentence


def test_a_nearly_full_table_names_its_option(make: Make) -> None:
    asked = make(max_routes=11)
    asked.register(A, {f"T{number}": 4 for number in range(10)})
    ((_, word, sentence),) = asked.problems()
    assert word == "many_routes"
    assert sentence == "The server has 10 routes, and the limit is 11."


def test_a_scan_of_topics_is_kept_while_nothing_changes(asked: Asked) -> None:
    asked.register(SLAVE, {"Orders": 4, "Bills": 4})
    first = asked.problems()
    asked.state.tables.topic_queue_table["Orders"].queues.clear()
    assert asked.problems() == first


def test_the_limit_cuts_the_list_and_not_the_counts(asked: Asked) -> None:
    asked.register(SLAVE, {"Orders": 4, "Bills": 4})
    page = asked.get("/v1/problems", limit=1)
    assert [problem["id"] for problem in page["problems"]] == ["not_writable"]
    assert (page["errors"], page["warnings"]) == (1, 1)


def test_topics_that_are_asked_for_in_vain(asked: Asked) -> None:
    peer = asked.register(A, {"Orders": 4, "Bills": 4})
    peer.receive(lookup("Odres"))
    asked.server.tick()
    (problem,) = asked.get("/v1/problems")["problems"]
    assert (problem["id"], problem["subject"]) == ("missing", "topic")
    assert problem["sentence"] == "Clients ask for the topic Odres, which is not here."
    assert problem["next"] == "Run namesrv explain --topic Odres"
    peer.receive(lookup("Bilsl"))
    asked.server.tick()
    (problem,) = asked.get("/v1/problems")["problems"]
    assert problem["subject"] == "missing"
    assert problem["next"] == "Run namesrv topic missing"
    assert problem["sentence"].startswith("Clients ask for 2 topics that are not here:")
    asked.register(Broker("z", 0, "10.0.0.8:1"), {"Odres": 1, "Bilsl": 1})
    assert asked.problems() == []


def test_a_peer_with_other_routes_and_one_that_is_down(asked: Asked) -> None:
    differs = KeptDifference("topic", "Orders", False, "Orders is not there.", 0)
    asked.state.peer_views.views = (
        PeerView("ns2:9876", state=PeerState.DISAGREES, differences=(differs,)),
        PeerView("ns3:9876", state=PeerState.DOWN, reason="no answer within 2 s"),
        PeerView("ns4:9876", state=PeerState.AGREES),
    )
    first, _ = asked.get("/v1/problems")["problems"]
    assert first["next"] == "Run namesrv diff HERE:PORT ns2:9876"
    assert [found[1:] for found in asked.problems()] == [
        (
            "peer_disagrees",
            "The server ns2:9876 has other routes, 1 difference, such as: Orders is not"
            " there.",
        ),
        (
            "peer_down",
            "The peer ns3:9876 cannot be compared: no answer within 2 s.",
        ),
    ]


def test_large_records_of_gone_brokers_are_read_one_in_a_step(asked: Asked) -> None:
    names = [f"topic-with-a-usual-name-{number:05}" for number in range(5000)]
    history = asked.state.history
    for number in range(4):
        history.note(gone(asked, f"10.0.1.{number}:1", names))
    steps = list(gone_brokers(cast("Call", asked.server)))
    assert len(steps) >= 4
    assert sum(steps) > history.bytes >> 10
