"""What the twins show: the same names, signatures, docstrings and order."""

import ast
import inspect
import re
import weakref
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from namesrv import _impl
from namesrv.testing.twins import MODULES
from namesrv.wire.bodies import QueueData
from namesrv.wire.topic_forms import TopicForms
from tests.parity.twins import FAST, PURE, TWINS

PURE_FILES = Path(import_module("namesrv._pure").__file__ or "").parent
FAST_SOURCES = Path(__file__).parents[2] / "namesrv" / "_fast"
COMPILED_ONLY = {
    *("answer_frames", "answer_pair", "head_shapes", "lane_locks", "output", "scan"),
    *("atomic", "sip_hash", "slot_queue", "text_map", "topic_forms", "words"),
    *("lane", "lane_accept", "lane_census", "lane_cores", "lane_peers"),
    *("lane_system", "lane_thread"),
    "lanes",
}
CLASSES = [
    "FrameDecoder",
    "RouteAnswers",
    "BrokerLiveInfo",
    "BrokerLiveTable",
    "HotPath",
    "Connection",
    "Lookups",
    "TopicQueues",
    "SetChange",
    "TopicConfigs",
]
FUNCTIONS = [
    *("read_head", "scan_topic_configs"),
    *("find_topics", "make_topics", "put_topics", "names_of", "take_answered"),
    "pack_queues",
    "give_alike",
]
EXAMPLES: dict[str, Callable[[Any], Any]] = {
    "FrameDecoder": lambda hot: hot.FrameDecoder(64),
    "RouteAnswers": lambda hot: hot.RouteAnswers(64),
    "BrokerLiveInfo": lambda hot: hot.BrokerLiveInfo("c", "a", "b", 1, None, None, 0),
    "BrokerLiveTable": lambda hot: hot.BrokerLiveTable(),
    "HotPath": lambda hot: hot.HotPath(
        hot.RouteAnswers(64), hot.BrokerLiveTable(), print, 64
    ),
    "Connection": lambda hot: hot.Connection(EXAMPLES["HotPath"](hot), "peer"),
    "Lookups": lambda hot: hot.Lookups(EXAMPLES["HotPath"](hot)),
    "TopicQueues": lambda hot: hot.TopicQueues("topic", 0, {}),
    "SetChange": lambda hot: hot.SetChange({}, QueueData(), {}, [], None),
    "TopicConfigs": lambda hot: hot.scan_topic_configs(b"}", 0, TopicForms()),
}


def modules(name: str) -> list[Any]:
    return [import_module(f"namesrv._{twin}.{name}") for twin in ("pure", "fast")]


