"""One problem in a sentence, and words for numbers and ages in it."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal, TypeAlias, get_args

from msgspec import Meta, Struct

from namesrv.routing.history.explain.words import command, duration

Severity: TypeAlias = Literal["error", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""The worst first."""
_FEW_NAMES: Final = 3
_SHOWN: Final = 100


class Finding(Struct):
    """One problem."""

    id: Annotated[str, Meta(description="the kind of problem, such as `no_master`")]
    severity: Annotated[
        Severity,
        Meta(
            description="`error`: clients fail; `warning`: they may soon, or a part of"
            " them does; `note`: it passes by itself"
        ),
    ]
    subject: Annotated[
        Literal["server", "broker", "topic", "topics", "missing", "peer"],
        Meta(description="the kind of thing that has the problem"),
    ]
    name: Annotated[
        str | None,
        Meta(description="name of the broker group or topic, or null"),
    ]
    sentence: Annotated[str, Meta(description="the problem")]
    next: Annotated[
        str, Meta(description="the next step, or the consequence without one")
    ]


def counted(number: int, one: str, many: str = "") -> str:
    """`1 topic`, `12 topics`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def left(millis: int) -> str:
    """The rest of a time, rounded up: with an age, which `duration` rounds down, it is
    the whole time again."""
    return duration(millis + 999)


def run(*words: str) -> str:
    """The next step: a command of ours, as a shell reads it."""
    return f"Run {command('namesrv', *words)}"


def short(name: str | None) -> str:
    """A name of a peer, cut if it is long."""
    text = name or ""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def listed(names: Sequence[str], number: int) -> str:
    """The first of `number` names: `A, B, C and 9 more`."""
    shown = [short(name) for name in names[:_FEW_NAMES]]
    more = number - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
