"""The twins of the hot path; adding one to the list runs every test over it."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from namesrv import _impl

IMPLEMENTATIONS = ["pure"]
MODULES = (
    "connection",
    "frame",
    "head",
    "live_table",
    "route_answers",
)
ROUTING_MODULES = (
    "broker_requests",
    "config_requests",
    "kv_requests",
    "liveness",
    "outbox",
    "processor",
    "registration",
    "route_requests",
    "state",
    "tables",
    "topic_requests",
    "unregistration",
)


def load(name: str) -> Any:
    """The public names of all modules of one twin, in one namespace."""
    hot = SimpleNamespace(name=name)
    for module_name in MODULES:
        module = import_module(f"namesrv._{name}.{module_name}")
        for public in vars(module):
            if not public.startswith("_"):
                setattr(hot, public, getattr(module, public))
    return hot


def put_below_routing(hot: Any, patch: pytest.MonkeyPatch) -> None:
    """Make `routing` use this twin, whichever one `_impl` chose."""
    public = set(_impl.__all__) - {"IMPLEMENTATION"}
    for module_name in ROUTING_MODULES:
        module = import_module(f"namesrv.routing.{module_name}")
        for name in public & vars(module).keys():
            patch.setattr(module, name, getattr(hot, name))