def own_names(module: Any) -> dict[str, Any]:
    """Public classes and functions that a module makes; type aliases are no names."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
        and callable(value)
    }


def shown(cls: type) -> dict[str, Any]:
    """Public members by name, and the special methods that a user can tell."""
    special = {"__len__", "__weakref__"}
    names = [n for n in dir(cls) if not n.startswith("_") or n in special]
    return {name: inspect.getattr_static(cls, name) for name in names}


def kind(member: Any) -> str:
    if inspect.isroutine(member):
        return "method"
    return "property" if member.__doc__ else "attribute"


def parameters(function: Any) -> list[tuple[Any, ...]]:
    """A compiled method takes `self` by its place only, as each built-in one does."""
    found = inspect.signature(function).parameters.values()
    return [(p.name, p.name != "self" and p.kind, p.default) for p in found]


def test_every_module_has_its_twin() -> None:
    pure = {file.stem for file in PURE_FILES.glob("*.py")} - {"__init__"}
    fast = {file.stem for file in FAST_SOURCES.glob("*.pyx")}
    fast |= {file.stem for file in FAST_SOURCES.glob("*.pxd")}
    assert pure == set(MODULES) == fast - COMPILED_ONLY


@pytest.mark.parametrize("name", MODULES)
def test_twin_modules_have_equal_docstrings_and_names(name: str) -> None:
    pure, fast = modules(name)
    assert fast.__doc__ == pure.__doc__
    assert own_names(fast).keys() == own_names(pure).keys()


@pytest.mark.parametrize("name", MODULES)
def test_what_both_import_is_the_same_object(name: str) -> None:
    pure, fast = modules(name)
    theirs = {f"namesrv._{twin}.{n}" for twin in ("pure", "fast") for n in MODULES}
    shared = [
        n
        for n in vars(pure).keys() & vars(fast).keys()
        if getattr(vars(pure)[n], "__module__", None) not in theirs
        and not n.startswith("__")
    ]
    assert shared
    for n in shared:
        assert vars(fast)[n] is vars(pure)[n], n


def test_exceptions_are_the_shared_ones() -> None:
    for hot in TWINS:
        for name, value in vars(hot).items():
            if isinstance(value, type) and issubclass(value, Exception):
                assert value.__module__ == "namesrv.errors", name


def test_what_the_switch_exports_exists_in_both() -> None:
    for name in set(_impl.__all__) - {"IMPLEMENTATION"}:
        assert name in CLASSES or name in FUNCTIONS
        assert getattr(FAST, name) is not getattr(PURE, name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_the_same_signature_and_docstring(name: str) -> None:
    pure, fast = getattr(PURE, name), getattr(FAST, name)
    assert inspect.getdoc(fast) == inspect.getdoc(pure)
    assert parameters(fast) == parameters(pure)


@pytest.mark.parametrize("name", CLASSES)
def test_classes_show_the_same_members(name: str) -> None:
    pure, fast = getattr(PURE, name), getattr(FAST, name)
    assert fast.__doc__ == pure.__doc__
    assert fast.__name__ == pure.__name__
    ours, theirs = shown(pure), shown(fast)
    assert {n: kind(m) for n, m in theirs.items() if n[:2] != "__"} == (
        {n: kind(m) for n, m in ours.items() if n[:2] != "__"}
    )
    for member, value in ours.items():
        if kind(value) == "attribute" or member.startswith("__"):
            continue
        assert inspect.getdoc(theirs[member]) == inspect.getdoc(value), member
        if kind(value) == "method":
            assert parameters(theirs[member]) == parameters(value), member


@pytest.mark.parametrize("name", CLASSES)
def test_objects_take_no_stray_attribute(name: str) -> None:
    for hot in TWINS:
        thing = EXAMPLES[name](hot)
        with pytest.raises(AttributeError):
            thing.stray = 1
        assert not hasattr(thing, "__dict__")


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_computed_cannot_be_set(name: str) -> None:
    for member, value in shown(getattr(PURE, name)).items():
        if kind(value) == "property":
            for hot in TWINS:
                with pytest.raises(AttributeError):
                    setattr(EXAMPLES[name](hot), member, 1)


@pytest.mark.parametrize("name", CLASSES)
def test_objects_compare_by_identity_and_only_connections_take_weak_references(
    name: str,
) -> None:
    for hot in TWINS:
        one, other = EXAMPLES[name](hot), EXAMPLES[name](hot)
        assert one == one and one != other
        assert len({one, other}) == 2
        if name == "Connection":
            assert weakref.ref(one)() is one
        else:
            with pytest.raises(TypeError):
                weakref.ref(one)


@pytest.mark.parametrize("name", CLASSES)
def test_only_the_tables_have_a_length(name: str) -> None:
    tables = {"RouteAnswers", "BrokerLiveTable", "TopicConfigs"}
    for hot in TWINS:
        assert hasattr(getattr(hot, name), "__len__") is (name in tables)


def defined_in_python(source: str) -> Iterator[str]:
    """Functions, and classes with their methods, in the order of the file."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            yield node.name
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}"
        elif isinstance(node, ast.FunctionDef):
            yield node.name


_CYTHON_CLASS = re.compile(r"cdef class (\w+)")
_CYTHON_FUNCTION = re.compile(r"( *)(?:def|cdef(?: inline)?(?: [\w*]+)+?) *\b(\w+)\(")


def defined_in_cython(source: str) -> Iterator[str]:
    """The same of a .pyx, by its lines."""
    within = ""
    for line in source.splitlines():
        found = _CYTHON_CLASS.match(line)
        if found:
            within = found[1]
            yield within
        function = _CYTHON_FUNCTION.match(line)
        if function:
            yield f"{within}.{function[2]}" if function[1] else function[2]


@pytest.mark.parametrize("name", MODULES)
def test_definitions_stand_in_the_same_order(name: str) -> None:
    pure = list(defined_in_python((PURE_FILES / f"{name}.py").read_text()))
    fast = list(defined_in_cython((FAST_SOURCES / f"{name}.pyx").read_text()))
    public = {n for n in pure if "._" not in n and not n.startswith("_")}
    assert public and public <= set(fast)
    common = set(pure) & set(fast)
    assert [n for n in fast if n in common] == [n for n in pure if n in common]


@pytest.mark.parametrize(
    ("compiled", "module", "constant"),
    [
        ("KEPT_BYTES", "namesrv._pure.frame", "_KEPT_BYTES"),
        ("LENGTH_BYTES", "namesrv._pure.frame", "_LENGTH_BYTES"),
        ("PREFIX_BYTES", "namesrv._pure.frame", "_PREFIX_BYTES"),
        ("FIXED_BYTES", "namesrv._pure.head", "_REMARK_START"),
        ("MOST_MEMBERS", "namesrv.hot_path", "MOST_HEAD_MEMBERS"),
        ("HOLES", "namesrv.wire.topic_forms", "HOLES"),
        ("MOST_FORMS", "namesrv.wire.topic_forms", "MOST_FORMS"),
        ("LONGEST_NAME", "namesrv.wire.topic_forms", "LONGEST_NAME"),
    ],
)
def test_numbers_that_were_compiled_in_are_those_of_the_reference(
    compiled: str, module: str, constant: str
) -> None:
    sources = "".join(file.read_text() for file in FAST_SOURCES.glob("*.p[yx][xd]"))
    found = re.findall(rf"^    {compiled} = (\d+)(?: << (\d+))?$", sources, re.M)
    assert found
    for number, shift in found:
        value = int(number) << int(shift or 0)
        assert value == getattr(import_module(module), constant)
