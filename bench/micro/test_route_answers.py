"""Looking up one topic, in both dialects."""

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.micro.served import TABLE, Served, lookup_frames

DIALECTS = {"legacy": False, "standard": True}
BODY = b"x" * 480
OPAQUE = 7


@pytest.mark.parametrize("dialect", DIALECTS)
def test_lookup_hit(twin: Any, dialect: str, benchmark: BenchmarkFixture) -> None:
    standard = DIALECTS[dialect]
    answers = _filled(twin, standard)
    answer = benchmark(answers.answer, TABLE.topic(500), standard, OPAQUE)
    assert answer is not None and answer.endswith(BODY)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_lookup_miss(twin: Any, dialect: str, benchmark: BenchmarkFixture) -> None:
    standard = DIALECTS[dialect]
    answers = _filled(twin, standard)
    answer = benchmark(answers.answer, TABLE.topic(5000), standard, OPAQUE)
    assert answer is not None and b'"code":17' in answer


def test_lookup_of_a_changed_topic(twin: Any, benchmark: BenchmarkFixture) -> None:
    """The first lookup after a change, which encodes the route."""
    served = Served(twin)
    served.fill(TABLE)
    frame = lookup_frames(1)
    topic = TABLE.topic(0)

    def look_up() -> bytes:
        served.state.tables.route_answers.mark(topic)
        return served.receive(frame)

    assert b"brokerDatas" in benchmark(look_up)


def _filled(twin: Any, standard: bool) -> Any:
    answers = twin.RouteAnswers(1 << 26)
    for number in range(TABLE.topics):
        answers.mark(TABLE.topic(number))
        answers.put(TABLE.topic(number), standard, BODY)
    return answers
