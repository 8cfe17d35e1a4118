"""Commands at servers that refuse, send odd names, or keep things to themselves."""

import json
import socket
import sys
from pathlib import Path

import pytest

from namesrv.cli import main
from namesrv.client.addresses import Address
from namesrv.testing.peer import Broker
from tests.cli.commands.world import Ran, World
from tests.client.stand_in import answering, listening
from tests.server.server_thread import ServerThread, local_options

ESCAPES = "\x1b[2J\u202e\n"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """Runs a command at an address."""

    def run_at(address: Address, *words: str) -> Ran:
        code = main([*words, "-n", str(address)])
        out, err = capsys.readouterr()
        return Ran(code, out.splitlines(), err.splitlines())

    return run_at


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def test_names_with_control_characters_are_escaped(run) -> None:
    with listening(answering((0, body({"topicList": [ESCAPES]})))) as address:
        assert run(address, "topic", "list").out == ["\\x1b[2J\\u202e\\n"]
        ran = run(address, "topic", "list", "--json")
        assert json.loads("".join(ran.out)) == [ESCAPES]
    group = {"brokerName": "b", "brokerAddrs": {"0": ESCAPES}, "cluster": ESCAPES}
    info = {"brokerAddrTable": {ESCAPES: group}, "clusterAddrTable": {}}
    with listening(answering((0, body(info)))) as address:
        for words in (["broker", "list"], ["broker", "show", ESCAPES]):
            ran = run(address, *words)
            assert ran.code == 0
            assert all(line.isprintable() for line in ran.out)
    with listening(answering((0, f"a={ESCAPES[:4]}\nb=1\n".encode()))) as address:
        assert all(line.isprintable() for line in run(address, "config", "get").out)


def test_json_for_a_terminal_has_no_characters_that_command_it(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "é\x9b31m\x7f\u202e\n\U000e0041"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with listening(answering((0, body({"topicList": [name]})))) as address:
        ran = run(address, "topic", "list", "--json")
    assert ran.out[1] == '  "é\\u009b31m\\u007f\\u202e\\n\\udb40\\udc41"'
    assert json.loads("".join(ran.out)) == [name]


def test_ping_of_a_server_that_does_not_answer_keeps_to_its_time_out(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes = probed(monkeypatch)

    def wait(connected) -> None:
        while connected.recv(65536):
            pass

    with listening(wait) as address:
        ran = run(address, "ping", "--timeout", "0.2")
    assert (ran.code, probes) == (3, [])
    assert "did not answer within 0.2 s" in ran.err[0]


def test_ping_of_a_server_that_closes_asks_which_protocol_it_speaks(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes = probed(monkeypatch)
    with listening(lambda connected: None) as address:
        assert run(address, "ping", "--timeout", "0.9").code == 3
    assert len(probes) == 2 and max(probes) < 0.45


def probed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that each probe for another protocol would wait for a connection."""
    probes: list[float] = []

    def refuse(address: Address, seconds: float) -> None:
        probes.append(seconds)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", refuse)
    return probes


def test_refusal_is_one_printable_sentence(run) -> None:
    with listening(answering((2, b""))) as address:
        for words in (["topic", "list"], ["cluster", "list"], ["kv", "get", "a", "b"]):
            assert run(address, *words) == (
                *(1, []),
                [f"namesrv: {address} answered code 2"],
            )


def test_ping_of_a_server_that_refuses(run) -> None:
    with listening(answering((1, b""))) as address:
        ran = run(address, "ping")
    assert (ran.code, ran.err) == (1, [f"namesrv: {address} answered code 1"])
    assert ran.out[1].split()[:2] == [str(address), "failed"]


def test_wrong_body_is_reported(run) -> None:
    with listening(answering((0, b"\xff"))) as address:
        assert run(address, "topic", "list") == (
            *(3, []),
            [f"namesrv: {address} answers wrongly: its body is no JSON"],
        )


def test_another_protocol_is_reported(run) -> None:
    def http(connected) -> None:
        connected.recv(65536)
        connected.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with listening(http) as address:
        ran = run(address, "topic", "list")
    assert (ran.code, len(ran.err)) == (3, 1)
    assert "speaks HTTP" in ran.err[0]


def test_list_of_topics_may_be_switched_off(world: World) -> None:
    options = world.server.server.inside.state.options
    world.server.on_loop(lambda: setattr(options, "enable_all_topic_list", False))
    ran = world.run("topic", "show", "hello")
    assert ran.err == [
        f"namesrv: {world.address} has no topic 'hello'; namesrv explain hello -n"
        f" {world.address} says why"
    ]
    assert world.run("topic", "list").code == 1


def test_filter_servers_and_flags_are_shown(run) -> None:
    queues = {"brokerName": "b", "perm": 6, "topicSysFlag": 3}
    route = {
        "queueDatas": [queues],
        "brokerDatas": [],
        "filterServerTable": {"a:1": ["f:1"]},
        "orderTopicConf": "b:1",
        "topicQueueMappingByBroker": {"b": {"totalQueues": 7}},
    }
    with listening(answering((0, body(route)))) as address:
        facts = dict(
            line.split(":", 1)
            for line in run(address, "topic", "show", "T").out
            if ":" in line
        )
    assert facts["filter servers"].strip() == "a:1"
    assert facts["flags"].strip() == "unit, unit subscription"
    assert facts["static queues"].strip() == "7"


def test_group_without_an_address_is_listed(world: World) -> None:
    # Java keeps the group of a first registration with a single topic.
    with world.server.peer() as peer:
        peer.ask(Broker("empty", 1, "10.0.0.5:1", "c1").registration({"T": 1}))
        rows = [line.split() for line in world.run("broker", "list").out]
    assert ["c1", "empty", "no", "address"] in rows


def test_table_fits_the_terminal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    lines = world.run("topic", "route", "Hello").out
    assert max(map(len, lines)) > 40  # eight columns cannot be narrower
    lines = world.run("broker", "list").out
    assert any("…" in line for line in lines)


def test_server_that_answers_in_the_binary_encoding(run, tmp_path: Path) -> None:
    options = local_options(tmp_path / "data", serialize_type="ROCKETMQ")
    with ServerThread(options) as server:
        address = Address(*server.address)
        assert run(address, "kv", "put", "ns", "键", "v").code == 0
        assert run(address, "kv", "get", "ns", "键").out == ["v"]
        assert run(address, "topic", "list") == (0, [], [])
        assert run(address, "topic", "show", "T").code == 1
