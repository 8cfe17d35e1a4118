"""Peers that hold what all share, and never finish, while brokers come and go (P3)."""

import time

import pytest

from namesrv.testing.peer import Broker, Peer, lookup
from tests.hostile.attacked_server import AttackedServer, send_what_is_taken
from tests.hostile.conftest import Lay
from tests.hostile.test_crowds import descriptors
from tests.server.server_thread import LOOPS

MIB = 1 << 20
BUDGET_BYTES = 32 * MIB
HOLDERS = 1023
HELD_BYTES = BUDGET_BYTES // HOLDERS - 64
UNFINISHED = (8 * MIB).to_bytes(4) + bytes(HELD_BYTES)
ROUNDS = 5


def hold(attacked: AttackedServer, count: int) -> list[Peer]:
    """So many more that hold a part of the budget."""
    peers = [attacked.peer() for _ in range(count)]
    for peer in peers:
        send_what_is_taken(peer, UNFINISHED)
    return peers


def register_in_pieces(
    attacked: AttackedServer, peer: Peer, name: str, number: int
) -> int:
    """A large registration that comes in several reads, others in between; its code."""
    broker = Broker(name, addr=f"10.0.0.{number}:10911")
    topics = {f"topic-of-{name}": 8, f"round-{time.monotonic_ns()}": 8}
    data = broker.registration(topics, padding_bytes=2 * MIB)
    for start in range(0, len(data), MIB // 2):
        peer.send(data[start : start + MIB // 2])
        attacked.ask_witness()
    return peer.read_answer().code


@pytest.mark.parametrize("loop_name", LOOPS)
def test_brokers_come_and_go_beside_holders_of_the_whole_budget(
    lay_siege: Lay, loop_name: str
) -> None:
    words = ("--loop", loop_name, "--input-budget-bytes", str(BUDGET_BYTES))
    attacked = lay_siege(*words)
    staying = attacked.peer()
    with descriptors(HOLDERS + 200 * ROUNDS) as count:
        assert count >= HOLDERS
        crowd = hold(attacked, HOLDERS)
        for number in range(ROUNDS):
            assert register_in_pieces(attacked, staying, "stays", 1) == 0
            with attacked.server.peer() as coming:
                name = f"comes-{number}"
                assert register_in_pieces(attacked, coming, name, 2 + number) == 0
                for topic in ("topic-of-stays", f"topic-of-{name}"):
                    assert attacked.witness.ask(lookup(topic)).code == 0
            for peer in crowd[-20:]:
                send_what_is_taken(peer, b"\x01")
            crowd = hold(attacked, 150)
        assert "closing a connection without progress" in attacked.server.log()
        assert attacked.witness.ask(lookup("topic-of-stays")).code == 0
        held_mib = attacked.server.rss_mib() - attacked.before_mib
        assert held_mib < 1.4 * BUDGET_BYTES / MIB + 48
