"""Names, ages, commands, addresses and spellings."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.cli.commands.words import read_call
from namesrv.routing.history.explain.addresses import differs, flaw, host_of
from namesrv.routing.history.explain.spelling import (
    difference,
    folded,
    may_fold_alike,
)
from namesrv.routing.history.explain.words import (
    argument,
    command,
    duration,
    listed,
    mqadmin,
    option,
    shown,
)


@given(st.lists(st.text(max_size=255), min_size=1))
def test_a_shell_reads_a_command_as_it_was_meant(words: list[str]) -> None:
    assert shlex.split(command(*words)) == words


ODD_NAMES = st.text(max_size=200) | st.sampled_from(
    ["-x", "--namesrv-addr=evil:9876", "--", "b;touch /tmp/x\n$(id)", "'", "`id`"]
)


@given(ODD_NAMES)
def test_namesrv_reads_a_name_in_a_command_as_a_name(name: str) -> None:
    words = shlex.split(command("namesrv", "topic", "show", *argument(name)))[1:]
    assert read_call(words).arguments == [name]
    words = shlex.split(command("namesrv", "history", *option("--broker", name)))[1:]
    call = read_call(words)
    assert (call.arguments, call.flags) == ([], {"broker": name})


@pytest.mark.parametrize("values", [{"c": "-x", "t": "a"}, {"c": "a", "t": "--n=b:1"}])
def test_no_command_of_mqadmin_has_a_name_like_a_flag(values: dict[str, str]) -> None:
    assert mqadmin("updateTopic", **values) == ""
    assert mqadmin("updateTopic", c="a b", t="c") == (
        "mqadmin updateTopic -c 'a b' -t c"
    )


def test_a_long_name_is_in_no_command() -> None:
    assert command("namesrv", "topic", "show", *argument("x" * 255)).endswith("x" * 255)
    assert command("namesrv", "topic", "show", *argument("x" * 256)) == ""


def test_long_and_odd_names_stay_short_and_printable() -> None:
    assert shown("a\n\x1b[2J") == r"'a\n\x1b[2J'"
    assert len(shown("x" * 70_000)) < 110


@pytest.mark.parametrize(
    ("millis", "text"),
    [
        (-5, "0 s"),
        (999, "0 s"),
        (119_999, "119 s"),
        (120_000, "2 min"),
        (7_200_000, "2 h"),
        (172_800_000, "2 days"),
    ],
)
def test_durations(millis: int, text: str) -> None:
    assert duration(millis) == text


def test_lists_name_the_first_ones() -> None:
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("10.0.0.1:10911", ""),
        ("broker-a.example:10911", ""),
        ("[2001:db8::1]:10911", ""),
        ("127.8.9.1:1", "loopback"),
        ("[::1]:1", "loopback"),
        ("[::ffff:127.0.0.1]:1", "loopback"),
        ("LOCALHOST:1", "loopback"),
        ("0.0.0.0:1", "unspecified"),
        ("[::]:1", "unspecified"),
        ("169.254.0.1:1", "link-local"),
        ("[fe80::1%eth0]:1", "link-local"),
        ("172.17.0.3:1", "bridge"),
        ("172.18.0.3:1", ""),
        (":10911", "nothing"),
        ("", "nothing"),
        ("10.0.0.1", "nothing"),
    ],
)
def test_addresses_that_others_cannot_reach(address: str, found: str) -> None:
    assert flaw(address) == found


@given(st.text(), st.text())
def test_any_text_may_be_an_address(address: str, host: str) -> None:
    assert flaw(address) in ("", "loopback", "nothing", "unspecified", "link-local")
    assert differs(address, host) in (True, False)


def test_another_host_than_the_connection() -> None:
    assert differs("10.0.0.1:1", "10.0.0.2")
    assert not differs("10.0.0.1:1", "::ffff:10.0.0.1")
    assert not differs("10.0.0.1:1", "127.0.0.1")
    assert not differs("broker-a:1", "10.0.0.1")
    assert host_of("[fe80::1%eth0]:1") == "fe80::1"


@pytest.mark.parametrize(
    ("name", "other", "words"),
    [
        ("orders", "Orders", "only in letter case"),
        ("or_ders", "Orders", "in separators or letter case"),
        ("ns%Orders", "Orders", "in the namespace before the %"),
        ("%RETRY%group", "group", "in a prefix of RocketMQ (%RETRY%, %DLQ%)"),
        ("%RETRY%ns%group", "group", "in a prefix of RocketMQ (%RETRY%, %DLQ%)"),
        ("Orders\t", "Orders", "in blanks at the beginning or end"),
    ],
)
def test_spellings(name: str, other: str, words: str) -> None:
    assert folded(name).strip() == folded(other)
    assert difference(name, other) == words


@given(st.text(st.sampled_from("aA-_. %ßİ1"), max_size=6))
def test_a_name_is_never_passed_over(name: str) -> None:
    assert may_fold_alike(name, folded(name))
