"""Fixtures of the server's tests."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server.stage import Stage


@pytest.fixture
def set_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stage]:
    """Makes a stage with the options given; it is the loop that runs."""

    def make(**options: Any) -> Stage:
        stage = Stage(tmp_path, **options)
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: stage)
        return stage

    return make


@pytest.fixture
def stage(set_stage: Callable[..., Stage]) -> Stage:
    """A stage with the standard options."""
    return set_stage()
