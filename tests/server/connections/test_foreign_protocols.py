"""The log names the protocol of peers that knocked at the wrong port."""

import pytest

from namesrv.errors import FrameTooLong, FrameTooShort, HeaderInvalid
from namesrv.server.connections.foreign_protocols import foreign_protocol
from tests.server.loop_free_server import FAULT, LoopFreeServer

HTTP_2 = (
    "HTTP/2, as of gRPC: a 5.x gRPC client belongs to a proxy's port, not to this one"
)
HTTP = "HTTP/1, which is not spoken on this port"
FIRST_BYTES = [
    (b"GET / HTTP/1.1\r\nHost: namesrv\r\n\r\n", HTTP),
    (b"POST /v1 HTTP/1.1\r\n\r\n", HTTP),
    (b"HEAD / HTTP/1.0\r\n\r\n", HTTP),
    (b"OPTIONS * HTTP/1.1\r\n\r\n", HTTP),
    (b"CONNECT a:1 HTTP/1.1\r\n\r\n", HTTP),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP_2),
    (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
    (b"*1\r\n$4\r\nPING\r\n", "a command of Redis"),
    (b"EHLO here\r\n", "SMTP"),
    (b"AMQP\x00\x00\x09\x01", "AMQP"),
    (b"\x03\x00\x00\x13\x0e\xe0", "RDP"),
    (b"\x05\x01\x00\x05\x01", "SOCKS 5"),
]


@pytest.mark.parametrize(("data", "name"), FIRST_BYTES)
@pytest.mark.parametrize("piece_bytes", [1, 3, 1000])
def test_log_names_it_however_it_comes(
    loop_free: LoopFreeServer, data: bytes, name: str, piece_bytes: int
) -> None:
    peer = loop_free.accept()
    for start in range(0, len(data), piece_bytes):
        if not peer.transport.is_closed:
            peer.receive(data[start : start + piece_bytes])
    (line,) = [line for line in loop_free.log.lines if line.event == FAULT]
    assert line.fields["looks_like"] == name
    assert str(line.fields["reason"]).endswith(
        " bytes is longer than the limit of 16777216 bytes"
    )


def test_the_same_quantity_is_said_of_the_frame_and_of_the_limit() -> None:
    assert str(FrameTooLong(20_971_516, 16_777_216)) == (
        "frame of 20971520 bytes is longer than the limit of 16777216 bytes"
    )


@pytest.mark.parametrize(
    "fault",
    [FrameTooLong(0x7FFFFFFF, 1 << 24), FrameTooShort(3), HeaderInvalid("it is odd")],
)
def test_what_nobody_knows_has_no_name(fault: FrameTooLong) -> None:
    assert foreign_protocol(fault) is None
