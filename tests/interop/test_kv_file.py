"""Each server reads the `kvConfig.json` that the other wrote."""

from collections.abc import Callable

import pytest

from harness.fleet import Fleet
from harness.json_text import parse, to_python
from harness.nameserver import NameServer
from harness.view import SUCCESS, View
from namesrv.testing.peer import Request

PUT, DELETE, LIST = 100, 102, 219

VALUES = {
    "plain": "value",
    "slash/key": "a/b",
    "quote": 'say "hi" \\ bye',
    "键": "值 😀",
    "control": "tab\there\nand\x01there\x7f\u2028",
    "empty": "",
}


def _put_all(server: NameServer, namespace: str) -> None:
    with View(server) as view:
        for key, value in VALUES.items():
            fields = {"namespace": namespace, "key": key, "value": value}
            assert view.ask(Request(PUT, fields)).code == SUCCESS
        for key in ("gone", "also gone"):
            fields = {"namespace": f"{namespace}-emptied", "key": key}
            assert view.ask(Request(PUT, {**fields, "value": "x"})).code == SUCCESS
            assert view.ask(Request(DELETE, fields)).code == SUCCESS


def _values(server: NameServer, namespace: str) -> dict[str, str]:
    with View(server) as view:
        answer = view.ask(Request(LIST, {"namespace": namespace}))
        assert answer.code == SUCCESS, answer
        table: dict[str, str] = to_python(parse(answer.body.decode()))["table"]
        return table


@pytest.fixture
def servers(
    new_fleet: Callable[[str], Fleet],
) -> tuple[NameServer, NameServer]:
    fleet = new_fleet("kv-file")
    ours, java = fleet.our_server("ours", {}), fleet.java_server("java", {})
    ours.finish_start()
    java.finish_start()
    return ours, java


def test_files_can_be_exchanged(servers: tuple[NameServer, NameServer]) -> None:
    ours, java = servers
    _put_all(ours, "FromOurs")
    _put_all(java, "FromJava")
    for server in servers:
        server.stop()

    our_file, java_file = ours.kv_config.read_bytes(), java.kv_config.read_bytes()
    ours.kv_config.write_bytes(java_file)
    java.kv_config.write_bytes(our_file)
    for server in servers:
        server.begin_start()
    for server in servers:
        server.finish_start()

    assert _values(ours, "FromJava") == VALUES
    assert _values(java, "FromOurs") == VALUES
    assert _values(ours, "FromJava-emptied") == {}
    assert _values(java, "FromOurs-emptied") == {}
