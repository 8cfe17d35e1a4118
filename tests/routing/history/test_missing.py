"""Topics that clients ask for in vain: counts, askers, the bounds of the table."""

from typing import Any

import pytest

from namesrv.codes import PING_TOPIC, TOOL, LanguageCode
from namesrv.routing.events import TopicAskedInVain
from namesrv.routing.history.missing import (
    KEPT_MILLIS,
    LONGEST_NAME,
    MOST_ASKERS,
    MOST_SEEN_AGAIN,
    MOST_SEEN_ONCE,
    SAMPLES,
    MissingTopic,
)
from namesrv.testing.peer import Broker, binary_request, lookup, request
from tests.routing.world import WALL_MILLIS, World


def tick(world: World, millis: int = 100) -> None:
    world.now_ms += millis
    world.state.missing.tick(world.now_ms)
    world.flush()


def ask(world: World, *topics: str, version: int = 479) -> None:
    world.send(b"".join(lookup(topic, version=version) for topic in topics))


def entry(world: World, topic: str) -> MissingTopic:
    found = world.state.missing.find(topic)
    assert found is not None
    return found


def names(world: World) -> set[str]:
    return {one.topic for one in world.state.missing}


def test_few_lookups_are_counted_exactly(world: World) -> None:
    for count in range(1, SAMPLES + 1):
        ask(world, *["T"] * count)
        tick(world)
    assert entry(world, "T").count == sum(range(1, SAMPLES + 1))
    assert len(world.state.missing) == 1


def test_many_lookups_are_estimated(world: World) -> None:
    topics = ["often"] * 12 + ["seldom"] * 4
    for _ in range(50):
        ask(world, *topics * 10)
        tick(world)
    counts = [entry(world, topic).count for topic in ("often", "seldom")]
    assert sum(counts) == pytest.approx(50 * 160)
    assert counts[0] / counts[1] == pytest.approx(3, rel=0.2)


def test_an_entry_names_the_dates_and_the_asker(world: World) -> None:
    ask(world, "T", version=401)
    tick(world)
    found = entry(world, "T")
    assert found.first_millis == found.last_millis == WALL_MILLIS
    (asker,) = found.askers.values()
    assert asker == ("10.0.0.9:40000", "JAVA", 401, WALL_MILLIS)


def test_clients_are_told_apart_by_host_language_and_version(world: World) -> None:
    def asks(host: str, port: int, version: int = 479) -> None:
        world.send(lookup("T", version=version), world.connect(f"{host}:{port}"))
        tick(world)

    asks("10.0.0.1", 1)
    asks("10.0.0.2", 1)
    asks("10.0.0.1", 2)
    asks("10.0.0.1", 3, version=401)
    go = binary_request(105, {"topic": "T"}, version=401)
    place = go.index(b"\0\x69") + 2
    world.send(go[:place] + bytes((LanguageCode.GO,)) + go[place + 1 :])
    tick(world)
    assert [asker[:3] for asker in entry(world, "T").askers.values()] == [
        ("10.0.0.2:1", "JAVA", 479),
        ("10.0.0.1:2", "JAVA", 479),
        ("10.0.0.1:3", "JAVA", 401),
        ("10.0.0.9:40000", "GO", 401),
    ]


def test_a_topic_keeps_its_last_askers(world: World) -> None:
    for number in range(MOST_ASKERS + 2):
        world.send(lookup("T"), world.connect(f"10.0.1.{number}:5"))
        tick(world)
    askers = list(entry(world, "T").askers.values())
    assert len(askers) == MOST_ASKERS
    assert askers[-1].address == f"10.0.1.{MOST_ASKERS + 1}:5"


def test_lookups_that_the_processor_answers_count_apart(world: World) -> None:
    with_zone = request(105, {"topic": "Z", "__ZONE_MODE": "true", "__ZONE_NAME": "z"})
    ask(world, *["often"] * 100)
    tick(world)
    ask(world, *["often"] * 100)
    world.send(with_zone * 20)
    tick(world)
    assert entry(world, "Z").count == pytest.approx(20)


@pytest.mark.parametrize("field", ["topic", "Topic"])
def test_a_lookup_without_a_topic_is_nobodys(world: World, field: str) -> None:
    world.send(request(105, {field: None}))
    tick(world)
    assert not names(world)


def test_a_topic_that_comes_is_missing_no_more(world: World) -> None:
    ask(world, "T", "U", "U")
    tick(world)
    assert names(world) == {"T", "U"}
    world.send(Broker().registration({"T": 1, "U": 1}))
    tick(world)
    assert not names(world)
    ask(world, "T")
    tick(world)
    assert not names(world)


def test_a_topic_that_comes_before_the_tick_was_not_missing(world: World) -> None:
    ask(world, "T")
    world.send(Broker().registration({"T": 1, "U": 1}))
    tick(world)
    assert not names(world)


