"""The command line of the measuring scripts."""

import argparse

from bench.driver.loads import FULL, QUICK, Plan


def read_plan(about: str) -> tuple[Plan, bool]:
    """How much the user wants measured, and whether only the storms, again."""
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
    words = parser.parse_args()
    return QUICK if words.quick else FULL, words.storms
