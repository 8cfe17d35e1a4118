"""A real producer and consumer of the Java client library, steered from here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from harness.conversation import Conversation
from harness.fetch import JAVA_5, Peers
from harness.java import TRAFFIC_MAIN, java_command
from harness.nameserver import Addressed
from harness.waiting import until

# The client looks every 20 s for new queues to consume; tests do not wait for that.
QUICK_REBALANCE = {
    "rocketmq.client.rebalance.waitInterval": "1000",
    "rocketmq.client.rebalance.minInterval": "200",
}


class TrafficFailed(Exception):
    """The client library gave up."""


class Traffic:
    """One JVM with one producer and one consumer; see java/Traffic.java."""

    def __init__(
        self,
        name_servers: Sequence[Addressed],
        home: Path,
        peers: Peers,
        properties: dict[str, str],
    ) -> None:
        command = java_command(
            peers, JAVA_5, TRAFFIC_MAIN, home, properties=QUICK_REBALANCE | properties
        )
        addresses = ";".join(server.address for server in name_servers)
        self._program = Conversation("traffic", [*command, addresses], home)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._program.close()

    def subscribe(self, *topics: str) -> None:
        self._ask("subscribe", *topics)

    def send(self, topic: str, count: int) -> int:
        """Send `count` messages; return how many calls failed on the way."""
        return int(self._ask("send", topic, str(count)))

    def start_flow(self, topic: str, pause_millis: int) -> None:
        """Send one message every `pause_millis`, to the topics of the flow in turn."""
        self._ask("flow", topic, str(pause_millis))

    def add_to_flow(self, topic: str) -> None:
        self._ask("also", topic)

    def halt_flow(self) -> None:
        self._ask("halt")

    def sent(self) -> int:
        """How many messages brokers have taken so far."""
        return int(self._ask("sent"))

    def failures(self) -> int:
        """How many calls failed; each message is repeated until it is taken."""
        return int(self._ask("failures"))

    def missing(self) -> list[str]:
        """The bodies that brokers took and the consumer has not got yet."""
        return self._ask("missing").split()

    def wait_until_sent(self, count: int, seconds: float) -> None:
        until(
            lambda: self.sent() >= count,
            seconds,
            lambda: f"{count} messages should be sent, {self.sent()} are",
        )

    def wait_until_received(self, seconds: float) -> None:
        """Until every message that was sent has been received."""
        until(
            lambda: not self.missing(),
            seconds,
            lambda: f"of {self.sent()} messages these are lost: {self.missing()}",
        )

    def _ask(self, *words: str) -> str:
        answer = self._program.ask(*words)
        if answer.startswith("FAILED "):
            raise TrafficFailed(f"`{' '.join(words)}`: {answer}")
        return answer
