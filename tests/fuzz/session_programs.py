"""Programs of sessions: which options, how long a turn is, and steps as bytes.

Two bytes, then for each step its `Op`, its argument, the length of its data in 16 bits,
and the data. Any bytes are a program, so that every change of one is.
"""

import struct
from collections.abc import Callable, Iterable
from enum import IntEnum
from random import Random
from typing import Final, NamedTuple

from tests.fuzz.structure import mutate_frames
from tests.fuzz.target import MutateBytes

MOST_STEPS: Final = 48
MOST_BYTES: Final = 8192
_HEAD: Final = struct.Struct(">BBH")


class Op(IntEnum):
    """What a step does; its argument chooses a connection, a length or a way."""

    SEND = 0
    """Frames as they are."""
    ASK = 1
    """Requests of any code, three bytes for each."""
    REGISTER = 2
    """Registrations, four bytes for each."""
    REGISTER_MANY = 3
    """A registration with up to 255 topics, three bytes."""
    OPEN = 4
    CLOSE = 5
    FINISH = 6
    """The peer closes its side."""
    TICKS = 7
    """Time passes, and the server ticks."""
    OWN_STALL = 8
    """The process is busy, and uses the processor."""
    MACHINE_STALL = 9
    """Time passes at once, and nobody uses the processor."""
    FILES_WRITTEN = 10
    FILES_FAIL = 11
    RELOAD = 12
    """Lines `option=value`, as SIGHUP takes them over."""
    KEYS = 13
    """Other access keys."""
    DRAIN = 14
    TURNS = 15
    """The next turns of the loop."""
    KEEP = 16
    """The file of routes: so many groups of it, and its end when there are no more."""
    RESTART = 17
    """Another process with the files of this one."""
    PRODUCT = 18
    """Another cluster answers what it was asked (cluster-test mode)."""


class Step(NamedTuple):
    """One step."""

    op: Op
    argument: int = 0
    data: bytes = b""


class Program(NamedTuple):
    """`options` and `turn` choose among what a session knows of each."""

    options: int
    turn: int
    steps: list[Step]


def read_program(data: bytes) -> Program:
    """Whatever the bytes are; what is too short or too long is cut."""
    options, turn = data[:2].ljust(2, b"\0")
    steps: list[Step] = []
    position = 2
    while position + _HEAD.size <= len(data) and len(steps) < MOST_STEPS:
        op, argument, length = _HEAD.unpack_from(data, position)
        position += _HEAD.size
        step = Step(Op(op % len(Op)), argument, data[position : position + length])
        steps.append(step)
        position += length
    return Program(options, turn, steps)


def write_program(program: Program) -> bytes:
    """As `read_program` reads it."""
    return bytes((program.options, program.turn)) + b"".join(
        _HEAD.pack(step.op, step.argument, len(step.data)) + step.data
        for step in program.steps
    )


def mutate_program(random: Random, data: bytes, mutate: MutateBytes) -> bytes:
    """Mostly one step more, less, elsewhere or other; now and then other options."""
    program = read_program(data)
    if random.random() < 0.05:
        program = program._replace(options=random.randrange(256))
    if random.random() < 0.05:
        program = program._replace(turn=random.randrange(256))
    steps = program.steps
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        steps = random.choice(_CHANGES)(random, steps, mutate)
    return write_program(program._replace(steps=steps[:MOST_STEPS]))


def _delete(random: Random, steps: list[Step], mutate: MutateBytes) -> list[Step]:
    at = random.randrange(len(steps) + 1)
    return steps[:at] + steps[at + random.choice((1, 1, 2, 5)) :]


def _repeat(random: Random, steps: list[Step], mutate: MutateBytes) -> list[Step]:
    at, other = random.randrange(len(steps) + 1), random.randrange(len(steps) + 1)
    again = steps[at : at + random.choice((1, 1, 2, 4))]
    return steps[:other] + again + steps[other:]


def _swap(random: Random, steps: list[Step], mutate: MutateBytes) -> list[Step]:
    if len(steps) < 2:
        return steps
    at, other = random.sample(range(len(steps)), 2)
    swapped = [*steps]
    swapped[at], swapped[other] = steps[other], steps[at]
    return swapped


def _insert(random: Random, steps: list[Step], mutate: MutateBytes) -> list[Step]:
    at = random.randrange(len(steps) + 1)
    op = random.choice(list(Op))
    sizes = {Op.ASK: 3, Op.REGISTER: 4, Op.REGISTER_MANY: 3}
    new = Step(op, random.randrange(256), random.randbytes(sizes.get(op, 0)))
    return [*steps[:at], new, *steps[at:]]


def _change(random: Random, steps: list[Step], mutate: MutateBytes) -> list[Step]:
    if not steps:
        return steps
    at = random.randrange(len(steps))
    op, argument, data = steps[at]
    if not data or random.random() < 0.2:
        changed = Step(op, random.randrange(256), data)
    elif op == Op.SEND:
        changed = Step(op, argument, mutate_frames(random, data, mutate))
    else:
        changed = Step(op, argument, mutate(data))
    return [*steps[:at], _cut(changed), *steps[at + 1 :]]


def _split(random: Random, steps: list[Step], mutate: MutateBytes) -> list[Step]:
    """One of the steps with bytes becomes two, so that others may come between."""
    long = [at for at, step in enumerate(steps) if len(step.data) > 1]
    if not long:
        return steps
    at = random.choice(long)
    op, argument, data = steps[at]
    cut = random.randrange(1, len(data))
    halves = [Step(op, argument, data[:cut]), Step(op, argument, data[cut:])]
    return steps[:at] + halves + steps[at + 1 :]


def _cut(step: Step) -> Step:
    return step._replace(data=step.data[:MOST_BYTES])


Change = Callable[[Random, list[Step], MutateBytes], list[Step]]
_CHANGES: Final[tuple[Change, ...]] = (
    *(_delete, _repeat, _swap, _insert, _insert, _change, _change, _change, _split),
)


def program_of(options: int, turn: int, steps: Iterable[Step]) -> bytes:
    """A seed."""
    return write_program(Program(options, turn, list(steps)))
