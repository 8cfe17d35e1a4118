"""The twins of the hot path, each as one namespace of its public names."""

from importlib import import_module
from pkgutil import iter_modules, walk_packages
from types import SimpleNamespace
from typing import Any, Final, Protocol

from namesrv import _impl, _pure, routing

NAMES: Final = ("pure", "fast")
MODULES: Final = tuple(found.name for found in iter_modules(_pure.__path__))
"""The modules of each twin."""


class Patch(Protocol):
    """Sets an attribute, and sets it back in the end, as pytest's MonkeyPatch does."""

    def setattr(self, target: object, name: str, value: object) -> None:
        """Set it."""


class Twin(SimpleNamespace):
    """All public names of a twin's modules."""

    def __repr__(self) -> str:
        return f"<{self.name}>"


def load_twin(name: str) -> Any:
    """The twin in `namesrv._pure` or `namesrv._fast`. Raises ModuleNotFoundError if it
    was not built."""
    twin = Twin(name=name)
    for module_name in MODULES:
        module = import_module(f"namesrv._{name}.{module_name}")
        for public, value in vars(module).items():
            if not public.startswith("_"):
                setattr(twin, public, value)
    return twin


def put_below_routing(twin: Any, patch: Patch) -> None:
    """Make `routing` use this twin, whichever one `_impl` chose."""
    public = set(_impl.__all__) - {"IMPLEMENTATION"}
    for found in walk_packages(routing.__path__, "namesrv.routing."):
        module = import_module(found.name)
        for name in public & vars(module).keys():
            patch.setattr(module, name, getattr(twin, name))
