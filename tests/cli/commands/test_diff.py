"""`diff` against two servers over real sockets."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from namesrv.cli.commands.diff import diff
from namesrv.cli.commands.words import read_call
from namesrv.testing.peer import Broker, Peer, Request, data_version, put_kv
from tests.cli.commands.world import MASTER, Ran, World
from tests.server.server_thread import ServerThread, local_options

TOPICS = {"Orders": 8, "Hello": 4}
CONFIGURATION = 318


class Twins:
    """Two servers with the same broker, and commands that compare them."""

    def __init__(
        self,
        first: ServerThread,
        second: ServerThread,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.world = World(first, capsys)
        self.first, self.second = first.peer(), second.peer()
        self.names = ["{}:{}".format(*one.address) for one in (first, second)]
        for peer in (self.first, self.second):
            self.register(peer)

    def register(
        self,
        peer: Peer,
        broker: Broker = MASTER,
        topics: dict[str, int] = TOPICS,
        counter: int = 1,
    ) -> None:
        sent = broker.registration(topics, version=data_version(counter))
        assert peer.ask(sent).code == 0

    def diff(self, *words: str) -> Ran:
        return self.world.run_anywhere("diff", *self.names, *words)

    def differences(self) -> list[tuple[str, str, str]]:
        """Thing, first and second of each."""
        ran = self.diff("--json")
        assert ran.code == 1
        found = json.loads("".join(ran.out))["differences"]
        return [(one["sentence"].split(": ")[0], *_sides(one)) for one in found]


def _sides(one: dict[str, str]) -> tuple[str, str]:
    return one["first"], one["second"]


@pytest.fixture
def twins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Twins]:
    with (
        ServerThread(local_options(tmp_path / "first")) as first,
        ServerThread(local_options(tmp_path / "second")) as second,
    ):
        both = Twins(first, second, capsys)
        with both.first, both.second:
            yield both


def test_the_same_tables_have_no_difference(twins: Twins) -> None:
    assert twins.diff() == (
        0,
        ["no difference: 1 broker groups, 1 brokers, 2 topics"],
        [],
    )


def test_each_change_at_one_side_is_found_and_nothing_else(twins: Twins) -> None:
    ask = twins.second.ask
    assert ask(Request(205, {"brokerName": "broker-a"}).frame()).code == 0
    assert ask(put_kv("ORDER_TOPIC_CONFIG", "Orders", "broker-a:8")).code == 0
    body = b"deleteTopicWithBrokerRegistration=true\n"
    assert ask(Request(CONFIGURATION, {}, body).frame()).code == 0
    twins.register(twins.second, Broker("broker-b", 0, "10.0.0.3:1", "c1"))
    assert twins.differences() == [
        ("broker broker-b", "none", "10.0.0.3:1"),
        ("queues of topic Hello on broker-a", "rw 4 read 4 write", "r- 4 read 4 write"),
        (
            "queues of topic Orders on broker-a",
            "rw 8 read 8 write",
            "r- 8 read 8 write",
        ),
        (
            "key Orders of namespace ORDER_TOPIC_CONFIG",
            "none",
            "'broker-a:8'",
        ),
        ("option deleteTopicWithBrokerRegistration", "'false'", "'true'"),
    ]


def test_topics_and_addresses_are_a_table_for_people(twins: Twins) -> None:
    moved = Broker("broker-a", 0, "10.0.0.7:10911", "c1")
    twins.register(twins.second, moved, {**TOPICS, "New": 1}, counter=2)
    ran = twins.diff()
    assert ran.code == 1
    heading, *rows = (line.split("  ") for line in ran.out)
    assert heading[0] == "DIFFERENCE"
    assert [row[0] for row in rows] == [
        "address of broker broker-a with id 0",
        "topic New",
    ]
    assert rows[1][-1].strip() == "on broker-a"


def test_one_server_alone_is_a_usage_error(world: World) -> None:
    ran = world.run_anywhere("diff", world.address)
    assert ran.code == 2
    assert "name two at least" in ran.err[0]


def test_servers_may_come_from_the_flag_and_the_environment(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = twins.names
    for words in (("-n", f"{first};{second}"), (first, "-n", second)):
        assert twins.world.run_anywhere("diff", *words).code == 0
    monkeypatch.setenv("NAMESRV_ADDR", f"{first};{second}")
    assert twins.world.run_anywhere("diff").code == 0
    # The variable adds no server to those that are named.
    assert twins.world.run_anywhere("diff", first).code == 2


def test_a_server_that_is_down_is_exit_code_3(twins: Twins) -> None:
    ran = twins.world.run_anywhere("diff", twins.names[0], "127.0.0.1:1")
    assert ran.code == 3


def test_a_refused_list_is_a_sentence_and_the_rest_is_compared(twins: Twins) -> None:
    body = b"enableAllTopicList=false\n"
    assert twins.second.ask(Request(CONFIGURATION, {}, body).frame()).code == 0
    ran = twins.diff()
    assert ran.code == 1
    assert ran.out[1].startswith("option enableAllTopicList")
    assert len(ran.out) == 2
    assert "not compared" in ran.err[0]


def test_follow_prints_differences_that_come_and_go_and_ends(
    twins: Twins, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Broker("broker-b", 0, "10.0.0.3:1", "c1")
    twins.register(twins.second, other)
    rounds = []

    def wait(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == 2:
            twins.register(twins.first, other)

    words = ["diff", *twins.names, "--follow", "--every", "0.5", "--for", "0.000001"]
    call = read_call(words)
    try:
        result = diff(call, wait)
    finally:
        call.close()
    assert result.exit_code == 0
    assert rounds == [0.5] * 3
    lines = [line.split("  ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    first, second = twins.names
    sentence = f"broker broker-b: {first} has none, {second} has it at 10.0.0.3:1"
    assert lines == [
        "begin    1 difference; 1 broker groups, 1 brokers, 2 topics",
        f"new      {sentence}",
        f"gone     {sentence}",
        "end      no difference for 1e-06 s",
    ]


def test_follow_ends_with_ctrl_c_and_prints_objects_for_programs(
    twins: Twins, capsys: pytest.CaptureFixture[str]
) -> None:
    twins.register(twins.second, Broker("broker-b", 0, "10.0.0.3:1", "c1"))

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    call = read_call(["diff", *twins.names, "--follow", "--json"])
    try:
        assert diff(call, interrupt).exit_code == 1
    finally:
        call.close()
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert kinds == ["begin", "new"]


def test_follow_waits_for_a_server_that_is_down(
    twins: Twins, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = []

    def wait(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == 3:
            raise KeyboardInterrupt

    call = read_call(["diff", twins.names[0], "127.0.0.1:1", "--follow"])
    try:
        assert diff(call, wait).exit_code == 1
    finally:
        call.close()
    (line,) = capsys.readouterr().out.splitlines()
    assert "nothing listens at 127.0.0.1:1" in line


def test_three_servers_are_a_table_for_each_that_differs(
    twins: Twins, tmp_path: Path
) -> None:
    with ServerThread(local_options(tmp_path / "third")) as third:
        name = "{}:{}".format(*third.address)
        ran = twins.diff(name)
    assert ran.code == 1
    assert ran.out[0].split() == ["DIFFERENCE", twins.names[0], name]
    assert [line.split("  ")[0] for line in ran.out[1:]] == ["broker broker-a"]


def test_keys_of_other_namespaces_are_compared_on_demand(twins: Twins) -> None:
    assert twins.second.ask(put_kv("Mine", "k", "v")).code == 0
    assert twins.diff().code == 0
    ran = twins.diff("--namespaces", "Mine,Other")
    assert ran.code == 1
    assert ran.out[1].split() == ["key", "k", "of", "namespace", "Mine", "none", "'v'"]
