"""The replay itself: what it lets pass and what it does not."""

from dataclasses import replace

import pytest

from namesrv.testing.peer import frame
from tests.golden.comparison import is_by_name, is_same
from tests.golden.documented import DIFFERENCES, answer_header
from tests.golden.recording import read_sessions
from tests.golden.transcript import (
    Outcome,
    Pointer,
    Step,
    read_transcript,
    transcript_names,
)
from tests.golden.verdict import complaint

STEP = read_transcript("channel_shared").steps[0]


def answer(body: str, header: str | None = None) -> Outcome:
    return Outcome((frame((header or answer_header(1)).encode(), body.encode()),))


def step(
    unordered: tuple[Pointer, ...] = (), volatile: tuple[Pointer, ...] = ()
) -> Step:
    return replace(STEP, unordered=unordered, volatile=volatile)


class TestEquality:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ('{"a":{0:"x"}}', '{"a":{"0":"x"}}'),
            ('{"a":1}', '{"a": 1}'),
            ('{"a":1}', '{"a":"1"}'),
            ('{"a":"/"}', '{"a":"\\/"}'),
            ('{"b":1,"a":2}', '{"a":2,"b":1}'),
            ('{"list":[1,2]}', '{"list":[2,1],"more":1}'),
        ],
    )
    def test_looks_at_the_text_of_json(self, one: str, other: str) -> None:
        for open_place in (), (("body", "list"),):
            assert not is_same(step(unordered=open_place), answer(one), answer(other))

    def test_allows_any_order_where_the_step_does(self) -> None:
        one, other = answer('{"list":["b","a"]}'), answer('{"list":["a","b"]}')
        assert is_same(step(unordered=(("body", "list"),)), one, other)
        assert not is_same(step(unordered=(("body", "other"),)), one, other)
        assert not is_same(step(), one, other)

    def test_allows_any_order_inside_any_entry(self) -> None:
        one = answer('[{"t":{2:"b",1:"a"}},{"t":{}}]')
        other = answer('[{"t":{1:"a",2:"b"}},{"t":{}}]')
        assert is_same(step(unordered=(("body", "*", "t"),)), one, other)

    def test_allows_any_value_where_the_step_does(self) -> None:
        one = answer("", answer_header(1, 1, "java.lang.X"))
        other = answer("", answer_header(1, 1, "broken"))
        assert is_same(step(volatile=(("header", "remark"),)), one, other)
        assert not is_same(step(volatile=(("header", "opaque"),)), one, other)

    def test_allows_any_value_of_a_masked_line_of_configuration(self) -> None:
        one, other = answer("a=1\nport=1\n"), answer("a=1\nport=2\n")
        assert is_same(step(volatile=(("config", "port"),)), one, other)
        assert not is_same(step(volatile=(("config", "a"),)), one, other)

    def test_counts_frames_and_ends(self) -> None:
        one = answer("{}")
        assert not is_same(step(), one, Outcome())
        assert not is_same(step(), one, replace(one, closed=True))
        assert not is_same(step(), one, Outcome(one.frames * 2))


class TestOrder:
    """Where Java's order is that of a hash table, ours is by name."""

    @pytest.mark.parametrize(
        ("container", "body"),
        [
            (("list",), '{"list":["b","a"]}'),
            (("table",), '{"table":{"b":"1","a":"2"}}'),
            (("brokerAddrs",), '{"brokerAddrs":{16:"x",2:"y"}}'),
            (("q",), '{"q":[{"brokerName":"b","perm":6},{"brokerName":"a"}]}'),
            (("c", "*"), '{"c":{"c1":["a","b"],"c2":["b","a"]}}'),
        ],
    )
    def test_is_by_name(self, container: Pointer, body: str) -> None:
        place = ("body", *container)
        assert not is_by_name(step(unordered=(place,)), answer(body))
        assert is_by_name(step(), answer(body))

    def test_of_ids_is_numeric(self) -> None:
        place = ("body", "brokerAddrs")
        body = answer('{"brokerAddrs":{-1:"z",0:"x",2:"a",16:"b"}}')
        assert is_by_name(step(unordered=(place,)), body)


class TestDocumentedDifferences:
    def test_name_recorded_steps(self) -> None:
        recorded = {
            (name, step.number)
            for name in transcript_names()
            for step in read_transcript(name).steps
        }
        for session in read_sessions():
            recorded |= {(one.file, one.step.number) for one in session.exchanges}
        assert {(row.recording, row.step) for row in DIFFERENCES} <= recorded

    def test_are_listed_once(self) -> None:
        places = [(row.recording, row.step) for row in DIFFERENCES]
        assert len(set(places)) == len(places)

    def test_are_an_error_once_there_is_none(self) -> None:
        stale = read_transcript("channel_shared").steps[4]
        text = complaint("channel_shared", stale, stale.right_answers[0])
        assert text is not None
        assert "no longer differs from Java" in text

    def test_have_one_right_answer(self) -> None:
        documented = read_transcript("channel_shared").steps[4]
        text = complaint("channel_shared", documented, Outcome())
        assert text is not None
        assert '{"brokerAddrTable":{},"clusterAddrTable":{}}' in text
        assert "no frame" in text