def test_our_own_ping_is_not_noted(world: World) -> None:
    ask(world, PING_TOPIC, "T")
    tick(world)
    assert names(world) == {"T"}


def test_lookups_by_our_own_tools_are_not_noted(world: World) -> None:
    of_a_tool = request(105, {"topic": "typed by hand", TOOL: "true"})
    with_zone = {"__ZONE_MODE": "true", "__ZONE_NAME": "z"}
    cold = request(105, {"topic": "typed by hand", TOOL: "true", **with_zone})
    world.send(of_a_tool + lookup("T") + of_a_tool + cold)
    tick(world)
    assert names(world) == {"T"}
    assert [event.topic for event in in_vain(world)] == ["T"]
    assert entry(world, "T").count == 1
    assert world.state.missing.lookups == 1


def test_random_names_do_not_push_out_a_topic_that_is_asked_for_again(
    world: World,
) -> None:
    ask(world, "T", "T")
    tick(world)
    for number in range(MOST_SEEN_ONCE + 9):
        ask(world, f"random-{number}")
        tick(world)
    assert len(names(world)) == MOST_SEEN_ONCE + 1
    assert entry(world, "T").count == 2
    assert world.state.missing.dropped == 9
    assert "random-8" not in names(world)


def test_the_table_is_bounded_for_topics_that_are_asked_for_again(
    world: World,
) -> None:
    for number in range(MOST_SEEN_AGAIN + 3):
        ask(world, f"T{number}", f"T{number}")
        tick(world)
    assert len(world.state.missing) == MOST_SEEN_AGAIN
    assert world.state.missing.dropped == 3
    assert world.state.missing.find("T2") is None


def test_a_topic_that_nobody_asks_for_any_more_leaves(world: World) -> None:
    ask(world, "old", "again", "again")
    tick(world)
    ask(world, "new")
    tick(world, 1000)
    ask(world, "again")
    tick(world, KEPT_MILLIS - 1000)
    assert names(world) == {"old", "again", "new"}
    tick(world, 1)
    assert names(world) == {"again", "new"}
    assert world.state.missing.asked_since(world.now_ms - 1) == 1
    tick(world, KEPT_MILLIS)
    assert not names(world)
    assert world.state.missing.dropped == 0


def test_a_long_name_is_cut(world: World) -> None:
    ask(world, "x" * 1000)
    world.send(request(105, {"topic": "y" * 40_000}))
    tick(world)
    assert names(world) == {"x" * LONGEST_NAME + "...", "y" * LONGEST_NAME + "..."}


def test_long_header_is_not_read(world: World) -> None:
    fields = {"topic": "T", **{f"field {n}": "x" * 200 for n in range(25)}}
    ask(world, "U")
    world.send(request(105, fields))
    tick(world)
    assert names(world) == {"U"}


def test_half_of_a_pair_becomes_a_question_mark(world: World) -> None:
    world.send(request(105, {"topic": "\ud800T"}))
    tick(world)
    assert names(world) == {"?T"}


def in_vain(world: World) -> list[TopicAskedInVain]:
    return [event for event in world.changes if isinstance(event, TopicAskedInVain)]


def test_the_first_lookup_of_a_topic_is_an_event(world: World) -> None:
    for _ in range(3):
        ask(world, "T", version=401)
        tick(world)
    (event,) = in_vain(world)
    assert (event.topic, event.language, event.version) == ("T", "JAVA", 401)
    assert (event.cause.peer, event.cause.request_code) == ("10.0.0.9:40000", 105)
    assert world.event("topic asked for in vain") == {
        "topic": "T",
        "language": "JAVA",
        "version": 401,
        "remote": "10.0.0.9:40000",
    }
    (record,) = world.state.history.newest_first()
    assert record.facts()["topic"] == "T"


def test_events_are_few_however_many_topics_are_asked_for(world: World) -> None:
    for number in range(100):
        ask(world, f"T{number}")
        tick(world)
    assert len(in_vain(world)) == 20
    ask(world, "last")
    tick(world, 60_000)
    assert in_vain(world)[-1].topic == "last"
    assert not world.state.change_counts.counts


def test_the_first_lookups_after_a_storm_are_seen_soon(world: World) -> None:
    ask(world, *["storm"] * 1000)
    tick(world)
    tick(world)
    for _ in range(2):
        ask(world, "T")
        tick(world)
    assert entry(world, "T").count == 1


def test_a_topic_that_a_query_of_another_cluster_finds_is_not_missing() -> None:
    world = World(cluster_test=True)
    for topic in ("there", "nowhere"):
        world.send(lookup(topic), world.connect())
    there, nowhere = world.queries
    there.done(b"{}")
    nowhere.done(None)
    tick(world)
    assert names(world) == {"nowhere"}


def test_lookups_at_debug_level_are_seen() -> None:
    world: Any = World(log_level="DEBUG")
    ask(world, "T")
    tick(world)
    assert names(world) == {"T"}
