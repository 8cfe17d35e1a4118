"""Lookups on a lane: both twins, and beside a connection that gets the same bytes."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from namesrv.hot_path import (
    ANY_VERSION,
    LONGEST_LOOKUP_HEADER_BYTES,
    LONGEST_LOOKUP_PART_BYTES,
    MOST_LANE_SAMPLES,
    OUTPUT_PAUSE_BYTES,
    Verdict,
)
from namesrv.testing.peer import binary_request, frame, request
from tests.hot_path.lane_peer import LanePeer, receive_all
from tests.hot_path.lone_connection import heartbeat, lookup
from tests.parity.lane_beside_loop import Server, compare, server_of
from tests.parity.requests import STREAMS, TOPICS, one_of, pool
from tests.parity.requests import lookup as any_lookup
from tests.parity.streams import cuts, pieces
from tests.parity.twins import PURE, TWINS, both, same, state

LOOKUPS = st.lists(one_of(pool(200, any_lookup)), max_size=12)
PLAIN = st.lists(
    st.builds(
        lookup,
        st.sampled_from(["a", "b", TOPICS[2], "a b", "", "c", "d"]),
        st.integers(-1, 999),
    ),
    max_size=30,
)
GO_ON, ASK, HAND_OVER, PAUSE = Verdict
MOST_SHAPES = MOST_HOLES = 16
"""Those of head_shapes.pxd."""


def test_any_stream_cut_anywhere() -> None:
    seen: Counter[int] = Counter()

    @settings(max_examples=4 * settings().max_examples)
    @given(LOOKUPS, STREAMS, cuts, st.sampled_from([7, 7, 7, 0, 6]))
    def check(
        lookups: list[bytes], stream: list[bytes], places: list[int], hot_codes: int
    ) -> None:
        data = b"".join(lookups + stream)
        seen.update(compare(list(pieces(data, places)), hot_codes))

    check()
    # Examples differ from one version of the library to the next.
    wanted = settings().max_examples // 4
    assert min(seen[GO_ON], seen[ASK], seen[HAND_OVER]) > wanted, seen


@settings(max_examples=2 * settings().max_examples)
@given(LOOKUPS, st.lists(st.integers(0, 2500), max_size=8))
def test_lookups_cut_anywhere(stream: list[bytes], places: list[int]) -> None:
    compare(list(pieces(b"".join(stream), places)))


HIT, UNKNOWN, MISS = lookup("a"), lookup("c", 7), lookup("b", version=317)
KNOWN_STREAMS = [
    HIT + UNKNOWN + MISS + HIT,
    MISS + HIT + MISS + heartbeat() + MISS + HIT,
    binary_request(105, {"topic": 'a"b'}) + binary_request(105, {"topic": 'c"\\'}),
    lookup("a", flag=2) + lookup("c", flag=2) + lookup("b", 3, version=1, flag=2) + HIT,
    HIT + b"GET /v1/routes HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n" + HIT,
    b"\x16\x03\x01\x02\x00" + HIT,
    HIT + request(105, {"topic": "a"}, b"body") + HIT,
    HIT + request(105, {"topic": "a", "__ZONE_MODE": "true"}) + HIT,
    HIT + request(105, {"topic": "a"}, flag=1) + HIT,
    HIT + request(105, {}) + HIT,
    HIT + frame(b"{}") + HIT,
    HIT + frame(b"{}", b"", 2),
    HIT + b"\0\0\0\3" + HIT,
    HIT + b"\0\0\0\x10\0\0\0\x11" + HIT,
    HIT + b"\0\0\0\0" + HIT,
    HIT + b"\0\0\0\4\0\0\0\0" + HIT,
]


@pytest.mark.parametrize("stream", KNOWN_STREAMS)
def test_known_streams_cut_at_every_place(stream: bytes) -> None:
    for place in range(len(stream) + 1):
        compare([stream[:place], stream[place:]])
    compare([stream[at : at + 1] for at in range(len(stream))])


def test_lookups_of_more_shapes_than_are_kept_stand_behind_each_other() -> None:
    # Behind so many texts the topic is read from the text of the shape, which goes when
    # a later one is learned. A read of it then fails under `make sanitize` only.
    others = {f"other{n}": "b" for n in range(MOST_HOLES)}
    stream = [
        request(105, {**others, "topic": topic, f"own{n}": "b"})
        for n, topic in enumerate("ac" * MOST_SHAPES)
    ]
    first = stream[:MOST_SHAPES]
    for place, number in enumerate(stream):
        compare([b"".join([*first[place:], *first[:place], first[place % 16], number])])
        compare([b"".join(stream[place:] + stream[:place])])


def test_a_long_output_pauses_and_goes_on() -> None:
    body = b"b" * (OUTPUT_PAUSE_BYTES // 3)
    data = lookup("a") * 8 + lookup("b", version=317) + lookup("a") * 4
    for hot in TWINS:
        server = server_of(hot, 7, body)
        lookups = hot.Lookups(server.hot)
        first = lookups.receive(data)
        assert lookups.verdict == PAUSE
        assert OUTPUT_PAUSE_BYTES <= len(first) < OUTPUT_PAUSE_BYTES + 2 * len(body)
        other = server_of(hot, 7, body)
        expected = receive_all(
            other.hot, hot.Connection(other.hot, "10.0.0.9:4000"), data, 5
        )
        peer = LanePeer(hot, server.hot, hot.Lookups(server.hot), "10.0.0.9:4000")
        assert peer.receive(data, 5) == expected
        assert peer.verdicts == [PAUSE, PAUSE, ASK, GO_ON]


@pytest.mark.parametrize(("missing", "verdict"), [(0, PAUSE), (1, GO_ON)])
def test_the_pause_begins_at_its_number_of_bytes(missing: int, verdict: int) -> None:
    for hot in TWINS:
        empty = hot.Lookups(server_of(hot, body=b"").hot).receive(HIT)
        body = b"b" * (OUTPUT_PAUSE_BYTES - len(empty) - missing)
        lookups = hot.Lookups(server_of(hot, body=body).hot)
        assert len(lookups.receive(HIT)) == OUTPUT_PAUSE_BYTES - missing
        assert lookups.verdict == verdict


@pytest.mark.parametrize(
    ("data", "verdict", "kept", "asked"),
    [
        (b"", GO_ON, 0, 0),
        (HIT, GO_ON, 0, 0),
        (HIT + HIT[:-1], GO_ON, len(HIT) - 1, 0),
        (HIT + b"\0", GO_ON, 1, 0),
        (HIT + b"\1", HAND_OVER, 1, 0),
        (UNKNOWN + MISS, ASK, len(MISS), 1),
        (MISS + HIT + UNKNOWN, ASK, len(MISS + HIT + UNKNOWN), 3),
        (MISS + heartbeat(), ASK, len(MISS + heartbeat()), 1),
        (MISS + HIT[:9], ASK, len(MISS) + 9, 1),
        (heartbeat() + HIT, HAND_OVER, len(heartbeat() + HIT), 0),
        (heartbeat()[:8], GO_ON, 8, 0),
        (request(105, {"topic": "a"}, b"x")[:8], HAND_OVER, 8, 0),
    ],
)
def test_verdict_rest_and_lookups_to_ask(
    data: bytes, verdict: Verdict, kept: int, asked: int
) -> None:
    pair = both(lambda hot: hot.Lookups(server_of(hot).hot))
    same(pair, "receive", data)
    for lookups in (pair.pure, pair.fast):
        assert lookups.verdict == verdict
        assert lookups.rest == data[len(data) - kept :]
        frames = [MISS, HIT, UNKNOWN][:asked]
        assert lookups.asked == sum(map(len, frames))


def test_a_header_and_a_part_of_a_frame_up_to_their_limits_stay() -> None:
    at_limit, beyond = (long_lookup(LONGEST_LOOKUP_HEADER_BYTES + n) for n in (0, 1))
    part, longer_part = (at_limit[: LONGEST_LOOKUP_PART_BYTES + n] for n in (0, 1))
    for data, verdict in (
        (at_limit, GO_ON),
        (beyond, HAND_OVER),
        (beyond[:8], HAND_OVER),
        (beyond[:4], HAND_OVER),
        (part, GO_ON),
        (longer_part, HAND_OVER),
        (HIT + longer_part, HAND_OVER),
        (at_limit + part, GO_ON),
    ):
        pair = both(lambda hot: hot.Lookups(server_of(hot).hot))
        same(pair, "receive", data)
        assert pair.fast.verdict == pair.pure.verdict == verdict


def long_lookup(header_bytes: int) -> bytes:
    """A lookup with a header of this size."""
    usual = request(105, {"topic": "a", "more": ""})
    more = "m" * (header_bytes + 8 - len(usual))
    return request(105, {"topic": "a", "more": more})


def test_the_limits_of_the_server_hold_on_a_lane() -> None:
    for limits in ((len(HIT), 2**20), (len(HIT) - 1, 2**20), (2**20, len(HIT) - 8)):
        for hot in TWINS:
            answers = hot.RouteAnswers(0)
            path = hot.HotPath(answers, hot.BrokerLiveTable(), print, *limits)
            lookups = hot.Lookups(path)
            path.hot_codes = 7
            lookups.receive(HIT)
            assert (lookups.verdict == HAND_OVER) is (limits[0] < len(HIT))
            lookups.receive(lookup("a" * 9))
            assert lookups.verdict == HAND_OVER


class Lanes(RuleBasedStateMachine):
    """Any history of a lane, of both twins."""

    def __init__(self, counted: Counter[str]) -> None:
        super().__init__()
        self.counted = counted
        self.servers = both(server_of)
        self.lanes = both(lambda hot: hot.Lookups(self.of(hot).hot))
        self.rest = b""
        same(self.lanes, "sample_unknown", 30, 1)

    def of(self, hot: Any) -> Server:
        found: Server = self.servers.pure if hot is PURE else self.servers.fast
        return found

    @rule(plain=PLAIN, more=LOOKUPS, end=st.integers(0, 5000))
    def receive(self, plain: list[bytes], more: list[bytes], end: int) -> None:
        data = (self.rest + b"".join(plain + more))[:end]
        same(self.lanes, "receive", data)
        self.counted["samples"] += len(self.lanes.pure.samples)
        is_kept = self.lanes.pure.verdict == GO_ON
        self.rest = self.lanes.pure.rest if is_kept else b""

    @rule(change=st.sampled_from(["mark", "remove"]), topic=st.sampled_from(TOPICS))
    def change(self, change: str, topic: str) -> None:
        same(self.servers, change, topic)

    @rule(topic=st.sampled_from(TOPICS), standard=st.booleans(), body=st.binary())
    def put(self, topic: str, standard: bool, body: bytes) -> None:
        same(self.servers, lambda s: s.answers.put(topic, standard, body))

    @rule(samples=st.sampled_from([(0, 1), (1, 1), (9, 1), (30, 2), (2, 3), (1, 0)]))
    def want_samples(self, samples: tuple[int, int]) -> None:
        same(self.lanes, "sample_unknown", *samples)

    @rule(hot_codes=st.sampled_from([7, 7, 1, 6, 0]))
    def change_the_mask(self, hot_codes: int) -> None:
        for server in (self.servers.pure, self.servers.fast):
            server.hot.hot_codes = hot_codes

    @invariant()
    def same_state(self) -> None:
        assert state(self.lanes.fast) == state(self.lanes.pure)


def test_any_history_of_lanes() -> None:
    counted: Counter[str] = Counter()
    machine: Any = lambda: Lanes(counted)  # noqa: E731
    run_state_machine_as_test(machine)
    assert counted["samples"] > settings().max_examples // 4, counted


@pytest.mark.parametrize(("most", "stride"), [(3, 1), (100, 1), (2, 4), (0, 1)])
def test_samples_are_evenly_spread_and_as_many_as_wanted(
    most: int, stride: int
) -> None:
    requests = [lookup(f"unknown {number}", number) for number in range(20)]
    for hot in TWINS:
        lookups = hot.Lookups(server_of(hot).hot)
        assert lookups.receive(UNKNOWN) and lookups.samples == []
        lookups.sample_unknown(most, stride)
        lookups.receive(HIT + b"".join(requests[:10]))
        found = [*lookups.samples]
        lookups.receive(b"".join(requests[10:]))
        found += lookups.samples
        wanted = requests[stride - 1 :: stride][:most]
        if most == 100:
            wanted = requests[:MOST_LANE_SAMPLES] + requests[10 : 10 + 8]
        assert found == [(0, request[8:]) for request in wanted]


def test_no_version_without_a_lookup() -> None:
    for hot in TWINS:
        lookups = hot.Lookups(server_of(hot).hot)
        assert lookups.client_version == ANY_VERSION
        lookups.receive(lookup("a", version=317) + lookup("b", version=300))
        assert (lookups.verdict, lookups.client_version) == (ASK, 300)
        lookups.receive(heartbeat())
        assert lookups.client_version == ANY_VERSION
