"""The table of causes, and its page."""

import re
from pathlib import Path

from namesrv.routing.history.explain.causes import (
    _UNKNOWN,
    RULES,
    find_causes,
    find_unknown,
)
from namesrv.routing.history.explain.evidence import (
    Broker,
    Evidence,
    Group,
    Names,
    Past,
    Removal,
)
from namesrv.routing.history.explain.rule import BOTH, CONFIDENCES

PAGE = Path(__file__).parents[4] / "docs" / "explain.md"


def test_the_page_lists_the_table() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| ([\w, ]+) \| (.*) \|$", PAGE.read_text())
    assert rows == [(r.id, ", ".join(r.kinds), r.meaning) for r in RULES]


def test_every_id_is_there_once_and_every_need_has_a_sentence() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))
    assert {need for rule in RULES for need in rule.needs} == set(_UNKNOWN)
    assert all(set(rule.kinds) <= set(BOTH) for rule in RULES)


def test_nothing_follows_from_nothing_but_all_is_unknown() -> None:
    for kind in BOTH:
        evidence = Evidence(kind, "x")
        assert find_causes(evidence) == []
        needs = {n for rule in RULES if kind in rule.kinds for n in rule.needs}
        assert len(find_unknown(evidence)) == len(needs)


def test_the_sentence_about_peers_fits_the_server() -> None:
    evidence = Evidence("topic", "x")
    about = "whether other NameServers have it: "
    for has_peers, end in (
        (None, "this server does not show its peers"),
        (False, "this server has no peers (option peers)"),
        (True, "no peer of this server has answered"),
    ):
        evidence.server.has_peers = has_peers
        assert f"{about}{end}" in find_unknown(evidence)
    evidence.server.at_peers = []
    assert not any(one.startswith(about) for one in find_unknown(evidence))


def test_the_surest_cause_comes_first() -> None:
    evidence = Evidence("topic", "x")
    evidence.names = Names()
    evidence.names.near = ["y", "z"]
    evidence.past = Past()
    evidence.server.brokers = 0
    found = [cause.confidence for cause in find_causes(evidence)]
    assert found == sorted(found, key=CONFIDENCES.index)
    assert found[0] == "certain" and found[-1] == "possible"


def test_gaps_of_the_history_are_unknown() -> None:
    evidence = Evidence("topic", "x")
    past = evidence.past = Past()
    past.is_whole, past.is_cut = False, True
    evidence.left_out = 7
    unknown = find_unknown(evidence)
    assert "events before the oldest one that the history still has" in unknown
    assert any("left out" in sentence for sentence in unknown)
    assert "7 more broker groups, which were not examined" in unknown


def test_a_silent_broker_is_over_its_timeout_until_the_next_check() -> None:
    evidence = Evidence("broker", "b")
    group, broker = Group("b", "c1"), Broker(0, "10.0.0.1:10911")
    evidence.exists, evidence.groups, group.brokers = True, [group], [broker]
    broker.is_confirmed, broker.timeout_millis = True, 8000
    broker.heard_millis_ago = 7000
    assert "silent for 7 s of its timeout of 8 s; it may be down." in _silence(evidence)
    broker.heard_millis_ago = 10_000
    assert (
        "silent for 10 s, over its timeout of 8 s; the next check removes it."
        in _silence(evidence)
    )


def _silence(evidence: Evidence) -> str:
    found = {cause.id: cause.sentence for cause in find_causes(evidence)}
    return found["silent_broker"]


def test_departures_of_a_topic_that_is_here_are_no_fault() -> None:
    evidence = Evidence("topic", "x")
    evidence.exists = True
    past = evidence.past = Past()
    past.removals = [Removal("unregistered", f"b{n}", 4000) for n in range(11)]
    (cause,) = (one for one in find_causes(evidence) if one.id == "broker_unregistered")
    assert cause.sentence.startswith("It had 11 more brokers before: broker 'b0' asked")
