"""The twins of the hot path, each as one namespace of all its public names."""

import sys
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

import namesrv.routing.requests.processor  # noqa: F401  loads all of routing
from namesrv import _impl

TWINS = ("pure", "fast")
MODULES = (
    *("frame", "head", "route_answers", "live_table", "hot_path", "connection"),
    *("lookups", "topic_queues", "set_changes", "topic_configs"),
)


def load_twin(name: str) -> Any:
    """A twin that is not there is an ImportError: a missing extension fails."""
    twin = SimpleNamespace(name=name)
    for module_name in MODULES:
        module = import_module(f"namesrv._{name}.{module_name}")
        for public, value in vars(module).items():
            if not public.startswith("_"):
                setattr(twin, public, value)
    return twin


def put_below_routing(twin: Any, patch: pytest.MonkeyPatch) -> None:
    """Make `routing` use this twin, whichever one `_impl` chose."""
    floor = "namesrv.routing"
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(f"{floor}."):
            for public in set(_impl.__all__) & vars(module).keys():
                patch.setattr(module, public, getattr(twin, public))
