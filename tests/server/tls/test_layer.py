"""TLS as a layer of bytes, against a client that is one, too."""

import ssl
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.server.tls.certificate import load_throw_away_certificate
from namesrv.server.tls.layer import TlsLayer
from tests.server.tls.tls_key_updates import client_secret, key_updates
from tests.server.tls.tls_peer import TlsClient, client_context

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
MIB = 2**20

both_versions = pytest.mark.parametrize("version", VERSIONS, ids=lambda v: v.name)


def make_server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_throw_away_certificate(context)
    return context


SERVER_CONTEXT = make_server_context()


class Pair:
    """A client and the layer; `feed` is how the client's bytes reach the layer."""

    def __init__(
        self,
        version: ssl.TLSVersion | None = None,
        feed: Callable[[bytes], list[bytes]] = lambda data: [data],
    ) -> None:
        self.layer = TlsLayer(SERVER_CONTEXT)
        self.client = TlsClient(client_context(version=version))
        self._feed = feed

    def to_layer(self, data: bytes) -> bytes:
        """What the layer decrypts of it."""
        return b"".join(map(self.layer.receive, self._feed(data)))

    def open(self) -> None:
        """The whole handshake."""
        to_send = self.client.start()
        while to_send:
            assert self.to_layer(to_send) == b""
            to_send, plain = self.client.receive(self.layer.take_output())
            assert plain == b""
        assert self.layer.is_open and self.client.is_open

    def ask(self, request: bytes, answer: bytes) -> None:
        """A request arrives there, and its answer here."""
        assert self.to_layer(self.client.send(request)) == request
        to_send, plain = self.client.receive(self.layer.send(answer))
        assert plain == answer
        assert to_send == b""


def cut_at(position: int, data: bytes) -> list[bytes]:
    return [data[:position], data[position:]]


def single_bytes(data: bytes) -> list[bytes]:
    return [data[start : start + 1] for start in range(len(data))]


class TestStream:
    @both_versions
    def test_bytes_go_both_ways(self, version: ssl.TLSVersion) -> None:
        pair = Pair(version)
        pair.open()
        for number in range(3):
            pair.ask(b"request %d" % number, b"answer %d" % number)
        assert pair.layer.kept_bytes == 0

    @both_versions
    def test_bytes_may_come_one_by_one(self, version: ssl.TLSVersion) -> None:
        pair = Pair(version, single_bytes)
        pair.open()
        pair.ask(bytes(20_000), b"answer")
        assert pair.layer.kept_bytes == 0

    @both_versions
    def test_first_flight_may_be_cut_everywhere(self, version: ssl.TLSVersion) -> None:
        for cut in range(1, len(TlsClient(client_context(version=version)).start())):
            pair = Pair(version, partial(cut_at, cut))
            pair.open()
            pair.ask(b"request", b"answer")

    @both_versions
    def test_records_may_be_cut_everywhere(self, version: ssl.TLSVersion) -> None:
        pair = Pair(version)
        pair.open()
        for cut in range(len(pair.client.send(b"one") + pair.client.send(b"two")) + 1):
            fresh = Pair(version)
            fresh.open()
            data = fresh.client.send(b"one") + fresh.client.send(b"two")
            got = fresh.layer.receive(data[:cut])
            assert b"onetwo".startswith(got)
            assert got + fresh.layer.receive(data[cut:]) == b"onetwo"
            assert fresh.layer.kept_bytes == 0

    @both_versions
    def test_large_answers_and_requests(self, version: ssl.TLSVersion) -> None:
        pair = Pair(version)
        pair.open()
        pair.ask(b"r" * (3 * MIB + 1), b"a" * (5 * MIB + 3))

    def test_first_request_may_come_with_the_end_of_the_handshake(self) -> None:
        pair = Pair()
        pair.to_layer(pair.client.start())
        to_send, _ = pair.client.receive(pair.layer.take_output())
        assert pair.to_layer(to_send + pair.client.send(b"request")) == b"request"

    def test_client_without_a_common_version_gets_an_alert(self) -> None:
        layer = TlsLayer(SERVER_CONTEXT)
        # A hello of TLS 1.1, with one cipher suite.
        hello = b"\x03\x02" + bytes(32) + b"\x00\x00\x02\x00\x2f\x01\x00"
        message = b"\x01" + len(hello).to_bytes(3) + hello
        layer.receive(b"\x16\x03\x01" + len(message).to_bytes(2) + message)
        assert str(layer.fault) == "TLS failed: unsupported protocol"
        assert layer.take_output()[:1] == b"\x15"


class TestKeptBytes:
    def test_part_of_a_record_is_counted_to_the_byte(self) -> None:
        pair = Pair()
        pair.open()
        data = pair.client.send(b"x" * 10_000)
        for end in range(1, len(data), 997):
            assert pair.layer.receive(data[pair.layer.kept_bytes : end]) == b""
            assert pair.layer.kept_bytes == end
        assert pair.layer.receive(data[pair.layer.kept_bytes :]) == b"x" * 10_000
        assert pair.layer.kept_bytes == 0

    def test_handshake_is_counted_until_it_ends(self) -> None:
        pair = Pair()
        hello = pair.client.start()
        pair.to_layer(hello[:100])
        assert pair.layer.kept_bytes == 100
        pair.to_layer(hello[100:])
        assert pair.layer.kept_bytes == len(hello)
        to_send, _ = pair.client.receive(pair.layer.take_output())
        pair.to_layer(to_send)
        assert pair.layer.kept_bytes == 0

    @pytest.mark.parametrize(
        "start", [b"\x16\x03\x01\xff\xff", b"\x16\x04\x01\x00\x10"]
    )
    def test_impossible_record_is_not_waited_for(self, start: bytes) -> None:
        layer = TlsLayer(SERVER_CONTEXT)
        layer.receive(start)
        assert layer.fault is not None
        assert layer.receive(bytes(1000)) == b""
        assert layer.kept_bytes == len(start)


