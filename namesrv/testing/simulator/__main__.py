"""`python -m namesrv.testing.simulator`: play seeded histories (`make simulate`)."""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Final

from namesrv._impl import IMPLEMENTATION
from namesrv.testing.simulator.history import STEPS, draw_history
from namesrv.testing.simulator.run import find, search

_HISTORIES: Final = 2000
_REPORT_SECONDS: Final = 60


def main(words: Sequence[str] | None = None) -> int:
    """0 if every history keeps the promises, 1 after the first that breaks one."""
    parser = _parser()
    arguments = parser.parse_args(words)
    if arguments.keep is not None:
        if arguments.histories is not None or arguments.seconds is not None:
            parser.error(
                "--keep plays one history: leave --histories and --seconds out"
            )
        strangers = [number for number in arguments.keep if number >= STEPS]
        if strangers:
            parser.error(f"--keep: step {strangers[0]} is not among 0 to {STEPS - 1}")
        return _replay(arguments.seed, arguments.keep)
    histories = arguments.histories
    if histories is None:
        histories = sys.maxsize if arguments.seconds is not None else _HISTORIES
    return _search(arguments.seed, histories, arguments.seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make simulate",
        description="Play seeded histories of brokers, networks, stalls and restarts"
        " against the server's routing floor, and have an oracle judge every answer.",
        epilog="NAMESRV_NO_EXTENSIONS=1 in the environment chooses the pure twin.",
    )
    parser.add_argument(
        "--histories",
        type=_positive,
        help=f"how many (default {_HISTORIES}; without limit when --seconds is given)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="the first seed (default 0)"
    )
    parser.add_argument(
        "--seconds", type=_positive, help="begin no history after so long"
    )
    parser.add_argument(
        "--keep",
        type=_numbers,
        metavar="I,J,K",
        help="play these steps of the history of --seed, and no other",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return number


def _numbers(text: str) -> tuple[int, ...]:
    if text == "none":
        return ()
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of step numbers joined by commas, such as 3,17,18"
        )
    return tuple(map(int, parts))


def _replay(seed: int, numbers: Sequence[int]) -> int:
    finding = find(draw_history(seed).kept(numbers))
    if finding is None:
        print(f"keeps the promises ({IMPLEMENTATION} twin)")
        return 0
    print(finding.report)
    return 1


def _search(first_seed: int, histories: int, seconds: int | None) -> int:
    began = time.monotonic()
    end = None if seconds is None else began + seconds
    next_report = began + _REPORT_SECONDS
    played = 0
    for finding in search(range(first_seed, first_seed + histories)):
        played += 1
        if finding is not None:
            print(finding.report)
            return 1
        now = time.monotonic()
        if now >= next_report:
            next_report = now + _REPORT_SECONDS
            print(_summary(first_seed, played, now - began), flush=True)
        if end is not None and now >= end:
            break
    print(_summary(first_seed, played, time.monotonic() - began), "no violation")
    return 0


def _summary(first_seed: int, played: int, seconds: float) -> str:
    last_seed = first_seed + played - 1
    return (
        f"{played} histories ({IMPLEMENTATION} twin, seeds {first_seed} to {last_seed},"
        f" {seconds:.0f} s):"
    )


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
