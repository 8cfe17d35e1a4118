"""The process before the server has its own handlers, and after; descriptors 0 to 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from namesrv.testing.peer import WAIT_SECONDS

RAISE_AND_RUN = """
import os, signal, sys
from namesrv import __main__ as process

number = getattr(signal, sys.argv.pop(1))
where = sys.argv.pop(1)

class Raise:
    def find_spec(self, name, *_):
        if name == where:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), number)

sys.meta_path.insert(0, Raise())
sys.exit(process.main())
"""
"""Raises a signal when a module is about to be imported."""

RAISE_AT_THE_END = """
import os, signal, sys
from namesrv import __main__ as process

code = process.main()
os.kill(os.getpid(), getattr(signal, sys.argv[-1]))
sys.exit(code)
"""

RAISE_WHILE_BUILDING = """
import os, signal, sys
from namesrv import __main__ as process
from namesrv.server.nameserver import NameServer

build = NameServer._build
number = getattr(signal, sys.argv.pop(1))

def raise_and_build(server):
    os.kill(os.getpid(), number)
    build(server)

NameServer._build = raise_and_build
sys.exit(process.main())
"""

END_AT_ONCE = """
import os, sys
from namesrv import __main__ as process
from namesrv.server.nameserver import NameServer

async def serve(server):
    for number in range(3):
        os.fstat(number)

NameServer.serve = serve
sys.exit(process.main())
"""
"""A server that ends once it has started, unless a standard stream is missing."""

MODULES = ["namesrv.cli", "namesrv.server.nameserver", "uvloop"]


def words(folder: Path) -> list[str]:
    return ["--bind", "127.0.0.1", "--port", "0", "--data-dir", str(folder / "data")]


def run(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )


class TestSignals:
    @pytest.mark.parametrize("where", MODULES)
    @pytest.mark.parametrize(("name", "code"), [("SIGTERM", 0), ("SIGINT", 130)])
    def test_end_that_is_asked_for_while_modules_are_imported(
        self, tmp_path: Path, name: str, code: int, where: str
    ) -> None:
        ran = run(RAISE_AND_RUN, name, where, *words(tmp_path))
        assert (ran.returncode, ran.stdout, ran.stderr) == (code, "", "")

    @pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
    @pytest.mark.parametrize(("name", "code"), [("SIGTERM", 0), ("SIGINT", 130)])
    def test_end_that_is_asked_for_while_the_server_starts(
        self, tmp_path: Path, name: str, code: int, loop_name: str
    ) -> None:
        ran = run(RAISE_WHILE_BUILDING, name, *words(tmp_path), "--loop", loop_name)
        assert (ran.returncode, ran.stdout, ran.stderr) == (code, "", "")

    @pytest.mark.parametrize("where", MODULES)
    def test_reload_that_is_asked_for_too_early_is_done_later(
        self, tmp_path: Path, where: str
    ) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", RAISE_AND_RUN, "SIGHUP", where, *words(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            read_again = "configuration reloaded"
            assert "boot success" in process.stdout.readline()
            assert any(read_again in line for line in process.stderr)
            process.terminate()
        assert process.returncode == 0

    @pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
    def test_signal_after_the_end_does_not_spoil_the_exit_code(self, name: str) -> None:
        ran = run(RAISE_AT_THE_END, "--no-such-flag", name)
        assert ran.returncode == 2
        assert "Traceback" not in ran.stderr

    def test_interrupt_that_is_ignored_stays_ignored(self) -> None:
        """As for a job that a script has put into the background."""
        code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        ran = run(code + RAISE_AND_RUN, "SIGINT", "namesrv.cli", "--version")
        assert ran.returncode == 0
        assert ran.stdout.startswith("namesrv ")

    def test_handler_is_there_for_the_first_process_of_a_container(self) -> None:
        """To which no signal comes that has none."""
        code = RAISE_AND_RUN.replace("os.kill(os.getpid(), number)", "tell()")
        tell = "def tell(): print(signal.getsignal(number).__name__)\n"
        ran = run(tell + code, "SIGTERM", "namesrv.cli", "--version")
        assert ran.stdout.splitlines()[0] == "_end"


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_may_be_closed(
    tmp_path: Path, loop_name: str, closed: str
) -> None:
    """Their numbers would go to sockets, and uvloop would end with SIGABRT."""
    flags = ["--loop", loop_name, "--log-level", "ERROR"]
    command = [sys.executable, "-c", END_AT_ONCE, *words(tmp_path), *flags]
    ran = subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {closed}', *command],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ("boot success" in ran.stdout) is (">&-" not in closed.split())


def test_standard_error_that_is_closed_hides_no_exit_code() -> None:
    ran = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@" 2>&-', sys.executable, "-m", "namesrv", "--nope"],
        timeout=WAIT_SECONDS,
    )
    assert ran.returncode == 2
