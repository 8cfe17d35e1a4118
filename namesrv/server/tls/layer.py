"""TLS as a layer of bytes between a socket and a `Connection`.

OpenSSL works on memory and not on sockets, so that it can begin with bytes that were
read before the server detected TLS. Source: protocol.md section 5.2.
"""

import ssl
from typing import Final

from namesrv.errors import TlsBroken

_RECORD_HEADER_BYTES: Final = 5
_MAJOR_VERSION: Final = 3
_RECORD_MAX_BYTES: Final = 16384 + 2048
"""Longest payload of a record before TLS 1.3 (RFC 5246, 6.2.3)."""
_PLAIN_MAX_BYTES: Final = 16384
_BATCH_RECORDS: Final = 64
_SILENT_MAX_RECORDS: Final = 64
"""Limit of records without data, such as new keys, of one connection. Each costs more
than a request, and no client needs one in less than 100 GB."""


class TlsLayer:
    """The server's side of one TLS connection.

    The end of the handshake sets `is_open`, the peer's close_notify sets `is_finished`,
    and a failure sets `fault`.
    """

    __slots__ = (
        "_handshake_bytes",
        "_incoming",
        "_object",
        "_outgoing",
        "_partial",
        "_silent_records",
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
        self._silent_records = 0
        self.is_open = False
        self.is_finished = False
        self.fault: TlsBroken | None = None

    @property
    def kept_bytes(self) -> int:
        """Bytes of kept input: part of a record, and all of an unfinished handshake."""
        return len(self._partial) + self._handshake_bytes

    def receive(self, data: bytes) -> bytes:
        """Process input; the decrypted bytes. It never raises for input.

        After each call `take_output` has the bytes of TLS itself to send.
        """
        partial = self._partial
        buffer: bytes | bytearray = data
        if partial:
            partial += data
            buffer = partial
        plain: list[bytes] = []
        start = 0
        while self.fault is None and not self.is_finished:
            # OpenSSL does not report how much it keeps, so it gets whole records only.
            end, records = _batch_end(buffer, start)
            if end == start:
                break
            self._incoming.write(buffer[start:end])
            start = end
            self._decrypt(records, plain)
        self._keep(buffer, start)
        return b"".join(plain)

    def send(self, data: bytes) -> bytes:
        """The encrypted bytes of `data` for the socket."""
        if self.fault is not None:
            return b""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._object.write(rest) :]
        except ssl.SSLError as error:
            self.fault = TlsBroken(openssl_reason(error))
        return self.take_output()

    def take_output(self) -> bytes:
        """Bytes of TLS itself to send: handshake, alerts."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def finish(self) -> bytes:
        """The last bytes to send: close_notify."""
        if self.is_open and self.fault is None:
            try:
                self._object.unwrap()
            except ssl.SSLError:
                # OpenSSL waits for the peer's close_notify; the server does not.
                pass
        return self.take_output()

    def _decrypt(self, records: int, plain: list[bytes]) -> None:
        """Let OpenSSL decrypt its input, which is `records` records."""
        was_open = self.is_open
        pieces = len(plain)
        try:
            if not was_open:
                self._shake_hands()
            # Each read takes one record with data, after those without data.
            while self._incoming.pending and not self.is_finished:
                self._read(plain)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.fault = TlsBroken(openssl_reason(error))
            return
        if was_open:
            self._silent_records += records - (len(plain) - pieces)
            if self._silent_records > _SILENT_MAX_RECORDS:
                self.fault = TlsBroken("too many records without data")

    def _shake_hands(self) -> None:
        self._handshake_bytes += self._incoming.pending
        self._object.do_handshake()
        self._handshake_bytes = 0
        self.is_open = True

    def _keep(self, buffer: bytes | bytearray, start: int) -> None:
        """Keep the rest of the input, part of a record; nothing after the end."""
        if self.fault is not None or self.is_finished:
            self._partial = bytearray()
        elif buffer is self._partial:
            del self._partial[:start]
        elif start < len(buffer):
            self._partial += buffer[start:]

    def _read(self, plain: list[bytes]) -> None:
        try:
            piece = self._object.read(_PLAIN_MAX_BYTES)
        except ssl.SSLZeroReturnError:
            piece = b""
        if piece:
            plain.append(piece)
        else:
            self.is_finished = True


def _batch_end(data: bytes | bytearray, start: int) -> tuple[int, int]:
    """The end of the last whole record of a batch, and the number of records."""
    end = start
    for records in range(_BATCH_RECORDS):
        if len(data) - end < _RECORD_HEADER_BYTES:
            return end, records
        payload_bytes = data[end + 3] << 8 | data[end + 4]
        if data[end + 1] != _MAJOR_VERSION or payload_bytes > _RECORD_MAX_BYTES:
            # These bytes are no record: let OpenSSL report the error.
            return len(data), records + 1
        next_end = end + _RECORD_HEADER_BYTES + payload_bytes
        if next_end > len(data):
            return end, records
        end = next_end
    return end, _BATCH_RECORDS


def openssl_reason(error: ssl.SSLError) -> str:
    """OpenSSL's reason in words, without its line of C."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate was not accepted, {error.verify_message}"
    if error.reason:
        return error.reason.lower().replace("_", " ")
    return str(error)
