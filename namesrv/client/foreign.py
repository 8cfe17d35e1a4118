"""Names the protocol of a server that answers, and not with remoting frames."""

from typing import Final

HTTP: Final = "HTTP"
_HTTP_2: Final = "HTTP/2, as of gRPC"
_NAMES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"HTTP", HTTP),
    (b"<!DO", HTTP),
    (b"<!do", HTTP),
    (b"<htm", HTTP),
    (b"<HTM", HTTP),
    (b"\x15\x03", "TLS"),
    (b"SSH-", "SSH"),
    (b"220 ", "SMTP or FTP"),
    (b"220-", "SMTP or FTP"),
    (b"-ERR", "the protocol of Redis"),
    (b"-NOA", "the protocol of Redis"),
    (b"+OK", "the protocol of Redis or POP3"),
    (b"AMQP", "AMQP"),
    (b"* OK", "IMAP"),
)


def foreign_protocol(first_bytes: bytes) -> str | None:
    """The protocol of an answer by its first bytes (8, or fewer); None if unknown."""
    for beginning, name in _NAMES:
        if first_bytes.startswith(beginning):
            return name
    # A server of HTTP/2 begins with SETTINGS: a length, type 4, no flags, stream 0.
    if first_bytes[:2] == b"\0\0" and first_bytes[3:8] == b"\x04\0\0\0\0":
        return _HTTP_2
    # MySQL begins with a greeting: a length in three bytes, number 0, version 10.
    if first_bytes[1:5] == b"\0\0\0\x0a":
        return "the protocol of MySQL"
    return None
