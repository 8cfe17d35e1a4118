"""Clients that look up topics of all brokers, and some that never exist."""

import random
import re

from namesrv.testing.peer import LEGACY, NEWEST, lookup
from tests.races.crowd import BROKERS, TOPICS_OF_A_BROKER, Crowd, topic_name

_READS = 200
_LOOKUPS = 24
_BROKER_NAME = re.compile(rb'"brokerName":"([^"]*)"')


def some_topic(chance: random.Random) -> str:
    """Mostly one that some broker has now and then."""
    if chance.random() < 0.1:
        return f"never-{chance.randrange(1000)}"
    broker, number = chance.randrange(BROKERS), chance.randrange(TOPICS_OF_A_BROKER)
    return topic_name(broker, number)


def look_up(crowd: Crowd, number: int) -> None:
    """Several lookups a read; answers come in order, each of its own topic."""
    chance = random.Random()
    version = (LEGACY, NEWEST)[number % 2]
    with crowd.peer() as peer:
        for _ in range(_READS):
            if crowd.ended.is_set():
                break
            topics = [some_topic(chance) for _ in range(_LOOKUPS)]
            peer.send(*(lookup(t, i, version) for i, t in enumerate(topics)))
            for i, answer in enumerate(peer.read_answers(_LOOKUPS)):
                crowd.demand(answer.opaque == i, "answers are out of order")
                _check(crowd, topics[i], answer.code, answer.remark, answer.body)
            crowd.count(lookups=_LOOKUPS)


def _check(
    crowd: Crowd, topic: str, code: int, remark: str | None, body: bytes
) -> None:
    if code == 17:
        crowd.demand(topic in (remark or ""), f"{topic} got the remark {remark!r}")
        return
    crowd.demand(code == 0, f"{topic} got code {code}")
    brokers = set(_BROKER_NAME.findall(body))
    owner = f"broker-{topic.split('-')[1]}".encode()
    crowd.demand(brokers == {owner}, f"{topic} got the brokers {brokers}")
