"""How a server ends: signals, open connections, the drain."""

import signal
import socket
from pathlib import Path

import pytest

from namesrv.codes import VERSION_V5_3_1, VERSION_V5_3_3, ResponseCode
from namesrv.testing.peer import (
    Broker,
    Peer,
    get_kv,
    lookup,
    put_kv,
    request,
    wait_until,
)
from tests.server.long_routes import long_routes
from tests.server.server_process import ServerProcess

pytestmark = pytest.mark.slow

NO_ROUTE = ResponseCode.TOPIC_NOT_EXIST
FAR_TOO_LONG_SECONDS = 15
"""A machine may be busy; who waits for an idle peer, a drain or DNS needs longer."""
LOOPS = ("asyncio", "uvloop")
DRAINING = ("--enable-shutdown-gracefully", "true", "--shutdown-wait-time-seconds")

both_loops = pytest.mark.parametrize("loop_name", LOOPS)
both_signals = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


def assert_ends_well(server: ServerProcess, number: int = signal.SIGTERM) -> None:
    """A signal ends it soon, with exit code 0 and without a word of complaint."""
    code, seconds = server.end(number)
    assert code == 0
    assert seconds < FAR_TOO_LONG_SECONDS
    assert "Traceback" not in server.log()
    assert "ERROR" not in server.log()


class TestSignals:
    @both_loops
    @both_signals
    def test_open_connections_are_closed(
        self, tmp_path: Path, loop_name: str, number: int
    ) -> None:
        with ServerProcess(tmp_path, "--loop", loop_name) as server:
            silent, half_sent, asking = (server.peer() for _ in range(3))
            with silent, half_sent, asking:
                half_sent.send(lookup("t", 1)[:-1])
                asking.ask(lookup("t"))
                assert_ends_well(server, number)
                for peer in (silent, half_sent, asking):
                    assert peer.read_to_end() == b""

    @both_loops
    def test_server_that_nobody_called_ends(
        self, tmp_path: Path, loop_name: str
    ) -> None:
        with ServerProcess(tmp_path, "--loop", loop_name) as server:
            assert_ends_well(server)

    @both_loops
    def test_who_does_not_read_is_not_waited_for(
        self, tmp_path: Path, loop_name: str
    ) -> None:
        with ServerProcess(tmp_path, "--loop", loop_name) as server:
            with server.peer() as broker, server.peer() as deaf:
                for registration in long_routes({"t": 1, "u": 1}, 1_000_000):
                    assert broker.ask(registration).code == 0
                deaf.send(*(lookup("t", n) for n in range(1000)))
                deaf.read_answer()
                assert_ends_well(server)

    @both_loops
    def test_broker_with_a_name_that_nobody_resolves_is_not_waited_for(
        self, tmp_path: Path, loop_name: str
    ) -> None:
        words = ("--loop", loop_name, "--notify-min-broker-id-changed", "true")
        acting = {"enableActingMaster": "true"}
        with ServerProcess(tmp_path, *words) as server, server.peer() as peer:
            slave = Broker(addr="nobody.invalid:10911", id=1)
            peer.ask(slave.registration({"t": 1, "u": 1}, ext=acting))
            master = Broker(addr="127.0.0.1:1", id=0)
            peer.ask(master.registration({"t": 1, "u": 1}, ext=acting))
            server.wait_for_log("lowest broker id changed")
            assert_ends_well(server)

    @both_loops
    def test_change_that_was_read_is_answered_and_kept(
        self, tmp_path: Path, loop_name: str
    ) -> None:
        with ServerProcess(tmp_path, "--loop", loop_name) as server:
            with server.peer() as peer:
                peer.send(*(put_kv("n", str(n), "v", n) for n in range(20)))
                peer.read_answer()
                assert_ends_well(server)
                kept = 1
                try:
                    while peer.read_answer().code == 0:
                        kept += 1
                except ConnectionError:
                    pass
        with ServerProcess(tmp_path) as server, server.peer() as peer:
            assert {peer.ask(get_kv("n", str(n))).code for n in range(kept)} == {0}


