"""Fixtures of the tests of explanations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.admin.explain.asking import Asker, explaining


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    with explaining(tmp_path / "data") as asker:
        yield asker
