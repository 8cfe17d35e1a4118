"""How a server starts, and the sentences of one that cannot."""

import asyncio
import errno
import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from namesrv.codes import RequestCode
from namesrv.errors import StartFailed
from namesrv.server.connections.protocol import NamesrvProtocol
from namesrv.server.nameserver import NameServer
from namesrv.server.running import run as server_run
from namesrv.server.running.run import loop_factory
from namesrv.server.warm_start.schedule import STAMP_FILE
from namesrv.testing.peer import Address, Peer, get_kv, lookup, put_kv, request
from namesrv.wire import registration_digest
from tests.server.failing import fail_with
from tests.server.server_thread import LOOPS, Serve, ServerThread, local_options
from tests.server.two_brokers import Started, register


def protocols(server: ServerThread) -> list[NamesrvProtocol]:
    """The server's ends of its connections."""
    table = server.server._connections._by_connection
    return [p for p in table.values() if isinstance(p, NamesrvProtocol)]


NO_ROUTE = 17


class TestStart:
    def test_says_where_it_listens_and_on_which_loop(self, serve: Serve) -> None:
        server = serve(bind_address="127.0.0.1,::1")
        (host4, port4), (host6, port6) = server.server.addresses
        assert (host4, host6) == ("127.0.0.1", "::1")
        assert port4 == port6 > 0
        assert server.server.loop_name in LOOPS
        for address in server.server.addresses:
            with Peer(address) as peer:
                assert peer.ask(lookup("t")).code == NO_ROUTE

    def test_ipv6_alone(self, serve: Serve) -> None:
        with serve(bind_address="[::1]").peer() as peer:
            assert peer.ask(lookup("t")).code == NO_ROUTE

    @pytest.mark.parametrize(
        "option",
        [
            (socket.IPPROTO_TCP, socket.TCP_NODELAY),
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        ],
        ids=["no delay", "keepalive"],
    )
    def test_connections_have_an_option_of_tcp(
        self, serve: Serve, option: tuple[int, int]
    ) -> None:
        server = serve(bind_address="127.0.0.1,::1")

        def have_it() -> list[bool]:
            sockets = [
                protocol.transport.get_extra_info("socket")
                for protocol in protocols(server)
            ]
            return [bool(found.getsockopt(*option)) for found in sockets]

        with Peer(server.server.addresses[0]) as one:
            with Peer(server.server.addresses[1]) as two:
                # The loop answers it, also where a lane has accepted.
                one.ask(request(RequestCode.GET_BROKER_CLUSTER_INFO))
                two.ask(request(RequestCode.GET_BROKER_CLUSTER_INFO))
                assert server.on_loop(have_it) == [True, True]

    @pytest.mark.parametrize("loop_name", LOOPS)
    def test_second_server_on_a_port_is_one_sentence(
        self, tmp_path: Path, loop_name: str
    ) -> None:
        with ServerThread(local_options(tmp_path / "1"), loop_name) as first:
            host, port = first.address
            options = local_options(tmp_path / "2", listen_port=port)
            with pytest.raises(StartFailed, match=f"port {port} of {host} is in use"):
                ServerThread(options, loop_name).__enter__()

    def test_second_server_on_a_directory_is_one_sentence(self, tmp_path: Path) -> None:
        with ServerThread(local_options(tmp_path)):
            with pytest.raises(StartFailed, match="is in use by process"):
                ServerThread(local_options(tmp_path)).__enter__()

    def test_server_that_could_not_start_leaves_nothing_behind(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "kvConfig.json").write_text("[1")
        with pytest.raises(StartFailed, match="kvConfig.json"):
            ServerThread(local_options(tmp_path)).__enter__()
        with pytest.raises(StartFailed, match="192.0.2.1"):
            options = local_options(tmp_path, bind_address="127.0.0.1,192.0.2.1")
            (tmp_path / "kvConfig.json").unlink()
            ServerThread(options).__enter__()
        with ServerThread(local_options(tmp_path)) as server, server.peer() as peer:
            assert peer.ask(lookup("t")).code == NO_ROUTE

    @pytest.mark.parametrize("content", ["{", '{"a":1}', '{"configTable":null}', "7"])
    def test_kv_config_that_cannot_be_read_is_not_overwritten(
        self, tmp_path: Path, content: str
    ) -> None:
        path = tmp_path / "kvConfig.json"
        path.write_text(content)
        with pytest.raises(StartFailed, match="repair it or move it away"):
            ServerThread(local_options(tmp_path)).__enter__()
        assert path.read_text() == content

    def test_kv_config_that_is_a_folder_is_one_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "kvConfig.json").mkdir()
        with pytest.raises(StartFailed, match="cannot read .*: it is a directory"):
            ServerThread(local_options(tmp_path)).__enter__()

    @pytest.mark.parametrize(
        ("content", "has_copy"),
        [(b"", True), (b"\n", True), (b"\0\0\0", True), (b"\0\0\0", False)],
    )
    def test_kv_config_that_a_crash_emptied_is_not_taken_for_an_empty_one(
        self, tmp_path: Path, content: bytes, has_copy: bool
    ) -> None:
        path, copy = tmp_path / "kvConfig.json", tmp_path / "kvConfig.json.bak"
        path.write_bytes(content)
        if has_copy:
            copy.write_text('{"configTable":{"n":{"k":"v"}}}')
        with pytest.raises(StartFailed) as caught:
            ServerThread(local_options(tmp_path)).__enter__()
        assert str(caught.value).startswith(f"{path} ")
        assert f"put a copy of it there, such as {copy}" in str(caught.value)
        assert path.read_bytes() == content
        path.unlink()
        if has_copy:
            copy.rename(path)
        with ServerThread(local_options(tmp_path)) as server, server.peer() as peer:
            assert peer.ask(get_kv("n", "k")).code == (0 if has_copy else 22)

    @pytest.mark.parametrize("path", ["/dev/null", "/dev/full"])
    def test_kv_config_on_a_device_is_one_sentence(
        self, tmp_path: Path, path: str
    ) -> None:
        with pytest.raises(StartFailed, match=f"cannot read {path}: it is a device"):
            ServerThread(local_options(tmp_path, kv_config_path=path)).__enter__()

    @pytest.mark.parametrize("content", [b"", b"\n", b"\0\0", b"a=1\n\0"])
    def test_remote_changes_that_a_crash_damaged_are_set_aside(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
    ) -> None:
        path = tmp_path / "namesrv.properties"
        path.write_bytes(content)
        with ServerThread(local_options(tmp_path)) as server, server.peer() as peer:
            aside = path.with_name("namesrv.properties.unusable")
            assert aside.read_bytes() == content and not path.exists()
            for text in (b"# none", b"enableTopicList=false"):
                update = request(RequestCode.UPDATE_NAMESRV_CONFIG, None, text)
                assert peer.ask(update).code == 0
                assert path.read_bytes().strip()
        lines = [r for r in caplog.records if "remotely changed options" in r.message]
        (fields,) = [vars(record)["fields"] for record in lines]
        assert fields["file"] == str(path) and "as after a crash" in fields["reason"]
        with ServerThread(local_options(tmp_path)):
            assert path.read_bytes() == b"enableTopicList=false\n"

    @pytest.mark.parametrize("name", ["kvConfig.json", "namesrv.properties"])
    @pytest.mark.parametrize(
        "make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")]
    )
    def test_what_is_no_file_is_one_sentence_and_not_waited_for(
        self, tmp_path: Path, name: str, make: Callable[[Path], None]
    ) -> None:
        make(tmp_path / name)
        with pytest.raises(StartFailed, match=f"cannot read .*/{name}: it is a "):
            ServerThread(local_options(tmp_path)).__enter__()

    def test_file_system_without_locks_is_served_and_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fcntl, "flock", fail_with(errno.ENOLCK))
        with ServerThread(local_options(tmp_path)) as server, server.peer() as peer:
            assert peer.ask(put_kv("n", "k", "v")).code == 0
        assert (tmp_path / "kvConfig.json").exists()
        assert (tmp_path / STAMP_FILE).exists()

    def test_uvloop_that_is_not_there_is_one_sentence(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(__import__("sys").modules, "uvloop", None)
        with pytest.raises(StartFailed, match="loop is uvloop, which is not installed"):
            loop_factory("uvloop")
        assert loop_factory("auto") is asyncio.new_event_loop
        assert loop_factory("asyncio") is asyncio.new_event_loop


def address_text(address: Address) -> str:
    """host:port."""
    return f"{address[0]}:{address[1]}"


@pytest.mark.parametrize(
    ("error", "is_the_systems"),
    [(OSError(24, "Too many open files"), True), (ValueError("a mistake"), False)],
)
def test_only_what_the_system_refuses_has_no_traceback(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    is_the_systems: bool,
) -> None:
    said: list[object] = []
    monkeypatch.setattr(
        "namesrv.server.logs.events.EventLog.log_event",
        lambda self, level, event, fields, **_: said.append(fields["reason"]),
    )
    passed_on: list[dict[str, Any]] = []
    loop = asyncio.new_event_loop()
    monkeypatch.setattr(loop, "default_exception_handler", passed_on.append)
    server = NameServer(local_options(tmp_path))
    context = {"message": "accept() failed", "exception": error}
    loop.set_exception_handler(server.on_loop_error)
    loop.call_exception_handler(context)
    loop.close()
    assert said == ([str(error)] if is_the_systems else [])
    assert passed_on == ([] if is_the_systems else [context])


def test_directory_that_cannot_be_written_is_said_and_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        "namesrv.server.logs.events.EventLog.log_event",
        lambda self, level, event, fields, **_: said.append(event),
    )

    def refuse(*args: object, **more: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "makedirs", refuse)
    with ServerThread(local_options(tmp_path / "data")) as server:
        with server.peer() as peer:
            assert peer.ask(lookup("t")).code == NO_ROUTE
            answer = peer.ask(put_kv("n", "k", "v"))
            assert answer.code == 1
    assert "cannot be written (Read-only file system)" in said[0]


def test_run_is_what_the_command_line_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_run, "_install_signals", lambda *words: None)
    collectors: list[object] = []
    monkeypatch.setattr(server_run, "Collector", collectors.append)
    seen: list[tuple[str, int]] = []

    def on_started(server: NameServer) -> None:
        seen.extend(server.addresses)
        server.request_stop()

    options = local_options(tmp_path, loop="asyncio")
    server_run.run(options, on_started=on_started)
    assert len(seen) == len(collectors) == 1


def test_warm_start_imports_the_hash_of_registrations(started: Started) -> None:
    """Afterwards there may be no descriptor for it."""
    server = started()
    with server.peer() as peer:
        register(peer)
        server.stop()  # brokers whose connection ends before it are gone
    registration_digest._hash.cache_clear()
    started()
    assert registration_digest._hash.cache_info().currsize == 1
