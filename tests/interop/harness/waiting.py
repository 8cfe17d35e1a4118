"""Polling with a deadline; the only way this harness waits."""

import time
from collections.abc import Callable

import pytest

POLL_SECONDS = 0.1


def until(
    is_done: Callable[[], bool],
    seconds: float,
    complaint: str | Callable[[], str],
) -> None:
    """Return once `is_done()`; fail the test with `complaint` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            text = complaint if isinstance(complaint, str) else complaint()
            pytest.fail(f"after {seconds:.0f} s: {text}", pytrace=False)
        time.sleep(POLL_SECONDS)
