"""What a connection answers by itself, and what it leaves to the processor."""

from collections.abc import Callable
from typing import Any

import pytest

from namesrv.hot_path import NO_SAMPLE, HotCode
from namesrv.testing.peer import (
    Broker,
    binary_request,
    frame,
    read_answers,
    registration_body,
    request,
)
from namesrv.wire.answer_frames import NO_ROUTE_REMARK
from tests.hot_path.lone_connection import (
    ALL_HOT,
    DATA_VERSION,
    LEGACY_BODY,
    STANDARD_BODY,
    Peer,
    heartbeat,
    lookup,
    registration_fields,
    repeated,
)


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
    assert (answer.code, answer.header["opaque"], answer.body) == (17, 9, b"")


@pytest.mark.parametrize("length", [*range(34), 63, 64, 65, 127, 255, 1000])
def test_topics_of_any_length_are_found_and_named_whole(
    peer: Peer, length: int
) -> None:
    topic, other = "x" * length + "1", "x" * length + "2"
    peer.answers.mark(topic)
    peer.answers.put(topic, True, STANDARD_BODY)
    found, missing = read_answers(peer.send(lookup(topic), lookup(other)))
    assert (found.code, found.body) == (0, STANDARD_BODY)
    assert missing.code == 17
    assert missing.header["remark"] == NO_ROUTE_REMARK.format(topic=other)


def samples_of(peer: Peer, *topics: str) -> list[str]:
    """The topics of the samples among lookups."""
    peer.send(*map(lookup, topics))
    samples = peer.path.take_samples()
    heads = [peer.hot.read_head(s.serialize_type, s.header) for s in samples]
    assert {s.remote_address for s in samples} <= {"10.0.0.9:4000"}
    return [head.ext_fields["topic"] for head in heads]


@pytest.mark.parametrize(
    ("most", "stride", "samples"),
    [(0, 1, ""), (3, 1, "abc"), (9, 1, "abcdef"), (9, 2, "bdf"), (2, 2, "bd")],
)
def test_some_lookups_of_unknown_topics_are_samples(
    peer: Peer, most: int, stride: int, samples: str
) -> None:
    peer.path.sample_unknown(most, stride)
    assert samples_of(peer, "a", "b", "T", "c", "d", "T", "e", "f", "T") == [*samples]
    assert peer.answers.unknown == 6
    assert not peer.connection.has_side_effects


def test_without_a_wish_there_are_no_samples(peer: Peer) -> None:
    assert samples_of(peer, "a") == []
    peer.path.sample_unknown(1, 1)
    assert samples_of(peer, "a") == ["a"]
    assert samples_of(peer, "a") == []
    assert peer.answers.sample_at == NO_SAMPLE


def test_a_binary_header_is_kept_as_it_is(peer: Peer) -> None:
    peer.path.sample_unknown(1, 1)
    peer.send(binary_request(105, {"topic": "a"}))
    (sample,) = peer.path.take_samples()
    assert sample.serialize_type == 1
    head = peer.hot.read_head(sample.serialize_type, sample.header)
    assert head.ext_fields == {"topic": "a"}


def test_lookup_of_a_topic_without_a_ready_answer_is_cold(peer: Peer) -> None:
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


def test_repeated_registration_over_another_connection_is_cold(peer: Peer) -> None:
    broker, body = Broker(), registration_body()
    sent = repeated(broker, body)
    info = peer.register(broker, body)
    assert peer.answer(sent) is not None
    for owner in (peer.other, None):
        info.owner = owner
        assert peer.answer(sent) is None
        assert info.owner is owner


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
    assert answer.ext_fields is None and answer.body == b""
    assert peer.info.last_update_timestamp == 1000
    assert (peer.info.epoch, peer.info.owner) == (epoch, peer.connection)


def test_heartbeat_of_an_unknown_broker_succeeds(peer: Peer) -> None:
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


def test_data_version_of_an_unknown_broker_is_cold(peer: Peer) -> None:
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


def test_repeated_registration_without_answer_fields_has_empty_ext_fields(
    peer: Peer,
) -> None:
    body = registration_body()
    peer.register(body=body)
    answer = peer.answer(repeated(Broker(), body))
    assert answer is not None
    assert answer.ext_fields == {} and answer.body == b""


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


def test_checksum_covers_the_bytes_that_the_digest_skips(peer: Peer) -> None:
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


# --- counters -------------------------------------------------------------------------


def counted(peer: Peer) -> tuple[int, ...]:
    """Lookups answered and unknown, heartbeats, version queries, registrations."""
    path, answers = peer.path, peer.answers
    return (
        answers.hits,
        answers.unknown,
        path.heartbeats,
        path.version_queries,
        path.unchanged_registrations,
    )


def test_each_answer_of_the_hot_path_is_counted_once(peer: Peer) -> None:
    body = registration_body()
    peer.register(body=body)
    assert counted(peer) == (0, 0, 0, 0, 0)
    peer.send(lookup(), lookup(flag=2), lookup("U"))
    assert counted(peer) == (2, 1, 0, 0, 0)
    peer.send(heartbeat(), heartbeat(Broker(addr="10.9.9.9:1")), heartbeat(flag=2))
    assert counted(peer) == (2, 1, 3, 0, 0)
    peer.send(request(322, Broker().ext_fields, DATA_VERSION))
    assert counted(peer) == (2, 1, 3, 1, 0)
    peer.send(repeated(Broker(), body))
    assert counted(peer) == (2, 1, 3, 1, 1)


def test_requests_for_the_processor_are_not_counted_here(peer: Peer) -> None:
    peer.answers.mark("T")
    peer.send(lookup(), request(206, {}), request(904, {}), request(322, {}))
    peer.send(repeated(Broker(), b"another body"))
    assert len(peer.cold.asked) == 5
    assert counted(peer) == (0, 0, 0, 0, 0)


def test_bytes_are_counted_as_they_come_and_go(peer: Peer) -> None:
    data = lookup() + lookup("U")
    output = peer.send(data[:-1]) + peer.send(data[-1:])
    assert peer.path.received_bytes == len(data)
    assert peer.path.sent_bytes == len(output)
    peer.cold.answers.append(None)
    peer.send(request(206, {}))
    peer.connection.resume(1000, b"late answer")
    peer.connection.note_sent(5)
    assert peer.path.sent_bytes == len(output) + len(b"late answer") + 5


def test_answers_without_a_frame_are_counted_too(peer: Peer) -> None:
    peer.answers.answer("T", True, 0)
    peer.answers.answer("U", False, 0)
    peer.answers.mark("T")
    assert peer.answers.answer("T", True, 0) is None
    assert (peer.answers.hits, peer.answers.unknown) == (1, 1)


def test_topics_with_kept_answers_are_counted(peer: Peer) -> None:
    assert peer.answers.kept_topics == 1
    peer.answers.mark("T")
    assert peer.answers.kept_topics == 0


def test_epoch_is_that_of_the_last_registration(peer: Peer) -> None:
    assert peer.live.epoch == 1
    peer.live.renew(peer.info, peer.other, 20)
    assert peer.live.epoch == 2 == peer.info.epoch
