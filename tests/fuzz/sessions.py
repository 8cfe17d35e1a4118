"""Whole sessions on both twins: requests, changes of options, time, files, restarts.

An input is a program (`session_programs.py`). After each step both servers have sent
the same, want the same, and know the same (`session_checks.py` says what else).
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from namesrv.testing.peer import split_frames
from tests.fuzz.played_session import Seen, Session, turns_of
from tests.fuzz.recorded import recorded_streams
from tests.fuzz.session_checks import check_nothing_stays, check_server
from tests.fuzz.session_programs import (
    MOST_BYTES,
    Op,
    Program,
    Step,
    mutate_program,
    program_of,
    read_program,
)
from tests.fuzz.session_requests import CODES
from tests.fuzz.target import Target

ALLOWED: Final = ()
OPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"delete_topic_with_broker_registration": True, "audit_log": "audit"},
    {"order_message_enable": True, "answer_cache_bytes": 600},
    {"need_wait_for_service": True, "wait_seconds_for_service": 3},
    {"broker_access": "signed", "admin_access": "signed", "access_keys_file": "keys"},
    {"max_routes": 5, "max_topics_per_registration": 3, "admin_access": "loopback"},
    {"support_acting_master": True, "notify_min_broker_id_changed": True},
    {"cluster_test": True, "product_namesrv_addr": "h:1", "log_level": "DEBUG"},
    {"kv_max_keys": 2, "kv_max_namespaces": 1, "kv_max_value_bytes": 4},
    {"serialize_type": "ROCKETMQ", "answer_cache_bytes": 0, "audit_log": "audit"},
)
WORDS: Final = (
    *(b"supportActingMaster=true\n", b"maxRoutes=3\n", b"maxRoutes=0\n"),
    *(b"adminAccess=off\n", b"brokerAccess=signed\naccessKeysFile=keys\n"),
    *(b"orderMessageEnable=true\n", b"kvMaxKeys=1\n", b"logLevel=DEBUG\n"),
    *(b"deleteTopicWithBrokerRegistration=true\n", b"maxTopicsPerRegistration=1\n"),
)


def run(data: bytes) -> None:
    """The program on both; `play` compares them."""
    for _ in play(data):
        pass


def play(data: bytes) -> Iterator[tuple[Step, Seen]]:
    """Each step and what was seen of it, which is the same on both twins."""
    program = read_program(data)
    options = OPTIONS[program.options % len(OPTIONS)]
    sessions = [Session(twin, **options) for twin in ("pure", "fast")]
    with turns_of(sessions, program.turn):
        yield from _steps(program, sessions)
    for session in sessions:
        check_nothing_stays(session)


def _steps(program: Program, sessions: list[Session]) -> Iterator[tuple[Step, Seen]]:
    for step in program.steps:
        pure, fast = (session.play(step) for session in sessions)
        assert pure == fast, f"{step.op.name} {step.argument}"
        for session in sessions:
            check_server(session)
        list(sent_frames(pure))
        yield step, pure


def sent_frames(seen: Any) -> Iterator[bytes]:
    """Whole frames, which is all that is ever sent, among what was seen of a step."""
    yield from _all_frames(seen[:2])


def _all_frames(things: Any) -> Iterator[bytes]:
    for thing in things:
        if isinstance(thing, bytes):
            yield from split_frames(thing)
        elif isinstance(thing, list | tuple):
            yield from _all_frames(thing)


def seeds() -> Iterable[bytes]:
    """Whole sessions; together they take every kind of step and ask for every code."""
    for number, stream in enumerate(recorded_streams()[::12]):
        yield program_of(number, number, _around(stream))
    for number in range(len(OPTIONS)):
        yield program_of(number, number, [*_cluster(), *_questions(number), *_end()])
    yield program_of(1, 3, _steps_of_work())
    yield program_of(6, 2, _restarts())
    yield program_of(4, 0, _signed())
    yield program_of(0, 0, _time())


def _around(stream: bytes) -> Iterator[Step]:
    """A recorded conversation, cut, beside other brokers."""
    half = len(stream) // 2
    yield Step(Op.REGISTER, 1, bytes((0, 7, 1, 0)))
    yield Step(Op.SEND, 0, stream[:half])
    yield Step(Op.TICKS, 9)
    yield Step(Op.SEND, 4, stream[half:])
    yield Step(Op.FILES_WRITTEN, 7)
    yield Step(Op.TURNS, 15)
    yield Step(Op.RESTART)
    yield Step(Op.SEND, 8, stream[:half])


def _cluster() -> Iterator[Step]:
    """Two groups; a master of one of them registers again and again."""
    yield Step(Op.REGISTER, 0, bytes((0, 0x0F, 1, 0x01, 6, 0x0F, 1, 0x01)))
    yield Step(Op.REGISTER, 1, bytes((1, 0x4D, 2, 0x20, 1, 0x4D, 2, 0x20)))
    yield Step(Op.TURNS, 3)


def _questions(number: int) -> Iterator[Step]:
    """Every code, signed or not, before and after files are written."""
    asked = [bytes((at, 24 * number, 0)) for at in range(len(CODES))]
    yield Step(Op.ASK, 2, b"".join(asked))
    yield Step(Op.FILES_WRITTEN, 7)
    yield Step(Op.PRODUCT, 7)
    yield Step(Op.ASK, 64 + 5, b"".join(asked[::-1]))
    yield Step(Op.FILES_FAIL, 0)
    yield Step(Op.FILES_WRITTEN, 7)
    yield Step(Op.TURNS, 15)


def _end() -> Iterator[Step]:
    yield Step(Op.RELOAD, 0, b"supportActingMaster=true\nmaxRoutes=9\n")
    yield Step(Op.REGISTER, 0, bytes((0, 0x0F, 1, 0x01)))
    yield Step(Op.FINISH, 1)
    yield Step(Op.DRAIN)
    yield Step(Op.ASK, 0, bytes((5, 0, 0)))
    yield Step(Op.RESTART)
    yield Step(Op.ASK, 0, bytes((5, 0, 0)))


def _steps_of_work() -> Iterator[Step]:
    """Large registrations while others ask, change the same group and go."""
    yield Step(Op.REGISTER_MANY, 0, bytes((0, 60, 1)))
    yield Step(Op.ASK, 1, bytes((5, 0, 0, 11, 0, 0)))
    yield Step(Op.TURNS, 2)
    yield Step(Op.REGISTER_MANY, 1, bytes((1, 50, 2)))
    yield Step(Op.CLOSE, 0)
    yield Step(Op.RELOAD, 0, b"orderMessageEnable=true\n")
    yield Step(Op.KEEP, 1)
    yield Step(Op.TURNS, 15)
    yield Step(Op.REGISTER_MANY, 2, bytes((0, 5, 3)))
    yield Step(Op.KEEP, 7)
    yield Step(Op.RESTART)
    yield Step(Op.REGISTER_MANY, 2, bytes((0, 5, 3)))
    yield Step(Op.TURNS, 15)


def _restarts() -> Iterator[Step]:
    """Killed with an old file, and ended with all of it."""
    yield from _cluster()
    yield Step(Op.ASK, 2, bytes((0, 0, 0, 17, 4, 0)))
    yield Step(Op.FILES_WRITTEN, 7)
    yield Step(Op.KEEP, 7)
    yield Step(Op.REGISTER, 2, bytes((2, 0x83, 3, 0x20)))
    yield Step(Op.RESTART, 1)
    yield Step(Op.REGISTER, 0, bytes((0, 0x0F, 1, 0x01)))
    yield Step(Op.TICKS, 15)
    for argument in (255, 223, 7, 7):
        yield Step(Op.KEEP, argument)
    yield Step(Op.RESTART)
    yield Step(Op.MACHINE_STALL, 1)
    yield Step(Op.ASK, 0, bytes((5, 0, 0, 21, 0, 0)))
    yield Step(Op.TICKS, 15)


def _signed() -> Iterator[Step]:
    """Keys that change, access that does, and peers on this machine."""
    for signs in (0, 64):
        yield Step(Op.REGISTER, signs, bytes((0, 0x0F, 1, 0x01)))
        yield Step(Op.ASK, signs, bytes((0, 0, 0, 7, 0, 0)))
    yield Step(Op.KEYS, 2)
    yield Step(Op.REGISTER, 64, bytes((0, 0x0F, 1, 0x01)))
    yield Step(Op.RELOAD, 0, b"adminAccess=loopback\nbrokerAccess=open\n")
    yield Step(Op.OPEN, 3)
    yield Step(Op.ASK, 0, bytes((0, 0, 0, 7, 0, 0)))
    yield Step(Op.FILES_WRITTEN, 7)


def _time() -> Iterator[Step]:
    """Ends during stalls of both kinds, and silence."""
    for op in (Op.OWN_STALL, Op.MACHINE_STALL):
        yield from _cluster()
        yield Step(Op.TICKS, 9)
        yield Step(op, 1 + 128)
        yield Step(Op.CLOSE, 0)
        yield Step(op, 2)
        yield Step(Op.CLOSE, 1)
        yield Step(Op.TICKS, 15)
        yield Step(Op.REGISTER, 0, bytes((0, 0x0F, 1, 0x09)))
        yield Step(Op.TICKS, 15)
        yield Step(Op.ASK, 1, bytes((5, 0, 0)))


WEIGHT: Final = 10
TARGET: Final = Target(
    "sessions", run, ALLOWED, seeds, mutate_program, WORDS, MOST_BYTES, WEIGHT
)
