"""Seeded faults of lookup lanes: `python tools/lane_faults.py [WORDS OF A FAULT]`.

Each fault is put alone into a copy of the sources, built, and disturbed by the crowd of
`tests.races` until something notices. tests/races/README.md has the table. Exit code 1
if a fault was not noticed.
"""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from special_build import (
    Build,
    address_sanitizer,
    disturb_lanes,
    no_sanitizer,
    thread_sanitizer,
)

SECONDS = "40"
ENVIRONMENTS = {
    "": no_sanitizer,
    "address": address_sanitizer,
    "thread": thread_sanitizer,
}


class Fault(NamedTuple):
    """A rule of the lanes, and a change that breaks it: `old` occurs once in `file`."""

    rule: str
    sanitizer: str
    file: str
    old: str
    new: str


FAULTS: tuple[Fault, ...] = (
    Fault(
        "a lane holds its lock while it finds and copies",
        "thread",
        "lookups.pyx",
        "self._locks.lock_one(self._lane)",
        "pass",
    ),
    Fault(
        "the loop holds all locks while it changes a value",
        "thread",
        "text_map.pyx",
        """        self._locks.lock_all()
        slot.value = value
        self._locks.unlock_all()

    cdef int remove""",
        """        slot.value = value

    cdef int remove""",
    ),
    Fault(
        "a grown table is filled before lanes see it",
        "thread",
        "text_map.pyx",
        """        self._locks.lock_all()
        self._memory = memory""",
        """        self._locks.lock_all()
        self._locks.unlock_all()
        self._memory = memory""",
    ),
    Fault(
        "a body is freed after its slot has another",
        "address",
        "route_answers.pyx",
        """        self._topics.set(slot, <void*>_NO_BODIES)
        self._topics.dequeue(slot)
        return self._give_back(former)
""",
        """        self._give_back(former)
        former = None
        self._topics.set(slot, <void*>_NO_BODIES)
        self._topics.dequeue(slot)
        return 0
""",
    ),
)


def main() -> int:
    """Try the faults whose rule has the words, all by default."""
    words = " ".join(sys.argv[1:])
    chosen = [fault for fault in FAULTS if words in fault.rule]
    builds: dict[str, Build] = {}
    unnoticed = 0
    for fault in chosen:
        if fault.sanitizer not in builds:
            build = Build(f"faults-{fault.sanitizer}", "setarch", "-R", sys.executable)
            build.compile(NAMESRV_SANITIZE=fault.sanitizer)
            builds[fault.sanitizer] = build
        is_noticed = _try(builds[fault.sanitizer], fault)
        unnoticed += not is_noticed
        print(f"{'noticed' if is_noticed else 'NOT NOTICED'}: {fault.rule}", flush=True)
    return 1 if unnoticed else 0


def _try(build: Build, fault: Fault) -> bool:
    """Whether the crowd notices a fault; the build is whole again afterwards."""
    file = build.source / "namesrv" / "_fast" / fault.file
    whole = file.read_text()
    if whole.count(fault.old) != 1:
        raise SystemExit(f"{fault.file} has no single {fault.old!r}")
    try:
        _build_with(build, fault, file, whole.replace(fault.old, fault.new))
        environment = ENVIRONMENTS[fault.sanitizer]
        disturb_lanes(build, environment, ("--seconds", SECONDS))
    except subprocess.CalledProcessError:
        return True
    finally:
        _build_with(build, fault, file, whole)
    return False


def _build_with(build: Build, fault: Fault, file: Path, text: str) -> None:
    file.write_text(text)
    build.compile(NAMESRV_SANITIZE=fault.sanitizer)


if __name__ == "__main__":
    sys.exit(main())
