"""Names the protocol of a peer that connected to the wrong port.

Other protocols begin with text or with a version where a frame has its length, which is
then far over the limit: its first bytes are enough to identify them.
"""

from typing import Final

from namesrv.errors import ConnectionFault, FrameTooLong

_HTTP: Final = "HTTP/1, which is not spoken on this port"
_HTTP_2: Final = (
    "HTTP/2, as of gRPC: a 5.x gRPC client belongs to a proxy's port, not to this one"
)
_TLS: Final = "TLS, in the middle of a connection that began without it"
_NAMES: Final[tuple[tuple[bytes, str], ...]] = (
    *(
        (method, _HTTP)
        for method in (
            b"GET ",
            b"POST",
            b"PUT ",
            b"HEAD",
            b"DELE",
            b"OPTI",
            b"PATC",
            b"CONN",
            b"TRAC",
        )
    ),
    (b"PRI ", _HTTP_2),
    (b"HTTP", "an answer of HTTP/1"),
    (b"SSH-", "SSH"),
    (b"\x16\x03", _TLS),
    (b"*1\r\n", "a command of Redis"),
    (b"*2\r\n", "a command of Redis"),
    (b"*3\r\n", "a command of Redis"),
    (b"PING", "a command of Redis"),
    (b"INFO", "a command of Redis"),
    (b"AUTH", "a command of Redis"),
    (b"EHLO", "SMTP"),
    (b"HELO", "SMTP"),
    (b"AMQP", "AMQP"),
    (b"\x03\x00\x00", "RDP"),
    (b"\x04\x01", "SOCKS 4"),
    (b"\x05\x01\x00", "SOCKS 5"),
    (b"\xffSMB", "SMB"),
)


def foreign_protocol(fault: ConnectionFault) -> str | None:
    """The protocol of bytes that are no frame; None if it is not known."""
    if not isinstance(fault, FrameTooLong):
        return None
    first_bytes = fault.frame_length.to_bytes(4)
    for beginning, name in _NAMES:
        if first_bytes.startswith(beginning):
            return name
    return None
