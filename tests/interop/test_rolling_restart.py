"""Three of our name servers are restarted in turn, under lookups of real clients."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from harness.broker import BrokerIdentity
from harness.conversation import Conversation
from harness.fetch import INTEROP, JAVA_5
from harness.fleet import Fleet, wait_for_brokers
from harness.java import LOOKUPS_MAIN, java_command

CLUSTER = "InteropCluster"
TOPICS = [f"Rolling{number}" for number in range(5)]
DRAINING = {"enableShutdownGracefully": "true", "shutdownWaitTimeSeconds": "3"}
PYTHON_CLIENT_SECONDS = 120.0


def test_rolling_restart_loses_no_lookup(
    new_fleet: Callable[[str], Fleet], record_property: Callable[[str, object], None]
) -> None:
    fleet = new_fleet("rolling")
    servers = [fleet.our_server(f"server-{n}", DRAINING) for n in range(3)]
    for server in servers:
        server.finish_start()
    brokers = [
        fleet.broker(BrokerIdentity(CLUSTER, f"rolling-{name}"), servers)
        for name in ("a", "b")
    ]
    wait_for_brokers(servers, brokers)
    addresses = ";".join(server.address for server in servers)
    mqadmin = fleet.mqadmin()
    for topic in TOPICS:
        mqadmin.run("updateTopic", "-n", addresses, "-c", CLUSTER, "-t", topic)
    home = fleet.home("lookups")
    command = java_command(fleet.peers, JAVA_5, LOOKUPS_MAIN, home)
    java = Conversation("lookups", [*command, addresses, "2", *TOPICS], home)
    python = start_python_client(fleet, addresses)
    with java, python:
        for server in servers:
            server.stop()
            server.start()
            # At once, because the start is warm: brokers come back within 30 s.
            wait_for_brokers([server], brokers, seconds=0.0)
        answered, retried, lost, wrong = map(int, java.ask("end").split())
        said, complaints = python.communicate("end\n", PYTHON_CLIENT_SECONDS)
    sent = json.loads(said.splitlines()[-1])
    counts = (
        f"Java client: {answered} lookups answered, {retried} of them at a later try,"
        f" {lost} lost, {wrong} wrong; Python client: {sent}"
    )
    print(counts)
    record_property("lookups", counts)
    assert (lost, wrong) == (0, 0), counts
    assert sent["lost"] == 0, f"{counts}: {complaints}"
    assert answered > 1000 and sent["sent"] > 10, counts


def start_python_client(fleet: Fleet, addresses: str) -> "subprocess.Popen[str]":
    home: Path = fleet.home("python-lookups")
    script = str(INTEROP / "python_lookups.py")
    return subprocess.Popen(
        [str(fleet.peers.python), script, addresses, "PythonRolling"],
        env={**os.environ, "HOME": str(home)},
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
