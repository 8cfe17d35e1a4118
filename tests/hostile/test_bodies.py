"""Bodies that cannot be read or are meant to hurt: code 1, and the connection stays."""

import contextlib
import struct
import zlib
from collections.abc import Callable

import pytest

from namesrv.codes import RequestCode, ResponseCode
from namesrv.testing.peer import Answer, Peer, block, lookup, request
from tests.hostile.attacked_server import AttackedServer, send_what_is_taken
from tests.hostile.conftest import Lay

MIB = 1 << 20
FRAME_MAX_BYTES = 16 * MIB
DEEP = 100_000
BODY_BYTES = 15 * MIB
"""Of the bodies that fill a frame; the header needs some of it."""

BROKER = {
    "brokerAddr": "127.0.0.1:1",
    "brokerId": "0",
    "brokerName": "hostile",
    "clusterName": "c",
}
DEFLATED = BROKER | {"compressed": "true"}


def register(body: bytes, ext_fields: dict[str, str] | None = None) -> bytes:
    """REGISTER_BROKER with any body."""
    fields: dict[str, str | None] = {**(ext_fields or BROKER)}
    return request(RequestCode.REGISTER_BROKER, fields, body, opaque=7)


def assert_refused(peer: Peer, answer: Answer) -> None:
    """Code 1 with a remark a person can read, and the connection goes on."""
    assert (answer.code, answer.opaque) == (ResponseCode.SYSTEM_ERROR, 7)
    assert answer.remark and len(answer.remark) < 300
    assert not answer.remark.startswith("internal error")
    assert peer.ask(lookup("t", 8)).opaque == 8


def repeated(piece: bytes, size: int = BODY_BYTES) -> bytes:
    """As many pieces as there is room for."""
    return piece * (size // len(piece))


VERSION = block(b'{"counter":1,"stateVersion":0,"timestamp":1}')

BODIES = {
    "one brace": b"{",
    "a number": b"7",
    "a string": b'"body"',
    "NUL": b"\0",
    "not UTF-8": b'{"filterServerList":["\xff"]}',
    "wrapper of a number": b'{"topicConfigSerializeWrapper":5}',
    "topics in an array": b'{"topicConfigSerializeWrapper":{"topicConfigTable":[1]}}',
    "perm of a word": (
        b'{"topicConfigSerializeWrapper":{"topicConfigTable":{"t":{"perm":"x"}}}}'
    ),
    "deep arrays": b"[" * DEEP,
    "deep and closed": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep inside": (
        b'{"topicConfigSerializeWrapper":' + b"[" * DEEP + b"]" * DEEP + b"}"
    ),
    "deep in what is ignored": b'{"x":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep and lenient": b"{'x':" + b"[" * DEEP + b"]" * DEEP + b"}",
}

DEFLATED_BODIES = {
    "not deflated": b"plain",
    "cut short": zlib.compress(VERSION * 100)[:-8],
    "block below 0": zlib.compress(struct.pack(">i", -1)),
    "block longer than all": zlib.compress(struct.pack(">i", 2**31 - 1)),
    "2^31 - 1 topics": zlib.compress(VERSION + struct.pack(">i", 2**31 - 1)),
    "topic without words": zlib.compress(VERSION + struct.pack(">i", 1) + block(b"")),
    "version that is deep": zlib.compress(block(b"[" * DEEP + b"]" * DEEP)),
}


@pytest.mark.parametrize("name", BODIES)
def test_body_that_cannot_be_read(attacked: AttackedServer, name: str) -> None:
    with attacked.server.peer() as peer:
        assert_refused(peer, peer.ask(register(BODIES[name])))


@pytest.mark.parametrize("name", DEFLATED_BODIES)
def test_deflated_body_that_cannot_be_read(attacked: AttackedServer, name: str) -> None:
    with attacked.server.peer() as peer:
        body = DEFLATED_BODIES[name]
        assert_refused(peer, peer.ask(register(body, DEFLATED)))


