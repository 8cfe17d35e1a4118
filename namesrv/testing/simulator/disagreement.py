"""The difference of two sets of answers, in words."""

from collections.abc import Iterable, Mapping, Sequence

from namesrv.testing.peer import Answer, read_answers
from namesrv.testing.simulator.questions import Question

Place = tuple[str, str]
"""(broker name, address)."""


def disagreement(
    questions: Sequence[Question],
    expected: bytes,
    answered: bytes,
    live: Mapping[Place, str],
) -> str:
    """Expected and actual answers; `live` has the reasons why brokers are alive."""
    want, got = read_answers(expected), read_answers(answered)
    if len(want) != len(got):
        return f"{len(want)} answers were expected and {len(got)} came"
    rows = zip(questions, want, got, strict=True)
    differing = [(question, w, g) for question, w, g in rows if w != g]
    lines = _about_brokers(want[0], got[0], live)
    if not lines:
        lines.append(_about_the_rest(question for question, _, _ in differing))
    for question, one, other in differing:
        lines.append(question.text)
        lines.append(f"  expected {_shown(one)}")
        lines.append(f"  answered {_shown(other)}")
    return "\n".join(lines)


def _about_brokers(want: Answer, got: Answer, live: Mapping[Place, str]) -> list[str]:
    """Brokers that are missing, and brokers that should be absent."""
    expected, answered = _places(want), _places(got)
    lines = []
    for place in sorted(expected - answered):
        why = live.get(place, "nobody has removed it")
        lines.append(f"P1, P3: {place[0]} at {place[1]} is absent ({why})")
    for name, addr in sorted(answered - expected):
        lines.append(f"P4: {name} at {addr} is present and should not be")
    return lines


def _about_the_rest(differing: Iterable[Question]) -> str:
    if any(question.code == 105 for question in differing):
        return "P2: a lookup shows what was not registered together"
    return "leftovers: what a broker left behind went too early, or stays too long"


def _places(answer: Answer) -> set[Place]:
    groups = answer.json["brokerAddrTable"].items()
    return {(name, a) for name, g in groups for a in g["brokerAddrs"].values()}


def _shown(answer: Answer) -> str:
    return answer.body.decode() if answer.code == 0 else f"code {answer.code}"
