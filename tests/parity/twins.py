"""Both twins, and one way of looking at what they do."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from namesrv.testing.twins import load_twin


class NotBuilt:
    """Stands for the compiled twin; every test that looks at it fails, none is
    skipped."""

    name = "fast"

    def __init__(self, missing: str | None) -> None:
        self._missing = missing

    def __getattr__(self, name: str) -> Any:
        if not hasattr(PURE, name):
            raise AttributeError(name)
        pytest.fail(
            f"the compiled hot path is not built ({self._missing} is missing): "
            "build it, or leave it out on purpose with --impl=pure",
            pytrace=False,
        )


def load_fast() -> Any:
    """The compiled twin; one that was built and is broken raises."""
    try:
        return load_twin("fast")
    except ModuleNotFoundError as exc:
        return NotBuilt(exc.name)


PURE = load_twin("pure")
FAST = load_fast()
TWINS = (PURE, FAST)


def outcome(call: Callable[..., Any], *args: Any, **keywords: Any) -> tuple[Any, ...]:
    """("ok", value) or ("err", class, arguments), to be compared between twins."""
    try:
        return "ok", plain(call(*args, **keywords))
    except Exception as exc:
        return "err", type(exc), exc.args


def state(thing: Any) -> dict[str, Any]:
    """Every public attribute of one object of a twin."""
    names = (name for name in dir(type(thing)) if not name.startswith("_"))
    found = {name: getattr(thing, name) for name in names}
    return {name: plain(v) for name, v in found.items() if not callable(v)}


def plain(value: Any) -> Any:
    """A value with its type, and without what differs between twins on purpose."""
    name = type(value).__name__
    if isinstance(value, Exception):
        kept = value.__traceback__, value.__context__
        return "exception", type(value), value.args, kept
    if type(value).__module__.startswith(("namesrv._pure", "namesrv._fast")):
        return name, _content(value)
    if isinstance(value, list | tuple):
        return name, [plain(element) for element in value]
    if isinstance(value, set | frozenset):
        return "set", set(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return "int", int(value)  # an IntEnum is one
    return name, value


def _content(thing: Any) -> Any:
    """What an object of a twin holds; tables have no order."""
    if hasattr(thing, "remote_address"):
        return thing.remote_address  # everything is reached from a connection
    if hasattr(thing, "entries"):
        return sorted(map(repr, map(plain, thing.entries())))
    if hasattr(type(thing), "__len__"):
        return len(thing), state(thing)
    return state(thing)


def both(build: str | Callable[..., Any], *args: Any) -> SimpleNamespace:
    """The same made over each twin, `.pure` and `.fast`: a class by its name and
    arguments, or what a function makes of the twin."""
    if isinstance(build, str):
        made = [getattr(hot, build)(*args) for hot in TWINS]
    else:
        made = [build(hot, *args) for hot in TWINS]
    return SimpleNamespace(pure=made[0], fast=made[1])


def same(
    pair: SimpleNamespace, act: str | Callable[..., Any], *args: Any
) -> tuple[Any, ...]:
    """What both did, which must be the same; `act` is a method or takes each twin."""
    if isinstance(act, str):
        expected = outcome(getattr(pair.pure, act), *args)
        assert outcome(getattr(pair.fast, act), *args) == expected
    else:
        expected = outcome(act, pair.pure, *args)
        assert outcome(act, pair.fast, *args) == expected
    return expected
