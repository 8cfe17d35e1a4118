"""The route tables that the servers are filled with, and what brokers send for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from namesrv.testing.peer import (
    Broker,
    Request,
    data_version,
    registration_body,
    registration_fields,
    topic_config,
)

REGISTER_BROKER = 103
BROKER_HEARTBEAT = 904
DATA_VERSION_MILLIS = 1_760_000_000_000
DAY_MILLIS = 86_400_000


@dataclass(frozen=True)
class Table:
    """`topics` topics in one cluster of `brokers` brokers, each on `copies` of them.

    All names of a kind are equally long, so that all answers are. With `lasting` the
    brokers ask for a timeout of a day, so that a benchmark need not beat for them.
    Unless `alike`, each topic has a number of queues of its own, so that no two routes
    are equal.
    """

    name: str
    topics: int
    brokers: int
    copies: int
    lasting: bool = True
    alike: bool = True

    @property
    def cluster(self) -> str:
        """Name of the cluster, which no other table has."""
        return f"Cluster-{self.name}"

    def topic(self, number: int) -> str:
        """Name of a topic; numbers from `topics` on are those of unknown topics."""
        return f"Topic-{self.name}-{number:05d}"

    def broker(self, number: int) -> str:
        """Name of a broker."""
        return f"broker-{self.name}-{number:03d}"

    def address(self, number: int) -> str:
        """Its address, where nobody is."""
        return f"10.{self._net}.{100 + number // 100}.{100 + number % 100}:10911"

    def identity(self, number: int) -> Broker:
        """The broker with all its names."""
        timeout_millis = DAY_MILLIS if self.lasting else None
        name, address = self.broker(number), self.address(number)
        return Broker(name, 0, address, self.cluster, timeout_millis)

    def brokers_of(self, topic_number: int) -> set[str]:
        """The brokers that have a topic."""
        first = topic_number % self.brokers
        return {self.broker((first + i) % self.brokers) for i in range(self.copies)}

    def registration(self, number: int, sending: int = 0) -> Request:
        """What broker `number` sends; two `sending`s differ as an idle 5.x broker's
        registrations do, by the time of sending."""
        body = self._body(number if self.copies < self.brokers else 0, sending)
        fields = registration_fields(self.identity(number), body)
        return Request(REGISTER_BROKER, fields, body)

    def heartbeat(self, number: int) -> Request:
        """A sign of life of broker `number`."""
        fields = {
            "brokerAddr": self.address(number),
            "brokerName": self.broker(number),
            "clusterName": self.cluster,
        }
        return Request(BROKER_HEARTBEAT, fields)

    @property
    def _net(self) -> int:
        return 100 + sum(self.name.encode()) % 100

    def _topics_of(self, number: int) -> Iterator[tuple[str, int]]:
        """Names and numbers of queues."""
        for topic in range(self.topics):
            if (number - topic) % self.brokers < self.copies:
                yield self.topic(topic), 8 if self.alike else 1000 + topic

    @cache  # noqa: B019  a few tables live as long as the program
    def _body(self, number: int, sending: int) -> bytes:
        table = {
            topic: topic_config(topic, queues, write_queues=8)
            for topic, queues in self._topics_of(number)
        }
        return registration_body(
            table,
            version=data_version(0, DATA_VERSION_MILLIS),
            sent_at=DATA_VERSION_MILLIS + 1 + sending,
        )
