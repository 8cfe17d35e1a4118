"""Words that are nearly a name, and words that are not."""

import pytest

from namesrv.misspellings import JAVA_KEYS, meant_name
from namesrv.options import BY_NAME, OPTIONS


@pytest.mark.parametrize("name", BY_NAME)
def test_every_name_is_meant_by_itself_and_what_looks_like_it(name: str) -> None:
    swapped = name[:2] + name[3] + name[2] + name[4:]
    for word in (name, name.upper(), "-".join(name), name[1:], f"{name}s", swapped):
        assert meant_name(word, [name]) == name


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("loops", "loop"),
        ("lops", None),
        ("listenHost", "listenPort"),
        ("listenHosts", None),
        ("", None),
        ("x" * 1_000_000, None),
    ],
)
def test_short_names_allow_one_wrong_character_and_long_ones_two(
    word: str, meant: str | None
) -> None:
    assert meant_name(word, ["loop", "listenPort"]) == meant


def test_nearest_is_meant() -> None:
    assert meant_name("kvMaxKey", ["kvMaxBytes", "kvMaxKeys"]) == "kvMaxKeys"


def test_keys_of_java_are_near_to_no_option() -> None:
    """Newer ones of their kind, which no list here has, are not, either."""
    assert [key for key in sorted(JAVA_KEYS) if meant_name(key, BY_NAME)] == []


def test_only_two_options_are_nearly_each_other() -> None:
    near = {
        option.name: meant_name(option.name, set(BY_NAME) - {option.name})
        for option in OPTIONS
    }
    # Each of the two is known, so that neither is taken for the other.
    alike = {"kvMaxNameBytes": "maxNameBytes", "maxNameBytes": "kvMaxNameBytes"}
    assert {name: other for name, other in near.items() if other} == alike
