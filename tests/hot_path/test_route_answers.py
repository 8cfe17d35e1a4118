"""Ready answers, held against a dictionary that is searched from end to end."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from namesrv.testing.peer import read_answers
from namesrv.wire.command import RemotingCommand, encode_frame

NO_ROUTE = (
    "No topic route info in name server for the topic: {}\n"
    "See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
)


def found(body: bytes, opaque: int) -> bytes:
    return encode_frame(RemotingCommand(0, opaque, flag=1, body=body), 0)


def unknown(topic: str, opaque: int) -> bytes:
    remark = NO_ROUTE.format(topic)
    return encode_frame(RemotingCommand(17, opaque, flag=1, remark=remark), 0)


def test_an_unknown_topic_is_answered_at_once(hot: Any) -> None:
    answers = hot.RouteAnswers(100)
    assert answers.answer("T", True, 5) == unknown("T", 5)
    assert answers.answer("T", False, -5) == unknown("T", -5)
    assert (len(answers), answers.kept_bytes) == (0, 0)


@pytest.mark.parametrize(
    "topic",
    ["", "TBW102", 'quote " \\ \n \x00 \x7f', "é中😀", "lone \ud800 surrogate", "/"],
)
def test_code_17_names_any_topic(hot: Any, topic: str) -> None:
    output = hot.RouteAnswers(0).answer(topic, True, 1)
    assert output == unknown(topic, 1)
    (answer,) = read_answers(output)
    assert answer.code == 17
    assert answer.remark == NO_ROUTE.format(topic.replace("\ud800", "?"))
    assert answer.ext_fields is None and answer.body == b""


def test_marked_topic_has_no_answer_before_its_body_is_put(hot: Any) -> None:
    answers = hot.RouteAnswers(100)
    answers.mark("T")
    assert len(answers) == 1
    assert answers.answer("T", True, 1) is None
    answers.put("T", True, b"standard")
    assert answers.answer("T", True, 1) == found(b"standard", 1)
    assert answers.answer("T", False, 1) is None
    answers.put("T", False, b"legacy")
    assert answers.answer("T", False, 2**31 - 1) == found(b"legacy", 2**31 - 1)
    assert answers.answer("T", True, -(2**31)) == found(b"standard", -(2**31))
    assert answers.kept_bytes == len(b"standard" + b"legacy")


def test_a_change_makes_both_answers_stale(hot: Any) -> None:
    answers = hot.RouteAnswers(100)
    answers.mark("T")
    answers.put("T", True, b"old")
    answers.put("T", False, b"old")
    answers.mark("T")
    assert answers.answer("T", True, 1) is None
    assert answers.answer("T", False, 1) is None
    assert answers.kept_bytes == 0


def test_a_removed_topic_is_unknown(hot: Any) -> None:
    answers = hot.RouteAnswers(100)
    answers.mark("T")
    answers.put("T", True, b"old")
    answers.remove("T")
    answers.remove("never known")
    assert answers.answer("T", True, 1) == unknown("T", 1)
    assert (len(answers), answers.kept_bytes) == (0, 0)
    answers.mark("T")
    assert answers.answer("T", True, 1) is None


def test_forgetting_keeps_the_topics(hot: Any) -> None:
    answers = hot.RouteAnswers(100)
    for topic in ("A", "B"):
        answers.mark(topic)
        answers.put(topic, True, topic.encode())
    answers.forget_oldest(1)
    assert answers.answer("A", True, 1) is None
    assert answers.answer("B", True, 1) == found(b"B", 1)
    answers.forget_oldest(1)
    assert answers.answer("B", True, 1) is None
    assert (len(answers), answers.kept_bytes) == (2, 0)


def test_a_body_of_a_topic_that_is_gone_is_not_kept(hot: Any) -> None:
    answers = hot.RouteAnswers(100)
    answers.put("T", True, b"late")
    assert answers.answer("T", True, 1) == unknown("T", 1)
    assert answers.kept_bytes == 0


def test_a_body_over_the_budget_is_not_kept(hot: Any) -> None:
    answers = hot.RouteAnswers(3)
    answers.mark("T")
    answers.put("T", True, b"1234")
    assert answers.answer("T", True, 1) is None
    answers.put("T", True, b"123")
    assert answers.answer("T", True, 1) == found(b"123", 1)


def test_topic_answered_first_is_evicted_first(hot: Any) -> None:
    answers = hot.RouteAnswers(10)
    for topic in ("A", "B", "C"):
        answers.mark(topic)
        answers.put(topic, True, b"of " + topic.encode())
    assert answers.answer("A", True, 1) is None
    assert answers.answer("B", True, 1) == found(b"of B", 1)
    assert answers.answer("C", True, 1) == found(b"of C", 1)
    assert answers.kept_bytes == 8


def test_equal_bodies_are_kept_once(hot: Any) -> None:
    answers = hot.RouteAnswers(10)
    for number in range(1000):
        topic = f"T{number}"
        answers.mark(topic)
        answers.put(topic, True, bytes(10))
        answers.put(topic, False, bytes(10))
    assert answers.kept_bytes == 10
    for number in range(999):
        answers.remove(f"T{number}")
    assert answers.kept_bytes == 10
    assert answers.answer("T999", False, 1) == found(bytes(10), 1)
    answers.mark("T999")
    assert answers.kept_bytes == 0


def test_without_a_budget_nothing_is_kept_and_everything_is_answered(hot: Any) -> None:
    answers = hot.RouteAnswers(0)
    answers.mark("T")
    answers.put("T", True, b"1")
    assert answers.answer("T", True, 1) is None
    assert answers.answer("U", True, 1) == unknown("U", 1)
    assert answers.kept_bytes == 0


TOPICS = ["A", "B", "C", "D", "é", ""]
topics = st.sampled_from(TOPICS)
bodies = st.one_of(
    st.sampled_from([b"", b"a", b"bb", b"c" * 20]), st.binary(max_size=20)
)


class Model:
    """Topics in the order in which their first kept body came."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.known: set[str] = set()
        self.kept: list[tuple[str, bool, bytes]] = []

    @property
    def kept_bytes(self) -> int:
        return sum(map(len, {body for _, _, body in self.kept}))

    def forget(self, topic: str) -> None:
        self.kept = [entry for entry in self.kept if entry[0] != topic]

    def put(self, topic: str, standard: bool, body: bytes) -> None:
        if topic not in self.known or len(body) > self.max_bytes:
            return
        key = (topic, standard)
        places = [i for i, entry in enumerate(self.kept) if entry[:2] == key]
        if places:
            self.kept[places[0]] = (*key, body)
        else:
            self.kept.append((*key, body))
        while self.kept_bytes > self.max_bytes:
            self.forget(self.kept[0][0])

    def answer(self, topic: str, standard: bool, opaque: int) -> bytes | None:
        if topic not in self.known:
            return unknown(topic, opaque)
        bodies = [b for t, s, b in self.kept if (t, s) == (topic, standard)]
        return found(bodies[0], opaque) if bodies else None


