"""TLS as a layer of bytes: what a socket gave in, what a `Connection` reads out.

No sockets: OpenSSL works on memory, so that it can begin with bytes that were read
before it was known that they are TLS. Source: protocol.md section 5.2.
"""

import ssl
from typing import Final

from namesrv.errors import TlsBroken

_RECORD_HEADER_BYTES: Final = 5
_MAJOR_VERSION: Final = 3
_RECORD_MAX_BYTES: Final = 16384 + 2048
"""The longest payload of a record, before TLS 1.3 (RFC 5246, 6.2.3)."""
_PLAIN_MAX_BYTES: Final = 16384


class TlsLayer:
    """The server's side of one TLS connection.

    `is_open` is set by the end of the handshake, `is_finished` by the peer's
    close_notify, `fault` by what ends the connection.
    """

    __slots__ = (
        "_handshake_bytes",
        "_incoming",
        "_object",
        "_outgoing",
        "_partial",
        "fault",
        "is_finished",
        "is_open",
    )

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, True)
        self._partial = bytearray()
        self._handshake_bytes = 0
        self.is_open = False
        self.is_finished = False
        self.fault: TlsBroken | None = None

    @property
    def kept_bytes(self) -> int:
        """Input that is kept: part of a record, and all of an unfinished handshake."""
        return len(self._partial) + self._handshake_bytes

    def receive(self, data: bytes) -> bytes:
        """Take what was read; what could be decrypted of it. Never raises for it.

        `take_output` has what the peer is to be told after each call.
        """
        if self.fault is not None or self.is_finished:
            return b""
        plain: list[bytes] = []
        self._incoming.write(self._whole_records(data))
        try:
            if not self.is_open:
                self._shake_hands()
            # Only whole records are in there, so that this asks once for each.
            while self._incoming.pending and not self.is_finished:
                self._read(plain)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._partial.clear()
            self.fault = TlsBroken(reason_of(error))
        return b"".join(plain)

    def send(self, data: bytes) -> bytes:
        """What to write to the socket, so that the peer reads `data`."""
        if self.fault is not None:
            return b""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._object.write(rest) :]
        except ssl.SSLError as error:
            self.fault = TlsBroken(reason_of(error))
        return self.take_output()

    def take_output(self) -> bytes:
        """What OpenSSL wants to say by itself: its handshake, alerts."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def finish(self) -> bytes:
        """What to write as the last thing: close_notify."""
        if self.is_open and self.fault is None:
            try:
                self._object.unwrap()
            except ssl.SSLError:
                # It wants to read the peer's close_notify, which nobody waits for.
                pass
        return self.take_output()

    def _shake_hands(self) -> None:
        self._handshake_bytes += self._incoming.pending
        self._object.do_handshake()
        self._handshake_bytes = 0
        self.is_open = True

    def _read(self, plain: list[bytes]) -> None:
        try:
            piece = self._object.read(_PLAIN_MAX_BYTES)
        except ssl.SSLZeroReturnError:
            piece = b""
        if piece:
            plain.append(piece)
        else:
            self.is_finished = True
            self._partial.clear()

    def _whole_records(self, data: bytes) -> bytes | bytearray:
        """All that ends with a record. The rest is kept here, where it is counted.

        OpenSSL would not say how much it holds of one.
        """
        partial = self._partial
        if not partial and _end_of_records(data) == len(data):
            return data
        partial += data
        end = _end_of_records(partial)
        whole = partial[:end]
        del partial[:end]
        return whole


def _end_of_records(data: bytes | bytearray) -> int:
    """Where the last whole record ends."""
    end = 0
    while len(data) - end >= _RECORD_HEADER_BYTES:
        payload_bytes = data[end + 3] << 8 | data[end + 4]
        if data[end + 1] != _MAJOR_VERSION or payload_bytes > _RECORD_MAX_BYTES:
            # This will never be a record; OpenSSL is to find the words for it.
            return len(data)
        next_end = end + _RECORD_HEADER_BYTES + payload_bytes
        if next_end > len(data):
            break
        end = next_end
    return end


def reason_of(error: ssl.SSLError) -> str:
    """OpenSSL's reason in words, without the line of C that it came from."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate was not accepted, {error.verify_message}"
    if error.reason:
        return error.reason.lower().replace("_", " ")
    return str(error)
