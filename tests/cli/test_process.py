"""The command as a process: exit codes, and pipes that close."""

import os
import subprocess
import sys

import pytest

import namesrv


def run(*words: str, code: str | None = None) -> "subprocess.CompletedProcess[str]":
    command = ["-m", "namesrv"] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, "-W", "error", *command, *words],
        capture_output=True,
        text=True,
        timeout=60,
    )


class TestProcess:
    def test_module_is_the_command(self) -> None:
        ran = run("--version")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.startswith(f"namesrv {namesrv.__version__} (")

    def test_mistake_is_exit_code_2_without_a_traceback(self) -> None:
        ran = run("--port", "x")
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr.startswith("namesrv: command line, --port: ")
        assert ran.stderr.count("\n") == 1

    @pytest.mark.parametrize("word", ["--help", "--version"])
    def test_light_commands_import_neither_a_loop_nor_the_server(
        self, word: str
    ) -> None:
        ran = run(
            code="import sys; from namesrv.cli import main\n"
            f"assert main([{word!r}]) == 0\n"
            "print(sorted({'asyncio', 'uvloop', 'namesrv.server.nameserver'}"
            ".intersection(sys.modules)))"
        )
        assert ran.stderr == ""
        assert ran.stdout.splitlines()[-1] == "[]"

    def test_reader_who_leaves_early_is_no_traceback(self) -> None:
        read_end, write_end = os.pipe()
        os.close(read_end)
        try:
            ran = subprocess.run(
                [sys.executable, "-m", "namesrv", "--help"],
                stdout=write_end,
                stderr=subprocess.PIPE,
                timeout=60,
            )
        finally:
            os.close(write_end)
        assert (ran.returncode, ran.stderr) == (0, b"")

    def test_terminal_without_unicode_is_no_traceback(self) -> None:
        ran = subprocess.run(
            [sys.executable, "-m", "namesrv", "主"],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            timeout=60,
        )
        assert ran.returncode == 2
        assert rb"there is no command '\u4e3b'" in ran.stderr
