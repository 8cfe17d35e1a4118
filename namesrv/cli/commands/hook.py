"""The command that `watch --exec` runs for each change of a route.

One command runs at a time. Changes that come meanwhile are collected: when it ends, it
runs once more with the route as it is then.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Condition, Thread
from time import monotonic
from typing import Any, Final, NamedTuple

from namesrv.cli.printing import shown

_MOST_CHANGES: Final = 1000
_LONGEST_VALUE: Final = 1 << 16
"""Characters of a variable; Linux allows 128 KiB."""
_PATIENCE_SECONDS: Final = 5.0
_SHELL: Final = "/bin/sh"


class Occasion(NamedTuple):
    """The reason to run the command: `reason` is start or change, `changes` are the
    sentences since its last run, `route` is the body of the answer (None without a
    route), `addresses` are those of its masters."""

    topic: str
    server: str
    reason: str
    changes: Sequence[str]
    route: Any
    masters: Sequence[str]

    @property
    def environment(self) -> dict[str, str]:
        """Its facts as variables; texts of a server are escaped as on a terminal."""
        masters = shown(";".join(self.masters))
        found = {
            "NAMESRV_TOPIC": self.topic,
            "NAMESRV_SERVER": self.server,
            "NAMESRV_REASON": self.reason,
            "NAMESRV_EXISTS": "false" if self.route is None else "true",
        }
        if len(masters) <= _LONGEST_VALUE:
            found["NAMESRV_MASTERS"] = masters
        return found

    @property
    def text(self) -> bytes:
        """All facts as JSON."""
        return json.dumps(self._asdict(), separators=(",", ":")).encode()

    def after(self, earlier: Occasion) -> Occasion:
        """The same with the changes of an earlier one, for which nothing ran."""
        changes = [*earlier.changes, *self.changes][-_MOST_CHANGES:]
        return self._replace(changes=changes, reason=earlier.reason)


class Hook:
    """Runs a command line in a shell, in a thread of its own.

    `report` gets the topic and a sentence on how each run ended; it is called in that
    thread. `output` is a file descriptor for the standard output of the command, None
    for that of this process.
    """

    def __init__(
        self,
        command: str,
        report: Callable[[str, str], None],
        output: int | None = None,
    ) -> None:
        self._command = command
        self._report = report
        self._output = output
        self._changed = Condition()
        self._waiting: dict[str, Occasion] = {}
        self._running: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self._thread = Thread(target=self._run_all, name="hook", daemon=True)
        self._thread.start()

    def put(self, occasion: Occasion) -> None:
        """Run the command for it, as soon as no other one runs."""
        with self._changed:
            earlier = self._waiting.get(occasion.topic)
            if earlier is not None:
                occasion = occasion.after(earlier)
            self._waiting[occasion.topic] = occasion
            self._changed.notify()

    def close(self) -> None:
        """End the running command, and run no other one."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify()
            self._signal(signal.SIGTERM)
        self._thread.join(_PATIENCE_SECONDS)
        if self._thread.is_alive():
            self._signal(signal.SIGKILL)
            self._thread.join(_PATIENCE_SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the command and its children."""
        running = self._running
        if running is not None and running.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, number)

    def _run_all(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._is_closed:
                    self._changed.wait()
                if self._is_closed:
                    return
                topic = next(iter(self._waiting))
                occasion = self._waiting.pop(topic)
            self._report(topic, self._run(occasion))

    def _run(self, occasion: Occasion) -> str:
        """Run it once; a sentence on its end."""
        began = monotonic()
        # A file, because a command that does not read would block a pipe.
        with tempfile.TemporaryFile() as facts:
            facts.write(occasion.text)
            facts.seek(0)
            try:
                code = self._code_of(occasion, facts.fileno())
            except OSError as error:
                return f"cannot run: {error.strerror or error}"
        seconds = monotonic() - began
        if code >= 0:
            return f"exit code {code} after {seconds:.1f} s"
        return f"ended by signal {-code} after {seconds:.1f} s"

    def _code_of(self, occasion: Occasion, facts: int) -> int:
        with self._changed:
            if self._is_closed:
                return -signal.SIGTERM
            self._running = subprocess.Popen(
                [_SHELL, "-c", self._command],
                stdin=facts,
                stdout=self._output,
                env={**os.environ, **occasion.environment},
                start_new_session=True,
            )
        return self._running.wait()
