"""Our command line asks a Java NameServer 5.3.3, and finds the facts of mqadmin.

The same tests run against our server. A broker of Java's is registered at either.
"""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from harness.broker import BrokerIdentity, JavaBroker
from harness.fetch import CHECKOUT
from harness.fleet import Fleet, wait_for_brokers
from harness.mqadmin import Mqadmin
from harness.nameserver import JavaNameServer, NameServer
from namesrv.testing.peer.json_text import read_json

CLUSTER, BROKER = "LineCluster", "line-broker"
WAIT_SECONDS = 60.0
PROGRAM = [sys.executable, "-m", "namesrv"]


class Ran(NamedTuple):
    """The exit code of a command, and the text that it printed."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of standard output."""
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


class Place(NamedTuple):
    """A server, a broker and an mqadmin."""

    server: NameServer
    broker: JavaBroker
    mqadmin: Mqadmin

    def ask(self, words: str) -> Ran:
        """Run one of our commands."""
        ran = subprocess.run(
            [*PROGRAM, *words.split(), "-n", self.server.address],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def admin(self, words: str) -> str:
        """Run a command of mqadmin."""
        command, *rest = words.split()
        return self.mqadmin.run(command, "-n", self.server.address, *rest)

    def route(self, topic: str) -> Any:
        """The route as mqadmin prints it."""
        printed = self.admin(f"topicRoute -t {topic}")
        start = printed.find("{")
        assert start >= 0, printed
        return read_json(printed[start : printed.rfind("}") + 1].encode())


@pytest.fixture(scope="module", params=["java", "ours"])
def place(
    request: pytest.FixtureRequest, new_fleet: Callable[[str], Fleet]
) -> Iterator[Place]:
    fleet = new_fleet(f"line-{request.param}")
    make = fleet.java_server if request.param == "java" else fleet.our_server
    server = make("namesrv", {})
    mqadmin = fleet.mqadmin()
    server.finish_start()
    broker = fleet.broker(BrokerIdentity(CLUSTER, BROKER), (server,))
    wait_for_brokers((server,), (broker,))
    found = Place(server, broker, mqadmin)
    for topic in ("Plain", "Small", "Gone"):
        printed = found.admin(f"updateTopic -c {CLUSTER} -t {topic} -r 4 -w 2")
        assert "success" in printed, printed
    yield found


def test_ping(place: Place) -> None:
    ran = place.ask("ping")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[1].split()[:2] == [place.server.address, "answered"]


def test_topic_list(place: Place) -> None:
    known = [line.strip() for line in place.admin("topicList").splitlines()]
    ran = place.ask("topic list")
    assert {"Plain", "Small"} <= set(ran.lines)
    assert ran.lines == sorted(name for name in known if name in ran.lines)
    assert set(ran.lines) == {name for name in known if name and " " not in name}
    assert set(place.ask(f"topic list -c {CLUSTER}").lines) <= set(ran.lines)
    assert place.ask("topic list -p Pla").lines == ["Plain"]


def test_topic_route(place: Place) -> None:
    ran = place.ask("topic route Plain --json")
    theirs = place.route("Plain")
    assert ran.json["brokerDatas"] == theirs["brokerDatas"]
    assert ran.json["queueDatas"] == theirs["queueDatas"]
    assert place.ask("topic route Plain").lines[1].split() == [
        *(BROKER, CLUSTER, "0", "master", place.broker.address, "4", "2", "rw"),
    ]
    ran = place.ask("topic route plain")
    assert ran.code == 1
    assert "has no topic 'plain'; similar: Plain" in ran.err


def test_topic_show(place: Place) -> None:
    assert "success" in place.admin(
        f"updateOrderConf -m put -t Plain -v {BROKER}:4"
    ) or place.ask("kv get ORDER_TOPIC_CONFIG Plain").lines == [f"{BROKER}:4"]
    facts = dict(line.split(":", 1) for line in place.ask("topic show Plain").lines[:8])
    assert facts["clusters"].strip() == CLUSTER
    assert facts["write queues"].strip() == "2"
    assert facts["order"].strip() == f"{BROKER}:4"


def test_clusters_and_brokers(place: Place) -> None:
    printed = place.admin("clusterList")
    row = next(line for line in printed.splitlines() if BROKER in line).split()
    ran = place.ask("broker list")
    assert [line.split() for line in ran.lines[1:]] == [
        [*row[:3], "master", row[3]],
    ]
    assert place.ask("cluster list").lines[1].split() == [CLUSTER, "1", "1", "0"]
    shown = place.ask(f"broker show {BROKER} --topics --json").json
    assert shown["brokers"][0]["address"] == place.broker.address
    queues = {one["topic"]: one["writeQueues"] for one in shown["topics"]}
    assert queues["Plain"] == 2


def test_write_permission(place: Place) -> None:
    assert place.ask(f"broker wipe-write {BROKER}").code == 0
    assert [one["perm"] for one in place.route("Plain")["queueDatas"]] == [4]
    assert place.ask("topic route Plain").lines[1].endswith("r-")
    assert place.ask(f"broker add-write {BROKER}").code == 0
    assert [one["perm"] for one in place.route("Plain")["queueDatas"]] == [6]
    ran = place.ask("broker wipe-write nobody")
    assert (ran.code, ran.out) == (1, "")


def test_explain(place: Place) -> None:
    def causes(words: str) -> set[str]:
        return {
            cause["id"] for cause in place.ask(f"explain {words} --json").json["causes"]
        }

    ran = place.ask("explain plain --json")
    assert ran.code == 1
    assert ran.json["causes"][0]["id"] == "similar_name"
    # The broker creates topics, and is on this machine.
    assert "not_created_yet" in causes("Nothing-like-it")
    ran = place.ask("explain Plain --json")
    assert ran.code == 0
    assert causes("Plain") <= {"unreachable_address"}
    (known,) = ran.json["evidence"]["brokers"]
    assert (known["broker"], known["address"]) == (BROKER, place.broker.address)
    is_java = any("keeps no history" in one for one in ran.json["unknown"])
    for name in (BROKER, place.broker.address):
        shown = place.ask(f"explain {name} --json").json
        assert (shown["exists"], shown["group"]) == (True, BROKER)
    assert place.ask(f"broker wipe-write {BROKER}").code == 0
    assert ("not_writable" if is_java else "write_wiped") in causes("Plain")
    assert place.ask(f"broker add-write {BROKER}").code == 0
    assert causes("Plain") <= {"unreachable_address"}


def test_history(place: Place) -> None:
    ran = place.ask("history --topic Plain --json")
    if ran.code == 3:
        assert isinstance(place.server, JavaNameServer)
        (sentence,) = ran.err.splitlines()
        assert "does not answer HTTP: it is another NameServer" in sentence
        return
    events = ran.json["events"]
    assert {event.get("broker") for event in events} - {None} == {BROKER}
    assert {"BrokerRegistered", "BrokerChanged"} & {one["type"] for one in events}
    shown = place.ask("history --at 0s --topic Plain --json").json
    assert shown["topics"] == [{"topic": "Plain", "brokers": [BROKER]}]
    assert shown["brokers"][0]["addresses"] == {"0": place.broker.address}


def test_kv_table(place: Place) -> None:
    place.admin("updateKvConfig -s Space -k key -v value")
    assert place.ask("kv list Space --json").json == {"key": "value"}
    assert place.ask("kv put Space 键 a/值😀").code == 0
    assert place.ask("kv get Space 键").lines == ["a/值😀"]
    assert place.ask("kv delete Space 键").code == 0
    ran = place.ask("kv delete Space 键")
    assert (ran.code, ran.out) == (1, "")
    assert place.ask(f"kv put ORDER_TOPIC_CONFIG Small {BROKER}:2").code == 0
    assert f"{BROKER}:2" in place.admin("updateOrderConf -m get -t Small")


def test_options(place: Place) -> None:
    printed = place.admin("getNamesrvConfig")
    theirs = dict(re.findall(r"(?m)^(\w+) += +(.*?)\s*$", printed))
    ours = place.ask("config get --json").json[0]["options"]
    assert {name: ours[name] for name in theirs if theirs[name]} == {
        name: text for name, text in theirs.items() if text
    }
    assert place.ask("config set orderMessageEnable=true").code == 0
    assert place.ask("config get orderMessageEnable").lines == ["true"]
    assert place.ask("config set orderMessageEnable=false").code == 0
    ran = place.ask("config set noSuchOption=1")
    assert ran.code == 1
    assert "noSuchOption" in ran.err


def test_topic_delete(place: Place) -> None:
    # The broker may register Gone again before mqadmin has started and asked.
    assert any(deletes_gone(place) for _ in range(3))
    assert place.ask("topic delete NobodyHasIt").code == 1


def deletes_gone(place: Place) -> bool:
    """Whether the topic is gone for mqadmin, too, after its deletion."""
    assert place.ask("topic delete Gone").code == 0
    return "No topic route" in place.admin("topicRoute -t Gone")


def test_watch_prints_a_new_topic(place: Place) -> None:
    command = [*PROGRAM, "watch", "--every", "0.2", "-n", place.server.address]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "watching 1 cluster, 1 broker" in process.stdout.readline()
        place.admin(f"updateTopic -c {CLUSTER} -t Watched")
        assert any("topic Watched: new" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 0


def test_top_draws_a_screen(place: Place) -> None:
    ours, theirs = pty.openpty()
    command = [*PROGRAM, "top", "--every", "0.5", "-n", place.server.address]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=theirs, stdout=theirs, env=environment
    ) as process:
        os.close(theirs)
        screen = b""
        while BROKER.encode() not in screen:
            screen += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_SECONDS) == 0
    os.close(ours)


def test_bench(place: Place) -> None:
    value = place.ask("bench Plain --seconds 1 --depth 4 --json").json
    assert value["answers"] > 100
    assert value["codes"] == {"0": value["answers"]}
