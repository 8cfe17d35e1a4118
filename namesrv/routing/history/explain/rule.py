"""The form of a rule, which finds one cause, and of its finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from namesrv.routing.history.explain.evidence import Evidence

Confidence: TypeAlias = Literal["certain", "likely", "possible"]
CERTAIN: Final = "certain"
"""The evidence shows it, and it alone is enough."""
LIKELY: Final = "likely"
"""The evidence shows it, and something else may be needed for the effect."""
POSSIBLE: Final = "possible"
"""The evidence does not exclude it."""
CONFIDENCES: Final = (CERTAIN, LIKELY, POSSIBLE)

TOPIC: Final = ("topic",)
BROKER: Final = ("broker",)
BOTH: Final = (*TOPIC, *BROKER)


class Finding(NamedTuple):
    """A cause that the evidence supports: one sentence, the confidence in it, and the
    next command to run, which is empty if no safe one can be made."""

    sentence: str
    confidence: Confidence
    next: str


class Rule(NamedTuple):
    """Finds one cause. `kinds` are the kinds of names that it is about, and `needs` the
    parts of the evidence without which it cannot be found; `meaning` is one line of
    docs/explain.md."""

    id: str
    kinds: tuple[str, ...]
    needs: tuple[str, ...]
    meaning: str
    find: Callable[[Evidence], Finding | None]


class Cause(NamedTuple):
    """A finding with the id of its rule."""

    id: str
    sentence: str
    confidence: Confidence
    next: str
