"""Recorded conversations with Java, replayed through TLS: the same answers and ends."""

import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self

import pytest

from tests.golden.peer import PATIENCE_SECONDS, Peer
from tests.golden.test_transcripts import replay
from tests.golden.transcript import Transcript, read_transcript, transcript_names
from tests.server.server_thread import LOOPS
from tests.server.tls.tls_peer import TlsPeer

pytestmark = pytest.mark.slow

QUICK_MILLIS: Final = 1000
"""Transcripts with longer pauses are about clocks, not about streams."""
NOT_ENCRYPTED: Final = ("proxy_protocol",)
"""A PROXY header stands in front of TLS, and inside it is none."""
AT_ONCE: Final = 8


class SecretPeer(Peer):
    """A client of the server that speaks TLS."""

    @classmethod
    def connect(cls, address: tuple[str, int]) -> Self:
        """A connection to the server at `address`."""
        peer = TlsPeer(address)
        peer.plain.settimeout(PATIENCE_SECONDS)
        return cls(peer.socket)


@functools.cache
def transcripts() -> list[Transcript]:
    """Those that are replayed."""
    everyone = map(read_transcript, set(transcript_names()) - set(NOT_ENCRYPTED))
    quick = [one for one in everyone if one.pause_millis <= QUICK_MILLIS]
    return sorted(quick, key=lambda one: one.name)


@pytest.mark.parametrize("loop", LOOPS)
def test_transcripts_are_answered_as_recorded(loop: str, tmp_path: Path) -> None:
    homes = {one.name: tmp_path / one.name for one in transcripts()}
    for home in homes.values():
        home.mkdir()
    over_tls = functools.partial(
        replay, connect=SecretPeer.connect, tls_server_mode="enforcing"
    )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        replays = {
            one.name: pool.submit(over_tls, one, loop, homes[one.name])
            for one in transcripts()
        }
    wrong = {name: replayed.result() for name, replayed in replays.items()}
    assert {name: texts for name, texts in wrong.items() if texts} == {}


def test_most_transcripts_are_replayed() -> None:
    assert len(transcripts()) > 60
