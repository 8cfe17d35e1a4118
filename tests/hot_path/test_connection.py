"""One connection: bytes in, bytes out; pauses, order, and what is answered hot."""

import itertools
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.errors import FrameTooShort, HeaderInvalid
from namesrv.hot_path import (
    LARGE_REGISTRATION_BYTES,
    OUTPUT_PAUSE_BYTES,
    HotCode,
    Pause,
)
from namesrv.wire.bodies import DataVersion
from namesrv.wire.registration_digest import registration_digest
from tests.routing.peer import (
    Answer,
    Broker,
    binary_request,
    frame,
    header_json,
    read_answers,
    registration,
    registration_body,
    request,
)
from tests.routing.world import World

ALL_HOT = int(HotCode.ROUTE | HotCode.HEARTBEAT | HotCode.REGISTRATION)
LEGACY_BODY = b'{"legacy":1}'
STANDARD_BODY = b'{"standard":1}'
DATA_VERSION = b'{"counter":5,"stateVersion":0,"timestamp":1700000000000}'


class ColdPath:
    """Plays the processor: remembers what it was asked, answers what it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, bytes, bytes | None]] = []
        self.answers: list[Any] = []

    def __call__(
        self, serialize_type: int, header: bytes, body: bytes | None, *rest: Any
    ) -> bytes | None:
        self.asked.append((serialize_type, header, body))
        answer = self.answers.pop(0) if self.answers else b"<cold>"
        if isinstance(answer, Exception):
            raise answer
        return answer


class Peer:
    """A connection whose tables hold one topic and one broker."""

    def __init__(self, hot: Any, hot_codes: int = ALL_HOT) -> None:
        self.hot = hot
        self.cold = ColdPath()
        self.answers = hot.RouteAnswers(1 << 20)
        self.answers.mark("T")
        self.answers.put("T", False, LEGACY_BODY)
        self.answers.put("T", True, STANDARD_BODY)
        self.live = hot.BrokerLiveTable()
        self.path = hot.HotPath(self.answers, self.live, self.cold, 1 << 24)
        self.path.hot_codes = hot_codes
        self.connection = hot.Connection(self.path, "10.0.0.9:4000")
        self.other = hot.Connection(self.path, "10.0.0.8:4000")
        self.info = self.register()

    def register(self, broker: Broker = Broker(), body: bytes | None = None) -> Any:
        """A live broker that registered with this body from the other connection."""
        version = DataVersion(5, 0, 1_700_000_000_000)
        info = self.hot.BrokerLiveInfo(
            broker.cluster, broker.addr, broker.name, 100, version, "ha", self.other
        )
        if body is not None:
            fields = dict(registration_fields(broker, body))
            info.digest = registration_digest(479, fields, body)
            info.answer_ext_fields = "{}"
        self.live.put(info, 10)
        return info

    def send(self, *frames: bytes, now_ms: int = 1000) -> bytes:
        return self.connection.receive(b"".join(frames), now_ms)

    def answer(self, data: bytes) -> Answer | None:
        """The one answer, None when it was left to the cold path."""
        self.cold.asked.clear()
        output = self.send(data)
        if self.cold.asked:
            assert output == b"<cold>"
            return None
        (answer,) = read_answers(output)
        return answer


def registration_fields(broker: Broker, body: bytes) -> dict[str, str]:
    checksum = str(zlib.crc32(body) & 0x7FFFFFFF)
    return {**broker.ext_fields, "bodyCrc32": checksum}


def lookup(topic: str = "T", opaque: int = 0, **more: int) -> bytes:
    return request(105, {"topic": topic}, opaque=opaque, **more)


def heartbeat(broker: Broker = Broker(), **more: int) -> bytes:
    return request(904, broker.ext_fields, **more)


def repeated(broker: Broker, body: bytes, **more: int) -> bytes:
    return request(103, registration_fields(broker, body), body, **more)


@pytest.fixture
def peer(hot: Any) -> Peer:
    return Peer(hot)


# --- lookups --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "wish", "body"),
    [
        (0, None, LEGACY_BODY),
        (-1, None, LEGACY_BODY),
        (317, None, LEGACY_BODY),
        (400, None, LEGACY_BODY),
        (401, None, STANDARD_BODY),
        (479, None, STANDARD_BODY),
        (317, "true", STANDARD_BODY),
        (317, "TRUE", STANDARD_BODY),
        (317, "True", STANDARD_BODY),
        (317, "false", LEGACY_BODY),
        (317, "yes", LEGACY_BODY),
        (317, " true", LEGACY_BODY),
        (317, "", LEGACY_BODY),
        (479, "false", STANDARD_BODY),
    ],
)
def test_the_dialect_follows_version_and_wish(
    peer: Peer, version: int, wish: str | None, body: bytes
) -> None:
    ext_fields = {"topic": "T"}
    if wish is not None:
        ext_fields["acceptStandardJsonOnly"] = wish
    answer = peer.answer(request(105, ext_fields, version=version))
    assert answer is not None and answer.body == body


@pytest.mark.parametrize("write", [request, binary_request])
def test_answers_are_json_whatever_was_asked(
    peer: Peer, write: Callable[..., bytes]
) -> None:
    output = peer.send(write(105, {"topic": "T"}, opaque=-7))
    header = (
        b'{"code":0,"flag":1,"language":"JAVA","opaque":-7,'
        b'"serializeTypeCurrentRPC":"JSON","version":479}'
    )
    assert output == frame(header, STANDARD_BODY)


@pytest.mark.parametrize("topic", ["unknown", "TBW102", ""])
def test_an_unknown_topic_is_as_hot_as_a_hit(peer: Peer, topic: str) -> None:
    answer = peer.answer(lookup(topic, opaque=9))
    assert answer is not None
    assert (answer.code, answer.header["opaque"], answer.body) == (17, 9, None)


def test_a_topic_whose_answer_nobody_made_is_cold(peer: Peer) -> None:
    peer.answers.mark("T")
    assert peer.answer(lookup()) is None


@pytest.mark.parametrize(
    "ext_fields",
    [
        {"topic": "T", "__ZONE_MODE": "true"},
        {"topic": "T", "__ZONE_MODE": "false"},
        {"topic": "T", "__ZONE_MODE": ""},
        {"topic": "T", "__ZONE_MODE": "true", "__ZONE_NAME": "z"},
        {"topic": None},
        {},
        None,
    ],
)
def test_zones_and_odd_lookups_are_cold(
    peer: Peer, ext_fields: dict[str, Any] | None
) -> None:
    assert peer.answer(request(105, ext_fields)) is None


@pytest.mark.parametrize(
    "more",
    [{"__ZONE_NAME": "z"}, {"__ZONE_MODE": None}, {"ns": "x", "ReqT": "0"}],
)
def test_fields_that_mean_nothing_stay_hot(peer: Peer, more: dict[str, Any]) -> None:
    assert peer.answer(request(105, {"topic": "T", **more})) is not None


def test_other_codes_are_cold(peer: Peer) -> None:
    for code in (0, -105, 100, 104, 106, 205, 206, 318, 905, 999):
        assert peer.answer(request(code, {"topic": "T", **Broker().ext_fields})) is None


def test_the_cold_path_gets_the_frame_as_it_came(peer: Peer) -> None:
    peer.send(frame(b"anything", b"body", 1))
    peer.send(frame(b"anything"))
    assert peer.cold.asked == [(1, b"anything", b"body"), (0, b"anything", None)]


# --- what routing allows --------------------------------------------------------------


@pytest.mark.parametrize("code", [105, 904, 322, 103])
def test_a_code_outside_the_mask_is_cold(hot: Any, code: int) -> None:
    owner = {
        105: HotCode.ROUTE,
        904: HotCode.HEARTBEAT,
        322: HotCode.HEARTBEAT,
        103: HotCode.REGISTRATION,
    }[code]
    broker, body = Broker(), registration_body()
    sent = {
        105: lookup(),
        904: heartbeat(),
        322: request(322, broker.ext_fields, DATA_VERSION),
        103: repeated(broker, body),
    }[code]
    for hot_codes in (0, int(owner), ALL_HOT & ~int(owner), ALL_HOT):
        peer = Peer(hot, hot_codes)
        peer.register(broker, body)
        assert (peer.answer(sent) is not None) is bool(hot_codes & owner)


def test_the_mask_counts_from_the_next_request_on(peer: Peer) -> None:
    peer.path.hot_codes = int(HotCode.NONE)
    assert peer.answer(lookup()) is None
    peer.path.hot_codes = ALL_HOT
    assert peer.answer(lookup()) is not None


# --- flags ----------------------------------------------------------------------------


@pytest.mark.parametrize("flag", [2, 6, -2])
def test_one_way_requests_are_carried_out_and_not_answered(
    peer: Peer, flag: int
) -> None:
    assert peer.send(heartbeat(flag=flag), now_ms=77) == b""
    assert peer.info.last_update_timestamp == 77
    assert peer.send(lookup(flag=flag)) == b""
    assert peer.send(lookup("unknown", flag=flag)) == b""
    body = registration_body()
    peer.register(body=body)
    assert peer.send(repeated(Broker(), body, flag=flag), now_ms=88) == b""
    assert peer.live.get("c1", Broker().addr).last_update_timestamp == 88
    assert not peer.cold.asked


@pytest.mark.parametrize("flag", [1, 3, -1])
def test_a_response_is_never_answered_hot(peer: Peer, flag: int) -> None:
    for sent in (lookup(flag=flag), heartbeat(flag=flag)):
        peer.cold.answers = [b""]
        assert peer.send(sent, now_ms=77) == b""
        assert len(peer.cold.asked) == 1
        peer.cold.asked.clear()
    assert peer.info.last_update_timestamp == 10


@pytest.mark.parametrize("flag", [4, -(2**31), 2**31 - 4])
def test_other_flag_bits_do_not_matter(peer: Peer, flag: int) -> None:
    assert peer.answer(lookup(flag=flag)) is not None


# --- heartbeats -----------------------------------------------------------------------


def test_a_heartbeat_is_heard(peer: Peer) -> None:
    epoch = peer.info.epoch
    answer = peer.answer(heartbeat(opaque=3))
    assert answer is not None
    assert (answer.code, answer.header["opaque"]) == (0, 3)
    assert answer.ext_fields is None and answer.body is None
    assert peer.info.last_update_timestamp == 1000
    assert (peer.info.epoch, peer.info.owner) == (epoch, peer.other)


def test_a_heartbeat_of_nobody_is_a_success(peer: Peer) -> None:
    answer = peer.answer(heartbeat(Broker(addr="unknown")))
    assert answer is not None and answer.code == 0
    assert len(peer.live) == 1


@pytest.mark.parametrize("missing", ["clusterName", "brokerAddr"])
@pytest.mark.parametrize("code", [904, 322, 103])
def test_a_broker_that_is_not_named_is_cold(
    peer: Peer, code: int, missing: str
) -> None:
    ext_fields = {**Broker().ext_fields, missing: None}
    assert peer.answer(request(code, ext_fields, DATA_VERSION)) is None
    del ext_fields[missing]
    assert peer.answer(request(code, ext_fields, DATA_VERSION)) is None


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (DATA_VERSION, "false"),
        (DATA_VERSION.replace(b"5", b"6"), "true"),
        (DATA_VERSION.replace(b'"stateVersion":0', b'"stateVersion":1'), "true"),
        (DATA_VERSION.replace(b"000}", b"001}"), "true"),
    ],
)
def test_a_data_version_is_compared_and_counts_as_heartbeat(
    peer: Peer, body: bytes, changed: str
) -> None:
    answer = peer.answer(request(322, Broker().ext_fields, body))
    assert answer is not None
    assert answer.ext_fields == {"changed": changed}
    assert answer.body == DATA_VERSION
    assert peer.info.last_update_timestamp == 1000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b'{"counter":5}',
        DATA_VERSION + b" ",
        b" " + DATA_VERSION,
        DATA_VERSION.replace(b"5", b'"5"'),
        DATA_VERSION.replace(b"5", b"-5"),
        DATA_VERSION.replace(b"5", b"05"),
        DATA_VERSION.replace(b"5", b"5.0"),
        DATA_VERSION.replace(b"5", b"1234567890123456789"),
        DATA_VERSION + b"\n",
        b'{"stateVersion":0,"counter":5,"timestamp":1700000000000}',
    ],
)
def test_a_data_version_in_other_words_is_cold(peer: Peer, body: bytes) -> None:
    assert peer.answer(request(322, Broker().ext_fields, body)) is None
    assert peer.info.last_update_timestamp == 10


def test_a_data_version_of_nobody_is_cold(peer: Peer) -> None:
    unknown = Broker(addr="unknown").ext_fields
    assert peer.answer(request(322, unknown, DATA_VERSION)) is None
    nameless = peer.hot.BrokerLiveInfo("c1", "a", "b", 100, None, None, peer.other)
    peer.live.put(nameless, 10)
    undated = Broker(addr="a").ext_fields
    assert peer.answer(request(322, undated, DATA_VERSION)) is None


# --- registrations --------------------------------------------------------------------


def test_a_repeated_registration_moves_only_the_live_entry(peer: Peer) -> None:
    broker, body = Broker(id=1), registration_body()
    info = peer.register(broker, body)
    info.answer_ext_fields = '{"masterAddr":"m"}'
    peer.path.order_topic_body = b'{"table":{}}'
    digest, epoch = info.digest, info.epoch
    answer = peer.answer(repeated(broker, body, opaque=4))
    assert answer is not None
    assert (answer.code, answer.header["opaque"]) == (0, 4)
    assert answer.ext_fields == {"masterAddr": "m"}
    assert answer.body == b'{"table":{}}'
    assert info.epoch > epoch and info.digest == digest
    assert info.owner is peer.connection
    assert info.last_update_timestamp == 1000
    assert set(peer.connection.registered) == {info.key}


def test_a_registration_to_which_nothing_is_said_has_empty_ext_fields(
    peer: Peer,
) -> None:
    body = registration_body()
    peer.register(body=body)
    answer = peer.answer(repeated(Broker(), body))
    assert answer is not None
    assert answer.ext_fields == {} and answer.body is None


@pytest.mark.parametrize(
    "changes",
    [
        {"brokerId": "1"},
        {"brokerName": "b2"},
        {"haServerAddr": "x"},
        {"heartbeatTimeoutMillis": "5"},
        {"bodyCrc32": "0"},
        {"bodyCrc32": ""},
        {"bodyCrc32": None},
        {"bodyCrc32": "x"},
        {"bodyCrc32": "1"},
        {"bodyCrc32": "-5"},
        {"bodyCrc32": "12345678901"},
        {"brokerAddr": "unknown"},
        {"clusterName": "unknown"},
    ],
)
def test_a_registration_with_other_fields_is_cold(
    peer: Peer, changes: dict[str, str | None]
) -> None:
    broker, body = Broker(), registration_body()
    peer.register(broker, body)
    ext_fields = {**registration_fields(broker, body), **changes}
    assert peer.answer(request(103, ext_fields, body)) is None


def test_a_checksum_in_other_words_is_cold(peer: Peer) -> None:
    broker, body = Broker(), registration_body()
    peer.register(broker, body)
    checksum = registration_fields(broker, body)["bodyCrc32"]
    for text in (f"+{checksum}", f"0{checksum}", f" {checksum}", f"{checksum}L"):
        ext_fields = {**registration_fields(broker, body), "bodyCrc32": text}
        assert peer.answer(request(103, ext_fields, body)) is None


def test_the_checksum_covers_what_the_digest_leaves_out(peer: Peer) -> None:
    broker, body = Broker(), registration_body(sent_at=1)
    peer.register(broker, body)
    later = registration_body(sent_at=2)
    assert peer.answer(repeated(broker, later)) is not None
    wrong = request(103, registration_fields(broker, body), later)
    assert peer.answer(wrong) is None


def test_another_body_version_or_no_digest_is_cold(peer: Peer) -> None:
    broker, body = Broker(), registration_body()
    info = peer.register(broker, body)
    assert peer.answer(repeated(broker, registration_body(filters=["f"]))) is None
    assert peer.answer(repeated(broker, body, version=478)) is None
    assert peer.answer(request(103, registration_fields(broker, body))) is None
    assert peer.answer(repeated(broker, body)) is not None
    info.digest = None
    assert peer.answer(repeated(broker, body)) is None


# --- order, cuts and faults -----------------------------------------------------------


def test_answers_leave_in_the_order_of_the_requests(peer: Peer) -> None:
    peer.cold.answers = [b"<1>", b"<2>"]
    output = peer.send(
        lookup(opaque=1),
        request(106, opaque=2),
        lookup("unknown", opaque=3),
        heartbeat(opaque=4, flag=2),
        request(206, opaque=5),
        heartbeat(opaque=6),
    )
    hot_answers = [
        peer.send(sent)
        for sent in (lookup(opaque=1), lookup("unknown", opaque=3), heartbeat(opaque=6))
    ]
    first, second, third = hot_answers
    assert output == first + b"<1>" + second + b"<2>" + third


@given(st.lists(st.integers(0, 900), max_size=6))
def test_a_pipeline_may_be_cut_anywhere(hot: Any, cuts: list[int]) -> None:
    sent = b"".join(
        [
            lookup(opaque=1),
            binary_request(105, {"topic": "T"}, opaque=2, version=317),
            heartbeat(opaque=3),
            frame(header_json(105, {"topic": "unknown"}, opaque=4), b"ignored"),
            request(322, Broker().ext_fields, DATA_VERSION, opaque=5),
        ]
    )
    whole = Peer(hot).send(sent)
    assert [a.header["opaque"] for a in read_answers(whole)] == [1, 2, 3, 4, 5]
    edges = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    peer = Peer(hot)
    pieces = [
        peer.connection.receive(sent[start:end], 1000)
        for start, end in itertools.pairwise(edges)
    ]
    assert b"".join(pieces) == whole
    assert peer.connection.buffered_bytes == 0


def test_byte_by_byte_each_answer_comes_with_the_last_byte(peer: Peer) -> None:
    sent = lookup(opaque=1) + lookup(opaque=2)
    outputs = [peer.connection.receive(sent[i : i + 1], 5) for i in range(len(sent))]
    assert [i for i, output in enumerate(outputs) if output] == [
        len(sent) // 2 - 1,
        len(sent) - 1,
    ]


def test_good_frames_before_a_bad_one_are_answered(peer: Peer) -> None:
    output = peer.send(lookup(opaque=1), lookup(opaque=2), b"\0\0\0\0", lookup())
    assert [a.header["opaque"] for a in read_answers(output)] == [1, 2]
    fault = peer.connection.fault
    assert isinstance(fault, FrameTooShort)
    assert peer.connection.is_done
    assert peer.send(lookup()) == b""
    assert peer.connection.resume(5) == b""
    assert peer.connection.fault is fault


def test_a_header_that_the_processor_refuses_is_a_fault(peer: Peer) -> None:
    peer.cold.answers = [HeaderInvalid("it is odd")]
    output = peer.send(lookup(opaque=1), frame(b"{"), lookup(opaque=2))
    assert [a.header["opaque"] for a in read_answers(output)] == [1]
    assert isinstance(peer.connection.fault, HeaderInvalid)
    assert str(peer.connection.fault) == "header cannot be read: it is odd"


def test_a_new_connection_has_nothing_to_say(peer: Peer) -> None:
    connection = peer.connection
    assert connection.remote_address == "10.0.0.9:4000"
    assert connection.fault is None
    assert connection.pause == Pause.NONE
    assert not connection.finished and not connection.is_done
    assert connection.buffered_bytes == 0
    assert set(connection.registered) == set()
    assert peer.send(b"") == b""


def test_partial_frames_are_counted(peer: Peer) -> None:
    sent = lookup()
    peer.send(sent[:7])
    assert peer.connection.buffered_bytes == 7
    peer.send(sent[7:] + sent[:3])
    assert peer.connection.buffered_bytes == 3


# --- the end --------------------------------------------------------------------------


def test_a_request_and_the_end_together_are_answered(peer: Peer) -> None:
    output = peer.send(lookup())
    peer.connection.finish()
    assert output and peer.connection.is_done


def test_the_end_waits_for_a_late_answer(peer: Peer) -> None:
    peer.cold.answers = [None]
    assert peer.send(request(100), lookup(opaque=2)) == b""
    peer.connection.finish()
    assert peer.connection.finished and not peer.connection.is_done
    output = peer.connection.resume(5, b"<late>")
    assert output.startswith(b"<late>") and len(read_answers(output[6:])) == 1
    assert peer.connection.is_done


# --- pauses ---------------------------------------------------------------------------


def test_a_late_answer_keeps_its_place(peer: Peer) -> None:
    peer.cold.answers = [None]
    output = peer.send(lookup(opaque=1), request(100, opaque=2), lookup(opaque=3))
    assert [a.header["opaque"] for a in read_answers(output)] == [1]
    assert peer.connection.pause == Pause.LATER
    assert peer.connection.buffered_bytes == len(lookup(opaque=3))
    assert peer.send(lookup(opaque=4)) == b""
    assert peer.connection.buffered_bytes == 2 * len(lookup(opaque=3))
    late = request(0, opaque=2)
    output = peer.connection.resume(5, late)
    assert [a.header["opaque"] for a in read_answers(output)] == [2, 3, 4]
    assert peer.connection.pause == Pause.NONE
    assert peer.connection.buffered_bytes == 0


def test_a_late_answer_of_a_one_way_request_is_empty(peer: Peer) -> None:
    peer.cold.answers = [None, None]
    peer.send(request(100), request(100), lookup(opaque=1))
    assert peer.connection.resume(5) == b""
    assert peer.connection.pause == Pause.LATER
    assert len(read_answers(peer.connection.resume(5))) == 1


def test_much_output_pauses_and_loses_nothing(hot: Any) -> None:
    peer = Peer(hot)
    peer.answers = hot.RouteAnswers(1 << 22)
    peer.path.route_answers = peer.answers
    peer.answers.mark("T")
    peer.answers.put("T", True, bytes(300_000))
    count = 10
    output = peer.send(*(lookup(opaque=i) for i in range(count)))
    received, pauses = [output], 0
    while peer.connection.pause:
        assert peer.connection.pause == Pause.OUTPUT
        assert OUTPUT_PAUSE_BYTES <= len(received[-1]) < OUTPUT_PAUSE_BYTES + 301_000
        pauses += 1
        assert peer.connection.receive(b"", 5) == b""
        received.append(peer.connection.resume(5))
    opaques = [a.header["opaque"] for a in read_answers(b"".join(received))]
    assert opaques == list(range(count))
    assert pauses == 2


def test_a_late_answer_counts_as_output(peer: Peer) -> None:
    peer.cold.answers = [None]
    peer.send(request(100), lookup(), lookup())
    output = peer.connection.resume(5, bytes(OUTPUT_PAUSE_BYTES))
    assert len(read_answers(output[OUTPUT_PAUSE_BYTES:])) == 1
    assert peer.connection.pause == Pause.OUTPUT
    assert len(read_answers(peer.connection.resume(5))) == 1
    assert peer.connection.pause == Pause.NONE


def large(opaque: int, size: int = LARGE_REGISTRATION_BYTES) -> bytes:
    return request(103, {}, bytes(size), opaque=opaque)


def test_a_large_registration_ends_the_turn(peer: Peer) -> None:
    peer.cold.answers = [b"<large>"]
    assert peer.send(large(1), lookup(opaque=2)) == b"<large>"
    assert peer.connection.pause == Pause.TURN
    assert peer.path.turn_taken is True
    assert len(read_answers(peer.connection.resume(5))) == 1
    assert peer.connection.pause == Pause.NONE


def test_only_one_large_registration_is_handled_in_a_turn(peer: Peer) -> None:
    peer.cold.answers = [b"<1>", b"<2>", b"<3>"]
    assert peer.send(large(1), large(2)) == b"<1>"
    first, second = peer.connection, peer.other
    assert second.receive(large(3) + lookup(opaque=4), 5) == b""
    assert second.pause == Pause.TURN
    assert second.buffered_bytes >= LARGE_REGISTRATION_BYTES
    assert first.resume(5) == b"" and first.pause == Pause.TURN
    assert len(peer.cold.asked) == 1
    peer.path.turn_taken = False
    assert second.resume(5) == b"<2>" and second.pause == Pause.TURN
    assert first.resume(5) == b""
    peer.path.turn_taken = False
    assert first.resume(5) == b"<3>"
    peer.path.turn_taken = False
    assert first.resume(5) == b"" and first.pause == Pause.NONE
    assert len(read_answers(second.resume(5))) == 1


def test_small_requests_do_not_wait_for_a_turn(peer: Peer) -> None:
    peer.path.turn_taken = True
    assert len(read_answers(peer.send(lookup()))) == 1
    peer.send(large(1, LARGE_REGISTRATION_BYTES - 1))
    assert peer.connection.pause == Pause.NONE


def test_a_large_repeated_registration_takes_its_turn_too(peer: Peer) -> None:
    broker = Broker()
    body = registration_body() + b" " * LARGE_REGISTRATION_BYTES
    peer.register(broker, body)
    output = peer.send(repeated(broker, body), repeated(broker, body))
    assert len(read_answers(output)) == 1
    assert peer.connection.pause == Pause.TURN
    assert not peer.cold.asked


def test_a_large_request_may_be_answered_late(peer: Peer) -> None:
    peer.cold.answers = [None]
    assert peer.send(large(1), lookup()) == b""
    assert peer.connection.pause == Pause.LATER
    assert peer.connection.resume(5, b"<late>").startswith(b"<late>")


def test_a_bad_frame_behind_a_pause_waits_its_turn(peer: Peer) -> None:
    peer.cold.answers = [None]
    peer.send(request(100), b"\0\0\0\0")
    assert peer.connection.fault is None
    assert peer.connection.resume(5, b"<late>") == b"<late>"
    assert isinstance(peer.connection.fault, FrameTooShort)


# --- hot and cold say the same bytes --------------------------------------------------


def both_ways(hot: Any, steps: Sequence[bytes], **options: Any) -> list[bytes]:
    """Answers of a whole stack that is hot; of another that is all cold, the same."""
    outputs = []
    for all_cold in (False, True):
        world = World(**options)
        answers = []
        for step in steps:
            if all_cold:
                world.state.hot.hot_codes = 0
            answers.append(world.send(step))
            world.now_ms += 10
        outputs.append(answers)
        calls = world.processor.cold_calls
        assert not all_cold or calls == len(steps)
    assert outputs[0] == outputs[1]
    return outputs[0]


MASTER = Broker()
SLAVE = Broker(id=1, addr="10.0.0.2:10911")


def test_322_says_the_same_hot_and_cold(hot: Any) -> None:
    body = registration_body(version={"counter": 5, "stateVersion": 0, "timestamp": 7})
    same = b'{"counter":5,"stateVersion":0,"timestamp":7}'
    for asked in (same, same.replace(b"5", b"6"), b'{"counter":5}', b"", b"{"):
        answers = both_ways(
            hot,
            [
                registration(MASTER, body),
                request(322, MASTER.ext_fields, asked),
                request(322, SLAVE.ext_fields, asked),
            ],
        )
        assert read_answers(answers[1])


def test_a_repeated_slave_hears_of_its_master_hot_and_cold(hot: Any) -> None:
    answers = both_ways(
        hot, [registration(MASTER), registration(SLAVE), registration(SLAVE)]
    )
    (answer,) = read_answers(answers[2])
    assert answer.ext_fields == {
        "haServerAddr": f"{MASTER.addr}-ha",
        "masterAddr": MASTER.addr,
    }


CHANGES = {
    "master moved": registration(MASTER._replace(addr="10.0.0.7:10911")),
    "master's ha address": registration(MASTER, ext={"haServerAddr": "new"}),
    "master gone": request(104, MASTER.ext_fields),
    "unregistered under another name": request(
        104, MASTER.ext_fields | {"brokerName": "other"}
    ),
    "address taken by another group": registration(
        MASTER._replace(name="other"), ext={"haServerAddr": "new"}
    ),
    "order configuration": request(
        100, {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1", "value": "b:4"}
    ),
    "other configuration": request(100, {"namespace": "n", "key": "k", "value": "v"}),
    "topic deleted": request(216, {"topic": "T1"}),
    "topic deleted in the cluster": request(216, {"topic": "T1", "clusterName": "c1"}),
    "topic registered": request(
        217, {"topic": "new"}, b'{"queueDatas":[{"brokerName":"broker-a"}]}'
    ),
    "write permission wiped": request(205, {"brokerName": MASTER.name}),
    "write permission added": request(327, {"brokerName": MASTER.name}),
    "topics dropped with registrations": request(
        318, None, b"deleteTopicWithBrokerRegistration=true"
    ),
    "order configuration not returned": request(
        318, None, b"returnOrderTopicConfigToBroker=false"
    ),
    "zone": registration(MASTER, ext={"__ZONE_NAME": "z"}),
    "old master": registration(MASTER, ext={"enableActingMaster": None}),
    "nothing": heartbeat(MASTER),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("with_order", [False, True])
def test_a_repeated_registration_says_the_same_hot_and_cold_after_any_change(
    hot: Any, change: bytes, with_order: bool
) -> None:
    ordered = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T2", "value": "b:8"}
    again = [registration(MASTER), registration(SLAVE), lookup("T1"), lookup("T2")]
    both_ways(
        hot,
        [
            request(100, ordered) if with_order else heartbeat(),
            *again,
            *again,
            change,
            *again,
            *again,
        ],
    )


def test_a_wiped_permission_survives_a_repeated_registration(hot: Any) -> None:
    answers = both_ways(
        hot,
        [
            registration(MASTER),
            registration(MASTER),
            request(205, {"brokerName": MASTER.name}),
            registration(MASTER),
            registration(MASTER),
            lookup("T1"),
        ],
    )
    (answer,) = read_answers(answers[-1])
    assert answer.json["queueDatas"][0]["perm"] == 4


def test_a_deleted_topic_comes_back_with_a_repeated_registration(hot: Any) -> None:
    answers = both_ways(
        hot,
        [
            registration(MASTER),
            request(216, {"topic": "T1"}),
            lookup("T1"),
            registration(MASTER),
            lookup("T1"),
        ],
    )
    assert [read_answers(a)[0].code for a in answers[2:]] == [17, 0, 0]


def test_a_registration_without_a_timestamp_is_never_recognised(hot: Any) -> None:
    world = World()
    body = registration_body(version={"counter": 1, "stateVersion": 0})
    for _ in range(3):
        world.register(MASTER, body)
    assert world.processor.cold_calls == 3


def test_an_unchanged_registration_never_reaches_the_processor(hot: Any) -> None:
    world = World()
    for sent_at in range(5):
        world.register(MASTER, registration_body(sent_at=sent_at))
    assert world.processor.cold_calls == 1
