"""Headers that nearly repeat an earlier one: the compiled twin compares them with it.

What the connection makes of a header must not depend on the ones before.
"""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namesrv.hot_path import LONGEST_HOT_HEADER_BYTES, HotCode
from namesrv.testing.peer import Broker, frame, header_json
from tests.hot_path.captured_headers import CAPTURED
from tests.parity.headers import json_headers
from tests.parity.twins import FAST, PURE

BROKER = Broker()
HEARTBEAT = header_json(904, BROKER.ext_fields, opaque=-17)
FORMS = {name: header.encode() for name, header in CAPTURED}
FORMS["heartbeat"] = HEARTBEAT
FORMS["with a wish"] = header_json(
    105, {"topic": "TopicA", "acceptStandardJsonOnly": "true"}, version=317
)
FORMS["with a zone"] = header_json(105, {"topic": "TopicA", "__ZONE_MODE": "true"})
BYTES = b'"\\{}:,019-+ \t\n\0\x1f\x7f\x80\xffaT_'
VALUES = [
    *(b"0", b"-0", b"00", b"01", b"-1", b"-01", b"+1", b"1.0", b"1e0", b"", b"-"),
    *(b"2147483647", b"2147483648", b"-2147483648", b"-2147483649", b"9999999999"),
    *(b"10000000000", b"null", b"true", b"false", b'""', b'"5"', b"{}", b"[]", b" 7"),
    *(b"7 ", b'"TopicA"', b'"TopicB"', b'"Topic\\A"', b'"Topic"A"', b'"\xc3\xa9"'),
    *(b'"' + b"x" * 3000 + b'"', b'"' + b"x" * LONGEST_HOT_HEADER_BYTES + b'"'),
]


class Twin:
    """A hot path of one twin that remembers what it left to the processor."""

    def __init__(self, hot: Any) -> None:
        self.hot = hot
        self.cold: list[tuple[Any, ...]] = []
        self.answers = hot.RouteAnswers(1 << 20)
        for topic in ("TopicA", "T", ""):
            self.answers.mark(topic)
            for standard in (False, True):
                self.answers.put(topic, standard, f"{topic} {standard}".encode())
        self.live = hot.BrokerLiveTable()
        self.path = hot.HotPath(self.answers, self.live, self.leave, 1 << 24)
        self.path.hot_codes = int(HotCode.ROUTE | HotCode.HEARTBEAT)
        self.connections = [hot.Connection(self.path, f"peer {n}") for n in range(2)]
        key = BROKER.cluster, BROKER.addr, BROKER.name
        self.info = hot.BrokerLiveInfo(*key, 100, None, None, None)
        self.live.put(self.info, 0)

    def leave(
        self, serialize_type: int, header: bytes, body: Any, peer: Any, now: int
    ) -> bytes:
        self.cold.append((serialize_type, header, body, peer.remote_address, now))
        return b"<cold>"

    def send(
        self, header: bytes, number: int, now_ms: int, cut: int
    ) -> tuple[Any, ...]:
        data, receive = frame(header), self.connections[number].receive
        output = receive(data[:cut], now_ms) + receive(data[cut:], now_ms)
        return output, self.cold[-1:], self.info.last_update_timestamp


class Pair:
    """The same to both twins."""

    def __init__(self) -> None:
        self.pure, self.fast = Twin(PURE), Twin(FAST)
        self.sent = 0

    def send(self, header: bytes, number: int = 0, cut: int = 0) -> bool:
        """Whether the hot path answered it; with `cut` it comes in two reads."""
        self.sent += 1
        seen = self.pure.send(header, number, self.sent, cut)
        assert self.fast.send(header, number, self.sent, cut) == seen, header
        return seen[0] != b"<cold>"


@pytest.fixture
def pair() -> Pair:
    return Pair()


@pytest.mark.parametrize("name", FORMS)
def test_a_byte_changed_left_out_or_put_in(pair: Pair, name: str) -> None:
    header = FORMS[name]
    for at in range(len(header) + 1):
        pair.send(header)
        pair.send(header[:at] + header[at + 1 :])
        pair.send(header[:at])
        # Memory of its own ends where the header does.
        pair.send(header[:at], cut=1)
        for byte in BYTES:
            pair.send(header[:at] + bytes([byte]) + header[at + 1 :])
            pair.send(header[:at] + bytes([byte]) + header[at:])


