"""Requests that are ambiguous or malformed are refused, and nothing after them runs."""

import pytest

from tests.admin.http.smuggling import CORPUS, SMUGGLED, STATUSES
from tests.admin.http.talk import Talk, answers

by_kind = pytest.mark.parametrize("kind", CORPUS)


@by_kind
def test_is_refused_and_ends_the_conversation(kind: str) -> None:
    talk = Talk()
    output = talk.converse(CORPUS[kind] + SMUGGLED)
    (answer,) = answers(output)
    assert answer.status in STATUSES
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert talk.application.requests == []
    assert talk.converse(SMUGGLED) == b""


@by_kind
def test_is_refused_alike_however_it_is_cut(kind: str) -> None:
    data = CORPUS[kind] + SMUGGLED
    expected = Talk().converse(data)
    for cut in range(1, len(data), max(1, len(data) // 100)):
        assert Talk().converse(data[:cut], data[cut:]) == expected
