"""Seeded faults of lookup lanes: `python -m tools.lane_faults [WORDS OF A RULE]`.

Each fault is put alone into a copy of the sources and built, and the crowd of
`tests.races` disturbs its lanes. tests/races/README.md has the table. Exit code 1 if a
fault was not noticed.
"""

import subprocess
import sys
from typing import NamedTuple

from tools.special_build import (
    Build,
    disturb_lanes,
    no_sanitizer,
    thread_sanitizer,
)

SECONDS = "25"
ENVIRONMENTS = {
    "": no_sanitizer,
    "thread": thread_sanitizer,
}


class Fault(NamedTuple):
    """A rule of the lanes, and changes of `file` that break it: texts that occur once,
    and others in their place. Some sleep, so that it is broken for longer."""

    rule: str
    sanitizer: str
    file: str
    changes: tuple[tuple[str, str], ...]


FAULTS = (
    Fault(
        "a lane holds its lock while it finds and copies",
        "thread",
        "lookups.pyx",
        (
            ("            self._locks.lock_one(self._lane)\n", ""),
            ("            self._locks.unlock_one(self._lane)\n", ""),
        ),
    ),
    Fault(
        "a lane copies a body before it gives up its lock",
        "thread",
        "lookups.pyx",
        (
            (
                "        if found == READY and not is_one_way:\n",
                "        self._unlock()\n"
                "        if found == READY and not is_one_way:\n",
            ),
        ),
    ),
    Fault(
        "the loop holds all locks while it changes a value",
        "thread",
        "text_map.pyx",
        (
            (
                "        self._locks.lock_all()\n"
                "        slot.value = value\n"
                "        self._locks.unlock_all()\n\n",
                "        slot.value = value\n\n",
            ),
        ),
    ),
    Fault(
        "the loop holds all locks while it moves slots",
        "thread",
        "text_map.pyx",
        (
            (
                "        self._locks.lock_all()\n        while True",
                "        while True",
            ),
            (
                "        slots[hole].value = NULL\n        self._locks.unlock_all()\n",
                "        slots[hole].value = NULL\n",
            ),
        ),
    ),
    Fault(
        "a table is freed when no lane sees it any more",
        "thread",
        "text_map.pyx",
        (
            ("        free(old_memory)\n", ""),
            (
                "        self._locks.lock_all()\n        self._memory = memory\n",
                "        free(old_memory)\n"
                "        __import__('time').sleep(0.05)\n"
                "        self._locks.lock_all()\n        self._memory = memory\n",
            ),
        ),
    ),
    Fault(
        "a body is freed when its slot has another",
        "thread",
        "route_answers.pyx",
        (
            (
                "            self._topics.remove(slot)\n"
                "            self._give_back(former)\n",
                "            self._give_back(former)\n"
                "            former = None\n"
                "            __import__('time').sleep(0.001)\n"
                "            self._topics.remove(slot)\n",
            ),
        ),
    ),
    Fault(
        "a peer that goes to the loop has no event any more",
        "",
        "lane.pxd",
        (
            (
                "        epoll_ctl(lane.epoll, EPOLL_CTL_DEL, peer.fd, NULL)\n",
                "",
            ),
        ),
    ),
    Fault(
        "the loop puts a peer back into a line only while the lane waits",
        "thread",
        "lane.pxd",
        (
            (
                "    if pthread_mutex_trylock(&lane.lines) != 0:\n"
                "        return False\n",
                "",
            ),
            ("    pthread_mutex_unlock(&lane.lines)\n", ""),
        ),
    ),
    Fault(
        "events are handled before peers go to the loop in a sweep",
        "thread",
        "lane_thread.pyx",
        (
            ("        _sweep(lane)\n", ""),
            (
                "        for place in range(count):\n            _handle",
                "        _sweep(lane)\n"
                "        for place in range(count):\n            _handle",
            ),
        ),
    ),
    Fault(
        "reads that wait for their answers lie behind each other",
        "",
        "lane_thread.pyx",
        (("    lane.filled += (", "    lane.filled = 0 * ("),),
    ),
    Fault(
        "a lane does not wait for the GIL",
        "",
        "answer_frames.pyx",
        (
            (
                '    """A frame of code 0."""\n',
                '    """A frame of code 0."""\n    with gil:\n        pass\n',
            ),
        ),
    ),
    Fault(
        "answers of a peer that is gone are forgotten",
        "",
        "lane_thread.pyx",
        (
            (
                "    output.length = 0  # A peer that was dropped leaves its answers"
                " there.\n",
                "",
            ),
        ),
    ),
)


def main() -> int:
    """Try the faults whose rule has the words, all by default."""
    words = " ".join(sys.argv[1:])
    builds: dict[str, Build] = {}
    unnoticed = 0
    for fault in (fault for fault in FAULTS if words in fault.rule):
        if fault.sanitizer not in builds:
            name = f"faults-{fault.sanitizer or 'plain'}"
            builds[fault.sanitizer] = Build(name, "setarch", "-R", sys.executable)
        is_noticed = _is_noticed(builds[fault.sanitizer], fault)
        unnoticed += not is_noticed
        print(f"{'noticed' if is_noticed else 'NOT NOTICED'}: {fault.rule}", flush=True)
    return 1 if unnoticed else 0


def _is_noticed(build: Build, fault: Fault) -> bool:
    """Whether the crowd notices; the sources are whole again afterwards."""
    file = build.source / "namesrv" / "_fast" / fault.file
    whole = text = file.read_text()
    for old, new in fault.changes:
        if text.count(old) != 1:
            raise SystemExit(f"{fault.file} has {text.count(old)} of {old!r}")
        text = text.replace(old, new)
    file.write_text(text)
    try:
        build.compile(NAMESRV_SANITIZE=fault.sanitizer)
        disturb_lanes(build, ENVIRONMENTS[fault.sanitizer], ("--seconds", SECONDS))
    except subprocess.CalledProcessError:
        return True
    finally:
        file.write_text(whole)
    return False


if __name__ == "__main__":
    sys.exit(main())
