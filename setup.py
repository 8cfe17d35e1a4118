"""The compiled hot path; everything else about the package is in pyproject.toml.

NAMESRV_NO_EXTENSIONS    build without it (a pure wheel)
NAMESRV_LIMITED_API      build it for the stable ABI of CPython 3.11 and later
NAMESRV_CYTHON_TRACING   build it so that coverage sees its lines
NAMESRV_ANNOTATE         write its annotated C beside the sources, too
NAMESRV_SANITIZE         build it with AddressSanitizer and UBSan; with ThreadSanitizer
                         if it is `thread`

Each is off when it is empty, 0, false, no or off.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

FAST_MODULES = (
    "lane_locks",
    "answer_pair",
    "text_map",
    "answer_frames",
    "frame",
    "head",
    "head_shapes",
    "route_answers",
    "live_table",
    "hot_path",
    "connection",
    "lookups",
    "topic_queues",
    "set_changes",
    "topic_configs",
)
LINUX_MODULES = ("lane_census", "lane_thread", "lanes")
"""Threads of native code, which wait with epoll."""


def is_asked_for(switch: str) -> bool:
    """Whether an environment variable is on; namesrv/_impl.py has the same words."""
    no = ("", "0", "false", "no", "off")
    return os.environ.get(switch, "").strip().lower() not in no


NO_EXTENSIONS = is_asked_for("NAMESRV_NO_EXTENSIONS")
LIMITED_API = is_asked_for("NAMESRV_LIMITED_API")
CYTHON_TRACING = is_asked_for("NAMESRV_CYTHON_TRACING")
ANNOTATE = is_asked_for("NAMESRV_ANNOTATE")
SANITIZE = is_asked_for("NAMESRV_SANITIZE")
SANITIZER = os.environ.get("NAMESRV_SANITIZE", "").strip().lower()
# Those that this process may use.
CORES = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
# A module has two segments and not four, and is 5 KiB smaller in memory. Its constants
# lie beside its code.
DENSE = ["-Wl,-z,noseparate-code"] if sys.platform == "linux" else []
# A traced function asks for the GIL, which no lane may do.
HAS_LANES = sys.platform == "linux" and not CYTHON_TRACING


def is_old(source: str) -> bool:
    """Whether Cython made the C file of a module before the directives that are below.

    It compares the time of a C file with those of its sources only.
    """
    here = Path(__file__).resolve().parent
    made = here / Path(source).with_suffix(".c")
    changed = Path(__file__).stat().st_mtime
    return made.exists() and made.stat().st_mtime < changed


def extensions() -> list[Extension]:
    """One extension for each module of namesrv/_fast. A failed build is an error."""
    from Cython.Build import cythonize  # noqa: PLC0415  not needed for a pure build

    macros: list[tuple[str, str | None]] = []
    if LIMITED_API:
        macros.append(("Py_LIMITED_API", "0x030B0000"))
    if CYTHON_TRACING:
        macros += [("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]
    sanitize: list[str] = []
    if SANITIZE:
        names = "thread" if SANITIZER == "thread" else "address,undefined"
        # Python compiles with -fwrapv, under which no signed overflow is an error.
        sanitize = [f"-fsanitize={names}", "-fno-wrapv", "-O1", "-g"]
    modules = [
        Extension(
            f"namesrv._fast.{name}",
            [f"namesrv/_fast/{name}.pyx"],
            define_macros=macros,
            extra_compile_args=sanitize or ["-O3"],
            extra_link_args=sanitize[:1] or DENSE,
            py_limited_api=LIMITED_API,
        )
        for name in FAST_MODULES + (LINUX_MODULES if HAS_LANES else ())
    ]
    return cythonize(
        modules,
        compiler_directives={
            "language_level": 3,
            "annotation_typing": False,
            # An attribute that is None raises; it is not followed.
            "nonecheck": True,
            # A method is a built-in one: each module would have 18 KiB of code for the
            # other kind. Tools read its parameters from the docstring.
            "binding": False,
            "embedsignature": True,
            "embedsignature.format": "clinic",
            # Pickling would read pointers as texts.
            "auto_pickle": False,
            "linetrace": CYTHON_TRACING,
        },
        force=CYTHON_TRACING or any(is_old(one.sources[0]) for one in modules),
        annotate="fullc" if ANNOTATE else False,
    )


pure = NO_EXTENSIONS or sys.implementation.name != "cpython"
options: dict[str, dict[str, object]] = {"build_ext": {"parallel": CORES}}
if LIMITED_API:
    options["bdist_wheel"] = {"py_limited_api": "cp311"}
setup(ext_modules=[] if pure else extensions(), options=options)
