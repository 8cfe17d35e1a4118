"""Plays histories, and tells of one that breaks a promise what there is to know."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from namesrv._impl import IMPLEMENTATION
from namesrv.testing.simulator.history import History, draw_history
from namesrv.testing.simulator.oracle import Violation
from namesrv.testing.simulator.shrink import shrink
from namesrv.testing.simulator.world import World


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that a history breaks: which, at what moment, and how."""

    moment: str
    text: str

    @property
    def promise(self) -> str:
        """Such as "P4"."""
        return self.text.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Finding:
    """A history that breaks a promise, as short as it was made, and how it does."""

    history: History
    breach: Breach

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
            f"steps\n{steps}\n{self.breach.moment}\n{self.breach.text}\n"
            f"replay: {self.replay}"
        )


def breach_of(history: History) -> Breach | None:
    """How a history breaks a promise, None if it does not."""
    world = World(history)
    try:
        world.play()
    except Violation as violation:
        return Breach(world.moment, str(violation))
    return None


def find(history: History) -> Finding | None:
    """Play a history; one that fails is made as short as it goes, for that promise."""
    first = breach_of(history)
    if first is None:
        return None
    shortest, breach = history, first

    def fails(numbers: Sequence[int]) -> bool:
        nonlocal shortest, breach
        part = history.kept(numbers)
        found = breach_of(part)
        if found is None or found.promise != first.promise:
            return False
        shortest, breach = part, found
        return True

    shrink([step.number for step in history.steps], fails)
    return Finding(shortest, breach)


def search(seeds: Iterable[int]) -> Iterator[Finding | None]:
    """What playing the history of each seed finds."""
    for seed in seeds:
        yield find(draw_history(seed))
