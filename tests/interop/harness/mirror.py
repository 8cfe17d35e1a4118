"""Our server and Java's, fed by the same brokers: nobody may tell them apart."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from harness.fleet import Fleet, wait_for
from harness.mqadmin import Mqadmin
from harness.nameserver import NameServer
from harness.reads import Names, differences
from harness.view import View

CONVERGE_SECONDS = 20.0
STEP_SECONDS = 60.0
POLL_SECONDS = 0.3
SHOWN_DIFFERENCES = 4


@dataclass
class Mirror:
    """Two name servers and the mqadmin that gives both the same commands."""

    fleet: Fleet
    ours: NameServer
    java: NameServer
    mqadmin: Mqadmin
    names: Names = field(default_factory=Names)

    @property
    def servers(self) -> tuple[NameServer, NameServer]:
        return (self.ours, self.java)

    @property
    def addresses(self) -> str:
        """As in `mqadmin -n`, where each write goes to every address in turn."""
        return f"{self.ours.address};{self.java.address}"

    def admin(self, command: str) -> str:
        """Run an mqadmin command against both servers; return what it prints."""
        name, *words = command.split()
        return self.mqadmin.run(name, "-n", self.addresses, *words)

    def wait_for(self, is_true: Callable[[View], bool], wanted: str) -> None:
        """Until `is_true` for both, each by itself."""
        wait_for(self.servers, is_true, STEP_SECONDS, wanted)

    def assert_same(self) -> None:
        """Every read request gets the same answer from both, once they settled."""
        deadline = time.monotonic() + CONVERGE_SECONDS
        while found := differences(self.ours, self.java, self.names):
            if time.monotonic() > deadline:
                shown = "\n".join(found[:SHOWN_DIFFERENCES])
                pytest.fail(f"{len(found)} answers differ:\n{shown}", pytrace=False)
            time.sleep(POLL_SECONDS)