@pytest.mark.parametrize(
    "code", [RequestCode.QUERY_DATA_VERSION, RequestCode.REGISTER_TOPIC_IN_NAMESRV]
)
@pytest.mark.parametrize(
    "body", [b"{", b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP, b"\xff", b"7"]
)
def test_small_body_that_cannot_be_read(
    attacked: AttackedServer, code: int, body: bytes
) -> None:
    fields: dict[str, str | None] = {**BROKER, "topic": "t"}
    with attacked.server.peer() as peer:
        answer = peer.ask(request(code, fields, body, opaque=7))
        assert answer.opaque == 7
        assert answer.code in (ResponseCode.SUCCESS, ResponseCode.SYSTEM_ERROR)
        assert not (answer.remark or "").startswith("internal error")
        assert peer.ask(lookup("t", 8)).opaque == 8


def test_wrong_checksum(attacked: AttackedServer) -> None:
    with attacked.server.peer() as peer:
        answer = peer.ask(register(b"{}", BROKER | {"bodyCrc32": "1"}))
        assert_refused(peer, answer)
        assert answer.remark == "crc32 not match"


class TestBombs:
    """Small bodies that inflate to large ones."""

    def test_sixteen_gigabytes_of_zeros(self, lay_siege: Lay) -> None:
        attacked = lay_siege()
        # 16 MiB in 16 KB, after which the same bytes mean the same again.
        deflater = zlib.compressobj(9)
        head = deflater.compress(b"") + deflater.flush(zlib.Z_FULL_FLUSH)
        zeros = deflater.compress(bytes(16 * MIB)) + deflater.flush(zlib.Z_FULL_FLUSH)
        bomb = head + repeated(zeros)
        assert len(bomb) > 12 * MIB
        with attacked.server.peer() as peer:
            answer = peer.ask(register(bomb, DEFLATED))
            assert_refused(peer, answer)
            assert answer.remark is not None
            assert f"inflates to more than {64 * MIB} bytes" in answer.remark

    @pytest.mark.parametrize(
        ("before", "entry", "after"),
        [
            (b"", b"t 1 1 1 SINGLE_TAG", block(b"[]") + bytes(4)),
            (bytes(4) + block(b"[]"), b'{"topic":"t"}', b""),
        ],
        ids=["topics", "mappings"],
    )
    def test_millions_of_entries(
        self, lay_siege: Lay, before: bytes, entry: bytes, after: bytes
    ) -> None:
        attacked = lay_siege()
        count = 48 * MIB // len(block(entry))
        entries = struct.pack(">i", count) + block(entry) * count
        bomb = zlib.compress(VERSION + before + entries + after)
        assert len(bomb) < MIB
        with attacked.server.peer() as peer:
            answer = peer.ask(register(bomb, DEFLATED))
            assert_refused(peer, answer)
            assert f"registration of {count} topics, the limit" in (answer.remark or "")

    def test_limit_is_the_option(self, lay_siege: Lay) -> None:
        attacked = lay_siege("--body-max-inflated-bytes", "2048")
        with attacked.server.peer() as peer:
            answer = peer.ask(register(zlib.compress(bytes(2049)), DEFLATED))
            assert_refused(peer, answer)
            assert "inflates to more than 2048 bytes" in (answer.remark or "")

    def test_bomb_flagged_as_plain_is_refused(self, lay_siege: Lay) -> None:
        attacked = lay_siege("--body-max-inflated-bytes", "2048")
        with attacked.server.peer() as peer:
            assert_refused(peer, peer.ask(register(zlib.compress(bytes(MIB)), BROKER)))

    def test_several_bombs_at_once(self, lay_siege: Lay) -> None:
        attacked = lay_siege()
        bomb = register(zlib.compress(bytes(65 * MIB), 1), DEFLATED)
        peers = [attacked.peer() for _ in range(5)]
        for peer in peers:
            peer.send(bomb)
        attacked.ask_witness()
        for peer in peers:
            assert_refused(peer, peer.read_answer())
        # They are inflated one after the other, and freed in between.
        assert attacked.server.peak_mib() < attacked.before_mib + 300