class Answers(RuleBasedStateMachine):
    def __init__(self, hot: Any) -> None:
        super().__init__()
        self.hot = hot

    @initialize(max_bytes=st.integers(0, 40))
    def begin(self, max_bytes: int) -> None:
        self.answers = self.hot.RouteAnswers(max_bytes)
        self.model = Model(max_bytes)

    @rule(topic=topics)
    def mark(self, topic: str) -> None:
        self.answers.mark(topic)
        self.model.known.add(topic)
        self.model.forget(topic)

    @rule(topic=topics)
    def remove(self, topic: str) -> None:
        self.answers.remove(topic)
        self.model.known.discard(topic)
        self.model.forget(topic)

    @rule(topic=topics, standard=st.booleans(), body=bodies)
    def put(self, topic: str, standard: bool, body: bytes) -> None:
        self.answers.put(topic, standard, body)
        self.model.put(topic, standard, body)

    @rule(most=st.integers(0, 5))
    def forget_oldest(self, most: int) -> None:
        self.answers.forget_oldest(most)
        oldest = list(dict.fromkeys(topic for topic, _, _ in self.model.kept))
        for topic in oldest[:most]:
            self.model.forget(topic)

    @rule(opaque=st.integers(-(2**31), 2**31 - 1))
    def ask_for_everything(self, opaque: int) -> None:
        for topic in TOPICS:
            for standard in (False, True):
                assert self.answers.answer(topic, standard, opaque) == (
                    self.model.answer(topic, standard, opaque)
                )

    @invariant()
    def same_sizes(self) -> None:
        if hasattr(self, "model"):
            assert len(self.answers) == len(self.model.known)
            assert self.answers.kept_bytes == self.model.kept_bytes
            assert self.answers.kept_bytes <= self.model.max_bytes

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.ask_for_everything(opaque=0)


def test_any_history_answers_like_the_naive_model(hot: Any) -> None:
    machine: Any = lambda: Answers(hot)  # noqa: E731
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=30))
