"""A request that waits for a turn of the loop, and facts about it meanwhile."""

from typing import Any

import pytest

from namesrv.hot_path import LARGE_REGISTRATION_BYTES, HotCode, Pause
from namesrv.testing.peer import request
from tests.hot_path.lone_connection import BROKER, Peer


@pytest.fixture
def peer(hot: Any) -> Peer:
    """Its broker was heard of at 0; the processor has no turn for anybody."""
    peer = Peer(hot)
    peer.live.entries()[0].last_update_timestamp = 0
    peer.cold.answers = [Pause.TURN] * 5
    return peer


def heard_ms(peer: Peer) -> int:
    ms: int = peer.live.entries()[0].last_update_timestamp
    return ms


@pytest.mark.parametrize("code", [103, 104, 224, 322, 904])
def test_code_of_a_waiting_request_is_known(peer: Peer, code: int) -> None:
    peer.connection.receive(request(code, {}), 7)
    assert (peer.connection.pause, peer.connection.waiting_code) == (Pause.TURN, code)
    assert peer.connection.read_ms == 7


def test_code_of_a_request_for_the_full_reader_is_unknown(peer: Peer) -> None:
    peer.connection.receive(request(105, {"a": "€"}), 7)
    assert (peer.connection.pause, peer.connection.waiting_code) == (Pause.TURN, 0)


@pytest.mark.parametrize(
    ("code", "heard"), [(103, 50), (322, 50), (904, 50), (104, 0), (224, 0)]
)
def test_a_sign_of_life_counts_from_when_it_was_read(
    peer: Peer, code: int, heard: int
) -> None:
    peer.path.turn_taken = True
    data = request(code, BROKER.ext_fields, bytes(LARGE_REGISTRATION_BYTES))
    peer.connection.receive(data, 50)
    assert peer.connection.pause == Pause.TURN
    assert heard_ms(peer) == heard
    # It waits on; it was read when it was read.
    peer.connection.resume(90)
    assert heard_ms(peer) == heard and peer.connection.read_ms == 50


def test_a_later_sign_of_life_stays(peer: Peer) -> None:
    peer.live.entries()[0].last_update_timestamp = 80
    peer.connection.receive(request(103, BROKER.ext_fields, b"{}"), 50)
    assert heard_ms(peer) == 80


def test_what_has_to_be_signed_counts_when_it_is_carried_out(peer: Peer) -> None:
    peer.path.hot_codes = int(HotCode.ROUTE)
    peer.connection.receive(request(103, BROKER.ext_fields, b"{}"), 50)
    assert peer.connection.pause == Pause.TURN and heard_ms(peer) == 0


def test_a_large_registration_is_known_in_line_and_after_its_turn(peer: Peer) -> None:
    large = request(103, BROKER.ext_fields, bytes(LARGE_REGISTRATION_BYTES))
    peer.path.turn_taken = True
    peer.connection.receive(large, 50)
    assert (peer.connection.waiting_code, heard_ms(peer)) == (103, 50)
    peer.path.turn_taken = False
    peer.cold.answers = [b"<done>"]
    assert peer.connection.resume(60) == b"<done>"
    assert (peer.connection.pause, peer.connection.waiting_code) == (Pause.TURN, 103)
