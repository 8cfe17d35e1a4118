"""Completion scripts: their shells read them, and bash completes with them."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from namesrv.cli import main
from namesrv.cli.commands.completion import SCRIPTS
from namesrv.cli.commands.table import COMMANDS
from namesrv.option import kebab
from namesrv.options import OPTIONS
from tests.cli.server_stand_in import Capture

# Not every machine has zsh and fish; every one that develops here has bash.
SHELLS = [shell for shell in SCRIPTS if shell == "bash" or shutil.which(shell)]


def shell(program: str, script: str, path: str = os.defpath) -> str:
    ran = subprocess.run(
        [shutil.which(program) or program, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": path, "HOME": "/nowhere"},
    )
    assert (ran.stderr, ran.returncode) == ("", 0)
    return ran.stdout


@pytest.mark.parametrize("name", SHELLS)
def test_shell_reads_its_script(name: str, tmp_path: Path, capsys: Capture) -> None:
    assert main(["completion", name]) == 0
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    program = shutil.which(name)
    assert program is not None
    ran = subprocess.run([program, "-n", str(script)], capture_output=True, timeout=60)
    assert (ran.stderr, ran.returncode) == (b"", 0)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_has_every_word(name: str) -> None:
    script = SCRIPTS[name]()
    for command in COMMANDS:
        assert all(word in script for word in command.words)
    for option in OPTIONS:
        assert kebab(option.name) in script
    for flag in ("tls-insecure", "secret-key-file", "topics", "depth"):
        assert flag in script


@pytest.fixture
def complete(tmp_path: Path) -> Callable[..., list[str]]:
    """Completes the last of some words, with a `namesrv` that lists odd topics."""
    stub = tmp_path / "namesrv"
    stub.write_text(
        "#!/bin/sh\n[ \"$1 $2\" = 'topic list' ] || exit 9\n"
        f"printf '%s\\n' 'Orders' '$(touch {tmp_path}/ran)' '`id`' 'a b' '*'\n"
    )
    stub.chmod(0o755)
    script = tmp_path / "script"
    script.write_text(SCRIPTS["bash"]())

    def run(*words: str) -> list[str]:
        quoted = " ".join(f"'{word}'" for word in ("namesrv", *words))
        output = shell(
            "bash",
            f". {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _namesrv;"
            ' printf "%s\\n" "${COMPREPLY[@]}"',
            f"{tmp_path}:{os.defpath}",
        )
        return output.split("\n")[:-1]

    return run


def test_bash_completes_words_and_flags(complete: Callable[..., list[str]]) -> None:
    assert complete("to") == ["topic", "top"]
    assert complete("topic", "") == ["list", "show", "route", "delete"]
    assert complete("broker", "w") == ["wipe-write"]
    assert complete("completion", "z") == ["zsh"]
    assert complete("topic", "list", "--pre") == ["--prefix"]
    assert complete("topic", "show", "X", "--j") == ["--json"]
    assert complete("--listen-p") == ["--listen-port"]
    assert complete("serve", "--check") == ["--check-config"]
    assert complete("ping", "--timeout", "") == [""]


def test_bash_never_runs_the_name_of_a_topic(
    complete: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert complete("topic", "show", "") == [
        "Orders",
        rf"\$\(touch\ {tmp_path}/ran\)",
        r"\`id\`",
        r"a\ b",
        r"\*",
    ]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", [one for one in SHELLS if one == "fish"])
def test_fish_completes_words(name: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(SCRIPTS["fish"]())
    output = shell(
        name, f"source {script}; complete -C 'namesrv broker wi'", os.environ["PATH"]
    )
    assert output.split()[0] == "wipe-write"


def test_unknown_shell(capsys: Capture) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert capsys.readouterr().err == (
        "namesrv: there is no completion for 'tcsh', only bash, zsh, fish\n"
    )
