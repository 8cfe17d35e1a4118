"""Plays histories, and tells of one that breaks a promise what there is to know."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from namesrv._impl import IMPLEMENTATION
from namesrv.testing.history import History, draw_history
from namesrv.testing.oracle import Violation
from namesrv.testing.shrink import shrink
from namesrv.testing.world import World


@dataclass(frozen=True, slots=True)
class Finding:
    """A history that breaks a promise, as short as it was made, and how it does."""

    history: History
    violation: str

    @property
    def numbers(self) -> tuple[int, ...]:
        """Which steps of the whole history are left."""
        return tuple(step.number for step in self.history.steps)

    @property
    def replay(self) -> str:
        """The command that plays it again, on the same twin."""
        kept = ",".join(map(str, self.numbers)) or "none"
        pure = "NAMESRV_NO_EXTENSIONS=1 " if IMPLEMENTATION == "pure" else ""
        seed = self.history.seed
        return f'{pure}make simulate ARGS="--seed {seed} --keep {kept}"'

    @property
    def report(self) -> str:
        """For people."""
        setting = self.history.setting
        brokers = "\n".join(
            f"  {number}: {member}" for number, member in enumerate(setting.members)
        )
        steps = "\n".join(step.text for step in self.history.steps)
        return (
            f"seed {self.history.seed} breaks a promise ({IMPLEMENTATION} twin)\n"
            f"brokers\n{brokers}\n"
            f"options: acting_master={setting.acting_master}"
            f" delete_missing={setting.delete_missing}"
            f" tick_millis={setting.tick_millis}"
            f" groups_per_tick={setting.groups_per_tick}"
            f" write_millis={setting.write_millis}\n"
            f"steps\n{steps}\n{self.violation}\nreplay: {self.replay}"
        )


def violation_of(history: History) -> str | None:
    """How a history breaks a promise, None if it does not."""
    try:
        World(history).play()
    except Violation as violation:
        return str(violation)
    return None


def find(history: History) -> Finding | None:
    """Play a history; one that fails is made as short as it goes."""
    violation = violation_of(history)
    if violation is None:
        return None

    def fails(numbers: Sequence[int]) -> bool:
        return violation_of(history.kept(numbers)) is not None

    numbers = shrink([step.number for step in history.steps], fails)
    shortest = history.kept(numbers)
    return Finding(shortest, violation_of(shortest) or violation)


def search(seeds: Iterable[int]) -> Iterator[tuple[int, Finding | None]]:
    """Play the histories of many seeds."""
    for seed in seeds:
        yield seed, find(draw_history(seed))
