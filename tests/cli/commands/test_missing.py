"""`topic missing` over real sockets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv.cli import main
from namesrv.testing.peer import Peer, lookup, wait_until
from tests.admin.served import serving_http
from tests.cli.commands.world import MASTER, TOPICS, Ran


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with topics, which was asked for others."""
    with serving_http(tmp_path_factory.mktemp("data")) as server:
        with Peer(server.addresses[0]) as broker, Peer(server.addresses[0]) as client:
            broker.ask(MASTER.registration(TOPICS))
            name = next(iter(TOPICS))
            for topic in (f"{name}x", "Nowhere", f"{name}x", "Nowhere", f"{name}x"):
                assert client.ask(lookup(topic, version=401)).code == 17
            yield "{}:{}".format(*server.addresses[0])


@pytest.fixture
def run(address: str, capsys: pytest.CaptureFixture[str]) -> Any:
    def ran(*words: str) -> Ran:
        code = main(["topic", "missing", *words, "-n", address])
        out, err = capsys.readouterr()
        return Ran(code, out.splitlines(), err.splitlines())

    # Lookups are noted by a tick, ten times a second.
    wait_until(lambda: len(ran().out) == 3)
    return ran


def test_topics_come_with_their_clients_and_a_similar_topic(run: Any) -> None:
    ran = run()
    assert (ran.code, ran.err) == (0, [])
    heading, first, second = ran.out
    assert heading.split("  ")[0] == "TOPIC"
    name = next(iter(TOPICS))
    assert first.split()[:2] == [f"{name}x", "3"]
    assert "(JAVA, version 401)" in first
    assert first.endswith(f"  {name}")
    assert second.split()[:2] == ["Nowhere", "2"]
    assert second.endswith("  -")


def test_json_has_the_words_of_all_commands(run: Any) -> None:
    found = json.loads("\n".join(run("--json", "--prefix", "No").out))
    (one,) = found["topics"]
    assert (one["topic"], one["count"], found["leftOut"]) == ("Nowhere", 2, 0)
    assert one["askers"][0]["version"] == 401
    assert one["firstMillis"] <= one["lastMillis"]


def test_limit(run: Any) -> None:
    assert len(run("--limit", "1").out) == 2
    assert "--limit is '0'" in run("--limit", "0").err[0]


def test_nothing_is_a_sentence(run: Any, address: str) -> None:
    ran = run("--prefix", "Unasked")
    assert (ran.code, ran.out) == (0, [])
    (sentence,) = ran.err
    assert sentence == (
        f"namesrv: {address}: no client asked for a topic that begins with 'Unasked'"
        " in vain"
    )


def test_nobody_asked_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving_http(tmp_path) as server:
        fresh = "{}:{}".format(*server.addresses[0])
        assert main(["topic", "missing", "-n", fresh]) == 0
    sentence = f"namesrv: {fresh}: no client asked for a topic in vain\n"
    assert capsys.readouterr().err == sentence


def test_server_without_http_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving_http(tmp_path, http_access="off") as server:
        words = ["topic", "missing", "-n", "{}:{}".format(*server.addresses[0])]
        assert main(words) == 3
    assert "HTTP" in capsys.readouterr().err