@pytest.mark.parametrize("name", FORMS)
def test_any_value_in_the_place_of_another(pair: Pair, name: str) -> None:
    header = FORMS[name]
    known = {b'"TopicA"', b'"true"', b'"JAVA"', b"105", b"904", b"317", b"479", b"-17"}
    values = [value for value in known if value in header]
    assert values
    for value in values:
        for other in VALUES:
            pair.send(header)
            pair.send(header.replace(value, other))


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("digits", range(1, 12))
def test_numbers_of_any_length_with_any_byte_changed(
    pair: Pair, sign: str, digits: int
) -> None:
    number = (sign + "1980274635126"[:digits]).encode()
    header = HEARTBEAT.replace(b"-17", number)
    assert pair.send(header) is (digits < 11)
    for at in range(header.index(number), header.index(number) + len(number)):
        for byte in b"/0189:,-\x00\xb0":
            pair.send(HEARTBEAT)
            pair.send(header[:at] + bytes([byte]) + header[at + 1 :])


def test_numbers_around_each_power_of_ten_are_answered_alike(pair: Pair) -> None:
    chance = Random(11)
    near = [10**n + more for n in range(10) for more in (-1, 0, 1)]
    near += [2**31 - 1, *(chance.randrange(2**31) for _ in range(1000))]
    for number in near:
        for opaque in (number, -number):
            header = header_json(105, {"topic": "TopicA"}, opaque=opaque)
            assert pair.send(header)
            output = pair.fast.send(header, 0, 0, 0)[0]
            assert b'"opaque":%d,' % opaque in output


@pytest.mark.parametrize("length", range(1, 26))
def test_topics_of_any_length_with_any_byte_changed(pair: Pair, length: int) -> None:
    topic = "abcdefghijklmnopqrstuvwxyz"[:length]
    for twin in (pair.pure, pair.fast):
        twin.answers.mark(topic)
        twin.answers.put(topic, True, b"ready")
    header = header_json(105, {"topic": topic})
    assert pair.send(header)
    for at in range(header.index(topic.encode()), header.index(b'"}')):
        for byte in b'A"\\\x1f \x7f\x80\xff':
            pair.send(header)
            pair.send(header[:at] + bytes([byte]) + header[at + 1 :])


def test_more_forms_than_are_kept_in_any_order(pair: Pair) -> None:
    chance = Random(5)
    answered = 0
    for _ in range(3000):
        more = {f"n{i}": "v" for i in range(chance.choice([0, 1, 2, 3, 20]))}
        ext = more | {"topic": chance.choice(["TopicA", "T", "unknown"])}
        header = header_json(
            105,
            ext,
            opaque=chance.choice([0, 7, -1, 2**31 - 1, -(2**31)]),
            version=chance.choice([0, 317, 400, 401, 479]),
            flag=chance.choice([0, 2]),
        )
        answered += pair.send(header, chance.randrange(2))
    assert answered == 3000


def test_many_members_in_the_place_of_few(pair: Pair) -> None:
    for count in range(40):
        ext = {f"n{i}": f"v{i}" for i in range(count)} | {"topic": "TopicA"}
        for opaque in (1, 2):
            assert pair.send(header_json(105, ext, opaque=opaque)) is (count < 32)


def test_a_value_that_is_no_text_is_kept_with_the_form(pair: Pair) -> None:
    """The form outlives the bytes that it was learned from."""
    header = header_json(904, {"clusterName": 7, "brokerAddr": "a" * 40})
    for twin in (pair.pure, pair.fast):
        info = twin.hot.BrokerLiveInfo("7", "a" * 40, "b", 1, None, None, None)
        twin.live.put(info, 0)
        twin.info = info
    size = len(frame(header))
    others = []
    for _ in range(50):
        assert pair.send(header)
        assert pair.fast.info.last_update_timestamp == pair.sent
        # What takes the place of those bytes.
        others += [bytes(size) for _ in range(50)]


def test_only_json_headers_are_compared_with_json_headers(pair: Pair) -> None:
    header = FORMS["mqadmin"]
    assert pair.send(header)
    for twin in (pair.pure, pair.fast):
        output = twin.connections[0].receive(frame(header, b"", 1), 9)
        assert output == b"<cold>"
        assert twin.cold[-1][0] == 1


@settings(max_examples=4 * settings().max_examples)
@given(st.lists(json_headers(), min_size=2, max_size=6), st.data())
def test_generated_headers_one_after_the_other(
    headers: list[bytes], data: st.DataObject
) -> None:
    pair = Pair()
    for header in [*headers, *headers]:
        pair.send(header, data.draw(st.integers(0, 1)))
