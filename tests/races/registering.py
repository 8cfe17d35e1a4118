"""Brokers whose topics change with each registration, and go with them."""

import itertools
import random

from namesrv.codes import RequestCode
from namesrv.testing.peer import Broker, Peer, data_version, lookup, read_route, request
from tests.races.crowd import TOPICS_OF_A_BROKER, Crowd, topic_name

_MOST_QUEUES = 16
_ROUNDS = 40
_LOOKUPS = 16

_versions = itertools.count()


def register(crowd: Crowd, number: int) -> None:
    """Register new numbers of queues, and look each up as soon as they are there."""
    broker = Broker(f"broker-{number}", addr=f"10.0.0.{number}:10911")
    chance = random.Random(number)
    with crowd.peer() as own, crowd.peer() as first, crowd.peer() as second:
        for turn in range(_ROUNDS):
            if crowd.ended.is_set():
                break
            queues = {
                topic_name(number, i): chance.randint(1, _MOST_QUEUES)
                for i in range(TOPICS_OF_A_BROKER)
                if chance.random() < 0.8
            }
            version = data_version(next(_versions))
            answer = own.ask(broker.registration(queues, version=version))
            crowd.demand(answer.code == 0, f"a registration got code {answer.code}")
            crowd.count(registrations=1)
            for peer in (first, second):
                _check(crowd, peer, broker, dict(chance.sample([*queues.items()], 16)))
            if turn % 4 == 3:
                _unregister(crowd, own, first, broker, list(queues))


def _check(crowd: Crowd, peer: Peer, broker: Broker, queues: dict[str, int]) -> None:
    """A lookup after the answer to a registration shows its topics."""
    peer.send(*(lookup(topic) for topic in queues))
    for topic, answer in zip(queues, peer.read_answers(len(queues)), strict=True):
        crowd.demand(answer.code == 0, f"{topic} got code {answer.code}")
        if answer.code == 0:
            shown = read_route(answer.body).queues[broker.name]["readQueueNums"]
            crowd.demand(
                shown == queues[topic],
                f"{topic} has {queues[topic]} queues, and a lookup got {shown}",
            )
    crowd.count(fresh_answers=len(queues))


def _unregister(
    crowd: Crowd, own: Peer, peer: Peer, broker: Broker, topics: list[str]
) -> None:
    """A lookup after the answer to an unregistration finds no route."""
    own.ask(request(RequestCode.UNREGISTER_BROKER, broker.ext_fields))
    peer.send(*(lookup(topic) for topic in topics[:_LOOKUPS]))
    for answer in peer.read_answers(_LOOKUPS):
        crowd.demand(answer.code == 17, f"a removed topic got code {answer.code}")
    crowd.count(removals=1)
