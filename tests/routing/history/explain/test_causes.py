"""The table of causes, and its page."""

import re
from pathlib import Path

from namesrv.routing.history.explain.causes import (
    _UNKNOWN,
    RULES,
    find_causes,
    find_unknown,
)
from namesrv.routing.history.explain.evidence import Evidence, Names, Past
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
