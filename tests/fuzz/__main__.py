"""`python -m tests.fuzz`: every target, or those named (tests/fuzz/README.md)."""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz import http_suite, json_suite
from tests.fuzz.campaign import Outcome, read_hex, run_target
from tests.fuzz.json_suite import SuiteUnavailable
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS
from tests.parity.twins import FAST, NotBuilt

SUITES = {
    "json-suite": json_suite.check_suite,
    "http-suite": http_suite.check_suite,
}
DEFAULT_SECONDS = 60
FIRST_SEED = 1


def main() -> int:
    arguments = _arguments()
    if isinstance(FAST, NotBuilt):
        print("Both twins are compared, and the compiled one is not built: build it.")
        return 1
    if arguments.replay:
        return _replay([TARGETS[n] for n in arguments.targets], arguments.replay)
    targets = [TARGETS[name] for name in arguments.targets if name in TARGETS]
    suites = [name for name in arguments.targets if name in SUITES]
    failed = _fuzz(targets, arguments) + sum(map(_check_suite, suites))
    print("0 targets failed" if not failed else f"{failed} targets FAILED")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    known = [*TARGETS, *SUITES]
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(known))
    parser.add_argument(
        "--seconds", type=int, default=DEFAULT_SECONDS, help="for each target"
    )
    parser.add_argument(
        "--runs", type=int, help="so many inputs for each, the same each time"
    )
    parser.add_argument("--seed", type=int, help="where chance begins")
    parser.add_argument(
        "--replay", nargs="+", type=Path, help="run these inputs, or folders of them"
    )
    parser.add_argument(
        "--without", action="append", default=[], help="leave this target out"
    )
    arguments = parser.parse_args()
    for name in (*arguments.targets, *arguments.without):
        if name not in known:
            parser.error(f"'{name}' is no target; there are {', '.join(known)}")
    chosen = arguments.targets or (list(TARGETS) if arguments.replay else known)
    arguments.targets = [name for name in chosen if name not in arguments.without]
    if arguments.runs is not None and arguments.seed is None:
        arguments.seed = FIRST_SEED
    return arguments


def _fuzz(targets: Sequence[Target], arguments: argparse.Namespace) -> int:
    """How many targets failed. Each has a process, and each core has one of them."""

    def run(target: Target) -> Outcome:
        runs = arguments.runs and max(1, arguments.runs // target.weight)
        return run_target(
            target, seconds=arguments.seconds, runs=runs, seed=arguments.seed
        )

    failed = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for target, outcome in zip(targets, pool.map(run, targets), strict=True):
            _report(target, outcome)
            failed += outcome.status != 0
    return failed


def _report(target: Target, outcome: Outcome) -> None:
    verdict = "ok" if outcome.status == 0 else f"FAILED (status {outcome.status})"
    print(
        f"{target.name:<14} {outcome.inputs:>9} inputs {outcome.seconds:>5} s "
        f"{outcome.edges:>5} edges {outcome.corpus:>5} kept {outcome.peak_mib:>4} MiB  "
        f"{verdict}",
        flush=True,
    )
    if outcome.status:
        _explain(target, outcome)


def _explain(target: Target, outcome: Outcome) -> None:
    """The end of the log, the input, and how to see it again and keep it."""
    said = outcome.log.read_text(errors="replace").splitlines()
    print("\n".join([line for line in said if "INFO: Instrum" not in line][-40:]))
    if outcome.artifact is None:
        print(f"no input is to blame; all that was said is in {outcome.log}")
        return
    written = outcome.artifact.with_suffix(".hex")
    written.write_text(f"# {target.name}\n{outcome.artifact.read_bytes().hex()}\n")
    print(f"again:    {sys.executable} -m tests.fuzz {target.name} --replay {written}")
    print(f"to keep:  cp {written} tests/fuzz/regressions/A-NAME.hex")


def _replay(targets: list[Target], paths: list[Path]) -> int:
    """Without atheris; what fails shows itself by its traceback."""
    found = [
        file
        for path in paths
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
    ]
    inputs = [read_hex(f) if f.suffix == ".hex" else f.read_bytes() for f in found]
    for target in targets:
        for data in inputs:
            target.run(data)
        print(f"{target.name}: {len(inputs)} inputs replayed")
    return 0


def _check_suite(name: str) -> int:
    try:
        checked, complaints = SUITES[name]()
    except SuiteUnavailable as exc:
        print(f"{exc}, or leave it out with --without {name}.")
        return 1
    print("".join(f"{complaint}\n" for complaint in complaints), end="")
    verdict = f"FAILED ({len(complaints)})" if complaints else "ok"
    print(f"{name:<14} {checked:>9} texts  {verdict}", flush=True)
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
