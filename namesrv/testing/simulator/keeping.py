"""The oracle's own copy of a snapshot, made while the server packs it."""

from dataclasses import replace
from typing import Final

from namesrv.testing.simulator.model import Group, Key, Live, Model
from namesrv.testing.simulator.requests import Queues

_INTERVAL_MILLIS: Final = 5000
_CONFIRMATION_MILLIS: Final = 1000
Leases = dict[Key, tuple[int, int]]
"""The earliest and latest end of a broker's lease, in served time."""


class Keeper:
    """Copies groups of a model when the server packs them.

    `lag_millis` is the age up to which a change may be missing in the file after a
    kill; times count only while the process was awake.
    """

    def __init__(self, lag_millis: int) -> None:
        self._lag_millis = lag_millis + _INTERVAL_MILLIS + _CONFIRMATION_MILLIS
        self._changed_ms: list[int] = []
        self._begun_at = 0
        self._groups: dict[str, _GroupCopy] = {}
        self._packed: _FileCopy | None = None
        self._file: _FileCopy | None = None

    def changed(self, awake_ms: int) -> None:
        """A change was made that belongs into the file."""
        self._changed_ms.append(awake_ms)

    def begin(self) -> None:
        """A new file was begun; it holds all earlier changes."""
        self._begun_at = len(self._changed_ms)
        self._groups = {}

    def pack(self, model: Model, name: str) -> None:
        """The server packed a group."""
        if name in model.groups:
            self._groups[name] = _GroupCopy(model, name)

    def pack_tables(self, model: Model, leases: Leases) -> None:
        """The server packed the shared tables; groups that are gone are left out."""
        groups = {n: g for n, g in self._groups.items() if n in model.groups}
        self._packed = _FileCopy(model, groups, leases)

    def written(self) -> None:
        """The new file replaced the old one."""
        self._file = self._packed
        del self._changed_ms[: self._begun_at]
        self._begun_at = 0

    def missing_millis(self, awake_ms: int) -> int | None:
        """The age of a change that should be in the file and is not; or None."""
        if not self._changed_ms:
            return None
        age_millis = awake_ms - self._changed_ms[0]
        return age_millis if age_millis > self._lag_millis else None

    def restore(self, model: Model) -> Leases:
        """Fill an empty model from the file; the leases in the file."""
        self._changed_ms.clear()
        self._begun_at = 0
        if self._file is None:
            return {}
        self._file.restore(model)
        return self._file.leases

    @property
    def is_behind(self) -> bool:
        """Whether a change is not in the file yet."""
        return bool(self._changed_ms)

    @property
    def has_groups(self) -> bool:
        """Whether the file allows a warm start."""
        return self._file is not None and bool(self._file.groups)

    def lose(self) -> None:
        """The file was lost or is too old."""
        self._file = None


class _GroupCopy:
    """A group with its brokers and queues at one moment."""

    def __init__(self, model: Model, name: str) -> None:
        self.group: Group = model.groups[name].copy()
        self.lives: dict[Key, Live] = {
            key: replace(live)
            for key, live in model.lives.items()
            if live.belongs_to(name)
        }
        self.queues: dict[tuple[str, int], Queues] = {
            (topic, model.births[topic]): by_name[name]
            for topic, by_name in model.topics.items()
            if name in by_name
        }


class _FileCopy:
    """Groups as they were packed, with the shared tables at the end of packing.

    A topic deleted after its group was packed is left out, and so are filter servers of
    a broker whose group came meanwhile.
    """

    def __init__(
        self, model: Model, groups: dict[str, _GroupCopy], leases: Leases
    ) -> None:
        self.groups = groups
        self.leases = leases
        self.births = dict(model.births)
        self.filters = dict(model.filters)
        self.topics = {(topic, model.births[topic]) for topic in model.topics}
        self.clusters = {c: set(names) for c, names in model.clusters.items()}

    def restore(self, model: Model) -> None:
        """Fill an empty model."""
        model.births = dict(self.births)
        if not self.groups:
            return
        model.clusters = {c: set(names) for c, names in self.clusters.items()}
        for name, copy in self.groups.items():
            model.groups[name] = copy.group.copy()
            model.lives |= {key: replace(live) for key, live in copy.lives.items()}
            for (topic, birth), queues in copy.queues.items():
                if (topic, birth) in self.topics:
                    model.topics.setdefault(topic, {})[name] = queues
        model.filters = {k: f for k, f in self.filters.items() if k in model.lives}
