"""The line of `namesrv --version`, and the check that the hot path can be loaded."""

import os
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec, module_from_spec

from namesrv import __version__
from namesrv.errors import StartFailed
from namesrv.switches import NO_EXTENSIONS, PROBE, REQUIRE_EXTENSIONS, is_on


def load_hot_path() -> str:
    """The name of the implementation, fast or pure.

    Raises StartFailed if the hot path is demanded and missing, or broken.
    """
    try:
        implementation: str = import_module("namesrv._impl").IMPLEMENTATION
    except ImportError as error:
        raise _not_loaded(error) from error
    return implementation


def version_line() -> str:
    """Version, implementation of the hot path, interpreter and uvloop, on one line.

    Raises StartFailed if the hot path is demanded and missing, or broken.
    """
    implementation = chosen_implementation(os.environ)
    uvloop = installed_version("uvloop", sys.path)
    loop = f"uvloop {uvloop}" if uvloop else "no uvloop"
    return f"namesrv {__version__} ({implementation}, {_python()}, {loop})"


def chosen_implementation(environ: Mapping[str, str]) -> str:
    """The name of the implementation that `namesrv._impl` would choose.

    The library of the compiled twin is opened, and not run: that would import half of
    the server. Raises StartFailed as `load_hot_path` does.
    """
    if is_on(environ, NO_EXTENSIONS) or sys.implementation.name != "cpython":
        return "pure"
    if PROBE in sys.modules:
        return "fast"
    try:
        spec = find_spec(PROBE)
        if spec is not None:
            module_from_spec(spec)
            return "fast"
        if is_on(environ, REQUIRE_EXTENSIONS):
            raise ImportError(f"No module named {PROBE!r}")
    except ImportError as error:
        raise _not_loaded(error) from error
    return "pure"


def _not_loaded(error: ImportError) -> StartFailed:
    return StartFailed(
        f"the compiled hot path cannot be loaded ({error});"
        " build it again, or run without it: --pure"
    )


def installed_version(name: str, folders: Iterable[str]) -> str | None:
    """The version of a distribution by the name of its folder of metadata.

    importlib.metadata would read the metadata, and takes 20 ms.
    """
    for folder in folders:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for found in names:
            if found.startswith(f"{name}-") and found.endswith(".dist-info"):
                return found[len(name) + 1 : -len(".dist-info")]
    return None


def _python() -> str:
    """The interpreter and its version, as the module platform has them."""
    implementation = sys.implementation.name
    name = {"cpython": "CPython", "pypy": "PyPy"}.get(implementation, implementation)
    return f"{name} {sys.version.split()[0]}"
