"""`explain` over real sockets: over HTTP, and from answers of the remoting protocol."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv.cli import main
from namesrv.cli.commands.explain import _asking
from namesrv.client.addresses import Address
from namesrv.codes import RequestCode
from namesrv.testing.peer import Broker, Peer, lookup, request, wait_until
from tests.admin.served import serving_http
from tests.cli.commands.test_process import HEAVY, imported
from tests.cli.commands.world import ALONE, MASTER, SLAVE, TOPICS, Ran
from tests.client.stand_in import listening, sending

LOOPBACK = Broker("broker-l", 0, "127.0.0.1:10911", "c1")
SERVER = Address("a", 1)
NOT_SHOWN = [
    "  the events of the past: this server keeps no history",
    "  registrations that were refused: this server does not remember them",
]


class Served:
    """A server with brokers; `run` asks it for an explanation."""

    def __init__(self, address: Any, capsys: pytest.CaptureFixture[str]) -> None:
        self.socket_address = address
        self.address = "{}:{}".format(*address)
        self._capsys = capsys

    def run(self, *words: str, server: str | None = None) -> Ran:
        code = main(["explain", *words, "-n", server or self.address])
        out, err = self._capsys.readouterr()
        return Ran(code, out.splitlines(), err.splitlines())

    def read(self) -> list[str]:
        """The lines on standard output since the last command."""
        return self._capsys.readouterr().out.splitlines()

    def value(self, *words: str) -> Any:
        return json.loads("".join(self.run(*words, "--json").out))

    def causes(self, *words: str) -> set[str]:
        return {cause["id"] for cause in self.value(*words)["causes"]}


def registered(address: Any) -> Iterator[Any]:
    """Brokers with connections, as long as the test takes."""
    with Peer(address) as one, Peer(address) as two, Peer(address) as three:
        one.ask(MASTER.registration(TOPICS))
        two.ask(SLAVE.registration(TOPICS))
        three.ask(ALONE.registration({"Hello": 6, "Spare": 1}))
        one.ask(LOOPBACK.registration({"Local": 1, "Near": 1}))
        yield address


@pytest.fixture(scope="module")
def over_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serving_http(tmp_path_factory.mktemp("data")) as server:
        yield from registered(server.addresses[0])


@pytest.fixture(scope="module")
def over_remoting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    data_dir = tmp_path_factory.mktemp("data")
    with serving_http(data_dir, http_access="off") as server:
        yield from registered(server.addresses[0])


@pytest.fixture
def http(over_http: Any, capsys: pytest.CaptureFixture[str]) -> Served:
    return Served(over_http, capsys)


@pytest.fixture
def remoting(over_remoting: Any, capsys: pytest.CaptureFixture[str]) -> Served:
    return Served(over_remoting, capsys)


def test_a_misspelt_topic(http: Served) -> None:
    ran = http.run("Odrers")
    assert ran.code == 1
    assert ran.err == []
    assert ran.out[:4] == [
        f"{http.address} has no topic Odrers. A client gets code 17: No topic route"
        " info in name server for the topic: Odrers",
        "",
        "likely: There is a similar name: 'Orders'.",
        f"    next: namesrv explain Orders -n {http.address}",
    ]


def test_commands_ask_the_server_of_the_flag(
    http: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAMESRV_ADDR", http.address)
    given = http.value("Odrers")["causes"]
    assert given[0]["next"] == f"namesrv explain Orders -n {http.address}"
    assert main(["explain", "Odrers"]) == 1
    assert "    next: namesrv explain Orders" in http.read()
    assert _asking("namesrv explain -n b:1 X", SERVER) == "namesrv explain -n b:1 X"
    assert _asking("namesrv explain -- -X", SERVER) == "namesrv explain -n a:1 -- -X"
    assert _asking("start a broker", SERVER) == "start a broker"


def test_a_topic_whose_broker_went(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving_http(tmp_path) as server, Peer(server.addresses[0]) as peer:
        served = Served(server.addresses[0], capsys)
        peer.ask(MASTER.registration(TOPICS))
        peer.ask(request(RequestCode.UNREGISTER_BROKER, MASTER.ext_fields))
        out = served.run("Orders").out
        (at,) = [n for n, line in enumerate(out) if line.startswith("certain: Broker")]
        assert out[at + 1] == (
            f"    next: namesrv history --topic Orders -n {served.address}"
        )
        headings = [line.split() for line in out if line.startswith("TIME")]
        assert headings == [["TIME", "NUMBER", "GROUP", "EVENT"]]
        assert "; topics: 3 removed; it was the last of its group" in "\n".join(out)


def test_a_topic_with_a_route(http: Served) -> None:
    ran = http.run("Orders")
    assert ran.code == 0
    assert ran.out[:3] == [
        f"{http.address} has the topic Orders. A client gets a route with 1 broker"
        " group.",
        "",
        "As far as this server knows, nothing is wrong with it.",
    ]
    (heading,) = [line.split() for line in ran.out if line.startswith("BROKER")]
    assert heading[-3:] == ["REGISTERED", "LAST", "HEARD"]


@pytest.mark.parametrize("name", ["broker-b", "10.0.0.3:10911"])
def test_a_broker_by_name_and_by_address(http: Served, name: str) -> None:
    ran = http.run(name)
    assert ran.code == 0
    assert ran.out[0].startswith(f"{http.address} has the broker {name}.")
    assert "certain: Broker group 'broker-b' has slaves only" in ran.out[2]
    (heading,) = [line.split() for line in ran.out if line.startswith("BROKER")]
    assert "PERM" not in heading


def test_flags_name_the_kind_and_the_client(http: Served) -> None:
    assert http.run("--broker", "Orders").out[0].endswith("has no broker Orders.")
    assert "has no topic broker-b." in http.run("--topic", "broker-b").out[0]
    assert "other_zone" in http.causes("Orders", "--zone", "east")
    assert "other_cluster" in http.causes("Orders", "-c", "c9")
    assert http.run("Orders", "--client-version", "300").code == 0
    ran = http.run("Orders", "--client-version", "new")
    assert ran.code == 2
    assert "--client-version is 'new'" in ran.err[0]
    assert http.run("--topic", "--broker", "Orders").code == 2


def test_a_server_without_peers(http: Served, remoting: Served) -> None:
    about = "  whether other NameServers have it: this server"
    out = http.run("Odrers").out
    assert f"{about} has no peers (option peers)" in out
    assert f"{about} does not show its peers" in remoting.run("Odrers").out


def test_json_has_the_members_of_the_api(http: Served) -> None:
    value = http.value("Orders")
    assert value["exists"] is True
    assert set(value) == {"topic", "exists", "evidence", "causes", "unknown"}
    assert value["evidence"]["brokers"][0]["brokerId"] == 0


@pytest.mark.parametrize(
    ("words", "causes"),
    [
        (["Odrers"], {"similar_name", "auto_create_off"}),
        (["orders"], {"similar_name", "auto_create_off"}),
        (["shop%Orders"], {"similar_name", "auto_create_off"}),
        (["c1"], {"other_kind"}),
        (["Orders"], set()),
        (["Spare"], {"no_master"}),
        (["Local"], {"unreachable_address"}),
        (["Orders", "--zone", "east"], {"other_zone"}),
        (["Orders", "-c", "c2"], {"other_cluster"}),
        (["broker-b"], {"no_master"}),
        (["10.0.0.2:10911"], set()),
        (["--broker", "broker-B"], {"similar_name"}),
    ],
)
def test_without_http_it_finds_the_causes_that_answers_show(
    remoting: Served, http: Served, words: list[str], causes: set[str]
) -> None:
    assert remoting.causes(*words) == causes
    assert causes <= http.causes(*words)
    out = remoting.run(*words).out
    assert out[out.index("Not known:") + 1 :][:2] == NOT_SHOWN


def test_a_gate_that_is_closed_without_http(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {"http_access": "off", "need_wait_for_service": True}
    with serving_http(tmp_path, **options) as server:
        served = Served(server.addresses[0], capsys)
        assert "gate_closed" in served.causes("Orders")


def test_the_first_server_that_answers(http: Served) -> None:
    ran = http.run("Orders", server=f"127.0.0.1:1;{http.address}")
    assert ran.code == 0


def test_no_server_answers(http: Served) -> None:
    ran = http.run("Orders", server="127.0.0.1:1")
    assert ran.code == 3
    assert "nothing listens at 127.0.0.1:1" in ran.err[0]


def test_a_server_that_answers_anything(http: Served) -> None:
    body = b'{"exists":true,"evidence":7,"causes":[]}'
    head = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with listening(sending(head + body)) as odd:
        ran = http.run("Orders", "--topic", server=str(odd))
    assert ran.code == 3
    assert ran.err == [
        f"namesrv: {odd} answers wrongly: it gives no explanation",
    ]


def test_it_imports_nothing_heavy(http: Served, remoting: Served) -> None:
    assert imported("explain", "Orders", "-n", http.address) & HEAVY == set()
    modules = imported("explain", "Orders", "-n", remoting.address)
    # The rules are among the files of routing, and none of the others is needed.
    assert modules & HEAVY == {"namesrv.routing"}
    assert "namesrv.routing.state" not in modules


def test_clients_that_ask_in_vain(http: Served) -> None:
    with Peer(http.socket_address) as client:
        client.ask(lookup("Ordersz"))
    wait_until(lambda: http.value("Ordersz")["evidence"]["asked"] is not None)
    line = http.run("Ordersz").out[2]
    assert re.match(r"1 client lookup in vain since .*; the last one by 127\.0", line)
    assert line.endswith("(JAVA, 479).")


def test_a_broker_that_announces_a_topic_of_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving_http(tmp_path) as server, Peer(server.addresses[0]) as peer:
        served = Served(server.addresses[0], capsys)
        peer.ask(MASTER.registration({"broker-a": 1, "c1": 1}))
        assert "has the broker broker-a." in served.run("broker-a").out[0]
        assert "has the topic broker-a." in served.run("broker-a", "--topic").out[0]
        assert "has the topic c1." in served.run("c1").out[0]
        peer.ask(request(RequestCode.UNREGISTER_BROKER, MASTER.ext_fields))
        assert "has no broker broker-a." in served.run("broker-a").out[0]
