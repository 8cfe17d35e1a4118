"""The figures of one results file, by name; whatever is not there is None."""

import json
from pathlib import Path
from statistics import median
from typing import Any


class Figures:
    """A results file that bench.driver.run wrote."""

    def __init__(self, path: Path) -> None:
        self.raw: dict[str, Any] = json.loads(path.read_text())

    @property
    def servers(self) -> list[str]:
        """The names of all servers, in order."""
        return list(self.raw["titles"])

    def title(self, server: str) -> str:
        """A server's name for people."""
        return str(self.raw["titles"][server])

    def load(self, load: str, server: str, measure: str) -> float | None:
        """A median of one load."""
        return _figure(self.raw, "loads", load, "servers", server, measure)

    def compare(self, load: str, server: str, other: str, measure: str) -> float | None:
        """A server's share of another's: the median of what each round says, because
        the machine is faster in one round than in the next."""
        rounds = [self._rounds(load, name, measure) for name in (server, other)]
        if not rounds[0] or len(rounds[0]) != len(rounds[1]):
            return None
        pairs = zip(*rounds, strict=True)
        return float(median(ours / theirs for ours, theirs in pairs if theirs))

    def _rounds(self, load: str, server: str, measure: str) -> list[float]:
        result = self.raw["loads"].get(load, {}).get("servers", {}).get(server, {})
        found: list[float] = result.get("rounds", {}).get(measure, [])
        return found

    def alone(self, server: str, measure: str) -> float | None:
        """Start and memory."""
        return _figure(self.raw, "alone", server, measure)

    def storm(self, server: str, phase: str, measure: str) -> float | None:
        """A figure of one phase of the storm."""
        return _figure(self.raw, "storms", server, phase, measure)

    def storm_failure(self, server: str) -> str | None:
        """Why a server's storm broke off."""
        reason = self.raw["storms"].get(server, {}).get("failure")
        return None if reason is None else str(reason)

    def failures(self) -> list[str]:
        """A sentence for each thing that failed or was not there."""
        found = [f"{name} is absent: {why}" for name, why in self.raw["absent"].items()]
        for load in self.raw["loads"].values():
            for server, result in load["servers"].items():
                if "failure" in result:
                    found.append(f"{server}, {load['title']}: {result['failure']}")
        for part in ("alone", "storms"):
            for server, result in self.raw[part].items():
                if "failure" in result:
                    found.append(f"{server}, {part}: {result['failure']}")
        return found


def _figure(raw: dict[str, Any], *names: str) -> float | None:
    place: Any = raw
    for name in names:
        place = place.get(name)
        if not isinstance(place, dict | int | float):
            return None
    return place if isinstance(place, int | float) else None


def share(part: float | None, whole: float | None) -> float | None:
    """`part` / `whole`, None when either is missing."""
    return None if part is None or not whole else part / whole
