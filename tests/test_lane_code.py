"""A lane runs without Python: the C of everything that it calls has no call of Python.

A lane that takes the GIL while it holds its lock waits for the loop, which may wait for
that lock. Cython puts such calls into functions that are `nogil`, too: for an attribute
that may be None, a division, an exception, a block `with gil`.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

FAST = Path(__file__).parent.parent / "namesrv" / "_fast"
LANE_MODULES = (
    *("lookups", "lane", "lane_accept", "lane_peers", "lane_system"),
    *("lane_thread", "lanes"),
)
NO_GIL = re.compile(
    r"^ *cdef [^\n(]*?\b(\w+)\((?:[^()]|\([^()]*\))*\) noexcept nogil:", re.M
)
FUNCTION = re.compile(
    r"^(?:static|CYTHON_INLINE)[^;{}()]*?\b(__pyx_f_\w+)\([^;{}]*\)\s*\{\n(.*?)^\}",
    re.M | re.S,
)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
DIRECT_CALL = re.compile(r"\b__pyx_f_\w+")
METHOD_CALL = re.compile(
    r"struct __pyx_vtabstruct_(\w+?) \*\)[^;]*?__pyx_vtab\)->(\w+)\("
)
# Cython's division of integers is C alone.
OF_PYTHON = re.compile(r"\b_*Py[A-Z_]\w*\s*\(|\b__Pyx_(?!div_|mod_)\w+\s*\(")

pytestmark = pytest.mark.parametrize("hot", ["fast"])


@cache
def functions() -> dict[str, str]:
    """C functions of the compiled twin by name, with their bodies; those that several
    modules have from a .pxd are put together."""
    found: dict[str, str] = {}
    for source in FAST.glob("*.pyx"):
        code = source.with_suffix(".c")
        assert code.exists(), f"{code.name} is missing: build the extension"
        for name, body in FUNCTION.findall(code.read_text()):
            found[name] = found.get(name, "") + COMMENT.sub("", body)
    return found


def called_by(body: str) -> Iterator[str]:
    """Names of the functions that a body names, and of methods that it calls."""
    yield from DIRECT_CALL.findall(body)
    for table, method in METHOD_CALL.findall(body):
        # A class C of the module m is m_C in its table, and m_1C in its functions.
        ends = [f for f in functions() if f.endswith(f"_{method}")]
        found = [f for f in ends if _is_of(f, table, method)]
        assert found, f"{table}.{method} is in no C file"
        yield from found


def _is_of(function: str, table: str, method: str) -> bool:
    before = function.removeprefix("__pyx_f_").removesuffix(f"_{method}")
    module, _, cls = before.rpartition("_")
    return f"{module}_{cls.lstrip('0123456789')}" == table


def reached_from(roots: Iterable[str]) -> dict[str, list[str]]:
    """Every function that is called, with its calls of Python."""
    found: dict[str, list[str]] = {}
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        body = functions()[name]
        found[name] = OF_PYTHON.findall(body)
        todo.extend(called_by(body))
    return found


def lane_functions() -> list[str]:
    """Functions of a lane's modules that are declared to need no Python."""
    found = []
    for module in LANE_MODULES:
        source = FAST / f"{module}.pyx"
        names = NO_GIL.findall(source.read_text()) if source.exists() else []
        own = f"__pyx_f_7namesrv_5_fast_{len(module)}{module}_"
        for name in names:
            found += [
                f
                for f in functions()
                if f.startswith(own)
                and re.fullmatch(rf"(?:\d+\w+?_)?{name}", f[len(own) :])
            ]
    return found


def test_nothing_that_a_lane_calls_needs_python(hot: str) -> None:
    reached = reached_from(lane_functions())
    assert {name: calls for name, calls in reached.items() if calls} == {}


def test_the_search_follows_methods_modules_and_inline_functions(hot: str) -> None:
    reached = reached_from(lane_functions())
    for end in (
        *("lookups_7Lookups_answer", "lookups_7Lookups__answer_one"),
        *("route_answers_12RouteAnswers_find_ready", "text_map_7TextMap_find_hashed"),
        *("lane_locks_9LaneLocks_lock_one", "head_shapes_10HeadShapes__learn"),
        *("4head__binary_ext_fields", "output_reserve", "append_topic_not_exist"),
    ):
        assert any(name.endswith(end) for name in reached), end


def test_the_search_finds_calls_of_python(hot: str) -> None:
    decoder = "__pyx_f_7namesrv_5_fast_5frame_12FrameDecoder_next_view"
    assert reached_from([decoder])[decoder]
