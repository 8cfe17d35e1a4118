"""Inputs that once failed, and every seed, through every target; without atheris."""

import pytest

from tests.fuzz.campaign import regressions
from tests.fuzz.targets import TARGETS

REGRESSIONS = dict(regressions())


@pytest.mark.parametrize("target", TARGETS)
def test_inputs_that_once_failed_pass(target: str) -> None:
    for name, data in REGRESSIONS.items():
        try:
            TARGETS[target].run(data)
        except Exception as exc:
            exc.add_note(f"this is tests/fuzz/regressions/{name}.hex")
            raise


@pytest.mark.parametrize("target", TARGETS)
def test_every_seed(target: str) -> None:
    seeds = list(TARGETS[target].seeds())
    assert len(seeds) >= 5
    for data in seeds:
        assert len(data) <= TARGETS[target].max_bytes
        TARGETS[target].run(data)
