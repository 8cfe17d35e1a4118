"""Plays histories, and reports one that breaks a promise."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from namesrv._impl import IMPLEMENTATION
from namesrv.testing.simulator.history import History, draw_history
from namesrv.testing.simulator.oracle import Violation
from namesrv.testing.simulator.shrink import shrink
from namesrv.testing.simulator.world import World


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken promise: its name, the time, and the difference."""

    moment: str
    text: str

    @property
    def promise(self) -> str:
        """The name of the promise, such as "P4"."""
        return self.text.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Finding:
    """A shortened history that breaks a promise, and the promise."""

    history: History
    breach: Breach

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the remaining steps."""
        return tuple(step.number for step in self.history.steps)

    @property
    def replay(self) -> str:
        """The command that replays it, on the same twin."""
        kept = ",".join(map(str, self.numbers)) or "none"
        pure = "NAMESRV_NO_EXTENSIONS=1 " if IMPLEMENTATION == "pure" else ""
        seed = self.history.seed
        return f'{pure}make simulate ARGS="--seed {seed} --keep {kept}"'

    @property
    def report(self) -> str:
        """The report as text."""
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
    """The promise that a history breaks, or None."""
    world = World(history)
    try:
        world.play()
    except Violation as violation:
        return Breach(world.moment, str(violation))
    return None


def find(history: History) -> Finding | None:
    """Play a history; if it breaks a promise, shorten it for that promise."""
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
    """The result of playing the history of each seed."""
    for seed in seeds:
        yield find(draw_history(seed))
