"""The command line of the measuring scripts."""

import argparse
from pathlib import Path
from typing import NamedTuple

from bench.driver.loads import FULL, QUICK, Plan
from bench.driver.places import results_folder


class Choice(NamedTuple):
    """How much is measured, whether only the storms again, and where it is written."""

    plan: Plan
    storms_only: bool
    folder: Path


def read_choice(about: str) -> Choice:
    """The choice that the command line makes."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="everything once and short, to try the scripts; not for figures",
    )
    parser.add_argument(
        "--storms",
        action="store_true",
        help="only the storms, again, into the results of an earlier run",
    )
    parser.add_argument(
        "--save",
        action="store_true",
        help="write to bench/results, which git tracks",
    )
    words = parser.parse_args()
    folder = results_folder(quick=words.quick, save=words.save)
    return Choice(QUICK if words.quick else FULL, words.storms, folder)
