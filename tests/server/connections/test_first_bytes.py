"""PROXY protocol, TLS and plain frames, told apart by their first bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namesrv.errors import ConnectionFault, ProxyHeaderInvalid
from namesrv.options import BY_NAME
from namesrv.server.connections.first_bytes import HTTP_BEGINNINGS, Sniffer

untimed = settings(deadline=None)

FRAME = b"\x00\x00\x00\x0a\x00\x00\x00\x06{    }"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
INET = bytes([1, 2, 3, 4, 5, 6, 7, 8]) + b"\x04\x57\x08\xae"
INET6 = bytes(15) + b"\x01" + bytes(15) + b"\x02" + b"\x04\x57\x08\xae"
TLV = b"\x01\x00\x02h2"


def v2(
    command: int, family: int, block: bytes, version: int = 2, length: int | None = None
) -> bytes:
    size = len(block) if length is None else length
    head = bytes([version << 4 | command, family]) + size.to_bytes(2, "big")
    return SIGNATURE + head + block


PROXY_HEADERS = [
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n", ("1.2.3.4", 1111)),
    (b"PROXY TCP6 ::1 ::2 1111 2222\r\n", ("::1", 1111)),
    (b"PROXY TCP6 2001:DB8:0::1 ::2 0 65535\r\n", ("2001:db8::1", 0)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f...f ffff:f...f 65535 65535\r\n", None),
    (b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n", None),
    (v2(1, 0x11, INET), ("1.2.3.4", 1111)),
    (v2(1, 0x12, INET), ("1.2.3.4", 1111)),
    (v2(1, 0x11, INET + TLV), ("1.2.3.4", 1111)),
    (v2(1, 0x21, INET6), ("::1", 1111)),
    (v2(1, 0x22, INET6 + TLV), ("::1", 1111)),
    (v2(1, 0x31, bytes(216)), None),
    (v2(1, 0x32, bytes(216) + TLV), None),
    (v2(1, 0x00, b""), None),
    (v2(1, 0x00, TLV), None),
    (v2(0, 0x00, b""), None),
    (v2(0, 0x11, INET), None),
    (v2(0, 0xFF, b"\x01"), None),
    (v2(1, 0x11, INET + bytes(65523)), ("1.2.3.4", 1111)),
]
header_cases = pytest.mark.parametrize(
    ("header", "source"),
    PROXY_HEADERS,
    ids=[repr(header[:24]) + str(len(header)) for header, _ in PROXY_HEADERS],
)


class TestPlainFrames:
    def test_pass_at_once_and_unchanged(self) -> None:
        sniffer = Sniffer()
        assert sniffer.feed(FRAME) is FRAME
        assert sniffer.feed(FRAME) is FRAME
        assert sniffer.source is None

    @pytest.mark.parametrize(
        "first",
        [b"\x00", b"\x01", b"\xff", b"G", b"PO", b"PROX\x00", b"\r\r", b"\r\n\r\n\x01"],
    )
    def test_nothing_is_waited_for(self, first: bytes) -> None:
        assert Sniffer().feed(first) == first

    def test_only_a_proper_prefix_of_a_proxy_header_is_kept(self) -> None:
        for prefix in (b"PROXY", SIGNATURE):
            for length in range(1, len(prefix)):
                sniffer = Sniffer()
                assert sniffer.feed(prefix[:length]) is None
                assert sniffer.feed(b"\x99rest") == prefix[:length] + b"\x99rest"

    def test_no_bytes_decide_nothing(self) -> None:
        sniffer = Sniffer()
        assert sniffer.feed(b"") is None
        assert sniffer.feed(FRAME) == FRAME

    def test_header_bytes_within_the_stream_are_left_alone(self) -> None:
        sniffer = Sniffer()
        sniffer.feed(FRAME)
        assert sniffer.feed(b"PROXY UNKNOWN\r\n") == b"PROXY UNKNOWN\r\n"
        assert sniffer.feed(b"\x16") == b"\x16"


class TestProxyHeaders:
    @header_cases
    def test_are_taken_off(self, header: bytes, source: tuple[str, int] | None) -> None:
        sniffer = Sniffer()
        assert sniffer.feed(header + FRAME) == FRAME
        assert sniffer.source == source

    @header_cases
    def test_alone_and_the_frame_later(
        self, header: bytes, source: tuple[str, int] | None
    ) -> None:
        sniffer = Sniffer()
        assert sniffer.feed(header) is None
        assert sniffer.source == source
        assert sniffer.feed(FRAME) == FRAME
        assert sniffer.feed(FRAME) is FRAME

    @header_cases
    def test_split_in_two_at_every_byte(
        self, header: bytes, source: tuple[str, int] | None
    ) -> None:
        data = header + FRAME
        cuts = {*range(min(len(data), 260)), len(header) - 1, len(header)}
        for cut in sorted(cuts - {0}):
            sniffer = Sniffer()
            stream = [sniffer.feed(data[:cut]), sniffer.feed(data[cut:])]
            assert b"".join(part or b"" for part in stream) == FRAME
            assert sniffer.source == source

    @header_cases
    def test_byte_by_byte(self, header: bytes, source: tuple[str, int] | None) -> None:
        sniffer = Sniffer()
        for at in range(len(header)):
            assert sniffer.feed(header[at : at + 1]) is None
        assert sniffer.feed(FRAME[:1]) == FRAME[:1]
        assert sniffer.source == source

    @pytest.mark.parametrize("second", [b"PROXY UNKNOWN\r\n", v2(0, 0, b"")])
    def test_only_one_is_taken_off(self, second: bytes) -> None:
        sniffer = Sniffer()
        assert sniffer.feed(PROXY_HEADERS[0][0] + second) == second
        assert sniffer.source == ("1.2.3.4", 1111)


class TestMalformedHeaders:
    @pytest.mark.parametrize(
        "header",
        [
            b"PROXY nonsense here\r\n",
            b"PROXY\r\n",
            b"PROXY \r\n",
            b"PROXYUNKNOWN\r\n",
            b"PROXY TCP4\r\n",
            b"PROXY TCP5 1.2.3.4 5.6.7.8 1111 2222\r\n",
            b"PROXY tcp4 1.2.3.4 5.6.7.8 1111 2222\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1111\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222 3\r\n",
            b"PROXY TCP4  1.2.3.4 5.6.7.8 1111 2222\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222 \r\n",
            b"PROXY TCP4 1.2.3.256 5.6.7.8 1111 2222\r\n",
            b"PROXY TCP4 1.2.3.4 host 1111 2222\r\n",
            b"PROXY TCP4 ::1 5.6.7.8 1111 2222\r\n",
            b"PROXY TCP6 1.2.3.4 5.6.7.8 1111 2222\r\n",
            b"PROXY TCP6 fe80::1%eth0 ::2 1111 2222\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 65536 2222\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 -1\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 +1 2222\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 \xb2 2222\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 \r\n",
            b"PROXY TCP4 1.2.3.4\x005.6.7.8 1111 2222\r\n",
            b"PROXY UNKNOWN " + b"x" * 93 + b"\r\n",
            b"PROXY " + b"\n" * 102,
            v2(1, 0x11, INET, version=1),
            v2(0, 0x00, b"", version=3),
            v2(2, 0x11, INET),
            v2(15, 0x11, INET),
            v2(1, 0x41, INET6),
            v2(1, 0xF1, INET6),
            v2(1, 0x13, INET),
            v2(1, 0x11, INET[:-1]),
            v2(1, 0x21, INET6[:-1]),
            v2(1, 0x31, bytes(215)),
            v2(1, 0x11, b""),
        ],
    )
    def test_raise_whole_and_byte_by_byte(self, header: bytes) -> None:
        with pytest.raises(ProxyHeaderInvalid):
            Sniffer().feed(header + FRAME)
        sniffer = Sniffer()
        with pytest.raises(ProxyHeaderInvalid):
            for at in range(len(header)):
                assert sniffer.feed(header[at : at + 1]) is None

    def test_a_line_without_end_is_given_up_after_108_bytes(self) -> None:
        sniffer = Sniffer()
        assert sniffer.feed(b"PROXY" + b"x" * 102) is None
        with pytest.raises(ProxyHeaderInvalid, match="108"):
            sniffer.feed(b"x")


class TestTls:
    HELLO = b"\x16\x03\x01\x02\x00\x01"

    def test_a_hello_is_known_by_its_first_byte(self) -> None:
        for hello in (self.HELLO, self.HELLO[:1]):
            sniffer = Sniffer()
            assert not sniffer.is_tls
            assert sniffer.feed(hello) == hello
            assert sniffer.is_tls

    @header_cases
    def test_a_hello_after_a_proxy_header(
        self, header: bytes, source: tuple[str, int] | None
    ) -> None:
        sniffer = Sniffer()
        assert sniffer.feed(header + self.HELLO) == self.HELLO
        assert sniffer.is_tls
        assert sniffer.source == source
        later = Sniffer()
        assert later.feed(header) is None
        assert later.feed(self.HELLO) == self.HELLO
        assert later.is_tls

    @pytest.mark.parametrize("first", [b"\x00", b"\x15", b"\x17", b"\x80", b"P?"])
    def test_everything_else_is_no_tls(self, first: bytes) -> None:
        sniffer = Sniffer()
        assert sniffer.feed(first) == first
        assert sniffer.feed(self.HELLO) == self.HELLO
        assert not sniffer.is_tls


starts = st.sampled_from(
    [b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]
)


@untimed
@given(starts, st.binary(max_size=140), st.lists(st.integers(0, 160), max_size=4))
def test_however_it_is_split_the_outcome_is_the_same(
    start: bytes, rest: bytes, cuts: list[int]
) -> None:
    data = start + rest

    def outcome(pieces: list[bytes]) -> tuple[bytes, object, str]:
        sniffer = Sniffer()
        stream = b""
        try:
            for piece in pieces:
                stream += sniffer.feed(piece) or b""
        except ConnectionFault as fault:
            return stream, sniffer.source, type(fault).__name__
        return stream, sniffer.source, ""

    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[low:high] for low, high in zip(edges, edges[1:], strict=False)]
    assert outcome(pieces) == outcome([data])


class TestHttp:
    @pytest.mark.parametrize("beginning", HTTP_BEGINNINGS)
    def test_is_known_by_its_first_word(self, beginning: bytes) -> None:
        for end in range(1, len(beginning)):
            sniffer = Sniffer(knows_http=True)
            assert sniffer.feed(beginning[:end]) is None
            assert sniffer.kept_bytes == end
            rest = beginning[end:] + b"/"
            assert sniffer.feed(rest) == beginning + b"/"
            assert sniffer.is_http and sniffer.kept_bytes == 0

    @pytest.mark.parametrize("beginning", HTTP_BEGINNINGS)
    @header_cases
    def test_follows_a_proxy_header(
        self, header: bytes, source: tuple[str, int] | None, beginning: bytes
    ) -> None:
        sniffer = Sniffer(knows_http=True)
        assert sniffer.feed(header + beginning) == beginning
        assert sniffer.is_http and sniffer.source == source

    @pytest.mark.parametrize(
        "first",
        [FRAME, b"GETS", b"get /", b"POST/", b"PROXIES", b"\x16\x03", b"DELETES "],
    )
    def test_everything_else_is_none(self, first: bytes) -> None:
        sniffer = Sniffer(knows_http=True)
        assert sniffer.feed(first) == first
        assert not sniffer.is_http

    def test_is_unknown_by_default(self) -> None:
        sniffer = Sniffer()
        assert sniffer.feed(b"GET /") == b"GET /"
        assert not sniffer.is_http

    @pytest.mark.parametrize("beginning", HTTP_BEGINNINGS)
    def test_no_frame_begins_so(self, beginning: bytes) -> None:
        longest = BY_NAME["frameMaxLength"].maximum
        assert int.from_bytes(beginning[:1] + b"\0\0\0") > longest
