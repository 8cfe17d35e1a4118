"""Brokers as they behave: each keeps its identity and its last registration."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from namesrv.testing.peer import Broker
from namesrv.testing.simulator.clock import VirtualClock
from namesrv.testing.simulator.history import FILTERS, TOPICS, Member
from namesrv.testing.simulator.network import PROMPT_MILLIS, Link, Network, Sent
from namesrv.testing.simulator.requests import (
    PLAIN,
    Form,
    PeerRequest,
    Queues,
    Register,
    Version,
    request_frame,
)


@dataclass(slots=True, frozen=True)
class Sending:
    """The transport of a request: its delay, and whether it is sent twice, in two
    pieces, or cut off in the middle with its connection."""

    form: Form = PLAIN
    delay: int = PROMPT_MILLIS
    fault: str = "none"


def replaced(who: Broker, change: Mapping[str, str | int]) -> Broker:
    """The same with other values of some fields."""
    return Broker(**{**who._asdict(), **change})


@dataclass(slots=True)
class Line:
    """The connection of a host, which all of its brokers use."""

    link: Link | None = None


class Peer:
    """A sender of requests; it connects on demand."""

    def __init__(self, line: Line, network: Network, clock: VirtualClock) -> None:
        self._network = network
        self._clock = clock
        self._opaque = 0
        self.line = line

    def send(self, requests: Sequence[PeerRequest], sending: Sending) -> None:
        """Send requests, one after the other, on this peer's connection."""
        link = self.line.link
        if link is None or link.has_ended:
            link = self.line.link = self._network.connect()
        due_ms = self._clock.now_ms + sending.delay
        data, sent = b"", []
        for request in requests:
            self._opaque += 1
            form, opaque = sending.form, self._opaque
            data += request_frame(request, form, opaque, self._clock.wall_millis())
            sent.append(Sent(request, form.oneway, opaque))
        self._send(link, data, tuple(sent), due_ms, sending)

    def _send(
        self,
        link: Link,
        data: bytes,
        sent: tuple[Sent, ...],
        due_ms: int,
        sending: Sending,
    ) -> None:
        network, half = self._network, len(data) // 2
        match sending.fault:
            case "twice":
                network.send(link, data + data, sent + sent, due_ms)
            case "split":
                # The first half may hold whole requests; none is answered.
                network.send(link, data[:4], (), due_ms)
                network.send(link, data[4:], sent, due_ms + sending.delay + 200)
            case "cut":
                half = min(half, len(data) // len(sent) - 1)
                network.send(link, data[:half], (), due_ms)
                network.end(link, due_ms + 1)
            case _:
                network.send(link, data, sent, due_ms)


class BrokerActor(Peer):
    """One broker process."""

    def __init__(
        self,
        number: int,
        member: Member,
        line: Line,
        network: Network,
        clock: VirtualClock,
    ) -> None:
        super().__init__(line, network, clock)
        self._number = number
        self._moves = 0
        self._member = member
        self.addr = self._own_addr()
        self.cluster = member.cluster
        self.id = member.id
        self.name = member.name
        self.is_up = False
        self.topics = {t: Queues(4, 4, 6) for t in member.topics}
        self.version = Version(1, 0, 1_700_000_000_000 + number)
        self._filters: tuple[str, ...] | None = ()

    @property
    def identity(self) -> Broker:
        """Its present cluster, name, id and address."""
        timeout_millis = self._member.timeout_millis
        return Broker(self.name, self.id, self.addr, self.cluster, timeout_millis)

    def register(self, sending: Sending) -> None:
        """Send the whole topic table."""
        self._register(sorted(self.topics), sending)

    def register_delta(self, topic: str, queues: int, sending: Sending) -> None:
        """Change one topic, and send only that."""
        self.topics[topic] = Queues(queues, queues, 6)
        self._next_version()
        self._register([topic], sending)

    def change(self, what: str) -> None:
        """Change the table before the next registration."""
        if what == "queues":
            self.topics = {
                t: Queues(q.read % 9 + 1, q.write % 9 + 1, 6)
                for t, q in self.topics.items()
            }
        elif what == "topics":
            absent = [topic for topic in TOPICS if topic not in self.topics]
            if absent:
                self.topics[absent[0]] = Queues(2, 2, 6)
            else:
                del self.topics[TOPICS[0]]
        elif what == "filters":
            # No filter server, one and two in turn, and sometimes no field.
            nth = self.version.counter % 4
            self._filters = FILTERS[:nth] if nth < len(FILTERS) + 1 else None
        if what != "none":
            self._next_version(state=int(what == "state"))

    def switch(self, new_id: int, *, newer: bool) -> None:
        """Become master or slave; a master's epoch is newer than the last one's."""
        if newer and new_id != self.id:
            self._next_version(state=int(new_id == 0))
        self.id = new_id

    def rename(self, name: str, *, newer: bool) -> None:
        """Start another broker at the same address, perhaps with the same table."""
        self.name = name
        if newer:
            self._next_version()

    def move(self) -> None:
        """Take another address; connections of the old one are lost."""
        self._moves += 1
        self.addr = self._own_addr()

    def become(self, change: Mapping[str, str | int], *, newer: bool) -> None:
        """Change the configuration: some of cluster, name, id and address."""
        who = replaced(self.identity, change)
        self.name, self.id, self.addr, self.cluster, _ = who
        if newer:
            self._next_version(state=1)

    def _own_addr(self) -> str:
        return f"10.0.{self._number}.{self._moves}:10911"

    def _register(self, topics: Iterable[str], sending: Sending) -> None:
        acting = None if sending.form.deflated else self._member.acting
        request = Register(
            self.identity,
            acting,
            self.version,
            {topic: self.topics[topic] for topic in topics},
            self._filters if not sending.form.deflated else self._filters or (),
        )
        self.send([request], sending)

    def _next_version(self, state: int = 0) -> None:
        counter, old_state, timestamp = self.version
        self.version = Version(counter + 1, old_state + state, timestamp + 1)
