"""One name server, one broker and an mqadmin of their own.

Two worlds that get the same commands in the same order must print the same, apart
from what is their own: addresses, folders, times and ids.
"""

import re
from dataclasses import dataclass, field

from harness.broker import JavaBroker
from harness.mqadmin import COMMAND_SECONDS, Mqadmin
from harness.nameserver import NameServer

MESSAGE_ID = re.compile(r"\b[0-9A-F]{32}\b")

OWN_VALUES = (
    (MESSAGE_ID, "<message id>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<peer>"),
    (re.compile(r"\b(configStorePath|kvConfigPath) += +\S+"), r"\1 = <file>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d+)?"), "<time>"),
    (re.compile(r"(?<![.\d])1\d{12}\b"), "<milliseconds>"),
    # null until the broker's clock has come to its end of a period
    (re.compile(r"(putMessageDistributeTime +: ).*"), r"\1<counts>"),
)
NUMBERS = re.compile(r"\bNaN\b|-?\b\d+(\.\d+)?(E-?\d+)?( ?[KMGT]?i?B\b)?")


@dataclass(frozen=True)
class Command:
    """An mqadmin command line; `{broker}`, `{files}`, `{message}` are filled in.

    `measures`: the output holds measurements, so numbers are not compared.
    `endless_seconds`: the command never ends by itself and is interrupted then.
    """

    line: str
    measures: bool = False
    endless_seconds: float = COMMAND_SECONDS

    def __str__(self) -> str:
        return self.line


@dataclass
class World:
    server: NameServer
    broker: JavaBroker
    mqadmin: Mqadmin
    _last_message: str = field(default="", init=False)

    def run(self, command: Command) -> list[str]:
        """The lines that mqadmin prints, sorted, without what is this world's own."""
        words = command.line.format(
            broker=self.broker.address,
            files=self.mqadmin.home,
            message=self._last_message,
        ).split()
        printed = self.mqadmin.run(
            *(words[0], "-n", self.server.address, *words[1:]),
            endless_seconds=command.endless_seconds,
        )
        if sent := MESSAGE_ID.search(printed):
            self._last_message = sent.group()
        return self._common_lines(printed, command.measures)

    def _common_lines(self, printed: str, measures: bool) -> list[str]:
        own = (
            (str(self.mqadmin.home.parent), "<folder>"),
            (self.server.address, "<name server>"),
            (self.broker.address, "<broker>"),
            (str(self.server.port), "<port of the name server>"),
            (str(self.broker.port), "<port of the broker>"),
            (str(self.broker.ha_port), "<HA port of the broker>"),
        )
        for value, name in own:
            printed = printed.replace(value, name)
        for pattern, name in OWN_VALUES:
            printed = pattern.sub(name, printed)
        if measures:
            printed = NUMBERS.sub("", printed)
        lines = (" ".join(line.split()) for line in printed.splitlines())
        return sorted(line for line in lines if line)
