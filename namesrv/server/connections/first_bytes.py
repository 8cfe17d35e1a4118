"""The kinds of first bytes: PROXY protocol v1 or v2, TLS, HTTP, or frames.

Pure logic, no sockets. Source: protocol.md sections 5.1 and 9.5, and
HAProxy's "The PROXY protocol, versions 1 & 2".
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from namesrv.errors import ProxyHeaderInvalid

_V1_PREFIX: Final = b"PROXY"
_V1_MAX_BYTES: Final = 108
_V2_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_V2_FIXED_BYTES: Final = 16
_V2_VERSION: Final = 2
_V2_LOCAL: Final = 0
_V2_PROXY: Final = 1
_V2_MAX_FAMILY: Final = 3
_V2_MAX_TRANSPORT: Final = 2
_V2_INET: Final = 1
_V2_INET6: Final = 2
# Two addresses and two ports; a UNIX family has two paths of 108 bytes.
_V2_ADDRESS_BYTES: Final = {0: 0, 1: 12, 2: 36, 3: 216}
_TLS_HANDSHAKE: Final = 0x16

HTTP_BEGINNINGS: Final = (
    *(b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH "),
    b"PRI ",  # the preface of HTTP/2
)
"""No frame begins like this: read as a length, "DELE" is more than 1 GiB, which is the
largest `frameMaxLength`."""
_LONGEST_BEGINNING: Final = max(map(len, HTTP_BEGINNINGS))


def is_http(first_bytes: bytes | bytearray) -> bool | None:
    """Whether a stream begins as HTTP does; None if more bytes have to decide."""
    if first_bytes.startswith(HTTP_BEGINNINGS):
        return True
    if len(first_bytes) >= _LONGEST_BEGINNING:
        return False
    kept = bytes(first_bytes)
    return None if any(b.startswith(kept) for b in HTTP_BEGINNINGS) else False


class Sniffer:
    """Reads the first bytes of one connection until their kind is clear.

    `source` is the address and port of the peer behind a proxy; None without a PROXY
    header, and for its forms that name no TCP or UDP address. `is_proxied` is set by a
    PROXY header, `is_tls` by a TLS hello at the beginning of the stream, `is_http` by
    HTTP there if `knows_http`.
    """

    __slots__ = (
        "_decided",
        "_header_read",
        "_kept",
        "_knows_http",
        "is_http",
        "is_proxied",
        "is_tls",
        "source",
    )

    def __init__(self, *, knows_http: bool = False) -> None:
        self._knows_http = knows_http
        self.source: tuple[str, int] | None = None
        self.is_tls = False
        self.is_http = False
        self.is_proxied = False
        self._decided = False
        self._header_read = False
        self._kept = bytearray()

    @property
    def kept_bytes(self) -> int:
        """Bytes that were fed and not yet returned."""
        return len(self._kept)

    @property
    def may_be_http(self) -> bool:
        """Whether the kept bytes are the beginning of the first word of HTTP."""
        kept = self._kept
        return self._knows_http and bool(kept) and is_http(kept) is None

    def feed(self, data: bytes) -> bytes | None:
        """Process input; the bytes of the stream itself, or None.

        None means that more bytes are needed; the input is kept, at most 108 bytes of a
        v1 header and 65,551 of a v2 header besides one read. After the first returned
        bytes, all later input is returned unchanged.

        Raises ProxyHeaderInvalid; the caller closes the connection.
        """
        if self._decided:
            return data
        # The first byte of a frame's length is 0 below the usual frame limit.
        if not self._kept and not self._header_read and data[:1] == b"\x00":
            self._decided = True
            return data
        self._kept += data
        if not self._header_read and not self._read_header():
            return None
        return self._begin_stream()

    def _read_header(self) -> bool:
        """Remove a PROXY header, if there is one; False until that is decided."""
        kept = self._kept
        if kept.startswith(_V1_PREFIX):
            header_end = self._read_v1()
        elif kept.startswith(_V2_SIGNATURE):
            header_end = self._read_v2()
        elif _V1_PREFIX.startswith(kept) or _V2_SIGNATURE.startswith(kept):
            return False
        else:
            header_end = 0
        if header_end is None:
            return False
        del kept[:header_end]
        self._header_read = True
        self.is_proxied = header_end > 0
        return True

    def _begin_stream(self) -> bytes | None:
        """The first bytes of the stream itself decide between TLS, HTTP and frames."""
        if not self._kept:
            return None
        if self._knows_http:
            found = is_http(self._kept)
            if found is None:
                return None
            self.is_http = found
        self.is_tls = self._kept[0] == _TLS_HANDSHAKE
        self._decided = True
        stream = bytes(self._kept)
        self._kept.clear()
        return stream

    def _read_v1(self) -> int | None:
        line_end = self._kept.find(b"\r\n", 0, _V1_MAX_BYTES)
        if line_end < 0:
            if len(self._kept) >= _V1_MAX_BYTES:
                raise ProxyHeaderInvalid(
                    f"the line does not end within {_V1_MAX_BYTES} bytes"
                )
            return None
        words = bytes(self._kept[:line_end]).decode("latin-1").split(" ")
        if words[:2] != ["PROXY", "UNKNOWN"]:
            self.source = _v1_source(words)
        return line_end + 2

    def _read_v2(self) -> int | None:
        if len(self._kept) < _V2_FIXED_BYTES:
            return None
        length = int.from_bytes(self._kept[14:16], "big")
        header_end = _V2_FIXED_BYTES + length
        command = _v2_command(self._kept[12])
        if command == _V2_PROXY:
            _check_v2_family(self._kept[13], length)
        if len(self._kept) < header_end:
            return None
        if command == _V2_PROXY:
            family = self._kept[13] >> 4
            self.source = _v2_source(
                family, bytes(self._kept[_V2_FIXED_BYTES:header_end])
            )
        return header_end


def _v1_source(words: list[str]) -> tuple[str, int]:
    if len(words) != 6 or words[0] != "PROXY" or words[1] not in ("TCP4", "TCP6"):
        raise ProxyHeaderInvalid(
            "expected PROXY, TCP4 or TCP6, two addresses and two ports"
        )
    _, family, source, destination, source_port, destination_port = words
    _v1_address(family, destination)
    _v1_port(destination_port)
    return _v1_address(family, source), _v1_port(source_port)


def _v1_address(family: str, text: str) -> str:
    try:
        if family == "TCP4":
            return str(IPv4Address(text))
        address = IPv6Address(text)
    except ValueError:
        raise ProxyHeaderInvalid(f"'{text}' is not an address of {family}") from None
    if address.scope_id is not None:
        raise ProxyHeaderInvalid(f"'{text}' is not an address of {family}")
    return str(address)


def _v1_port(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= 5
    if not is_number or int(text) > 0xFFFF:
        raise ProxyHeaderInvalid(f"'{text}' is not a port")
    return int(text)


def _v2_command(version_and_command: int) -> int:
    version, command = divmod(version_and_command, 16)
    if version != _V2_VERSION:
        raise ProxyHeaderInvalid(f"version {version} is not 2")
    if command not in (_V2_LOCAL, _V2_PROXY):
        raise ProxyHeaderInvalid(
            f"command {command} is neither 0 (LOCAL) nor 1 (PROXY)"
        )
    return command


def _check_v2_family(family_and_transport: int, length: int) -> None:
    family, transport = divmod(family_and_transport, 16)
    if family > _V2_MAX_FAMILY:
        raise ProxyHeaderInvalid(f"address family {family} is unknown")
    if transport > _V2_MAX_TRANSPORT:
        raise ProxyHeaderInvalid(f"transport {transport} is unknown")
    if length < _V2_ADDRESS_BYTES[family]:
        raise ProxyHeaderInvalid(
            f"{length} bytes have no room for the addresses of family {family}"
        )


def _v2_source(family: int, block: bytes) -> tuple[str, int] | None:
    if family == _V2_INET:
        return str(IPv4Address(block[:4])), int.from_bytes(block[8:10], "big")
    if family == _V2_INET6:
        return str(IPv6Address(block[:16])), int.from_bytes(block[32:34], "big")
    return None
