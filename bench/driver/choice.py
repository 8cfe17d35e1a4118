"""The command line of the measuring scripts."""

import argparse

from bench.driver.loads import FULL, QUICK, Plan


def read_plan(about: str) -> Plan:
    """How much the user wants measured."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="everything once and short, to try the scripts; not for figures",
    )
    return QUICK if parser.parse_args().quick else FULL
