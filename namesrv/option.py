"""One option: its name, type, default and limits, and how it is shown."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

NETWORK: Final = "Network"
TLS: Final = "TLS"
ROUTES: Final = "Routes and topics"
ACCESS: Final = "Access"
FILES: Final = "Files"
LOGS: Final = "Logs and metrics"
LIMITS: Final = "Limits, in bytes or as a number"
JVM: Final = "Of the JVM: accepted and reported, without effect here"
GROUPS: Final = (NETWORK, TLS, ROUTES, ACCESS, FILES, LOGS, LIMITS, JVM)

FILE: Final = "FILE"
DIRECTORY: Final = "DIRECTORY"

INT_MIN: Final = -(2**31)
INT_MAX: Final = 2**31 - 1
MIB: Final = 2**20
GIB: Final = 2**30
TIB: Final = 2**40
DAY_MILLIS: Final = 86_400_000

HIDDEN: Final = "******"

Value = bool | int | str


@dataclass(frozen=True, slots=True)
class Option:
    """One option; `name` is Java's, `default` None means "not set"."""

    name: str
    type: type[bool] | type[int] | type[str]
    default: Value | None
    group: str
    meaning: str
    java: bool
    """Whether the Java server has it, so that 319 reports it."""
    minimum: int
    maximum: int
    choices: tuple[str, ...]
    placeholder: str
    """Stands for a value in the help: FILE, DIRECTORY, ADDRESSES, TEXT."""
    live: bool
    """Whether a reload (SIGHUP) takes a new value over; others wait for a start."""
    remote: bool
    """Whether a remote update (318) may change it (protocol.md section 9.4)."""
    written: bool
    """Whether the server writes the file that it names."""
    secret: bool
    """Whether its value is never printed, logged or answered."""

    @property
    def attribute(self) -> str:
        """Name of the attribute of `Options`: listenPort -> listen_port."""
        return kebab(self.name).replace("-", "_")

    @property
    def is_path(self) -> bool:
        """Whether a value is the path of a file or of a directory."""
        return self.placeholder in (FILE, DIRECTORY)

    @property
    def jvm_only(self) -> bool:
        """Whether it is accepted and reported, and has no effect here."""
        return self.group == JVM

    @property
    def expected(self) -> str:
        """The expected values, as the end of a sentence."""
        if self.type is bool:
            return "true or false"
        if self.type is int:
            return f"a whole number from {self.minimum} to {self.maximum}"
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        return "a text without control characters"

    def shown(self, value: Value) -> str:
        """A value of it as people and logs may see it."""
        return HIDDEN if self.secret and value else value_text(value)


def kebab(name: str) -> str:
    """The name as a command-line word: listenPort -> listen-port."""
    return re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", name)


def option_field(
    default: Value | None,
    group: str,
    meaning: str,
    minimum: int = 0,
    maximum: int = INT_MAX,
    *,
    java: bool = True,
    choices: str = "",
    placeholder: str = "TEXT",
    live: bool = False,
    remote: bool = False,
    written: bool = False,
    secret: bool = False,
) -> Any:
    """A field of `Options`; an entry of `OPTIONS` is made from it."""
    about = (group, meaning, java, minimum, maximum, tuple(choices.split()))
    facts = (placeholder, live or remote, remote, written, secret)
    return field(default=default, metadata={"about": about + facts})


def value_text(value: Value) -> str:
    """A value as Java prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
