"""The largest server of the catalogue: its topics, groups, ids and key-value pairs."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench.driver.client import AskFailed, Client
from bench.driver.progress import say
from bench.stalls import requests
from namesrv.testing.peer import Broker, registration

EVERYWHERE = "Topic-everywhere"
BIG_BROKER = "broker-big"
BIG_ADDRESS = "10.1.0.1:10911"
BIG_CLUSTER = "Cluster-big"
IDS_BROKER = "broker-ids"
KV_NAMESPACE = "BIG_NAMESPACE"
FILL_SECONDS = 600.0
_KV_VALUE_BYTES = 60_000
_BROKERS_OF_A_CONNECTION = 1000
_SENT_AHEAD = 50


@dataclass(frozen=True)
class Size:
    """How large it is; the topics of the groups count among `topics`."""

    topics: int = 100_000
    groups: int = 20_000
    ids: int = 7_500
    clusters: int = 1_000
    kv_bytes: int = 90 << 20

    @property
    def big_topics(self) -> int:
        """Topics of the one broker that has most of them."""
        return self.topics - self.groups


LARGEST = Size()
QUICK = Size(topics=4000, groups=400, ids=150, clusters=20, kv_bytes=2 << 20)


def topic(number: int) -> str:
    """A topic of the big broker."""
    return f"Topic-{number:06d}"


def group(number: int) -> str:
    """The name of one of the many groups."""
    return f"broker-{number:05d}"


def own_topic(number: int) -> str:
    """The topic that one of the many groups has alone."""
    return f"Topic-of-{number:05d}"


def group_address(number: int) -> str:
    """Its address, where nobody is."""
    return f"10.2.{number >> 8}.{number & 255}:10911"


def id_address(number: int) -> str:
    """The address of one broker of the group with many ids."""
    return f"10.3.{number >> 8}.{number & 255}:10911"


def big_broker() -> Broker:
    """The broker that has most topics."""
    return requests.lasting_broker(BIG_BROKER, BIG_ADDRESS, BIG_CLUSTER)


def group_broker(size: Size, number: int) -> Broker:
    """The broker of one of the many groups."""
    cluster = f"Cluster-{number % size.clusters:04d}"
    return requests.lasting_broker(group(number), group_address(number), cluster)


def id_broker(number: int) -> Broker:
    """One broker of the group with many ids."""
    return requests.lasting_broker(IDS_BROKER, id_address(number), BIG_CLUSTER, number)


def big_registration(size: Size, counter: int = 1, queues: int = 8) -> bytes:
    """The frame of the big broker's registration."""
    names = (topic(number) for number in range(size.big_topics))
    body = requests.topics_body(names, queues=queues, counter=counter)
    return registration(big_broker(), body)


def group_registration(size: Size, number: int, filters: Iterable[str] = ()) -> bytes:
    """The frame of one group's registration: its own topic and the one of all."""
    body = requests.topics_body((EVERYWHERE, own_topic(number)), filters=filters)
    return registration(group_broker(size, number), body)


def id_registration(number: int) -> bytes:
    """The frame of one registration of the group with many ids."""
    names = ("Topic-ids-1", "Topic-ids-2")
    return registration(id_broker(number), requests.topics_body(names))


def write_kv_file(size: Size, path: Path) -> None:
    """A kvConfig.json that the server reads at its start."""
    value = "v" * _KV_VALUE_BYTES
    count = size.kv_bytes // _KV_VALUE_BYTES
    keys = {f"key-{number:05d}": value for number in range(count)}
    path.write_text(json.dumps({"configTable": {KV_NAMESPACE: keys}}))


class Inhabitants:
    """The connections of all brokers; they stay open while rows are measured."""

    def __init__(self, port: int, size: Size) -> None:
        self._port = port
        self._size = size
        self.clients: list[Client] = []

    def move_in(self) -> None:
        """Register everybody. Raises AskFailed."""
        size = self._size
        self._register([big_registration(size)], "the big broker")
        numbers = range(size.groups)
        self._register((group_registration(size, n) for n in numbers), "groups")
        self._register((id_registration(n) for n in range(size.ids)), "many ids")

    def close(self) -> None:
        """End all connections."""
        for client in self.clients:
            client.close()

    def _register(self, frames: Iterable[bytes], what: str) -> None:
        """Send them ahead, some at a time: one by one costs a switch of processes each,
        which takes minutes beside other work."""
        count = 0
        left = iter(frames)
        while some := list(islice(left, _SENT_AHEAD)):
            if count % _BROKERS_OF_A_CONNECTION == 0:
                self.clients.append(Client(self._port, FILL_SECONDS))
            self.clients[-1].send(*some)
            for answer in self.clients[-1].read_answers(len(some)):
                if answer.code:
                    raise AskFailed(f"code {answer.code}: {answer.remark}")
            count += len(some)
        say(f"registered {what}: {count:,}")
