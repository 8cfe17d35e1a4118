"""A server, a fleet of brokers that lives on it, and a watcher, for one fault."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from namesrv.testing.peer import Address, Peer, wait_until
from tests.chaos.outcome import Outcome
from tests.server.fleet import Fleet, brokers
from tests.server.server_process import ServerProcess
from tests.server.watcher import Watcher

BROKERS = 50
TIMEOUT_MILLIS = 5000
"""How long a broker of the fleet may be silent; it beats four times a second."""


class Plan(NamedTuple):
    """How much is done: seconds of each storm, number of kills, and the event loop."""

    folder: Path
    storm_seconds: float
    kills: int
    loop_name: str


class Broken(Exception):
    """Something is not as it must be; the message is one sentence."""


def demand(is_so: object, sentence: str) -> None:
    """Raise Broken with the sentence, unless it is so."""
    if not is_so:
        raise Broken(sentence)


class Trial:
    """`address` stays the same when the server is started again."""

    def __init__(self, plan: Plan, *words: str, folder: Path | None = None) -> None:
        self.plan = plan
        self.address: Address = ("127.0.0.1", free_port())
        self._folder = folder or plan.folder
        self._words = ("--loop", plan.loop_name, "--port", str(self.address[1]), *words)
        self._stack = ExitStack()
        self.server: ServerProcess
        self.fleet: Fleet
        self.watcher: Watcher

    def start(self) -> None:
        """Start the server, the first time or again."""
        self.server = ServerProcess(self._folder, *self._words, is_plain=True)
        self._stack.enter_context(self.server)

    def people(self, *, forgives_ends: bool = False, **fleet: Any) -> None:
        """Let the fleet and the watcher come."""
        crew = brokers(BROKERS, TIMEOUT_MILLIS)
        self.fleet = self._stack.enter_context(Fleet(self.address, crew, **fleet))
        self.watcher = Watcher(
            lambda: self.address,
            lambda: self.fleet.names,
            forgives_ends=forgives_ends,
        )
        self._stack.enter_context(self.watcher)

    def peer(self) -> Peer:
        """A new connection, closed at the end."""
        return self._stack.enter_context(self.server.peer())

    def outcome(
        self,
        fault: str,
        what_happened: str,
        ended: float | None = None,
        *,
        expired: int = 0,
    ) -> Outcome:
        """What came of it; `ended` is when (monotonic) the fault was over, `expired`
        how many brokers died of silence."""
        seconds = None
        if ended is not None:
            seconds = self.watcher.seconds_until_good(ended)
        wait_until(lambda: self.watcher.lookups)
        log = self.server.log()
        demand("Traceback" not in log, "there is a traceback in the log")
        demand(log.count("broker expired") == expired, "a living broker expired")
        lost = len(self.watcher.lost)
        failure = f"lost {sorted(self.watcher.lost)}" if lost else ""
        if self.watcher.failed:
            failure = f"{failure} {self.watcher.failed} lookups failed".strip()
        return Outcome(
            fault,
            what_happened,
            lost,
            self.watcher.lookups,
            self.watcher.failed,
            seconds,
            failure,
        )

    def __enter__(self) -> "Trial":
        return self

    def __exit__(self, *exc: Any) -> None:
        self._stack.__exit__(*exc)


@contextmanager
def populated(plan: Plan, *words: str, **fleet: Any) -> Iterator[Trial]:
    """A trial of which everybody has come."""
    with Trial(plan, *words) as trial:
        trial.start()
        trial.people(**fleet)
        trial.watcher.seconds_until_good(time.monotonic())
        yield trial


def free_port() -> int:
    """A port of loopback below those that the system hands out by itself."""
    for port in range(21_000, 32_000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Broken("there is no free port")
