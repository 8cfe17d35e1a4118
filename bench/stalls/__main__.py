"""`make stalls`: how long others wait for the most expensive requests there are.

The largest server of the catalogue is asked row after row, three times each; the
median counts. No row decides a test: its figures depend on the machine.
"""

import argparse
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.driver.client import OPAQUE, AskFailed, Client
from bench.driver.fetch import build_generators
from bench.driver.lone import raise_file_limit
from bench.driver.machine import describe_machine, describe_versions, need_extensions
from bench.driver.places import CACHE, cores
from bench.driver.process import ServerProcess
from bench.driver.progress import say
from bench.driver.servers import OURS_FAST, OURS_PURE, Server
from bench.lanes.servers import ours
from bench.stalls import largest
from bench.stalls.catalogue import ROWS, Row
from bench.stalls.cpu import Cpu
from bench.stalls.largest import Inhabitants, Size
from bench.stalls.measure import send_row, wait_until_quiet
from bench.stalls.publish import Results
from bench.stalls.ready import ReadyTopic
from bench.stalls.report import HEAD, Judged, line
from bench.stalls.witness import Witness
from namesrv.testing.peer import lookup

START_SECONDS = 120.0
SENDINGS = 3
READY_GROUP = 7
"""No row changes the topic of this one alone."""
TWINS = {"fast": OURS_FAST, "pure": OURS_PURE}


def main() -> int:
    words = _parser().parse_args()
    need_extensions()
    build_generators()
    raise_file_limit()
    CACHE.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {cores()[1]})
    size = largest.QUICK if words.quick else largest.LARGEST
    rows = [row for row in ROWS if not words.rows or row.name in words.rows]
    if not rows:
        sys.exit(f"stalls: there is no row {', '.join(words.rows)}; see --list")
    if words.list:
        print("\n".join(f"{row.name}: {row.about}" for row in rows))
        return 0
    results = None
    if words.save or words.go_on:
        about = {"machine": describe_machine(), "versions": describe_versions()}
        keeps_rows = bool(words.rows or words.go_on)
        results = Results(words.twin, about, keeps_rows=keeps_rows)
        if words.go_on:
            rows = [row for row in rows if row.name not in results.rows]
    folder = Path(tempfile.mkdtemp(prefix="stalls-", dir=CACHE))
    try:
        server = TWINS[words.twin] if words.lanes is None else ours(words.lanes)
        judged = _measure(server, folder, size, rows, results)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(HEAD)
    print("\n".join(line(one) for one in judged))
    missed = sum(bool(one.misses) for one in judged)
    print(f"\n{len(judged) - missed} of {len(judged)} rows meet the goal")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make stalls", description=__doc__)
    parser.add_argument("--twin", choices=TWINS, default="fast")
    parser.add_argument(
        "--lanes",
        type=int,
        help="lookup lanes of the fast twin",
    )
    parser.add_argument("--quick", action="store_true", help="small, for no figures")
    parser.add_argument("--list", action="store_true", help="name the rows, and end")
    parser.add_argument(
        "--save", action="store_true", help="write bench/results after each row"
    )
    parser.add_argument(
        "--continue",
        dest="go_on",
        action="store_true",
        help="as --save, only the rows that are not there yet",
    )
    parser.add_argument("rows", nargs="*", help="names of rows; all without any")
    return parser


def _measure(
    server: Server, folder: Path, size: Size, rows: list[Row], results: Results | None
) -> list[Judged]:
    home = folder / server.name
    (home / "data").mkdir(parents=True)
    largest.write_kv_file(size, home / "data" / "kvConfig.json")
    with ExitStack() as stack:
        process = server.start(home)
        stack.callback(process.stop)
        process.wait_for_answer(lookup("nobody", OPAQUE), START_SECONDS)
        inhabitants = Inhabitants(process.port, size)
        stack.callback(inhabitants.close)
        inhabitants.move_in()
        witness = stack.enter_context(Witness(process.port, Cpu(process.pid)))
        ready = ReadyTopic(process.port, largest.own_topic(READY_GROUP), folder)
        judged = []
        for row in rows:
            judged.append(_judge(row, process, size, witness, ready))
            if results is not None:
                results.add(judged[-1])
        return judged


def _judge(
    row: Row, process: ServerProcess, size: Size, witness: Witness, ready: ReadyTopic
) -> Judged:
    cpu = Cpu(process.pid)
    payload = row.payload(size)
    outcomes = []
    for _ in range(SENDINGS):
        # The brokers of a row that is prepared live on a connection that stays open.
        with Client(process.port, START_SECONDS) as client:
            if row.prepare is not None:
                try:
                    row.prepare(client, size)
                except AskFailed as failure:
                    say(f"{row.name} could not be prepared: {failure}")
            wait_until_quiet(cpu)
            outcomes.append(send_row(process.port, payload, cpu, witness, ready))
    judged = Judged(row, outcomes)
    say(line(judged))
    return judged


if __name__ == "__main__":
    sys.exit(main())
