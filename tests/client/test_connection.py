"""Connections to servers of every kind, and to none."""

import socket
import ssl
import struct
import time
from pathlib import Path

import pytest

from namesrv.client import connection, diagnosis
from namesrv.client.addresses import Address
from namesrv.client.nameservers import NameServers
from namesrv.client.questions import Questions
from namesrv.client.terms import Terms, Tls
from namesrv.errors import NameServerUnreachable, OptionsInvalid, RequestRefused
from namesrv.testing.peer.frame import frame
from namesrv.testing.peer.header import header_json
from tests.client.stand_in import Behaviour, answering, listening, questions, sending
from tests.server.server_thread import ServerThread, local_options
from tests.server.tls.tls_peer import Authority

HTTP_ANSWER = b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n"
SHORT_SECONDS = 0.3


def failure(*addresses: Address, seconds: float = 30.0) -> str:
    with questions(*addresses, timeout_seconds=seconds) as asked:
        with pytest.raises(NameServerUnreachable) as caught:
            asked.ping()
    return str(caught.value)


def free_address() -> Address:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Address(*listener.getsockname())


def test_nothing_listens() -> None:
    address = free_address()
    assert failure(address) == (
        f"nothing listens at {address} (connection refused); start a NameServer there,"
        " or name another address with -n HOST:PORT"
    )


def test_host_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*words: object, **more: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert failure(Address("nowhere", 1)).startswith(
        "the host name nowhere cannot be resolved"
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(), "does not accept a connection within 5 s; check host"),
        (OSError(113, "x"), "cannot be reached: no route to host"),
    ],
)
def test_connection_fails(error: OSError, expected: str) -> None:
    sentence = diagnosis.connect_sentence(Address("h", 1), error, 5)
    assert sentence.startswith(f"h:1 {expected}")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (HTTP_ANSWER, "speaks HTTP, not RocketMQ's remoting protocol"),
        (b"<!DOCTYPE HTML>\n", "speaks HTTP,"),
        (b"\x15\x03\x03\x00\x02\x02\x0a", "speaks TLS,"),
        (b"SSH-2.0-OpenSSH_9\r\n", "speaks SSH,"),
        (b"-ERR unknown command\r\n", "speaks the protocol of Redis,"),
        (b"\0\0\x12\x04\0\0\0\0\0" + b"\0" * 18, "speaks HTTP/2, as of gRPC,"),
        (b"\x4a\0\0\0\x0a5.7.0", "speaks the protocol of MySQL,"),
        (b"\xff" * 8, "bytes that are not RocketMQ's remoting protocol (ff ff ff ff)"),
        (struct.pack(">II", 4, 9), "a frame that cannot be read: a header of 9 bytes"),
    ],
)
def test_another_protocol_is_named(data: bytes, expected: str) -> None:
    with listening(sending(data)) as address:
        assert f"{address} " in failure(address)
        assert expected in failure(address)


def test_server_that_closes_is_asked_which_protocol_it_speaks() -> None:
    def close(connected: socket.socket) -> None:
        # An HTTP server that waits for the end of a line, and closes without one.
        if connected.recv(65536).endswith(b"\r\n\r\n"):
            connected.sendall(HTTP_ANSWER)

    with listening(close) as address:
        assert failure(address) == (
            f"{address} closed the connection without an answer; it speaks HTTP there:"
            " check the port"
        )


def test_server_that_closes_everything() -> None:
    with listening(lambda connected: None) as address:
        assert failure(address) == (
            f"{address} closed the connection without an answer; it may be shutting"
            " down, full or speak another protocol"
        )


def test_server_that_does_not_answer_is_left_after_the_time_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(diagnosis, "_PROBE_SECONDS", 0.05)

    def wait(connected: socket.socket) -> None:
        while connected.recv(65536):
            pass

    with listening(wait) as address:
        sentence = failure(address, seconds=SHORT_SECONDS)
    assert "accepted the connection and did not answer within 0.3 s" in sentence


def test_server_that_trickles_is_left_after_the_time_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(diagnosis, "_PROBE_SECONDS", 0.05)

    def trickle(connected: socket.socket) -> None:
        connected.recv(65536)
        connected.sendall(struct.pack(">II", 1 << 20, 100))
        while True:
            connected.sendall(b" ")
            time.sleep(0.02)

    with listening(trickle) as address:
        assert "did not answer within" in failure(address, seconds=SHORT_SECONDS)


def forever(data: bytes) -> Behaviour:
    def behave(connected: socket.socket) -> None:
        connected.recv(65536)
        while True:
            connected.sendall(data)

    return behave


def test_server_that_answers_other_requests_is_left() -> None:
    other = frame(header_json(0, opaque=77, flag=1)) * 100
    with listening(forever(other)) as address:
        assert "sends frames that answer no request" in failure(address)


def test_server_that_sends_requests_is_left() -> None:
    with listening(forever(frame(header_json(40, opaque=1)) * 100)) as address:
        assert "sends frames that answer no request" in failure(address)


