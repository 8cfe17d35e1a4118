"""Whole servers that speak TLS, over real sockets."""

import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from namesrv.codes import ResponseCode
from namesrv.testing.peer import (
    Broker,
    get_kv,
    lookup,
    put_kv,
    wait_until,
)
from tests.server.long_routes import long_routes
from tests.server.proxy_headers import PROXY_V1, PROXY_V2
from tests.server.server_process import ServerProcess
from tests.server.server_thread import LOOPS, ServerThread, local_options
from tests.server.tls.test_layer import both_versions
from tests.server.tls.tls_peer import (
    Authority,
    Identity,
    TlsPeer,
    TlsSocket,
    client_context,
)

pytestmark = pytest.mark.slow

NO_ROUTE = ResponseCode.TOPIC_NOT_EXIST


@pytest.fixture(params=LOOPS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerThread]:
    """A server with the standard options, on each loop."""
    with ServerThread(local_options(tmp_path), request.param) as server:
        yield server


class TestStreams:
    @both_versions
    def test_requests_are_answered(
        self, server: ServerThread, version: ssl.TLSVersion
    ) -> None:
        with TlsPeer(server.address, client_context(version=version)) as peer:
            peer.ask(Broker(addr="127.0.0.1:1").registration({"t": 1, "u": 1}))
            for opaque in range(3):
                assert peer.ask(lookup("t", opaque)).code == 0
            assert peer.client.object.version() == version.name.replace("_", ".")

    @pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2])
    def test_after_a_proxy_header(self, server: ServerThread, header: bytes) -> None:
        with TlsPeer(server.address, prefix=header) as peer:
            assert peer.ask(lookup("t", 1)).code == NO_ROUTE
            connections = server.server._connections._by_connection
            addresses = server.on_loop(lambda: [c.remote_address for c in connections])
            assert addresses == ["192.0.2.7:4321"]

    def test_pythons_own_client(self, server: ServerThread) -> None:
        plain = socket.create_connection(server.address, 30)
        with client_context().wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(lookup("t", 1))
            assert client.recv(4)
            client.sendall(lookup("t", 2)[:-1])

    def test_large_answers_and_large_requests(self, server: ServerThread) -> None:
        broker = Broker(addr="127.0.0.1:1")
        topics = {f"topic-{n}": 4 for n in range(3000)}
        with TlsPeer(server.address) as peer:
            for registration in long_routes({"topic-1": 4, "topic-7": 4}, 600_000):
                peer.ask(registration)
            peer.send(broker.registration(topics, 1), lookup("topic-1", 2))
            first, second = peer.read_answers(2)
            assert (first.code, second.code) == (0, 0)
            peer.send(*(lookup("topic-7", n) for n in range(100)))
            answers = peer.read_answers(100)
            assert [answer.opaque for answer in answers] == list(range(100))
            assert {answer.body for answer in answers} == {
                second.body.replace(b"topic-1", b"topic-7")
            }

    def test_reader_that_does_not_read_holds_nobody_up(
        self, server: ServerThread
    ) -> None:
        with TlsPeer(server.address) as deaf, TlsPeer(server.address) as peer:
            for registration in long_routes({"t": 1, "u": 1}, 1_000_000):
                peer.ask(registration)
            deaf.send(*(lookup("t", n) for n in range(60)))
            for opaque in range(5):
                assert peer.ask(lookup("v", opaque)).code == NO_ROUTE
            assert [a.opaque for a in deaf.read_answers(60)] == list(range(60))

    def test_request_before_close_notify_is_answered_then_closed(
        self, server: ServerThread
    ) -> None:
        with TlsPeer(server.address) as peer:
            peer.send(put_kv("n", "k", "v", 1), get_kv("n", "k", 2))
            peer.finish()
            assert [a.code for a in peer.read_answers(2)] == [0, 0]
            assert peer.read_to_end() == b""
            assert peer.client.is_finished

    def test_request_before_fin_is_answered_then_closed(
        self, server: ServerThread
    ) -> None:
        with TlsPeer(server.address) as peer:
            peer.send(put_kv("n", "k", "v", 1), get_kv("n", "k", 2))
            peer.plain.shutdown(socket.SHUT_WR)
            assert [a.code for a in peer.read_answers(2)] == [0, 0]
            assert peer.read_to_end() == b""
            assert peer.client.is_finished

    def test_broker_goes_with_its_connection(self, server: ServerThread) -> None:
        with TlsPeer(server.address) as broker, server.peer() as peer:
            broker.ask(Broker(addr="127.0.0.1:1").registration({"t": 1, "u": 1}))
            assert peer.ask(lookup("t")).code == 0
            broker.plain.close()
            wait_until(lambda: peer.ask(lookup("t")).code == NO_ROUTE)

    def test_plain_ones_are_served_beside(self, server: ServerThread) -> None:
        with TlsPeer(server.address) as secret, server.peer() as plain:
            secret.ask(put_kv("n", "k", "v"))
            assert plain.ask(get_kv("n", "k")).code == 0


