"""The peers of a history: brokers, operators and a client.

Each step of a peer is a method of the same name; steps of the machine are methods of
the world.
"""

from namesrv.testing.simulator.actors import BrokerActor, Line, Peer, Sending, replaced
from namesrv.testing.simulator.clock import VirtualClock
from namesrv.testing.simulator.history import NEVER, NOBODY, Setting
from namesrv.testing.simulator.network import Link, Network
from namesrv.testing.simulator.requests import (
    AskRoute,
    DeleteTopic,
    Form,
    Heartbeat,
    QueryVersion,
    Queues,
    RegisterTopic,
    SetWritable,
    Unregister,
)


class Cast:
    """All peers of one history; `broker` is always a number in its setting."""

    def __init__(self, setting: Setting, network: Network, clock: VirtualClock) -> None:
        self._network = network
        self._clock = clock
        lines = [Line() for _ in setting.members]
        self._brokers = [
            BrokerActor(number, member, lines[member.host], network, clock)
            for number, member in enumerate(setting.members)
        ]
        self._operator = Peer(Line(), network, clock)
        self._client = Peer(Line(), network, clock)

    def register(self, broker: int, change: str, **sent: object) -> None:
        """A broker sends its whole table, which may have changed."""
        actor = self._brokers[broker]
        actor.is_up = True
        actor.change(change)
        actor.register(_sending(sent))

    def register_delta(
        self, broker: int, topic: str, queues: int, **sent: object
    ) -> None:
        """A broker changes a topic, and sends only that."""
        actor = self._brokers[broker]
        actor.is_up = True
        actor.register_delta(topic, queues, _sending(sent))

    def heartbeat(self, broker: int, code: int, **sent: object) -> None:
        """A broker sends a sign of life, by 904 or by 322."""
        actor = self._brokers[broker]
        if actor.is_up:
            who = actor.identity
            is_query = code == 322
            request = QueryVersion(who, actor.version) if is_query else Heartbeat(who)
            actor.send([request], _sending(sent))

    def switch_role(self, broker: int, id: int, newer: bool, **sent: object) -> None:
        """A broker becomes master or slave, and registers."""
        self._brokers[broker].switch(id, newer=newer)
        self.register(broker, "none", **sent)

    def move(self, broker: int, **sent: object) -> None:
        """A broker takes another address, and registers."""
        actor = self._brokers[broker]
        self._end(actor.line.link, 1, cut=True)
        actor.move()
        self.register(broker, "none", **sent)

    def rename(self, broker: int, name: str, newer: bool, **sent: object) -> None:
        """Another broker starts at its address, and registers."""
        self._brokers[broker].rename(name, newer=newer)
        self.register(broker, "none", **sent)

    def become(
        self, broker: int, change: dict[str, str | int], newer: bool, **sent: object
    ) -> None:
        """A broker takes another cluster, name, id or address, and registers."""
        self._brokers[broker].become(self._resolved(change), newer=newer)
        self.register(broker, "none", **sent)

    def restart_as(
        self,
        broker: int,
        change: dict[str, str | int],
        newer: bool,
        late: int,
        late_end: int,
    ) -> None:
        """As restart_broker, with a changed configuration."""
        actor = self._brokers[broker]
        link = actor.line.link
        if actor.is_up and link is not None and not link.has_ended:
            if late != NEVER:
                actor.send([Unregister(actor.identity)], Sending(delay=late))
            self._end(link, late_end, cut=False)
        actor.line.link = None
        actor.is_up = True
        actor.become(self._resolved(change), newer=newer)
        actor.register(Sending())

    def swap(self, broker: int, other: int, late: int) -> None:
        """Two brokers exchange their addresses, reconnect and register."""
        one, two = self._brokers[broker], self._brokers[other]
        addrs = two.addr, one.addr
        for actor, addr in zip((one, two), addrs, strict=True):
            self._end(actor.line.link, late, cut=False)
            actor.line.link = None
            actor.become({"addr": addr}, newer=True)
            actor.is_up = True
        for actor in (one, two):
            actor.register(Sending())

    def misname(
        self, broker: int, change: dict[str, str | int], stranger: bool, delay: int
    ) -> None:
        """A peer unregisters it under another cluster, name, id or address."""
        actor = self._brokers[broker]
        who = replaced(actor.identity, self._resolved(change))
        peer = self._operator if stranger else actor
        peer.send([Unregister(who)], Sending(delay=delay))

    def _resolved(self, change: dict[str, str | int]) -> dict[str, str | int]:
        """The facts with an address, which is drawn as the number of a broker."""
        number = change.get("addr")
        if not isinstance(number, int):
            return change
        return {**change, "addr": self._brokers[number].addr}

    def reconnect(self, broker: int, late: int, registers: bool) -> None:
        """A broker reconnects; the server notices the end of the old link late."""
        actor = self._brokers[broker]
        self._end(actor.line.link, late, cut=False)
        actor.line.link = None
        if registers:
            actor.is_up = True
            actor.register(Sending())

    def restart_broker(self, broker: int, late: int, late_end: int) -> None:
        """Its unregistration and the end of its link arrive after its return."""
        actor = self._brokers[broker]
        link = actor.line.link
        if actor.is_up and link is not None and not link.has_ended:
            actor.send([Unregister(actor.identity)], Sending(delay=late))
            self._end(link, late_end, cut=False)
        actor.line.link = None
        actor.is_up = True
        actor.register(Sending())

    def die(self, broker: int, late: int) -> None:
        """A broker ends, with its connection."""
        actor = self._brokers[broker]
        actor.is_up = False
        self._end(actor.line.link, late, cut=True)
        actor.line.link = None

    def cut(self, broker: int, late: int) -> None:
        """A broker's connection breaks."""
        self._end(self._brokers[broker].line.link, late, cut=True)

    def unregister(self, broker: int, delay: int) -> None:
        """A broker unregisters and ends."""
        actor = self._brokers[broker]
        if actor.is_up:
            actor.send([Unregister(actor.identity)], Sending(delay=delay))
            actor.is_up = False

    def ask(
        self, broker: int, topics: tuple[str, ...], standard: bool, **sent: object
    ) -> None:
        """The client or a broker requests routes."""
        peer = self._client if broker == NOBODY else self._brokers[broker]
        peer.send([AskRoute(topic, standard) for topic in topics], _sending(sent))

    def delete_topic(self, topic: str, cluster: str | None) -> None:
        """An operator deletes a topic, everywhere or in one cluster."""
        self._operator.send([DeleteTopic(topic, cluster)], Sending())

    def register_topic(self, topic: str, names: tuple[str, ...], queues: int) -> None:
        """An operator adds queues of a topic."""
        datas = tuple((name, Queues(queues, queues, 6)) for name in names)
        self._operator.send([RegisterTopic(topic, datas)], Sending())

    def set_writable(self, name: str, writable: bool) -> None:
        """An operator changes the permission of a broker's topics."""
        self._operator.send([SetWritable(name, writable)], Sending())

    def _end(self, link: Link | None, late: int, *, cut: bool) -> None:
        """A connection ends; the server notices it late or never."""
        if link is None or link.has_ended:
            return
        link.has_ended = True
        if late == NEVER:
            return
        due_ms = self._clock.now_ms + late
        if cut:
            self._network.cut(link, due_ms)
        else:
            self._network.end(link, due_ms)


def _sending(sent: dict[str, object]) -> Sending:
    form, delay, fault = sent["form"], sent["delay"], sent["fault"]
    assert isinstance(form, Form) and isinstance(delay, int)
    return Sending(form, delay, str(fault))
