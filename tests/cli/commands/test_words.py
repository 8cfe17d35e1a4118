"""Words of commands, read against the table."""

import subprocess
import sys

import pytest

from namesrv.cli import asks
from namesrv.cli.commands.leading import begins_with_command
from namesrv.cli.commands.table import COMMANDS, GROUPS
from namesrv.cli.commands.words import read_call
from namesrv.errors import OptionsInvalid
from tests.cli.server_stand_in import Capture, Server, refused, served

TOPIC_WORDS = "list, show, route, missing, delete"


def mistakes(*words: str) -> list[str]:
    with pytest.raises(OptionsInvalid) as caught:
        read_call(words)
    return list(caught.value.mistakes)


def test_call_has_arguments_and_flags() -> None:
    call = read_call(["kv", "put", "--json", "a", "-n=x:1", "b", "--timeout", "3", "c"])
    assert call.command.name == "kv put"
    assert call.arguments == ["a", "b", "c"]
    assert call.flags == {"json": "", "namesrv-addr": "x:1", "timeout": "3"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--watch"], ""),
        (["--watch", "5"], "5"),
        (["--watch=0.5"], "0.5"),
        (["--watch", "--json"], ""),
    ],
)
def test_value_of_watch_may_be_missing(words: list[str], expected: str) -> None:
    assert read_call(["topic", "list", *words]).flags["watch"] == expected


def test_java_writes_the_flag_of_addresses_in_its_own_way() -> None:
    call = read_call(["--namesrvAddr", "x:1", "topic", "list"])
    assert call.flag("namesrv-addr") == "x:1"


def test_words_behind_two_hyphens_are_arguments() -> None:
    assert read_call(["kv", "get", "--", "-n", "--json"]).arguments == ["-n", "--json"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("topic", f"topic needs one of these words: {TOPIC_WORDS}"),
        ("topic -n x", f"topic needs one of these words: {TOPIC_WORDS}"),
        ("kv ls", "there is no command 'kv ls'; expected kv list, get, put or delete"),
        ("tpic list", "there is no command 'tpic'; did you mean topic?"),
        ("xyz", "there is no command 'xyz'; namesrv --help lists all commands"),
        ("topic show", "topic show needs TOPIC: namesrv topic show TOPIC"),
        ("kv get a", "kv get needs KEY: namesrv kv get NAMESPACE KEY"),
        ("kv put", "kv put needs NAMESPACE and KEY and VALUE: namesrv kv put NAMESPACE"
                   " KEY VALUE"),
        ("ping x", "ping has one word too many, 'x': namesrv ping"),
        ("ping --jsno", "ping has no flag '--jsno'; did you mean --json?"),
        ("ping --qqqq", "ping has no flag '--qqqq'; namesrv ping --help lists them"),
        ("ping --json=1", "--json is followed by '1', expected no value"),
        ("ping -n", "-n has no value, expected LIST"),
        ("ping -n --json", "-n has no value, expected LIST"),
        ("ping -n a -n b", "-n is given twice, expected one list such as"
                           " 'host:port;host:port'"),
        ("-n a ping --namesrv-addr=a", "--namesrv-addr is given twice, expected one"
                                       " list such as 'host:port;host:port'"),
        ("ping --timeout 1 --timeout 2", "--timeout is given twice, expected one"
                                         " SECONDS"),
        ("config set", "config set needs OPTION=VALUE: namesrv config set"
                       " OPTION=VALUE..."),
        ("topic show \udcff", "'\\udcff' is not UTF-8"),
    ],
)  # fmt: skip
def test_mistake_is_one_sentence(words: str, expected: str) -> None:
    assert mistakes(*words.split(" ")) == [expected]


def test_flag_without_value_may_be_repeated() -> None:
    assert read_call(["ping", "--json", "--json"]).flags == {"json": ""}


def test_all_mistakes_are_reported() -> None:
    assert len(mistakes("ping", "a", "--x", "-n")) == 3


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], False),
        (["serve"], False),
        (["-n", "a:1", "serve"], False),
        (["-n", "a:1", "demo-broker"], True),
        (["topic"], True),
        (["anything"], True),
        (["-n", "a:1", "ping"], True),
        (["-n", "a:1"], False),
        (["-n", "a:1", "--port", "1"], False),
        (["-c", "file"], False),
        (["--port", "1"], False),
        (["--tls", "topic"], True),
    ],
)
def test_words_of_the_server_are_no_command(words: list[str], expected: bool) -> None:
    assert begins_with_command(words) is expected


def test_a_server_loads_no_command() -> None:
    # Their table would stay in its memory.
    code = """
import sys
import namesrv.server.running.run as running
running.run = lambda *args, **names: None
from namesrv.__main__ import main
assert main() == 0
assert "namesrv.cli.serve" in sys.modules
print(*(name for name in sys.modules if name.startswith("namesrv.cli.commands.")))
"""
    words = [sys.executable, "-c", code, "--port", "1"]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    loaded = {name.rpartition(".")[2] for name in run.stdout.split()}
    assert loaded == {"command", "leading"}


def test_only_commands_that_ask_let_signals_end_them() -> None:
    assert asks(["ping"]) and asks(["-n", "x", "topic", "show", "demo-broker"])
    for words in ([], ["serve"], ["demo-broker"], ["-c", "x"], ["--help"]):
        assert not asks(words)


def test_serve_is_the_command_without_a_word(server: Server, capsys: Capture) -> None:
    assert served(server, "serve", "--port", "0").listen_port == 0
    assert served(server, "-n", "a:1", "--port", "0").listen_port == 0
    capsys.readouterr()
    assert refused(capsys, "serve", "topic") == [
        "'topic' is not a flag; namesrv serve --help lists all flags"
    ]


def test_every_command_has_a_handler_or_reads_its_own_words() -> None:
    from importlib import import_module  # noqa: PLC0415

    own = [command.name for command in COMMANDS if not command.handler]
    assert own == ["serve", "demo-broker"]
    for command in COMMANDS:
        module, _, function = command.handler.partition(":")
        if module:
            found = import_module(f"namesrv.cli.commands.{module}")
            assert callable(getattr(found, function))
    assert len({command.words for command in COMMANDS}) == len(COMMANDS)
    assert all(len(command.words) <= 2 for command in COMMANDS)
    # A first word is a command itself, or begins several; never both.
    assert all(
        len(commands) == 1 or all(one.words[1:] for one in commands)
        for commands in GROUPS.values()
    )