class TestCertificates:
    @pytest.fixture
    def identity(self, authority: Authority) -> Identity:
        return authority.identity("server", "secret")

    def test_client_checks_it(
        self, tmp_path: Path, authority: Authority, identity: Identity
    ) -> None:
        with self.server(tmp_path, identity) as server:
            with TlsPeer(server.address, client_context(authority.cert_path)) as peer:
                assert peer.ask(lookup("t")).code == NO_ROUTE
            stranger = Authority(tmp_path, "stranger")
            with pytest.raises(ssl.SSLCertVerificationError):
                TlsPeer(server.address, client_context(stranger.cert_path))

    def test_new_files_are_shown_to_new_connections_only(
        self, tmp_path: Path, authority: Authority, identity: Identity
    ) -> None:
        new = authority.identity("new", "secret")
        with self.server(tmp_path, identity) as server:
            with TlsPeer(server.address) as old:
                assert old.serial_number == identity.serial_number != new.serial_number
                identity.replace_by(new)
                wait_until(lambda: self.shown(server) == new.serial_number)
                assert old.ask(lookup("t")).code == NO_ROUTE

    def test_broken_files_change_nothing(
        self, tmp_path: Path, authority: Authority, identity: Identity
    ) -> None:
        serial_number = identity.serial_number
        with self.server(tmp_path, identity) as server:
            Path(identity.cert_path).write_bytes(b"broken")
            assert not server.on_loop(server.server._connections.tls.reload)
            assert self.shown(server) == serial_number

    @staticmethod
    def server(tmp_path: Path, identity: Identity) -> ServerThread:
        options = local_options(
            tmp_path,
            tls_server_cert_path=identity.cert_path,
            tls_server_key_path=identity.key_path,
            tls_server_key_password=identity.password,
        )
        return ServerThread(options)

    @staticmethod
    def shown(server: ServerThread) -> int:
        with TlsPeer(server.address) as peer:
            return peer.serial_number


