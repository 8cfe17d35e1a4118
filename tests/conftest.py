"""Tiers of tests, hypothesis profiles, and the twins that are tested.

The profiles `quick`, `usual` and `full` draw the same examples in every run, each of
them more than the one before. `make test ARGS="--hypothesis-profile=search"` draws many
more, and other ones each time. Tests that follow the profile have the marker `drawn`.
Timings never decide a test.

`--impl=pure` and `--impl=fast` leave the other twin of the hot path out, on purpose.
Without either, a twin that was not built is a failure.
"""

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.scale import FULL_EXAMPLES, scaled

# Comparing takes both twins.
COMPARING = {Path(__file__).parent / folder for folder in ("parity", "fuzz")}

# Coverage and a loaded machine make every example slow, which is no fault of a test.
_SLOW = [HealthCheck.too_slow]

for profile, examples in (("quick", 10), ("usual", 30), ("full", FULL_EXAMPLES)):
    settings.register_profile(
        profile,
        deadline=None,
        derandomize=True,
        max_examples=examples,
        suppress_health_check=_SLOW,
    )
settings.register_profile(
    "search",
    deadline=None,
    max_examples=3000,
    print_blob=True,
    suppress_health_check=_SLOW,
)
settings.load_profile("usual")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--impl",
        choices=("both", "pure", "fast"),
        default="both",
        help="which twins of the hot path to test; comparing takes both",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    is_comparing = bool(COMPARING & {collection_path, *collection_path.parents})
    return True if is_comparing and config.getoption("impl") != "both" else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests whose examples follow the profile: more of them prove more."""
    function = getattr(item, "obj", None)
    is_property = getattr(function, "is_hypothesis_test", False)
    names = getattr(getattr(function, "__code__", None), "co_names", ())
    is_scaled = getattr(getattr(item, "module", None), "scaled", None) is scaled
    if is_property or is_scaled or run_state_machine_as_test.__name__ in names:
        item.add_marker("drawn")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    left_out = {"pure": "fast", "fast": "pure"}.get(config.getoption("impl"))
    if left_out is None:
        return
    wanted: list[pytest.Item] = []
    unwanted: list[pytest.Item] = []
    for item in items:
        callspec = getattr(item, "callspec", None)
        is_out = callspec is not None and callspec.params.get("hot") == left_out
        (unwanted if is_out else wanted).append(item)
    config.hook.pytest_deselected(items=unwanted)
    items[:] = wanted


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Processes of tests start without an ignored SIGINT, which they would keep.

    A script ignores it for its background jobs, as for a run of the tests.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """What a test sets up of the log is taken down again."""
    yield
    for name in ("namesrv", "asyncio"):
        logger = logging.getLogger(name)
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
            handler.close()
        for limit in logger.filters[:]:
            logger.removeFilter(limit)
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
