"""Two brokers of a server that keeps its routes, and what clients are told of them."""

from collections.abc import Callable
from typing import Any

from namesrv.codes import RequestCode, ResponseCode
from namesrv.testing.peer import Broker, Peer, lookup, request
from tests.server.server_thread import ServerThread

FOUND, NO_ROUTE = ResponseCode.SUCCESS, ResponseCode.TOPIC_NOT_EXIST
A = Broker("broker-a", addr="127.0.0.1:10911")
B = Broker("broker-b", addr="127.0.0.1:10921")
TOPICS_A = {"Orders": 8, "Bills": 4}
TOPICS_B = {"Orders": 2, "Mails": 1}

Started = Callable[..., ServerThread]


def register(peer: Peer) -> None:
    """Two brokers, three topics."""
    assert peer.ask(A.registration(TOPICS_A)).code == FOUND
    assert peer.ask(B.registration(TOPICS_B)).code == FOUND


def routes(peer: Peer) -> list[Any]:
    """What clients are told."""
    frames = [lookup(topic) for topic in ("Orders", "Bills", "Mails", "None")]
    frames.append(request(RequestCode.GET_BROKER_CLUSTER_INFO))
    return [peer.ask(frame) for frame in frames]
