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
    for module_name in ROUTING_MODULES:
        module = import_module(f"namesrv.routing.{module_name}")
        for name in public & vars(module).keys():
            patch.setattr(module, name, getattr(hot, name))
