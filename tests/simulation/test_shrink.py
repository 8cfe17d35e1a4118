"""Shortening what fails."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.testing.simulator.shrink import shrink

NUMBERS = list(range(60))


@given(st.sets(st.sampled_from(NUMBERS)))
def test_steps_that_are_needed_together_are_what_is_left(needed: set[int]) -> None:
    def fails(kept: Sequence[int]) -> bool:
        return needed <= set(kept)

    assert shrink(NUMBERS, fails) == tuple(sorted(needed))


@pytest.mark.parametrize(
    ("fails", "left"),
    [
        (lambda kept: len(kept) >= 7, 7),
        (lambda kept: len(kept) % 2 == 0, 2),
        (lambda kept: sum(kept) >= 100, 2),
    ],
)
def test_no_single_step_can_go(
    fails: Callable[[Sequence[int]], bool], left: int
) -> None:
    kept = shrink(NUMBERS, fails)
    assert fails(kept) and len(kept) == left
    assert not any(fails([n for n in kept if n != gone]) for gone in kept)


def test_what_fails_only_whole_stays_whole() -> None:
    assert shrink(NUMBERS, lambda kept: len(kept) == 60) == tuple(NUMBERS)
