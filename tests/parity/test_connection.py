"""Connections over both twins, and over a model that reads every header in full."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.parity.played import NaiveServer, TwinServer
from tests.parity.requests import GOOD_STREAMS, KEYS, STREAMS, TOPICS
from tests.parity.streams import cuts, pieces
from tests.parity.twins import FAST, PURE, outcome, state

topics = st.sampled_from(TOPICS)
keys = st.sampled_from(KEYS)


class Servers(RuleBasedStateMachine):
    """The same to all three. `hot` counts frames that the hot path answered."""

    def __init__(self, hot: Counter[str]) -> None:
        super().__init__()
        self.counted = hot

    @initialize(
        frame_max_bytes=st.sampled_from([2**24, 2**24, 2**24, 300]),
        cache_bytes=st.sampled_from([10**6, 10**6, 100, 0]),
    )
    def begin(self, frame_max_bytes: int, cache_bytes: int) -> None:
        limits = frame_max_bytes, cache_bytes
        self.pure = TwinServer(PURE, *limits)
        self.fast = TwinServer(FAST, *limits)
        self.naive = NaiveServer(*limits)
        self.all = (self.pure, self.fast, self.naive)
        self.now_ms = 1
        for server in self.all:
            for number in range(3):
                server.connect(f"peer {number}")
            for topic in TOPICS[:3]:
                server.mark(topic)
        self.set_up(7, b"", (9, 1))

    @rule(number=st.integers(0, 2), stream=STREAMS, places=cuts)
    def receive(self, number: int, stream: list[bytes], places: list[int]) -> None:
        calls = len(self.pure.cold_calls)
        for piece in pieces(b"".join(stream), places):
            self.now_ms += 1
            self.compare(receive, number, piece, self.now_ms)
        self.counted["frames"] += len(stream)
        self.counted["cold"] += len(self.pure.cold_calls) - calls

    @rule(number=st.integers(0, 2), stream=STREAMS)
    def receive_whole(self, number: int, stream: list[bytes]) -> None:
        self.receive(number, stream, [])

    @rule(stream=GOOD_STREAMS)
    def receive_only_good(self, stream: list[bytes]) -> None:
        self.receive(0, stream, [])

    @rule(number=st.integers(0, 2), answer=st.sampled_from([b"", b"late"]))
    def resume(self, number: int, answer: bytes) -> None:
        self.now_ms += 1
        self.compare(lambda s: s.connections[number].resume(self.now_ms, answer))

    @rule()
    def next_turn(self) -> None:
        self.pure.hot.turn_taken = self.fast.hot.turn_taken = False
        self.naive.turn_taken = False
        self.take_samples()
        for number in range(3):
            if self.naive.connections[number].pause:
                self.resume(number, b"")

    @rule()
    def replace_the_faulty(self) -> None:
        for number in range(3):
            if self.naive.connections[number].fault is not None:
                for server in self.all:
                    server.reconnect(number)

    @rule(number=st.integers(0, 2), only_finish=st.booleans())
    def finish(self, number: int, only_finish: bool) -> None:
        self.compare(lambda s: s.connections[number].finish())
        if not only_finish:
            for server in self.all:
                server.reconnect(number)

    @rule(
        change=st.sampled_from(["mark", "mark", "remove", "forget_oldest"]),
        topic=topics,
    )
    def change_routes(self, change: str, topic: str) -> None:
        what = 2 if change == "forget_oldest" else topic
        self.compare(lambda server: getattr(server, change)(what))

    @rule(change=st.sampled_from(["drop", "forget_digest"]), key=keys)
    def change_brokers(self, change: str, key: tuple[str, str]) -> None:
        self.compare(lambda server: getattr(server, change)(key))

    @rule(
        hot_codes=st.sampled_from([7] * 12 + [15] * 4 + [0, 1, 2, 4, 3, 5, 6, 12]),
        body=st.sampled_from([b"", b'{"table":{}}']),
        samples=st.sampled_from([(0, 1), (1, 1), (9, 1), (9, 2), (2, 3), (1, 0)]),
    )
    def set_up(self, hot_codes: int, body: bytes, samples: tuple[int, int]) -> None:
        for server in (self.pure, self.fast):
            server.hot.sample_unknown(*samples)
            server.hot.hot_codes = hot_codes
            server.hot.order_topic_body = body
        self.naive.order_topic_body = body

    @invariant()
    def same_state(self) -> None:
        if not hasattr(self, "all"):
            return
        assert self.fast.cold_calls == self.pure.cold_calls
        assert self.fast.live() == self.pure.live() == self.naive.live()
        assert len(self.fast.answers) == len(self.pure.answers)
        assert self.fast.answers.kept_bytes == self.pure.answers.kept_bytes
        assert self.fast.hot.turn_taken == self.pure.hot.turn_taken
        assert self.fast.answers.sample_at == self.pure.answers.sample_at
        assert counts(self.fast) == counts(self.pure)
        connections = zip(*(server.connections for server in self.all), strict=True)
        for pure, fast, naive in connections:
            seen = state(pure)
            assert state(fast) == seen
            assert (
                pure.pause,
                str(pure.fault),
                pure.finished,
                pure.buffered_bytes,
                pure.brokers,
                pure.registered,
            ) == (
                naive.pause,
                str(naive.fault),
                naive.finished,
                len(naive.decoder.data),
                naive.brokers,
                naive.brokers.live,
            )

    def teardown(self) -> None:
        if hasattr(self, "all"):
            self.take_samples()

    def take_samples(self) -> None:
        samples = self.pure.hot.take_samples()
        assert self.fast.hot.take_samples() == samples
        self.counted["samples"] += len(samples)

    def compare(self, act: Callable[..., Any], *args: Any) -> None:
        expected = outcome(act, self.naive, *args)
        assert outcome(act, self.pure, *args) == expected
        assert outcome(act, self.fast, *args) == expected


def counts(server: Any) -> dict[str, int]:
    """All that the hot path of a twin has counted."""
    answers, hot = server.answers, server.hot
    return {
        "hits": answers.hits,
        "unknown": answers.unknown,
        "kept topics": answers.kept_topics,
        "epoch": server.table.epoch,
        "received": hot.received_bytes,
        "sent": hot.sent_bytes,
        "heartbeats": hot.heartbeats,
        "version queries": hot.version_queries,
        "unchanged": hot.unchanged_registrations,
    }


def receive(server: Any, number: int, piece: bytes, now_ms: int) -> bytes:
    return server.connections[number].receive(piece, now_ms)


def test_any_history_of_connections() -> None:
    counted: Counter[str] = Counter()
    machine: Any = lambda: Servers(counted)  # noqa: E731
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=settings().max_examples, stateful_step_count=25),
    )
    # What the processor answers anyhow proves nothing here.
    hot = counted["frames"] - counted["cold"]
    assert hot > 8 * settings().max_examples, counted
    assert counted["samples"] > settings().max_examples // 4, counted
