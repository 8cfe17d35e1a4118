"""RouteAnswers over both twins, and over a model that is one dictionary."""

import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.parity.naive import NaiveAnswers
from tests.parity.twins import both, outcome, same

TOPICS = [
    *("a", "b", "ab", "abcdefgh", "abcdefghi", "%RETRY%group", "", "TopicA", "TopicB"),
    *('a"b', "a\\b", "a/b", "a\nb", "é", "e\u0301", "\U0001f600", "\ud83d\ude00"),
    *("\ud800", "\0", "a\0", "\0a", "ÿ", "\xff", "x" * 300),
]
topics = st.one_of(st.sampled_from(TOPICS[:4]), st.sampled_from(TOPICS))
opaques = st.one_of(
    st.sampled_from([0, 1, -1, 9, 10, 99, 100, -10, 2**31 - 1, -(2**31), 31415926]),
    st.integers(-(2**31), 2**31 - 1),
)
bodies = st.one_of(
    st.sampled_from([b"", b"{}", b"x" * 20, b"31415926%TOPIC%"]), st.binary(max_size=40)
)


class Answers(RuleBasedStateMachine):
    """Any order of calls, under any budget."""

    @initialize(max_bytes=st.sampled_from([0, 1, 20, 40, 41, 100, 2**62]))
    def begin(self, max_bytes: int) -> None:
        self.twins = both("RouteAnswers", max_bytes)
        self.model = NaiveAnswers(max_bytes)

    @rule(topic=topics)
    def mark(self, topic: str) -> None:
        same(self.twins, "mark", topic)
        self.model.mark(topic)

    @rule(some=st.lists(topics, max_size=4))
    def mark_all(self, some: list[str]) -> None:
        same(self.twins, "mark_all", some)
        for topic in some:
            self.model.mark(topic)

    @rule(topic=topics)
    def remove(self, topic: str) -> None:
        same(self.twins, "remove", topic)
        self.model.remove(topic)

    @rule(most=st.integers(0, 5))
    def forget_oldest(self, most: int) -> None:
        same(self.twins, "forget_oldest", most)
        self.model.forget_oldest(most)

    @rule(topic=topics, standard=st.booleans(), body=bodies)
    def put(self, topic: str, standard: bool, body: bytes) -> None:
        same(self.twins, "put", topic, standard, body)
        self.model.put(topic, standard, body)

    @rule(topic=topics, standard=st.booleans(), body=bodies)
    def mark_and_put(self, topic: str, standard: bool, body: bytes) -> None:
        self.mark(topic)
        self.put(topic, standard, body)

    @rule(topic=topics, standard=st.booleans(), opaque=opaques)
    def answer(self, topic: str, standard: bool, opaque: int) -> None:
        given = same(self.twins, "answer", topic, standard, opaque)
        assert given == outcome(self.model.answer, topic, standard, opaque)

    @invariant()
    def as_much_is_kept(self) -> None:
        if not hasattr(self, "model"):
            return
        kept = same(self.twins, lambda answers: (len(answers), answers.kept_bytes))
        expected = outcome(lambda: (len(self.model.topics), self.model.kept_bytes))
        assert kept == expected
        for topic, standard in itertools.product(TOPICS, (False, True)):
            self.answer(topic, standard, -5)


def test_any_order_of_calls() -> None:
    run_state_machine_as_test(
        Answers,
        settings=settings(
            max_examples=settings().max_examples // 2, stateful_step_count=20
        ),
    )


def test_thousands_of_topics_come_and_go() -> None:
    """Enough for the compiled map to grow, and for every kind of cluster in it."""
    twins = both("RouteAnswers", 2**62)
    model = NaiveAnswers(2**62)
    names = [f"topic-{number}" for number in range(1000)]
    for round_number in range(4):
        for number, name in enumerate(names):
            if number % 7 != round_number:
                same(twins, "mark", name)
                model.mark(name)
            if number % (round_number + 2) == 0:
                same(twins, "remove", name)
                model.remove(name)
                assert same(twins, len) == (outcome(lambda: len(model.topics)))
        for name in names:
            given = same(twins, "answer", name, True, 1)
            assert given == outcome(model.answer, name, True, 1)


def test_oldest_answers_go_first_however_the_map_moves_them() -> None:
    """Topics come between puts, so that the compiled map grows and moves its slots."""
    twins = both("RouteAnswers", 4000)
    model = NaiveAnswers(4000)
    for number in range(600):
        name = f"topic-{number}"
        for one in (name, f"topic-{number * 5 % 601}"):
            same(twins, "mark", one)
            model.mark(one)
        same(twins, "put", name, number % 2 == 0, b"%020d" % number)
        model.put(name, number % 2 == 0, b"%020d" % number)
        gone = f"topic-{number * 7 % 599}"
        same(twins, "remove", gone)
        model.remove(gone)
        kept = same(twins, lambda answers: (answers.kept_topics, answers.kept_bytes))
        assert kept == outcome(lambda: (len(model.order), model.kept_bytes))
    for number in range(600):
        given = same(twins, "answer", f"topic-{number}", number % 2 == 0, 1)
        expected = outcome(model.answer, f"topic-{number}", number % 2 == 0, 1)
        assert given == expected