class TestProcesses:
    """As an operator starts them, with Java's names."""

    def configuration(self, tmp_path: Path, **lines: str) -> str:
        path = tmp_path / "namesrv.conf"
        text = "".join(
            f"{name.replace('_', '.')}={text}\n" for name, text in lines.items()
        )
        path.write_text(text)
        return str(path)

    def test_enforcing(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        server_identity = authority.identity("server", "secret")
        config = self.configuration(
            tmp_path,
            tls_server_mode="enforcing",
            tls_test_mode_enable="false",
            tls_server_certPath=server_identity.cert_path,
            tls_server_keyPath=server_identity.key_path,
            tls_server_keyPassword=server_identity.password,
            tls_server_trustCertPath=authority.cert_path,
            tls_server_authClient="true",
            tls_server_need_client_auth="require",
        )
        client = client_context(authority.cert_path, authority.identity("client"))
        with ServerProcess(tmp_path, "-c", config) as server:
            with TlsPeer(server.address, client) as peer:
                assert peer.ask(lookup("t")).code == NO_ROUTE
            with server.peer() as plain:
                plain.send(put_kv("n", "k", "v"))
                assert plain.read_to_end() == b""
            with pytest.raises((ssl.SSLError, ConnectionError)):
                with TlsPeer(server.address, client_context(authority.cert_path)) as no:
                    no.send(lookup("t"))
                    no.socket.recv(1)
            with TlsPeer(server.address, client) as peer:
                assert peer.ask(get_kv("n", "k")).code == ResponseCode.QUERY_NOT_FOUND
            assert "tls.server.mode is enforcing" in server.log()
            assert "secret" not in server.log()
            assert "Traceback" not in server.log()

    def test_disabled(self, tmp_path: Path) -> None:
        config = self.configuration(tmp_path, tls_server_mode="disabled")
        with ServerProcess(tmp_path, "-c", config) as server:
            with server.peer() as plain, pytest.raises(ConnectionError):
                assert plain.ask(lookup("t")).code == NO_ROUTE
                TlsPeer(server.address)
            server.wait_for_log("tls.server.mode is disabled")

    def test_drain_and_end(self, tmp_path: Path) -> None:
        """GO_AWAY and close_notify, as plain connections get GO_AWAY and FIN."""
        words = ("--enable-shutdown-gracefully", "--shutdown-wait-time-seconds", "600")
        with ServerProcess(tmp_path, *words) as server:
            with TlsPeer(server.address) as peer:
                assert peer.ask(lookup("t")).code == NO_ROUTE
                server.process.send_signal(signal.SIGTERM)
                wait_until(lambda: peer.ask(lookup("t")).code == ResponseCode.GO_AWAY)
                code, _ = server.end(signal.SIGINT)
                assert code == 0
                assert peer.read_to_end() == b""
                assert peer.client.is_finished

    def test_sighup_takes_over_other_files(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        old = authority.identity("old", "old secret")
        new = authority.identity("new", "new secret")
        config = self.configuration(tmp_path, **self.files(old))
        with ServerProcess(tmp_path, "-c", config) as server:
            with TlsPeer(server.address) as peer:
                assert peer.serial_number == old.serial_number
                self.configuration(tmp_path, **self.files(new))
                server.process.send_signal(signal.SIGHUP)
                server.wait_for_log("TLS certificate reloaded")
                assert peer.ask(lookup("t")).code == NO_ROUTE
            with TlsPeer(server.address) as peer:
                assert peer.serial_number == new.serial_number
            broken = self.files(new) | {"tls_server_keyPassword": "third secret"}
            self.configuration(tmp_path, **broken)
            server.process.send_signal(signal.SIGHUP)
            server.wait_for_log("configuration not reloaded")
            with TlsPeer(server.address) as peer:
                assert peer.serial_number == new.serial_number
            hidden = "key=tlsServerKeyPassword old=****** new=******"
            assert hidden in server.log().replace('"', "")
            assert " secret" not in server.log()

    @staticmethod
    def files(identity: Identity) -> dict[str, str]:
        return {
            "tls_server_certPath": identity.cert_path,
            "tls_server_keyPath": identity.key_path,
            "tls_server_keyPassword": identity.password,
        }

    def test_wrong_files_refuse_an_enforcing_start(self, tmp_path: Path) -> None:
        words = ("--tls-server-mode", "enforcing", "--tls-server-cert-path", "/none")
        server = ServerProcess(tmp_path, *words)
        assert server.process.wait(30) == 1
        server.process.communicate()
        assert server.log() == (
            "namesrv: tls.server.mode is enforcing, and tls.server.certPath /none"
            " cannot be read: No such file or directory\n"
        )


def test_test_socket_tells_a_cut_stream_from_an_ended_one() -> None:
    here, there = socket.socketpair()
    with here, there, pytest.raises(ConnectionResetError):
        there.shutdown(socket.SHUT_WR)
        TlsSocket(here, client_context())
