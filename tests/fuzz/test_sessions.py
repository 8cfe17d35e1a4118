"""Seeds of whole sessions reach everything that a session can do; how programs are kept
valid."""

from collections import Counter
from random import Random

from namesrv.testing.peer import Answer, split_frames
from tests.fuzz import sessions
from tests.fuzz.played_session import Session
from tests.fuzz.session_programs import (
    MOST_STEPS,
    Op,
    Step,
    mutate_program,
    program_of,
    read_program,
    write_program,
)
from tests.fuzz.session_requests import (
    CODES,
    UNKNOWN_CODE,
    registrations,
    requests,
)


def answered(seen: object) -> Counter[tuple[int, int]]:
    """(request code, response code) of answers with JSON headers."""
    counted: Counter[tuple[int, int]] = Counter()
    for one in sessions.sent_frames(seen):
        if one[4] == 0:
            answer = Answer(one)
            counted[answer.opaque // 1000, answer.code] += 1
    return counted


def test_seeds_take_every_kind_of_step_and_have_every_code_answered() -> None:
    kinds: Counter[Op] = Counter()
    codes: Counter[tuple[int, int]] = Counter()
    events: Counter[str] = Counter()
    for seed in sessions.seeds():
        for step, seen in sessions.play(seed):
            kinds[step.op] += 1
            codes += answered(seen)
            events.update(event for event, _ in seen[3]["events"])
    assert set(kinds) == set(Op)
    # What a NameServer only sends, and what nobody knows.
    refused = {905, UNKNOWN_CODE}
    assert {code for code, result in codes if result == 0} >= set(CODES) - refused
    assert {code for code, result in codes if result == 3} >= refused
    assert codes.keys() >= {(105, 17), (105, 1500), (100, 16), (318, 16), (102, 1)}
    assert events.keys() >= {
        *("broker expired", "connection of a broker closed", "configuration changed"),
        *("request refused", "KV configuration put", "broker unregistered"),
        "this process stood still, nobody is declared dead for a while",
        "one piece of work took long, ends are held for a moment",
    }


def test_work_in_steps_waits_and_goes_on_in_the_seeds() -> None:
    paused: Counter[int] = Counter()
    for seed in sessions.seeds():
        for _, seen in sessions.play(seed):
            paused.update(map(int, seen[3]["pauses"]))
    assert paused.keys() >= {0, 2, 3}


def test_a_session_that_differs_between_the_twins_fails() -> None:
    """By a fault in one of them."""
    program = read_program(
        program_of(0, 0, [Step(Op.REGISTER, 0, bytes((0, 15, 1, 1)))])
    )
    pure, fast = (Session(twin) for twin in ("pure", "fast"))
    fast.world.options.max_routes = 1
    (step,) = program.steps
    assert pure.play(step) != fast.play(step)


def test_any_bytes_are_a_program_and_programs_survive_a_round_trip() -> None:
    random = Random(1)
    for _ in range(300):
        data = random.randbytes(random.randrange(300))
        program = read_program(data)
        assert len(program.steps) <= MOST_STEPS
        assert read_program(write_program(program)) == program


def test_changes_of_programs_add_drop_swap_and_change_steps() -> None:
    steps = [Step(Op.ASK, at, bytes((at, 0, 0))) for at in range(6)]
    seed = program_of(0, 0, steps)
    kinds = set()
    for number in range(300):
        changed = mutate_program(Random(number), seed, lambda data: data[::-1])
        found = read_program(changed).steps
        assert write_program(read_program(changed)) == changed
        if len(found) != len(steps):
            kinds.add("longer" if len(found) > len(steps) else "shorter")
        elif sorted(found) == sorted(steps) and found != steps:
            kinds.add("moved")
        elif found != steps:
            kinds.add("other")
    assert kinds == {"longer", "shorter", "moved", "other"}


def test_requests_of_a_few_bytes_are_whole_frames() -> None:
    for data in (bytes(range(252)), bytes(250)):
        assert len(list(split_frames(requests(data)))) == len(data) // 3
        frames = split_frames(registrations(data))
        assert len(list(frames)) == len(data) // 4
