"""Registration storms: all brokers at once, the same again, and every few seconds."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from bench.driver.client import OPAQUE, AskFailed
from bench.driver.expected import SENDINGS, check_route
from bench.driver.frame_file import write_frames
from bench.driver.loads import BUDGET_TABLE, REGISTER_TABLE, Kind, Load, Plan
from bench.driver.measured_server import MeasuredServer
from bench.driver.places import CACHE
from bench.driver.process import ServerFailed
from bench.driver.progress import say
from bench.driver.rounds import LoadFailed, warm_up
from bench.driver.servers import Server
from bench.driver.tables import Table
from namesrv.testing.peer import lookup, request

Result = dict[str, Any]

GET_CLUSTER_INFO = 106
IN_FLIGHT = 8
LOOKED_UP_TOPICS = 64
STEADY_ROUNDS = 3
_END_SECONDS = 10.0


def measure_storms(
    servers: Sequence[Server], folder: Path, plan: Plan
) -> dict[str, Result]:
    """Some storms for each server, by turns: {name: {phase: figures}} of the one whose
    cold phase took the median time. `cold_seconds` has the times of all."""
    table = storm_table(plan)
    found: dict[str, list[Result]] = {server.name: [] for server in servers}
    for number in range(plan.storms):
        place = folder / str(number)
        place.mkdir(parents=True)
        for server in servers:
            say(f"a storm over {server.title}")
            found[server.name].append(_measured(server, place, plan, table))
    return {name: _middle(results) for name, results in found.items()}


def _measured(server: Server, folder: Path, plan: Plan, table: Table) -> Result:
    try:
        return _measure(server, folder, plan, table)
    except (AskFailed, LoadFailed, ServerFailed, OSError) as failure:
        say(f"{server.name} FAILED: {failure}")
        return {"failure": str(failure)}


def _middle(results: Sequence[Result]) -> Result:
    """The one with the median time of the cold phase, or the first that failed."""
    for result in results:
        if "failure" in result:
            return result
    in_order = sorted(results, key=_cold_seconds)
    middle = dict(in_order[len(in_order) // 2])
    middle["cold_seconds"] = [_cold_seconds(result) for result in in_order]
    return middle


def _cold_seconds(result: Result) -> float:
    return float(result["cold"]["seconds"])


def storm_table(plan: Plan) -> Table:
    """Every topic on every broker."""
    topics, brokers = plan.storm_topics, plan.storm_brokers
    return Table("storm", topics, brokers, brokers, lasting=False)


def _measure(server: Server, folder: Path, plan: Plan, table: Table) -> Result:
    with MeasuredServer(server, folder) as measured:
        measured.start()
        if server.is_jvm:
            loads = [
                Load("", Kind.LOOKUP, BUDGET_TABLE, 50, 1),
                Load("", Kind.REGISTER, REGISTER_TABLE, 4, 1),
            ]
            warm_up(measured, loads, plan.jvm_warmup_seconds)
        result: Result = {"rss_before_kib": measured.process.rss_kib()}
        phases = {
            "cold": (1, 0),
            "unchanged": (plan.storm_rounds, 0),
            "steady": (STEADY_ROUNDS, plan.storm_period_millis),
        }
        words = storm_words(measured, folder, table)
        for name, (rounds, period) in phases.items():
            words += ["--phase", f"{name}:{rounds}:{period}"]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as storm:
            assert storm.stdin is not None and storm.stdout is not None
            try:
                for name in phases:
                    result[name] = _run_phase(storm.stdin, storm.stdout)
                    result[name]["rss_kib"] = measured.process.rss_kib()
                    result[name]["peak_rss_kib"] = measured.process.peak_rss_kib()
                    _check_all_there(measured, table)
            finally:
                storm.stdin.close()
                try:
                    storm.wait(_END_SECONDS)
                except subprocess.TimeoutExpired:
                    storm.kill()
    return result


def _run_phase(to_storm: IO[str], from_storm: IO[str]) -> Result:
    to_storm.write("\n")
    to_storm.flush()
    line = from_storm.readline()
    if not line:
        raise LoadFailed("the storm ended without a word")
    phase: Result = json.loads(line)
    if phase["failure"]:
        raise LoadFailed(f"phase {phase['phase']}: {phase['failure']}")
    return phase


def _check_all_there(measured: MeasuredServer, table: Table) -> None:
    """No broker was lost. Raises AskFailed."""
    with measured.client() as client:
        answer = client.ask_for(0, request(GET_CLUSTER_INFO, {}, opaque=OPAQUE))
        names = table.cluster, table.broker(0), table.broker(table.brokers - 1)
        for name in names:
            if name.encode() not in answer.body:
                raise AskFailed(f"{name} is not in the cluster's description")
        for number in (0, table.topics // 2, table.topics - 1):
            route = client.ask_for(0, lookup(table.topic(number), OPAQUE))
            check_route(route, table, number)


def storm_words(measured: MeasuredServer, folder: Path, table: Table) -> list[str]:
    """The command of a storm; its files are made once for all servers.

    Raises AskFailed.
    """
    bodies = [folder / f"body-{sending}" for sending in range(SENDINGS)]
    lookups = folder / "lookups"
    if not lookups.exists():
        for sending, body in enumerate(bodies):
            body.write_bytes(table.registration(0, sending).body)
        step = max(1, table.topics // LOOKED_UP_TOPICS)
        topics = [table.topic(number) for number in range(0, table.topics, step)]
        write_frames(lookups, [(lookup(topic, OPAQUE), b"") for topic in topics])
    registrations = folder / f"registrations-{measured.server.name}"
    answer = _registered_answer(measured)
    write_frames(
        registrations,
        (
            (table.registration(number, sending).head(OPAQUE), answer)
            for sending in range(SENDINGS)
            for number in range(table.brokers)
        ),
    )
    words = [str(CACHE / "storm"), "--port", str(measured.process.port)]
    words += ["--server-pid", str(measured.process.pid), "--in-flight", str(IN_FLIGHT)]
    words += ["--registrations", str(registrations), "--lookups", str(lookups)]
    for body in bodies:
        words += ["--body", str(body)]
    return words


def _registered_answer(measured: MeasuredServer) -> bytes:
    """What a master's registration is answered with; its broker goes at once."""
    probe = Table("probe", topics=2, brokers=1, copies=1)
    with measured.client() as client:
        return client.ask_for(0, probe.registration(0).frame(OPAQUE)).frame
