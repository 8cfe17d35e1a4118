"""Two servers of ours compared over real sockets, with a digest and without one."""

from pathlib import Path
from typing import Any

import pytest

from namesrv.admin.peers.comparison import TOPICS_OF_ROUND
from namesrv.client.addresses import Address
from namesrv.client.nameservers import NameServers
from namesrv.client.questions import Questions
from namesrv.client.terms import Terms
from namesrv.routing.history.peer_views import LONGEST_TEXT
from namesrv.testing.peer import lookup
from namesrv.testing.peer.connection import wait_until
from tests.admin.peers.pair import PATIENT, Pair, pair, wait_for
from tests.admin.served import asked, asking


@pytest.fixture(params=["digest", "remoting"])
def has_http(request: pytest.FixtureRequest) -> Any:
    return request.param == "digest"


def register_both(both: Pair, **facts: Any) -> None:
    both.here.register(**facts)
    both.there.register(**facts)


def test_servers_with_the_same_brokers_agree_and_have_one_digest(
    tmp_path: Path, has_http: bool
) -> None:
    with pair(tmp_path, has_http=has_http) as both:
        register_both(both, topics={"T1": 4, "T2": 8, "T3": 1})
        register_both(both, name="b2", number=1, topics={"T1": 2})
        kind = "namesrv" if has_http else "rocketmq"

        def has_our_digest(one: Any) -> bool:
            # The last of these brokers may have come after either digest was made.
            return one["digest"] == (both.page()["digest"] or one["digest"])

        found = both.wait(
            lambda one: (
                one["state"] == "agrees" and one["brokers"] == 2 and has_our_digest(one)
            )
        )
        assert found["kind"] == kind
        assert found["differences"] == []
        assert len(found["digest"]) == 32


def test_a_missing_broker_is_one_sentence(tmp_path: Path, has_http: bool) -> None:
    with pair(tmp_path, has_http=has_http) as both:
        register_both(both)
        both.there.register(name="b2", number=1, topics={"T1": 4, "T9": 4})
        both.wait_for_differences(
            "broker b2: this server has none, THERE has it at 10.0.0.1:10911"
        )
        found = both.wait(lambda one: one["only_there"] == 1)
        differences = both.server._server.inside.state.peer_views.views[0].differences
        assert found["since_millis"] == differences[0].since_millis
        both.here.register(name="b2", number=1, topics={"T1": 4, "T9": 4})
        found = both.wait_for_state("agrees")
        assert found["only_there"] == 0


def test_equal_names_that_utf_8_cannot_hold_are_no_difference(
    tmp_path: Path, has_http: bool
) -> None:
    with pair(tmp_path, has_http=has_http) as both:
        topics = {"\ud800x": 4, "\u00e9": 4, "T1": 4}
        register_both(both, name="br\udfff", topics=topics)
        both.here.register(name="b2", number=1)
        both.wait_for_differences(
            "broker b2: this server has it at 10.0.0.1:10911, THERE has none"
        )


def test_topics_and_queues_that_differ_are_sentences(
    tmp_path: Path, has_http: bool
) -> None:
    with pair(tmp_path, has_http=has_http) as both:
        both.here.register(topics={"T1": 4, "T2": 4})
        both.there.register(topics={"T1": 8, "T3": 4})
        both.wait_for_differences(
            "queues of topic T1 on b1: this server has rw 4 read 4 write, THERE has rw"
            " 8 read 8 write",
            "topic T2: this server has it on b1, THERE has none",
            "topic T3: this server has none, THERE has it on b1",
        )


def test_a_comparing_server_and_a_tool_are_no_clients(
    tmp_path: Path, has_http: bool
) -> None:
    with pair(tmp_path, has_http=has_http) as both:
        both.here.register(topics={"Mine": 4})
        both.there.register(name="b2", number=1, topics={"Its": 4})
        both.wait(lambda one: one["only_there"] == 1 and one["state"] == "disagrees")
        address = Address(*both.peer_server.addresses[0])
        with Questions(NameServers([address], Terms())) as questions:
            assert questions.route("typed by hand") is None
        assert both.there.peer.ask(lookup("of a client")).code == 17
        missing = both.peer_server._server.inside.state.missing
        wait_until(lambda: len(missing) > 0)
        assert [one.topic for one in missing] == ["of a client"]