class TestDrain:
    """Newer clients are told to go elsewhere, older ones are served on (5.8)."""

    @staticmethod
    def drain(server: ServerProcess, peer: Peer) -> None:
        """Return when it drains, as `peer` sees it."""
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: peer.ask(lookup("t")).code == ResponseCode.GO_AWAY)

    @both_loops
    def test_newer_clients_are_told_to_go_away(
        self, tmp_path: Path, loop_name: str
    ) -> None:
        with ServerProcess(tmp_path, "--loop", loop_name, *DRAINING, "600") as server:
            with server.peer() as peer, server.peer():
                assert peer.ask(lookup("t")).code == NO_ROUTE
                self.drain(server, peer)
                with pytest.raises(ConnectionRefusedError):
                    server.peer()
                for code in (105, 106, 904, 999):
                    answer = peer.ask(request(code, {"topic": "t"}, opaque=5))
                    assert answer.code == ResponseCode.GO_AWAY
                    assert answer.remark == "please go away"
                    assert answer.opaque == 5
                old = lookup("t", version=VERSION_V5_3_1)
                assert peer.ask(old).code == NO_ROUTE
                newer = lookup("t", version=VERSION_V5_3_1 + 1)
                assert peer.ask(newer).code == ResponseCode.GO_AWAY
                assert_ends_well(server, signal.SIGINT)
                assert peer.read_to_end() == b""

    def test_nothing_is_executed_for_newer_clients(self, tmp_path: Path) -> None:
        with ServerProcess(tmp_path, *DRAINING, "600") as server:
            with server.peer() as peer, server.peer():
                self.drain(server, peer)
                broker = Broker(addr="127.0.0.1:1")
                answer = peer.ask(broker.registration({"t": 1, "u": 1}))
                assert answer.code == ResponseCode.GO_AWAY
                assert peer.ask(put_kv("n", "k", "v")).code == ResponseCode.GO_AWAY
                old = VERSION_V5_3_1
                assert peer.ask(lookup("t", version=old)).code == NO_ROUTE
                names = {"namespace": "n", "key": "k"}
                answer = peer.ask(request(101, names, version=old))
                assert answer.code == ResponseCode.QUERY_NOT_FOUND
            assert_ends_well(server)

    @both_loops
    def test_ends_by_itself(self, tmp_path: Path, loop_name: str) -> None:
        # Sweeps come every 250 ms, also while it drains.
        words = ("--loop", loop_name, "--server-channel-max-idle-time-seconds", "1")
        with ServerProcess(tmp_path, *words, *DRAINING, "1") as server:
            with server.peer() as peer:
                peer.ask(lookup("t"))
                assert_ends_well(server)
                assert peer.read_to_end() == b""

    @both_loops
    def test_brokers_that_go_away_are_kept(
        self, tmp_path: Path, loop_name: str
    ) -> None:
        with ServerProcess(tmp_path, "--loop", loop_name, *DRAINING, "600") as server:
            with server.peer() as peer, server.peer() as old, server.peer():
                broker = Broker(addr="127.0.0.1:1")
                peer.ask(broker.registration({"t": 1, "u": 1}))
                self.drain(server, peer)
                peer.reset()
                for _ in range(20):
                    found = old.ask(lookup("t", version=VERSION_V5_3_1))
                    assert found.code == ResponseCode.SUCCESS
                assert_ends_well(server, signal.SIGINT)
        with ServerProcess(tmp_path) as server, server.peer() as peer:
            assert peer.ask(lookup("t")).code == ResponseCode.SUCCESS

    @both_loops
    def test_ends_when_no_newer_client_is_left(
        self, tmp_path: Path, loop_name: str
    ) -> None:
        with ServerProcess(tmp_path, "--loop", loop_name, *DRAINING, "600") as server:
            with server.peer() as newer, server.peer() as old, server.peer() as silent:
                assert old.ask(lookup("t", version=VERSION_V5_3_1)).code == NO_ROUTE
                self.drain(server, newer)
                silent.reset()
                assert newer.ask(lookup("t")).code == ResponseCode.GO_AWAY
                assert old.ask(lookup("t", version=VERSION_V5_3_1)).code == NO_ROUTE
                newer.reset()
                assert old.read_to_end() == b""
                assert server.process.wait(FAR_TOO_LONG_SECONDS) == 0

    def test_without_the_option_nobody_is_told(self, tmp_path: Path) -> None:
        with ServerProcess(tmp_path) as server, server.peer() as peer:
            assert peer.ask(lookup("t", version=VERSION_V5_3_3)).code == NO_ROUTE
            assert_ends_well(server)
            assert b"please go away" not in peer.read_to_end()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(server.address)


class TestFailures:
    """One sentence and exit code 1."""

    @staticmethod
    def sentence(server: ServerProcess) -> str:
        out, _ = server.process.communicate(timeout=30)
        assert out == ""
        assert server.process.returncode == 1
        lines = server.log().splitlines()
        assert len(lines) == 1
        return lines[0]

    @both_loops
    def test_port_in_use(self, tmp_path: Path, loop_name: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
            server = ServerProcess(tmp_path, "--port", port, "--loop", loop_name)
            said = self.sentence(server)
            assert said.startswith(f"namesrv: port {port} of 127.0.0.1 is in use: ")

    def test_address_of_another_machine(self, tmp_path: Path) -> None:
        server = ServerProcess(tmp_path, "--bind", "192.0.2.1")
        assert "192.0.2.1 is not an address of this machine" in self.sentence(server)

    def test_directory_of_another_server(self, tmp_path: Path) -> None:
        with ServerProcess(tmp_path) as first:
            (tmp_path / "second").mkdir()
            words = ("--data-dir", str(first.data_dir))
            server = ServerProcess(tmp_path / "second", *words)
            said = self.sentence(server)
            assert f"is in use by process {first.process.pid};" in said

    def test_kv_config_that_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "kvConfig.json").write_text('{"configTable":')
        said = self.sentence(ServerProcess(tmp_path))
        assert "kvConfig.json is not JSON (" in said
        assert said.endswith("): repair it or move it away")
