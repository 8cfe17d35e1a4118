"""The twins of the hot path; every test with the fixture `hot` runs over both."""

from importlib import import_module
from pkgutil import walk_packages
from types import SimpleNamespace
from typing import Any

import pytest

from namesrv import _impl, routing

IMPLEMENTATIONS = ["pure", "fast"]
MODULES = (
    "connection",
    "frame",
    "head",
    "hot_path",
    "live_table",
    "lookups",
    "route_answers",
    "set_changes",
    "topic_configs",
    "topic_queues",
)


class Implementation(SimpleNamespace):
    """One twin: all public names of its modules."""

    def __repr__(self) -> str:
        return f"<{self.name}>"


def load(name: str) -> Any:
    """The twin in `namesrv._pure` or `namesrv._fast`."""
    hot = Implementation(name=name)
    for module_name in MODULES:
        module = import_module(f"namesrv._{name}.{module_name}")
        for public in vars(module):
            if not public.startswith("_"):
                setattr(hot, public, getattr(module, public))
    return hot


def put_below_routing(hot: Any, patch: pytest.MonkeyPatch) -> None:
    """Make `routing` use this twin, whichever one `_impl` chose."""
    public = set(_impl.__all__) - {"IMPLEMENTATION"}
    for found in walk_packages(routing.__path__, "namesrv.routing."):
        module = import_module(found.name)
        for name in public & vars(module).keys():
            patch.setattr(module, name, getattr(hot, name))
