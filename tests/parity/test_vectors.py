"""Recorded bytes: clients' headers, the golden transcripts and a real cluster's
traffic, through both twins."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.golden.recording import Session, read_sessions
from tests.golden.server_options import server_options
from tests.golden.transcript import Transcript, read_transcript, transcript_names
from tests.hot_path.captured_headers import (
    CAPTURED,
    LUA_BINARY,
    OTHER_CAPTURED,
    RUST_BINARY,
    ZJYKZK_BINARY,
    ZJYKZK_CLUSTER,
)
from tests.parity.stacks import Stack
from tests.parity.twins import FAST, PURE, outcome

TEXTS = [header for _, header in CAPTURED] + OTHER_CAPTURED
HEADERS = [(0, text.encode()) for text in TEXTS]
HEADERS += [(1, b) for b in (LUA_BINARY, RUST_BINARY, ZJYKZK_BINARY, ZJYKZK_CLUSTER)]


@pytest.mark.parametrize(("serialize_type", "header"), HEADERS)
def test_headers_of_real_clients(serialize_type: int, header: bytes) -> None:
    found = outcome(PURE.read_head, serialize_type, header)
    assert outcome(FAST.read_head, serialize_type, header) == found
    assert found[1][1] is not None


class Play:
    """Everything that one recording sends, on connections named as there, to one
    stack."""

    def __init__(self, twin: str, **options: Any) -> None:
        self.stack = Stack(twin, **options)
        self.world = self.stack.world
        self.world.holds_writes = False
        self.peers: dict[str, Any] = {}
        self.seen: list[Any] = []

    def send(self, peer: str, data: bytes, piece_bytes: int = 0) -> None:
        if peer not in self.peers:
            self.peers[peer] = self.world.connect(peer)
            self.stack.connections.append(self.peers[peer])
        connection = self.peers[peer]
        size = piece_bytes or len(data) or 1
        for at in range(0, len(data), size):
            self.seen.append(self.world.send(data[at : at + size], connection))
            self.seen.append((connection.buffered_bytes, repr(connection.fault)))
            self.seen.append((connection.has_side_effects, connection.is_done))
        self.seen.append(self.stack.tables())

    def close(self, peer: str) -> None:
        if peer in self.peers:
            self.world.close(self.peers.pop(peer))
            self.seen.append(self.stack.tables())


def play_transcript(
    twin: str, transcript: Transcript, times: int, options: dict[str, Any]
) -> list[Any]:
    play = Play(twin, **options)
    for step in transcript.steps:
        if step.op == "close":
            play.close(step.peer)
        for _ in range(times):
            play.send(step.peer, step.request, step.piece_bytes)
        play.world.run(min(step.pause_millis, 10_000))
    return play.seen


def play_session(twin: str, session: Session, times: int) -> list[Any]:
    play = Play(twin)
    for exchange in session.exchanges:
        if exchange.header:
            for _ in range(times):
                play.send(exchange.step.peer, exchange.step.request)
        else:
            play.close(exchange.step.peer)
    return play.seen


@pytest.mark.parametrize("name", transcript_names())
def test_transcripts_of_the_java_nameserver(name: str, tmp_path: Path) -> None:
    transcript = read_transcript(name)
    given = server_options(
        tmp_path, transcript.properties, transcript.environ, transcript.files
    )
    options = {f.name: getattr(given, f.name) for f in fields(given)}
    del options["data_dir"]
    for times in (1, 3):
        assert play_transcript("fast", transcript, times, options) == (
            play_transcript("pure", transcript, times, options)
        )


@pytest.mark.parametrize("session", read_sessions(), ids=lambda session: session.name)
def test_traffic_of_a_real_cluster(session: Session) -> None:
    for times in (1, 3):
        assert play_session("fast", session, times) == (
            play_session("pure", session, times)
        )