class TestEnd:
    @both_versions
    def test_close_notify_of_the_peer_ends_the_input(
        self, version: ssl.TLSVersion
    ) -> None:
        pair = Pair(version)
        pair.open()
        last = pair.client.send(b"last") + pair.client.finish()
        assert pair.to_layer(last) == b"last"
        assert pair.layer.is_finished
        assert pair.to_layer(b"more") == b""
        # It can still be answered.
        assert pair.client.receive(pair.layer.send(b"answer"))[1] == b"answer"
        pair.client.receive(pair.layer.finish())
        assert pair.client.is_finished

    @both_versions
    def test_close_notify_is_the_last_thing(self, version: ssl.TLSVersion) -> None:
        pair = Pair(version)
        pair.open()
        to_send, plain = pair.client.receive(
            pair.layer.send(b"last") + pair.layer.finish()
        )
        assert plain == b"last"
        assert pair.client.is_finished

    def test_close_notify_may_be_cut_everywhere(self) -> None:
        for cut in range(24):
            pair = Pair(ssl.TLSVersion.TLSv1_3)
            pair.open()
            last = pair.client.finish()
            assert len(last) == 24
            pair.to_layer(last[:cut])
            assert not pair.layer.is_finished
            pair.to_layer(last[cut:])
            assert pair.layer.is_finished
            assert pair.layer.kept_bytes == 0

    def test_layer_sends_nothing_before_the_handshake(self) -> None:
        pair = Pair()
        pair.to_layer(pair.client.start()[:50])
        assert pair.layer.finish() == b""


class TestFaults:
    def test_changed_record_breaks_it_and_those_before_are_read(self) -> None:
        pair = Pair()
        pair.open()
        data = bytearray(pair.client.send(b"good") + pair.client.send(b"bad"))
        data[-1] ^= 1
        assert pair.to_layer(bytes(data)) == b"good"
        assert "decryption failed or bad record mac" in str(pair.layer.fault)
        assert pair.layer.take_output(), "no alert"
        assert pair.layer.send(b"answer") == pair.layer.finish() == b""
        assert pair.to_layer(pair.client.send(b"more")) == b""

    def test_plain_bytes_after_the_handshake_break_it(self) -> None:
        pair = Pair()
        pair.open()
        pair.to_layer(b"\x00\x00\x00\x50" + bytes(80))
        assert pair.layer.fault is not None

    def test_alert_of_the_client_is_the_reason(self) -> None:
        context = client_context()
        context.verify_mode = ssl.CERT_REQUIRED
        layer, client = TlsLayer(SERVER_CONTEXT), TlsClient(context)
        layer.receive(client.start())
        with pytest.raises(ssl.SSLCertVerificationError):
            client.receive(layer.take_output())
        layer.receive(client.finish())
        assert "alert" in str(layer.fault)

    def test_flood_of_new_keys_is_ended(self, tmp_path: Path) -> None:
        context = client_context(version=ssl.TLSVersion.TLSv1_3)
        context.keylog_filename = str(tmp_path / "keys")
        pair = Pair()
        pair.client = TlsClient(context)
        pair.open()
        records = key_updates(client_secret(tmp_path / "keys"))
        # A few are no flood, in one read or in several.
        pair.to_layer(b"".join(islice(records, 32)))
        for record in islice(records, 32):
            pair.to_layer(record)
        assert pair.layer.fault is None
        pair.to_layer(b"".join(islice(records, 10_000)))
        assert str(pair.layer.fault) == "TLS failed: too many records without data"
        assert pair.layer.kept_bytes == 0

    def test_many_small_records_are_no_flood(self) -> None:
        pair = Pair()
        pair.open()
        data = b"".join(pair.client.send(bytes([n % 256])) for n in range(1000))
        assert pair.to_layer(data) == bytes(n % 256 for n in range(1000))
        assert pair.layer.fault is None

    def test_flood_of_empty_records_is_ended(self) -> None:
        pair = Pair(ssl.TLSVersion.TLSv1_2)
        pair.open()
        warning = b"\x16\x03\x03\x00\x00"
        for _ in range(100):
            pair.to_layer(warning)
        assert pair.layer.fault is not None

    @given(st.lists(st.binary(max_size=60), max_size=6))
    def test_garbage_never_raises(self, pieces: list[bytes]) -> None:
        layer = TlsLayer(SERVER_CONTEXT)
        plain = layer.receive(b"\x16")
        for piece in pieces:
            plain += layer.receive(piece)
            layer.take_output()
        assert plain == b""
        assert not layer.is_open
        assert layer.kept_bytes <= 1 + sum(map(len, pieces))

    @given(st.integers(0, 600), st.integers(1, 255))
    def test_changed_hello_never_raises(self, position: int, change: int) -> None:
        pair = Pair()
        hello = bytearray(pair.client.start())
        hello[position % len(hello)] ^= change
        assert pair.layer.receive(bytes(hello)) == b""
        assert not pair.layer.is_open
