"""Whole stacks over each twin, side by side in one process."""

import sys
from collections.abc import Iterable
from functools import cache, partial
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from namesrv import _impl
from namesrv.testing.peer import Broker
from tests.parity.twins import FAST, PURE
from tests.routing.snapshot import reverse_index, scanned_index, snapshot

# What looks at `_impl`, and what looks at that.
ABOVE_THE_SWITCH = (
    "namesrv._impl",
    "namesrv.routing",
    "namesrv.server.logs.change_lines",
    "tests.routing.world",
)


@cache
def load_world(twin: str) -> ModuleType:
    """`tests.routing.world`, imported anew with all of routing over one twin."""
    hot = {"pure": PURE, "fast": FAST}[twin]
    import_module("tests.routing.world")  # so that every name is there to be put back
    switch = ModuleType("namesrv._impl")
    # Lanes have no twin, and are above routing.
    for name in filter(partial(hasattr, PURE), _impl.__all__):
        setattr(switch, name, getattr(hot, name))
    with pytest.MonkeyPatch.context() as patch:
        names = [n for n in sys.modules if n.startswith(ABOVE_THE_SWITCH)]
        for name in sorted(names, reverse=True):  # modules before their package
            parent, _, attribute = name.rpartition(".")
            package = sys.modules[parent]
            patch.setattr(package, attribute, getattr(package, attribute))
            patch.delitem(sys.modules, name)
        patch.setitem(sys.modules, switch.__name__, switch)
        return import_module("tests.routing.world")


class Stack:
    """One server over one twin, with connections that are replaced when they end."""

    def __init__(self, twin: str, **options: Any) -> None:
        self.world = load_world(twin).World(**options)
        self.world.holds_writes = True
        self.connections = [self.world.connect(f"peer {n}") for n in range(3)]
        self.slots = [0, 1, 2]

    def send(self, slot: int, pieces: Iterable[bytes]) -> list[Any]:
        """Answers, and what each piece left of the connection."""
        connection = self.connections[self.slots[slot]]
        seen: list[Any] = []
        for piece in pieces:
            seen.append(self.world.send(piece, connection))
            seen.append((connection.buffered_bytes, int(connection.pause)))
            seen.append((connection.has_side_effects, connection.is_done))
        return [*seen, *self.late_answers(), self.world.processor.cold_calls]

    def late_answers(self) -> list[tuple[int, bytes]]:
        late, self.world.late_output = self.world.late_output, {}
        return [(self.connections.index(c), output) for c, output in late.items()]

    def finish_writes(self, count: int, error: Any) -> list[tuple[int, bytes]]:
        self.world.write_error = error
        for _ in self.world.writes[:count]:
            self.world.finish_write()
        return self.late_answers()

    def close(self, slot: int) -> None:
        self.world.close(self.connections[self.slots[slot]])
        self.connections.append(self.world.connect("another"))
        self.slots[slot] = len(self.connections) - 1

    def close_told(self) -> list[int]:
        """Close what the state wants closed; which slots."""
        told, self.world.closed = self.world.closed, []
        slots = [s for s in range(3) if self.connections[self.slots[s]] in told]
        for slot in slots:
            self.close(slot)
        return slots

    def next_turn(self) -> list[bytes]:
        """The other connections had theirs: what the waiting ones answer now."""
        self.world.state.turn.begin()
        output = []
        for slot in self.slots:
            connection = self.connections[slot]
            if connection.pause in (1, 3) and connection.fault is None:
                output.append(connection.resume(self.world.now_ms))
        self.world.flush()
        return output

    def tables(self) -> dict[str, Any]:
        """Everything that may decide a later answer, as plain values."""
        seen = snapshot(self.world, self.connections)
        seen["notifications"] = [repr(vars_of(n)) for n in seen["notifications"]]
        seen["events"] = [(e.event, repr(e.fields)) for e in self.world.events]
        seen["faults"] = [repr(c.fault) for c in self.connections]
        answers = self.world.tables.route_answers
        seen["answers"] = len(answers), answers.kept_bytes
        seen["digests"] = {
            info.key: (info.digest, info.answer_ext_fields)
            for info in self.world.live.entries()
        }
        if not self.world.state.unfinished:
            # Topics of a group that went may go in the next turns.
            assert reverse_index(self.world) == scanned_index(self.world)
        return seen


def vars_of(effect: Any) -> dict[str, Any]:
    """What an effect of the outbox says, whichever copy of its class made it."""
    if hasattr(effect, "_asdict"):
        return effect._asdict()
    return {name: getattr(effect, name) for name in effect.__struct_fields__}


def own_addr(name: str, broker_id: int) -> Broker:
    return Broker(name, broker_id, f"{name}-{broker_id}:1", "c1")
