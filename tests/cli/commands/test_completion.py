"""Completion scripts: their shells read them, and bash completes with them."""

import os
import pty
import select
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
from namesrv.testing.peer import WAIT_SECONDS
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
def stub(tmp_path: Path) -> Path:
    """A `namesrv` that lists odd topics."""
    stub = tmp_path / "namesrv"
    stub.write_text(
        "#!/bin/sh\n[ \"$1 $2\" = 'topic list' ] || exit 9\n"
        f"printf '%s\\n' 'Orders' '$(touch {tmp_path}/ran)' '`id`' 'a b' '*'\n"
    )
    stub.chmod(0o755)
    return stub


@pytest.fixture
def complete(tmp_path: Path, stub: Path) -> Callable[..., list[str]]:
    """Completes the last of some words in bash."""
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
    assert complete("topic", "") == ["list", "show", "route", "missing", "delete"]
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


def read_until(terminal: int, expected: bytes) -> bytes:
    """The output of a terminal until `expected`, or until it is silent for long."""
    output = b""
    while expected not in output and select.select([terminal], [], [], WAIT_SECONDS)[0]:
        output += os.read(terminal, 65536)
    return output


@pytest.mark.slow
@pytest.mark.parametrize("name", [one for one in SHELLS if one == "zsh"])
def test_zsh_completes_words_and_topics(name: str, stub: Path) -> None:
    ours, theirs = pty.openpty()
    path = f"{stub.parent}:{os.environ['PATH']}"
    with subprocess.Popen(
        [name, "-f", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={"PATH": path, "HOME": "/nowhere", "TERM": "dumb"},
    ) as process:
        os.close(theirs)
        (stub.parent / "script").write_text(SCRIPTS["zsh"]())
        setup = f"autoload -U compinit; compinit -u -D; . {stub.parent}/script\n"
        os.write(ours, setup.encode())
        for typed, expected in (
            (b"namesrv broker wi\t", b"wipe-write"),
            (b"namesrv topic list --pre\t", b"--prefix"),
            (b"namesrv serve --listen-p\t", b"--listen-port"),
            (b"namesrv topic show a\t", rb"a\ b"),
        ):
            os.write(ours, typed)
            assert expected in read_until(ours, expected)
            os.write(ours, b"\x15")
        process.kill()
    os.close(ours)
    assert not (stub.parent / "ran").exists()


def test_unknown_shell(capsys: Capture) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert capsys.readouterr().err == (
        "namesrv: there is no completion for 'tcsh', only bash, zsh, fish\n"
    )