def test_a_wiped_permission_is_found(tmp_path: Path, has_http: bool) -> None:
    with pair(tmp_path, has_http=has_http) as both:
        register_both(both)
        both.wait_for_state("agrees")
        both.there.ask(205, {"brokerName": "b1"})
        both.wait_for_differences(
            "queues of topic T1 on b1: this server has rw 4 read 4 write, THERE has r-"
            " 4 read 4 write",
            "queues of topic Base on b1: this server has rw 1 read 1 write, THERE has"
            " r- 1 read 1 write",
        )


def test_a_new_difference_settles_before_it_is_a_disagreement(
    tmp_path: Path, has_http: bool
) -> None:
    with pair(tmp_path, PATIENT, has_http=has_http) as both:
        both.here.register()
        found = both.wait_for_state("settling")
        assert len(found["differences"]) == 1
        both.there.register()
        both.wait_for_state("agrees")


def test_the_end_of_a_peer_and_its_return_are_seen(tmp_path: Path) -> None:
    with pair(tmp_path) as both:
        both.wait_for_state("agrees")
        both.peer_server.stop()
        found = both.wait_for_state("down")
        assert found["reason"] == "nothing listens there (connection refused)"


def test_a_disagreement_is_an_event_and_a_metric_and_so_is_its_end(
    tmp_path: Path,
) -> None:
    with pair(tmp_path) as both:
        both.here.register()
        peer = both.wait_for_state("disagrees")["address"]
        address = both.server.addresses[0]
        assert f'peer_disagrees{{peer="{peer}"}} 1' in metrics(both)
        both.there.register()
        both.wait_for_state("agrees")
        shown = metrics(both)
        assert f'peer_up{{peer="{peer}"}} 1' in shown
        assert f'peer_disagrees{{peer="{peer}"}} 0' in shown
        assert f'peer_differences{{peer="{peer}"}} 0' in shown

        def events() -> list[Any]:
            path = "/v1/history?type=PeerDisagreed,PeerAgreed"
            found: list[Any] = asked(address, path)[1]["events"]
            return found

        end, begin = wait_for(events, lambda found: len(found) == 2)
        assert (end["type"], end["address"]) == ("PeerAgreed", peer)
        assert (begin["type"], begin["count"]) == ("PeerDisagreed", 1)
        assert begin["sentences"] == [
            f"broker b1: this server has it at 10.0.0.0:10911, {peer} has none"
        ]
        assert begin["cause"] == {"kind": "comparison"}


def metrics(both: Pair) -> str:
    """The text of /metrics."""
    client = asking(both.server.addresses[0])
    client.request("GET", "/metrics")
    text = client.getresponse().read().decode()
    client.close()
    return text


def test_a_table_of_several_rounds_is_swept(tmp_path: Path) -> None:
    topics = {f"T{number:05}": 4 for number in range(2 * TOPICS_OF_ROUND + 100)}
    with pair(tmp_path, has_http=False) as both:
        register_both(both, topics=topics)
        both.wait(lambda one: one["state"] == "agrees" and one.get("digest"))
        both.there.register(topics={**topics, "T02050": 8}, counter=2)
        both.wait_for_differences(
            "queues of topic T02050 on b1: this server has rw 4 read 4 write, THERE"
            " has rw 8 read 8 write"
        )
        both.here.register(topics={**topics, "T02050": 8}, counter=2)
        both.wait_for_state("agrees")


def test_a_peer_without_its_list_of_topics_is_compared_by_ours(
    tmp_path: Path,
) -> None:
    hidden = {"enable_all_topic_list": False}
    with pair(tmp_path, has_http=False, there=hidden) as both:
        both.here.register(topics={"T1": 4, "T2": 4})
        both.there.register(topics={"T1": 4, "T3": 4})
        both.wait_for_differences("topic T2: this server has it on b1, THERE has none")


def test_long_names_of_a_peer_are_cut(tmp_path: Path) -> None:
    with pair(tmp_path, there={"max_name_bytes": 100_000}) as both:
        both.there.register(name="b" * 50_000)
        found = both.wait_for_state("disagrees")
        (sentence,) = found["differences"]
        assert len(sentence) == LONGEST_TEXT
        assert sentence.endswith("…")


def test_more_differences_than_are_shown_are_counted(tmp_path: Path) -> None:
    with pair(tmp_path) as both:
        both.here.register(topics={f"T{number}": 4 for number in range(300)})
        both.there.register(topics={f"T{number}": 8 for number in range(300)})
        found = both.wait(lambda one: one["differences_left_out"] == 100)
        assert len(found["differences"]) == 200
