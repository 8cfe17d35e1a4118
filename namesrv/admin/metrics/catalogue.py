"""One metric: its name, type, labels and meaning, and the function that reads it.

Nothing is counted here. Readers take numbers that the server keeps anyway.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from namesrv.admin.metrics.readings import Readings
from namesrv.server.inside import Inside

PREFIX: Final = "rocketmq_namesrv_"
_OF_PROCESS: Final = "process_"
"""Names that all programs have in common."""

Kind: TypeAlias = Literal["counter", "gauge", "histogram", "info"]


class View(NamedTuple):
    """A server at one moment; `readings` were taken in steps before."""

    inside: Inside
    readings: Readings
    now_ms: int


class Histogram(NamedTuple):
    """`counts` has the observations of each bucket, not added up, one more than there
    are `bounds`; bounds and `total` in the unit of the metric."""

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


Sample: TypeAlias = tuple[tuple[str, ...], float | Histogram]
"""The values of the labels, in their order, and the value."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One row; `short_name` has no prefix, that of a counter ends in `_total`."""

    short_name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    read: Callable[[View], Iterable[Sample]]

    @property
    def name(self) -> str:
        """The name in the text format."""
        if self.short_name.startswith(_OF_PROCESS):
            return self.short_name
        return PREFIX + self.short_name


def single(read: Callable[[View], float]) -> Callable[[View], Iterable[Sample]]:
    """A reader of one value without labels."""
    return lambda view: (((), read(view)),)
