"""What the stable ABI costs: pipelined lookups, abi3 and native, in turns.

`python wheels/abi3_cost.py [ROUNDS]` in the checkout, with Cython and setuptools in
reach. It builds both from this checkout, and times `Connection.receive` and then the
whole server. A round times each kind in a process of its own; the medians over all
rounds count, and the medians of the ratios within a round.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.driver.loads import Load
    from bench.driver.measured_server import MeasuredServer

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))
KINDS = ("abi3", "native")
LOADS = {"16 lookups a read": 16, "1 lookup a read": 1}
BROKERS = 4
Times = dict[str, dict[str, list[float]]]
BURSTS = 40
BURST_REQUESTS = 8000
SERVER_ROUNDS = 15
SERVER_SECONDS = 1.5


def build(folder: Path, kind: str) -> None:
    """The package with its extension, in `folder`/namesrv."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("NAMESRV_")}
    environ |= {"NAMESRV_LIMITED_API": "1"} if kind == "abi3" else {}
    copied = ("namesrv", "setup.py", "pyproject.toml", "README.md", "LICENSE")
    tar = ["tar", "-c", "--exclude=*.c", "--exclude=*.so", *copied]
    archive = subprocess.run(tar, cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x"], cwd=folder, check=True, input=archive)
    setup = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
    subprocess.run(setup, cwd=folder, check=True, env=environ)


def route() -> bytes:
    """A topic on four brokers."""
    names = [f"broker-{i}" for i in range(BROKERS)]
    queues = {"perm": 6, "readQueueNums": 8, "topicSysFlag": 0, "writeQueueNums": 8}
    brokers = [
        {
            "brokerAddrs": {"0": "192.168.10.17:10911"},
            "brokerName": name,
            "cluster": "DefaultCluster",
            "enableActingMaster": False,
        }
        for name in names
    ]
    queue_datas = [{"brokerName": name, **queues} for name in names]
    members = {"brokerDatas": brokers, "filterServerTable": {}}
    return json.dumps(members | {"queueDatas": queue_datas}).encode()


def measure() -> dict[str, float]:
    """Nanoseconds for each lookup, of the package in the working directory."""
    sys.path.insert(0, os.getcwd())
    from namesrv import _impl  # noqa: PLC0415  the one in the working directory
    from namesrv.hot_path import HotCode  # noqa: PLC0415
    from namesrv.testing.peer import lookup  # noqa: PLC0415

    assert _impl.IMPLEMENTATION == "fast"
    answers = _impl.RouteAnswers(1 << 20)
    answers.mark("Orders")
    answers.put("Orders", True, route())
    hot = _impl.HotPath(answers, _impl.BrokerLiveTable(), no_cold_path, 1 << 24)
    hot.hot_codes = int(HotCode.ROUTE)
    receive = _impl.Connection(hot, "peer").receive
    found = {}
    for load, requests in LOADS.items():
        data = b"".join(lookup("Orders", opaque) for opaque in range(requests))
        assert receive(data, 1).count(b"brokerDatas") == requests
        found[load] = min(burst(receive, data, requests) for _ in range(BURSTS))
    return found


def no_cold_path(*request: object) -> bytes:
    """Never asked for a route that is ready."""
    raise AssertionError(request)


def burst(receive: object, data: bytes, requests: int) -> float:
    """Nanoseconds for each request of one burst."""
    assert callable(receive)
    reads = range(BURST_REQUESTS // requests)
    start = time.perf_counter_ns()
    for _ in reads:
        receive(data, 1)
    return (time.perf_counter_ns() - start) / BURST_REQUESTS


def compare(folders: dict[str, Path], rounds: int) -> None:
    """Print a line for each load."""
    times: Times = {k: {n: [] for n in LOADS} for k in KINDS}
    for turn in range(rounds):
        for kind in KINDS if turn % 2 else KINDS[::-1]:
            command = [sys.executable, __file__, "measure"]
            ran = subprocess.run(
                command, cwd=folders[kind], check=True, capture_output=True, text=True
            )
            for load, nanoseconds in json.loads(ran.stdout).items():
                times[kind][load].append(nanoseconds)
    report(times)


def report(times: Times) -> None:
    """A line for each load."""
    for load in times[KINDS[0]]:
        pair = [times[kind][load] for kind in KINDS]
        abi3, native = map(statistics.median, pair)
        ratio = statistics.median(a / n for a, n in zip(*pair, strict=True))
        print(f"{load}: abi3 {abi3:.0f} ns, native {native:.0f} ns, {ratio - 1:+.1%}")


def compare_servers(folders: dict[str, Path], rounds: int) -> None:
    """The same for the server's processor time, driven as `make bench-server` does."""
    from bench.driver.fetch import build_generators  # noqa: PLC0415  of this checkout
    from bench.driver.loads import loads  # noqa: PLC0415
    from bench.driver.measured_server import MeasuredServer  # noqa: PLC0415
    from bench.driver.places import cores  # noqa: PLC0415
    from bench.driver.servers import OURS_FAST  # noqa: PLC0415

    build_generators()
    os.sched_setaffinity(0, {cores()[1]})
    chosen = {f"server, {load.name}": load for load in loads() if load.is_main}
    times: Times = {k: {n: [] for n in chosen} for k in KINDS}
    with contextlib.ExitStack() as stack:
        stations = {}
        for kind, folder in folders.items():
            environ = OURS_FAST.environment | {"PYTHONPATH": str(folder)}
            server = replace(OURS_FAST, name=kind, environment=environ)
            measured = stack.enter_context(MeasuredServer(server, folder / "homes"))
            measured.start()
            measured.process.freeze()
            stations[kind] = measured
        for name, load in chosen.items():
            for turn in range(rounds):
                for kind in KINDS if turn % 2 else KINDS[::-1]:
                    times[kind][name].append(cpu_nanoseconds(stations[kind], load))
    report(times)


def cpu_nanoseconds(measured: "MeasuredServer", load: "Load") -> float:
    """Of the server, for each request of one run of the load."""
    from bench.driver.rounds import run_load  # noqa: PLC0415

    measured.process.thaw()
    frames = measured.frames(load, None)
    found = run_load(measured, load, frames, SERVER_SECONDS, SERVER_SECONDS / 5)
    measured.process.freeze()
    return float(found["cpu_seconds_per_million"]) * 1000


def main() -> None:
    """Build both, measure in turns."""
    if sys.argv[1:] == ["measure"]:
        print(json.dumps(measure()))
        return
    rounds = int(sys.argv[1]) if sys.argv[1:] else 31
    with tempfile.TemporaryDirectory() as name:
        folders = {kind: Path(name) / kind for kind in KINDS}
        for kind, folder in folders.items():
            folder.mkdir()
            build(folder, kind)
        compare(folders, rounds)
        compare_servers(folders, SERVER_ROUNDS)


main()
