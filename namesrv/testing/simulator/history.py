"""Seeded histories: steps with their times, drawn before the simulation starts.

A step holds its action and its time, so that any subset of a history is a history, too.
This makes shrinking and replaying simple.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final, NamedTuple

from namesrv.testing.simulator.requests import PLAIN, Form

STEPS: Final = 60
CLUSTERS: Final = ("c1", "c2")
NAMES: Final = ("broker-a", "broker-b", "broker-c")
TOPICS: Final = ("T0", "T1", "T2", "T3", "T4")
FILTERS: Final = ("10.0.9.1:30000", "10.0.9.2:30000")
NEVER: Final = -1
NOBODY: Final = -1


class Step(NamedTuple):
    """One step: `kind` is a method of the peers or the world, `facts` its arguments.

    `number` is its index in the whole history.
    """

    number: int
    at_ms: int
    kind: str
    facts: dict[str, object]

    @property
    def text(self) -> str:
        """The step as text."""
        facts = " ".join(f"{name}={_shown(v)}" for name, v in self.facts.items())
        return f"{self.number:4}  {self.at_ms / 1000:9.3f} s  {self.kind} {facts}"


@dataclass(frozen=True, slots=True)
class Member:
    """A broker at the start; brokers of one `host` share a connection."""

    host: int
    cluster: str
    name: str
    id: int
    acting: bool | None
    timeout_millis: int
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """Settings of a whole history: brokers, options, and the pace of the server.

    The server ticks every `tick_millis`, packs `groups_per_tick` groups for a snapshot
    and needs `write_millis` to write it.
    """

    members: tuple[Member, ...]
    acting_master: bool
    delete_missing: bool
    tick_millis: int
    groups_per_tick: int
    write_millis: int

    @property
    def flipped(self) -> "Setting":
        """The setting with both options inverted, as an operator changed them."""
        return replace(
            self,
            acting_master=not self.acting_master,
            delete_missing=not self.delete_missing,
        )


@dataclass(frozen=True, slots=True)
class History:
    """A setting, and steps in the order of time."""

    seed: int
    setting: Setting
    steps: tuple[Step, ...]

    def kept(self, numbers: Sequence[int]) -> "History":
        """The history with only these steps."""
        wanted = set(numbers)
        steps = tuple(step for step in self.steps if step.number in wanted)
        return History(self.seed, self.setting, steps)


def draw_history(seed: int, steps: int = STEPS) -> History:
    """The history of a seed; the same on every machine."""
    random = Random(seed)
    setting = _draw_setting(random)
    drawer = _Drawer(random, len(setting.members), setting)
    drawn: list[Step] = []
    at_ms = 1000
    for number in range(steps):
        at_ms += _pause(random)
        kind = drawer.kind()
        drawn.append(Step(number, at_ms, kind, drawer.facts(kind)))
    return History(seed, setting, tuple(drawn))


def _draw_setting(random: Random) -> Setting:
    brokers = random.randint(2, 5)
    hosts = [random.randrange(brokers) for _ in range(brokers)]
    if random.random() < 0.6:
        hosts = list(range(brokers))
    members = tuple(_draw_member(random, host) for host in hosts)
    return Setting(
        members,
        acting_master=random.random() < 0.5,
        delete_missing=random.random() < 0.2,
        tick_millis=random.choice((100, 300, 500, 700, 1000)),
        groups_per_tick=random.choice((1, 1, 2, 9)),
        write_millis=random.choice((5, 50, 400, 2500)),
    )


def _draw_member(random: Random, host: int) -> Member:
    return Member(
        host,
        cluster=random.choice(("c1", "c1", "c1", "c2")),
        name=random.choice((NAMES[0], *NAMES)),
        id=random.choice((0, 0, 0, 1, 1, 2)),
        acting=random.choice((None, False, True, True)),
        timeout_millis=random.choice((4000, 15_000, 30_000, 60_000, 120_000)),
        topics=tuple(sorted(random.sample(TOPICS, random.randint(1, 4)))),
    )


def _pause(random: Random) -> int:
    """Times of steps: most follow each other closely, some after a silence."""
    dice = random.random()
    if dice < 0.5:
        return random.randint(0, 400)
    if dice < 0.85:
        return random.randint(400, 4000)
    if dice < 0.98:
        return random.randint(4000, 20_000)
    return random.randint(20_000, 130_000)


_WEIGHTS: Final = {
    "register": 16,
    "heartbeat": 20,
    "register_delta": 6,
    "switch_role": 5,
    "move": 4,
    "rename": 2,
    "become": 4,
    "restart_as": 6,
    "swap": 3,
    "misname": 3,
    "reconnect": 8,
    "restart_broker": 6,
    "die": 5,
    "cut": 4,
    "unregister": 3,
    "ask": 6,
    "delete_topic": 4,
    "register_topic": 2,
    "set_writable": 4,
    "jump_clock": 3,
    "stall": 5,
    "toil": 2,
    "crowd": 4,
    "restart": 5,
    "crash": 2,
}


class _Drawer:
    """Draws steps."""

    def __init__(self, random: Random, brokers: int, setting: Setting) -> None:
        self._random = random
        self._brokers = brokers
        self._names = sorted({member.name for member in setting.members})
        self._kinds = list(_WEIGHTS)
        self._weights = list(_WEIGHTS.values())

    def kind(self) -> str:
        """The kind of a step."""
        return self._random.choices(self._kinds, self._weights)[0]

    def facts(self, kind: str) -> dict[str, object]:
        """The arguments of a step of this kind."""
        draw: Callable[[], dict[str, object]] = getattr(self, f"_{kind}")
        return draw()

    def _broker(self) -> int:
        return self._random.randrange(self._brokers)

    def _delay(self) -> int:
        """The delay of a frame."""
        dice = self._random.random()
        if dice < 0.7:
            return 1
        return self._random.randint(2, 300 if dice < 0.9 else 9000)

    def _lateness(self) -> int:
        """The delay until the server notices an end; may be never."""
        dice = self._random.random()
        if dice < 0.3:
            return 1
        if dice < 0.85:
            return self._random.randint(10, 12_000)
        return NEVER

    def _form(self) -> Form:
        random = self._random
        if random.random() < 0.6:
            return PLAIN
        return Form(*(random.random() < 0.4 for _ in range(3)))

    def _fault(self) -> str:
        dice = self._random.random()
        return "none" if dice < 0.85 else self._random.choice(("twice", "split", "cut"))

    def _sent(self) -> dict[str, object]:
        return {"form": self._form(), "delay": self._delay(), "fault": self._fault()}

    def _register(self) -> dict[str, object]:
        changes = ("none", "none", "queues", "topics", "state", "filters")
        change = self._random.choice(changes)
        return {"broker": self._broker(), "change": change, **self._sent()}

    def _heartbeat(self) -> dict[str, object]:
        code = self._random.choice((904, 904, 322))
        return {"broker": self._broker(), "code": code, **self._sent()}

    def _register_delta(self) -> dict[str, object]:
        topic = self._random.choice(TOPICS)
        queues = self._random.randint(1, 9)
        return {
            "broker": self._broker(),
            "topic": topic,
            "queues": queues,
            **self._sent(),
        }

    def _switch_role(self) -> dict[str, object]:
        new_id = self._random.choice((0, 0, 1, 2))
        newer = self._random.random() < 0.7
        return {"broker": self._broker(), "id": new_id, "newer": newer, **self._sent()}

    def _move(self) -> dict[str, object]:
        return {"broker": self._broker(), **self._sent()}

    def _rename(self) -> dict[str, object]:
        named: dict[str, object] = {"name": self._random.choice(NAMES)}
        named |= {"newer": self._random.random() < 0.5}
        return {"broker": self._broker(), **named, **self._sent()}

    def _change(self) -> dict[str, str | int]:
        """New facts of a broker; usually one changes. An address is some broker's."""
        random = self._random
        change: dict[str, str | int] = {}
        for _ in range(random.choice((1, 1, 1, 2))):
            what = random.choice(("cluster", "cluster", "name", "id", "addr"))
            if what == "cluster":
                change[what] = random.choice(CLUSTERS)
            elif what == "name":
                change[what] = random.choice(NAMES)
            else:
                change[what] = (
                    self._broker() if what == "addr" else random.randint(0, 2)
                )
        return change

    def _become(self) -> dict[str, object]:
        newer = self._random.random() < 0.5
        changed: dict[str, object] = {"change": self._change(), "newer": newer}
        return {"broker": self._broker(), **changed, **self._sent()}

    def _restart_as(self) -> dict[str, object]:
        late = self._random.choice((NEVER, self._random.randint(1, 4000)))
        return {
            "broker": self._broker(),
            "change": self._change(),
            "newer": self._random.random() < 0.7,
            "late": late,
            "late_end": max(late, 1) + self._random.randint(0, 9000),
        }

    def _swap(self) -> dict[str, object]:
        broker, other = self._broker(), self._broker()
        return {"broker": broker, "other": other, "late": self._lateness()}

    def _misname(self) -> dict[str, object]:
        stranger = self._random.random() < 0.5
        changed: dict[str, object] = {"change": self._change(), "stranger": stranger}
        return {"broker": self._broker(), **changed, "delay": self._delay()}

    def _reconnect(self) -> dict[str, object]:
        registers = self._random.random() < 0.8
        late = self._lateness()
        return {"broker": self._broker(), "late": late, "registers": registers}

    def _restart_broker(self) -> dict[str, object]:
        late = self._random.randint(1, 4000)
        late_end = late + self._random.randint(0, 3000)
        return {"broker": self._broker(), "late": late, "late_end": late_end}

    def _die(self) -> dict[str, object]:
        return {"broker": self._broker(), "late": self._lateness()}

    def _cut(self) -> dict[str, object]:
        late = self._random.choice((1, 1, 500, 6000))
        return {"broker": self._broker(), "late": late}

    def _unregister(self) -> dict[str, object]:
        return {"broker": self._broker(), "delay": self._delay()}

    def _ask(self) -> dict[str, object]:
        """A route request of a client, or on a broker's own connection."""
        topics = tuple(self._random.choices(TOPICS, k=self._random.randint(1, 3)))
        broker = self._random.choice((NOBODY, self._broker()))
        standard = self._random.random() < 0.5
        return {
            "broker": broker,
            "topics": topics,
            "standard": standard,
            **self._sent(),
        }

    def _delete_topic(self) -> dict[str, object]:
        cluster = self._random.choice((None, None, *CLUSTERS))
        return {"topic": self._random.choice(TOPICS), "cluster": cluster}

    def _register_topic(self) -> dict[str, object]:
        names = tuple(
            self._random.choice(self._names) for _ in range(self._random.randint(1, 2))
        )
        topic = self._random.choice(TOPICS)
        return {"topic": topic, "names": names, "queues": self._random.randint(1, 9)}

    def _set_writable(self) -> dict[str, object]:
        name = self._random.choice(self._names)
        return {"name": name, "writable": self._random.random() < 0.4}

    def _jump_clock(self) -> dict[str, object]:
        millis = self._random.randint(-7_200_000, 7_200_000)
        return {"millis": self._random.choice((millis, millis // 100))}

    def _stall(self) -> dict[str, object]:
        millis = self._random.choice((3000, 8000, 30_000, 100_000))
        millis += self._random.randint(0, 2000)
        own_percent = self._random.choice((0, 0, 0, 100, 100, 50))
        return {
            "millis": millis,
            "own_percent": own_percent,
            "ends_first": self._random.random() < 0.3,
        }

    def _toil(self) -> dict[str, object]:
        return {
            "times": self._random.randint(2, 6),
            "millis": self._random.randint(1600, 6000),
            "pause": self._random.choice((10, 300, 2500)),
            "ends_first": self._random.random() < 0.3,
        }

    def _crowd(self) -> dict[str, object]:
        return {"millis": self._random.randint(3000, 25_000)}

    def _restart(self) -> dict[str, object]:
        how = self._random.choice(("stop", "stop", "kill", "kill", "cold"))
        down = self._random.choice((50, 1000, 20_000, 80_000, 620_000))
        down += self._random.randint(0, 900)
        return {"how": how, "down": down, "flipped": self._random.random() < 0.2}

    def _crash(self) -> dict[str, object]:
        """Restarts at intervals shorter than a lease."""
        return {
            "how": self._random.choice(("kill", "stop")),
            "times": self._random.randint(2, 5),
            "up": self._random.choice((2000, 20_000, 60_000)),
            "down": self._random.choice((50, 2000, 30_000)),
        }


def _shown(value: object) -> str:
    if not isinstance(value, Form):
        return str(value)
    words = [name for name, is_so in value._asdict().items() if is_so]
    return "+".join(words) or "plain"