# Each is made when it is needed: all of them are 300 MB.
LARGE_BODIES: dict[str, Callable[[], bytes]] = {
    "arrays in arrays": lambda: repeated(b"["),
    "objects in objects": lambda: repeated(b'{"a":'),
    "ones": lambda: b'{"a":[' + repeated(b"1,") + b"1]}",
    "empty objects": lambda: b'{"a":[' + repeated(b"{},") + b"1]}",
    "names of one letter": lambda: b"{" + repeated(b"a:1,") + b"}",
    "commas": lambda: b"{'a':[" + repeated(b",") + b"1]}",
    "blanks": lambda: repeated(b" "),
    "a comment": lambda: b"/" + repeated(b"*"),
    "escapes": lambda: b"{'a':'" + repeated(b"\\u0041") + b"'}",
    "a text without an end": lambda: b'{"a":"' + repeated(b"\\n"),
    "pairs of quotes": lambda: b"{'a':" + repeated(b'""'),
    "one number": lambda: b"{'a':" + repeated(b"1") + b"}",
    "one exponent": lambda: b"{'perm':1e" + repeated(b"9") + b"}",
    "bare names": lambda: b"{" + repeated(b"1:1,") + b"}",
    "bare names in each other": lambda: repeated(b"{1:"),
    "one bare name": lambda: b"{" + repeated(b"1"),
    "names without numbers": lambda: repeated(b"{,-"),
    "Latin-1": lambda: b"{'a':'" + repeated(b"\xe9"),
    "filter servers without an end": lambda: (
        b'{"filterServerList":[' + repeated(b'"a",')
    ),
}


@pytest.mark.parametrize("name", LARGE_BODIES)
def test_large_body_is_answered_and_others_are_served(
    attacked: AttackedServer, name: str
) -> None:
    with attacked.server.peer() as peer:
        peer.send(register(LARGE_BODIES[name]()))
        seconds = attacked.ask_witness()
        answer = peer.read_answer()
        # Those that are JSON and say nothing register nothing.
        if answer.code != ResponseCode.SUCCESS:
            assert_refused(peer, answer)
    print(f"{name}: another connection waited {seconds:.2f} s")


LARGE_HEADERS: dict[str, Callable[[], bytes]] = {
    "members": lambda: (
        b'{"code":105,'
        + b",".join(b'"%d":1' % number for number in range(1_200_000))
        + b"}"
    ),
    "extFields": lambda: (
        b'{"code":105,"extFields":{'
        + b",".join(b'"%d":1' % number for number in range(1_200_000))
        + b"}}"
    ),
    "arrays": lambda: repeated(b"["),
    "blanks": lambda: b'{"code":105' + repeated(b" ") + b"x",
}


def send_to_its_end(attacked: AttackedServer, peer: Peer, frame: bytes) -> float:
    """Send what closes its connection, maybe before all of it was read; seconds that
    the witness waited."""
    send_what_is_taken(peer, frame)
    seconds = attacked.ask_witness()
    with contextlib.suppress(ConnectionError):
        assert peer.read_to_end() == b""
    return seconds


@pytest.mark.parametrize("pair", [b"\0\1a\0\0\0\1b", bytes(6)])
def test_large_binary_header_is_closed(attacked: AttackedServer, pair: bytes) -> None:
    ext = repeated(pair)
    fixed = struct.pack(">hBhiii", 105, 0, 479, 7, 0, 0)
    header = fixed + struct.pack(">i", len(ext)) + ext
    with attacked.server.peer() as peer:
        mark = 1 << 24 | len(header)
        frame = (4 + len(header)).to_bytes(4) + mark.to_bytes(4) + header
        seconds = send_to_its_end(attacked, peer, frame)
    print(f"another connection waited {seconds:.2f} s")


@pytest.mark.parametrize("name", LARGE_HEADERS)
def test_large_header_is_closed_and_others_are_served(
    attacked: AttackedServer, name: str
) -> None:
    header = LARGE_HEADERS[name]()
    with attacked.server.peer() as peer:
        length = 4 + len(header)
        frame = length.to_bytes(4) + len(header).to_bytes(4) + header
        seconds = send_to_its_end(attacked, peer, frame)
    print(f"{name}: another connection waited {seconds:.2f} s")


def test_large_frame_leaves_no_room_behind_while_its_sender_waits(
    attacked: AttackedServer,
) -> None:
    before = attacked.server.rss_mib()
    peers = [attacked.peer() for _ in range(30)]
    for peer in peers:
        # One byte of the next frame keeps the connection waiting for more.
        peer.send(request(999, {}, bytes(BODY_BYTES)) + b"\0")
        assert peer.read_answer().code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED
    assert attacked.server.rss_mib() < before + 100
    for peer in peers:
        peer.reset()
