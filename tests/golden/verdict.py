"""What is wrong with the answer to a step, as a sentence for a person."""

from dataclasses import replace

from tests.golden.comparison import describe, is_by_name, is_same
from tests.golden.documented import Difference, documented_difference
from tests.golden.transcript import Outcome, Step


def complaint(recording: str, step: Step, got: Outcome) -> str | None:
    """None when the answer is a right one, or else the documented one.

    `recording` is the name of the file that the step is in.
    """
    is_java = any(is_same(step, right, got) for right in step.right_answers)
    difference = documented_difference(recording, step.number)
    place = f"{recording} step {step.number} ({step.note})"
    if difference is None:
        if not is_java:
            return _unlike(place, step.right_answers, got)
        if not is_by_name(step, got):
            return f"{place} is not in order of names (9.1)\n{describe(got)}"
        return None
    if is_java:
        return (
            f"{place} no longer differs from Java: take it off the table of documented"
            f" differences ({difference.paragraph})"
        )
    ours = difference.answer(step)
    if is_by_name(step, got) and is_same(_left_open(step, difference), ours, got):
        return None
    return _unlike(place, (ours,), got)


def _left_open(step: Step, difference: Difference) -> Step:
    """Java's remark may be anything, ours is known; where the server ran is open."""
    config = (pointer for pointer in step.volatile if pointer[0] == "config")
    return replace(step, volatile=(*config, *difference.volatile))


def _unlike(place: str, right_answers: tuple[Outcome, ...], got: Outcome) -> str:
    right = "\n    or\n".join(map(describe, right_answers))
    return f"{place}\n    wanted\n{right}\n    got\n{describe(got)}"