def test_answers_beyond_the_limit_are_not_collected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MOST_ANSWER_BYTES", 1000)
    with listening(answering((0, b"x" * 2000))) as address:
        assert "bytes that are not RocketMQ's" in failure(address)
    with listening(answering((0, b"x" * 600))) as address:
        with pytest.raises(NameServerUnreachable, match="more than 1000 bytes"):
            list(questions(address).routes(["a", "b"]))


def test_request_of_the_server_and_late_answers_are_dropped() -> None:
    def behave(connected: socket.socket) -> None:
        connected.recv(65536)
        connected.sendall(frame(header_json(40, opaque=1)))
        connected.sendall(frame(header_json(0, opaque=99, flag=1)))
        connected.sendall(frame(header_json(17, opaque=1, flag=1)))
        connected.recv(1)

    with listening(behave) as address, questions(address) as asked:
        asked.ping()


def test_answers_to_several_requests_may_come_in_another_order() -> None:
    def behave(connected: socket.socket) -> None:
        connected.recv(65536)
        for opaque, name in ((2, "b"), (1, "a")):
            body = b'{"orderTopicConf":"%b"}' % name.encode()
            connected.sendall(frame(header_json(0, opaque=opaque, flag=1), body))
        connected.recv(1)

    with listening(behave) as address, questions(address) as asked:
        routes = list(asked.routes(["a", "b"]))
    assert [route and route.order for route in routes] == ["a", "b"]


def test_refusal_has_the_server_the_code_and_the_remark() -> None:
    with listening(answering((2, b""))) as address, questions(address) as asked:
        with pytest.raises(RequestRefused) as caught:
            asked.topics()
    assert str(caught.value) == f"{address} answered code 2"


def test_connection_is_opened_anew_after_a_failure() -> None:
    with listening(lambda connected: None) as address:
        asked = questions(address)
        for _ in range(2):
            with pytest.raises(NameServerUnreachable):
                asked.ping()


class TestTls:
    """Against a server whose certificate nobody has signed."""

    @pytest.fixture
    def address(self, tmp_path: Path):
        options = local_options(tmp_path / "data", tls_server_mode="permissive")
        with ServerThread(options) as server:
            yield Address(*server.address)

    def ask(self, address: Address, tls: Tls) -> None:
        with Questions(NameServers([address], Terms(30.0, tls=tls))) as asked:
            asked.ping()

    def test_certificate_is_checked_unless_that_is_switched_off(
        self, address: Address
    ) -> None:
        with pytest.raises(NameServerUnreachable) as caught:
            self.ask(address, Tls())
        assert f"the certificate of {address} is not trusted" in str(caught.value)
        assert "--tls-ca FILE" in str(caught.value)
        self.ask(address, Tls(trusting=True))

    def test_server_without_tls(self) -> None:
        with listening(sending(HTTP_ANSWER)) as plain:
            with pytest.raises(NameServerUnreachable, match="does not speak TLS"):
                self.ask(plain, Tls(trusting=True))
        with listening(lambda connected: None) as closing:
            with pytest.raises(NameServerUnreachable, match="try without --tls"):
                self.ask(closing, Tls(trusting=True))

    def test_plain_request_where_tls_is_required_finds_it(self, tmp_path: Path) -> None:
        options = local_options(tmp_path / "data", tls_server_mode="enforcing")
        with ServerThread(options) as server:
            sentence = failure(Address(*server.address))
        assert sentence.endswith("it speaks TLS there: try --tls")

    def test_files_that_cannot_be_used(self, tmp_path: Path) -> None:
        damaged = tmp_path / "x.pem"
        damaged.write_text("no certificate")
        for tls, expected in (
            (Tls(str(tmp_path / "none.pem")), "No such file"),
            (Tls(str(damaged)), "expected PEM"),
            (Tls(own_file=str(damaged)), "--tls-cert .* expected PEM"),
        ):
            with pytest.raises(OptionsInvalid, match=expected):
                tls.context()

    def test_own_certificate_and_authority(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        mine, theirs = authority.identity("client"), authority.identity("localhost")
        options = local_options(
            tmp_path / "data",
            tls_server_cert_path=str(theirs.cert_path),
            tls_server_key_path=str(theirs.key_path),
            tls_server_trust_cert_path=str(authority.cert_path),
            tls_server_need_client_auth="require",
            tls_server_auth_client=True,
            tls_test_mode_enable=False,
        )
        with ServerThread(options) as server:
            address = Address(*server.address)
            files = (str(mine.cert_path), str(mine.key_path))
            known = Tls(str(authority.cert_path), "localhost", *files)
            self.ask(address, known)
            with pytest.raises(NameServerUnreachable):
                self.ask(address, Tls(str(authority.cert_path), "localhost"))
            with pytest.raises(NameServerUnreachable, match="not trusted"):
                self.ask(address, Tls(str(authority.cert_path), "another", *files))
        assert known.context().verify_mode is ssl.CERT_REQUIRED
