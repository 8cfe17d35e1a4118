"""`python -m tests.races`: a server with lookup lanes, and a crowd that disturbs them.

Topics come, change and go while clients look them up, break off in the middle, or do
not read. Each answer is compared with the facts of its moment. Exit code 1 when an
answer was wrong or late, or the server did not end with code 0, as it does not after a
report of a sanitizer (`make sanitize-lanes`).
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.races.breaking_off import break_off
from tests.races.crowd import Crowd
from tests.races.hammering import hammer
from tests.races.looking_up import look_up
from tests.races.not_reading import read_late
from tests.races.pausing import pause
from tests.races.registering import register
from tests.server.server_process import ServerProcess

_EACH = (
    *((register, 3), (look_up, 2), (hammer, 3), (break_off, 3), (pause, 1)),
    (read_late, 1),
)
_SHOWN_CHARACTERS = 8_000
_SWITCH_SECONDS = 0.000_1
"""Members hardly compute, and all wait for the server."""


def main() -> int:
    """Let the crowd at a server for some seconds, and print what happened."""
    words = _read_words()
    sys.setswitchinterval(_SWITCH_SECONDS)
    environment = dict(word.split("=", 1) for word in words.environment)
    with tempfile.TemporaryDirectory(prefix="namesrv-races-") as folder:
        lanes = ("--lookup-lanes", str(words.lanes)) if words.lanes >= 0 else ()
        server = ServerProcess(
            Path(folder),
            *lanes,
            environment=environment,
        )
        with server:
            crowd = Crowd(server.address)
            _run(crowd, words.seconds)
            _end(crowd, server)
        print(crowd.summary(), flush=True)
        failures = crowd.failures
        for failure in failures[:5]:
            print(f"races: {failure}", file=sys.stderr)
        if failures:
            print(server.log()[-_SHOWN_CHARACTERS:], file=sys.stderr)
    return 1 if failures else 0


def _end(crowd: Crowd, server: ServerProcess) -> None:
    try:
        exit_code, _ = server.end()
    except subprocess.TimeoutExpired:
        crowd.fail("the server did not end")
        return
    crowd.demand(exit_code == 0, f"the server ended with code {exit_code}")


def _run(crowd: Crowd, seconds: float) -> None:
    """Each member of the crowd in a thread of its own."""
    threads = [
        threading.Thread(target=crowd.run, args=(member, number), daemon=True)
        for member, count in _EACH
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    crowd.ended.wait(seconds)
    crowd.ended.set()
    deadline = time.monotonic() + crowd.PATIENCE_SECONDS
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
        if thread.is_alive():
            crowd.fail(f"{thread.name} still waits for an answer")


def _read_words(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.races")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--lanes", type=int, default=3)
    parser.add_argument(
        "--environment",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="for the server only; may be given more than once",
    )
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
