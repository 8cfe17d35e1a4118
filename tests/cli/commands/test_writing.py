"""Commands that change something at every NameServer."""

import json
from pathlib import Path

import pytest

from namesrv.testing.peer import get_kv, lookup
from tests.cli.commands.conftest import World
from tests.client.stand_in import answering, listening
from tests.server.server_thread import ServerThread, local_options


def test_topic_delete(world: World) -> None:
    ran = world.run("topic", "delete", "Hello", "-c", "c2")
    assert ran == (0, ["SERVER           RESULT", f"{world.address}  deleted"], [])
    assert [line.split()[0] for line in world.run("topic", "route", "Hello").out] == [
        *("BROKER", "broker-a", "broker-a"),
    ]
    assert world.run("topic", "delete", "Hello").code == 0
    ran = world.run("topic", "delete", "Hello")
    assert (ran.code, ran.out) == (1, [])
    assert "has no topic 'Hello'" in ran.err[0]
    assert world.run("topic", "delete", "Orders", "-c", "nope").code == 1
    assert world.run("topic", "show", "Orders").code == 0


def test_write_permission(world: World) -> None:
    ran = world.run("broker", "wipe-write", "broker-a")
    assert ran.out[1] == f"{world.address}  3 topics"
    assert world.run("topic", "route", "Orders").out[1].endswith("r-")
    assert world.run("broker", "add-write", "broker-a").code == 0
    assert world.run("topic", "route", "Orders").out[1].endswith("rw")
    ran = world.run("broker", "wipe-write", "broker-x")
    assert (ran.code, ran.out) == (1, [])
    assert "has no broker 'broker-x'" in ran.err[0]


def test_kv_put_and_delete_go_to_all_servers(world: World, tmp_path: Path) -> None:
    with ServerThread(local_options(tmp_path / "other")) as other:
        second = "{}:{}".format(*other.address)
        both = ("-n", f"{world.address};{second}")
        ran = world.run_anywhere("kv", "put", *both, "ns", "k", "--", "-v")
        assert [line.split()[-1] for line in ran.out] == ["RESULT", "put", "put"]
        with other.peer() as peer:
            assert peer.ask(get_kv("ns", "k")).ext_fields == {"value": "-v"}
        ran = world.run_anywhere("kv", "delete", "ns", "k", "--json", *both)
        assert json.loads("".join(ran.out)) == [
            {"server": one, "done": True, "failure": None}
            for one in (world.address, second)
        ]
        assert world.run_anywhere("kv", "delete", "ns", "k", *both).code == 1


def test_change_that_reaches_some_servers_is_a_failure(world: World) -> None:
    two = f"{world.address};127.0.0.1:1"
    ran = world.run_anywhere("kv", "put", "ns", "k", "v", "-n", two)
    assert ran.code == 3
    assert ran.out[1:] == [f"{world.address}  put", f"{'127.0.0.1:1':15}  failed"]
    assert ran.err[0].startswith("namesrv: nothing listens at 127.0.0.1:1")


def test_config_set(world: World) -> None:
    assert world.run("config", "set", "orderMessageEnable=true").code == 0
    assert world.run("config", "get", "orderMessageEnable").out == ["true"]
    ran = world.run("config", "set", "kvConfigPath=/x")
    assert ran.code == 1
    assert "answered code 16" in ran.err[0]
    assert world.run("config", "set", "orderMessageEnable").err == [
        "namesrv: 'orderMessageEnable' is no OPTION=VALUE"
    ]


def test_option_that_a_server_ignores_is_reported(world: World) -> None:
    # A Java server answers success for a name that it does not know.
    with listening(answering((0, b"listenPort=9876\nclusterTest=false\n"))) as address:
        ran = world.run_anywhere(
            *("config", "set", "clustertest=true", "listenPort=1", "-n", str(address))
        )
    assert ran.code == 1
    assert ran.err == [
        f"namesrv: {address} has no option 'clustertest'; similar: clusterTest",
        f"namesrv: {address} still has listenPort=9876",
    ]


class TestSignedServer:
    """A server that accepts changes only with a signature."""

    @pytest.fixture
    def signed(self, tmp_path: Path, world: World):
        keys = tmp_path / "keys"
        keys.write_text("ops=12345678\n")
        (tmp_path / "secret").write_text("12345678\n")
        (tmp_path / "wrong").write_text("1234567")
        options = local_options(
            tmp_path / "signed", admin_access="signed", access_keys_file=str(keys)
        )
        with ServerThread(options) as server:
            yield "{}:{}".format(*server.address)

    def test_change_needs_the_signature(
        self,
        signed: str,
        world: World,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        put = ("kv", "put", "ns", "k", "v", "-n", signed)
        ran = world.run_anywhere(*put)
        assert (ran.code, "answered code 16" in ran.err[0]) == (1, True)
        key = ("--access-key", "ops", "--secret-key-file")
        assert world.run_anywhere(*put, *key, str(tmp_path / "wrong")).code == 1
        assert world.run_anywhere(*put, *key, str(tmp_path / "secret")).code == 0
        monkeypatch.setenv("NAMESRV_ACCESS_KEY", "ops")
        monkeypatch.setenv("NAMESRV_SECRET_KEY", "12345678")
        assert world.run_anywhere(*put).code == 0

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (("--access-key", "ops"), "there is an access key and no secret key"),
            (("--secret-key-file", "{}/secret"), "there is a secret key and no access"),
            (("--secret-key-file", "{}/none"), "cannot be read: No such file"),
            (("--secret-key-file", "{}/empty"), "has no secret: expected one line"),
        ],
    )
    def test_half_a_signature_is_a_mistake(
        self, signed: str, world: World, tmp_path: Path, words, expected: str
    ) -> None:
        (tmp_path / "empty").write_text("\n")
        given = [word.format(tmp_path) for word in words]
        ran = world.run_anywhere("topic", "list", *given)
        assert (ran.code, ran.out) == (2, [])
        assert expected in ran.err[0]


def test_lookup_is_unchanged_by_refused_changes(world: World) -> None:
    with world.server.peer() as peer:
        before = peer.ask(lookup("Hello")).body
        world.run("topic", "delete", "Nope")
        world.run("broker", "wipe-write", "Nope")
        assert peer.ask(lookup("Hello")).body == before
