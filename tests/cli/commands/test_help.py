"""The help, and the page about the command line, have all of the table."""

import re
from pathlib import Path

import pytest

from namesrv.cli import main
from namesrv.cli.commands.help import help_of, overview
from namesrv.cli.commands.leading import CONNECTING
from namesrv.cli.commands.table import COMMANDS
from namesrv.cli.commands.text import columns_of
from tests.cli.server_stand_in import Capture

PAGE = Path(__file__).parents[3] / "docs" / "command-line.md"


def rows(heading: str) -> list[tuple[str, str]]:
    """The rows of the table behind a heading: the code and the text."""
    text = PAGE.read_text(encoding="utf-8").split(f"## {heading}")[1].split("\n## ")[0]
    return re.findall(r"(?m)^\| `([^`]+)` \| (.+) \|$", text)


def test_page_has_every_command_and_flag() -> None:
    assert rows("Commands") == [(one.usage, one.summary) for one in COMMANDS]
    flags = [(one.usage, one.meaning) for one in CONNECTING]
    assert rows("Which servers") == flags


def test_page_names_every_other_flag() -> None:
    text = PAGE.read_text(encoding="utf-8")
    known = {name for one in COMMANDS for flag in one.flags for name in flag.names}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert named <= known | {"--help"}


@pytest.mark.parametrize("columns", [0, 60, 80, 100, 1000])
def test_help_fits_and_names_everything(columns: int) -> None:
    width = max(60, min(columns, 100))
    text = overview(columns)
    assert all(columns_of(line) <= width for line in text.splitlines())
    for command in COMMANDS:
        assert f"  {command.usage}" in text
        own = help_of(command.words, columns)
        assert all(flag.usage in own for flag in command.flags)
        assert all(columns_of(line) <= width for line in own.splitlines())


def test_help_of_a_first_word_lists_its_commands(capsys: Capture) -> None:
    assert main(["kv", "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [
        ["kv", "list"],
        ["kv", "get"],
        ["kv", "put"],
        ["kv", "delete"],
    ]
    assert main(["kv", "put", "-h"]) == 0
    assert capsys.readouterr().out.startswith(
        "Usage: namesrv kv put NAMESPACE KEY VALUE [FLAG]...\n"
    )


def test_help_of_an_unknown_word_is_a_mistake(capsys: Capture) -> None:
    assert main(["kx", "--help"]) == 2
    assert "there is no command 'kx'" in capsys.readouterr().err
