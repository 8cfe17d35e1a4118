"""`make chaos`: real processes, one fault after the other, and a table of them.

Exit code 1 when a broker was lost, a lookup failed, or something else was not as it
must be; 2 for mistakes in the words.
"""

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos import (
    accept_storm,
    full_disk,
    idle_connections,
    kill_during_writes,
    lookup_storm,
    no_descriptors,
    registration_storm,
    slow_readers,
    stop_and_continue,
)
from tests.chaos.outcome import Outcome, markdown_table, text_table
from tests.chaos.trial import Broken, Plan

FAULTS = {
    module.__name__.rpartition(".")[2].replace("_", "-"): module
    for module in (
        kill_during_writes,
        stop_and_continue,
        full_disk,
        no_descriptors,
        slow_readers,
        idle_connections,
        accept_storm,
        registration_storm,
        lookup_storm,
    )
}


def main() -> int:
    """Run the faults that the words name, all by default."""
    words = _read_words()
    outcomes = []
    for name in words.faults or FAULTS:
        print(f"chaos: {name} ...", file=sys.stderr, flush=True)
        outcomes.append(_run(name, words))
    print(text_table(outcomes))
    if words.markdown is not None:
        words.markdown.write_text(f"{markdown_table(outcomes)}\n", encoding="utf-8")
    return 0 if all(outcome.has_passed for outcome in outcomes) else 1


def _run(name: str, words: argparse.Namespace) -> Outcome:
    fault = FAULTS[name]
    with tempfile.TemporaryDirectory(prefix="namesrv-chaos-") as folder:
        plan = Plan(Path(folder), words.storm_seconds, words.kills, words.loop)
        began = time.monotonic()
        try:
            outcome: Outcome = fault.run(plan)
        except (Broken, AssertionError, OSError) as failure:
            reason = str(failure) or type(failure).__name__
            outcome = Outcome(fault.FAULT, failure=reason)
        if not outcome.has_passed:
            _show_log(Path(folder))
    seconds = time.monotonic() - began
    result = "passed" if outcome.has_passed else f"FAILED: {outcome.failure}"
    print(f"chaos: {name} {result}, {seconds:.0f} s", file=sys.stderr, flush=True)
    return outcome


def _show_log(folder: Path) -> None:
    for path in folder.rglob("log.txt"):
        lines = path.read_text(errors="replace").splitlines()
        print("\n".join(lines[-30:]), file=sys.stderr)


def _read_words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make chaos", description="Faults, and what became of them."
    )
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join(FAULTS))
    parser.add_argument("--storm-seconds", type=float, default=10.0)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    parser.add_argument("--markdown", type=Path, help="write the table there, too")
    words = parser.parse_args()
    unknown = [name for name in words.faults if name not in FAULTS]
    if unknown:
        parser.error(f"there is no fault {unknown[0]!r}, only {', '.join(FAULTS)}")
    if platform.system() != "Linux":
        parser.error("faults are made with Linux's means (prlimit, /proc)")
    return words


if __name__ == "__main__":
    sys.exit(main())
