"""Waits for a change of a topic's route.

A route has an *index*, a hash of the answer that a client of that version and zone
gets, or `0` for a topic without a route. A wait has the index that its client knows,
and ends when the route has another one. So no table counts changes, a change that is
undone wakes nobody, and an index of another run of the server is an index like others.

Waits for the same route are one group. An event names topics or a broker; the groups
that it may concern are looked up again, once for each version and zone, and only if the
index differs the answer is made, once for each format. This is work in steps: each wake
spends units of the turn. Waits that end by time take the same way.
"""

import logging
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from random import random
from traceback import format_exc
from typing import Final, NamedTuple

from namesrv._impl import Connection
from namesrv.admin.http.encode import compressed
from namesrv.admin.http.limits import GZIP_BYTES
from namesrv.admin.http.messages import HttpAnswer, Wait
from namesrv.admin.http.problems import problem
from namesrv.admin.streams.due_times import DueTimes
from namesrv.admin.streams.event_streams import RETRY, share_of
from namesrv.codes import ORDER_TOPIC_CONFIG
from namesrv.routing.events import (
    BrokerChanged,
    ConfigChanged,
    Event,
    KvChanged,
    TopicChanges,
)
from namesrv.routing.outbox import LogEvent
from namesrv.routing.state import RoutingState
from namesrv.routing.turns.fair_lines import host_in_line
from namesrv.server.connections.registry import Connections
from namesrv.wire.command import RemotingCommand
from namesrv.work import Steps

NO_ROUTE: Final = "0"
"""The index of a topic without a route."""
INDEX: Final = "X-Namesrv-Index"
_JITTER: Final = 16
"""A wait ends by time up to this part of it too early, so that waits which began
together do not end together."""
_CHECK_MILLIS: Final = 1_000
_WAKE_UNITS: Final = 50
_TOPICS_OF_A_UNIT: Final = 8
"""Topics that are compared with a broker in a microsecond."""


class Question(NamedTuple):
    """The route of a topic for a client of a version, in a zone."""

    topic: str
    version: int
    zone: str


class Shape(NamedTuple):
    """The format of an answer, and whether it may be compressed."""

    media: str
    takes_gzip: bool


class Looked(NamedTuple):
    """The answer to 105 as it is now; `route_index` is empty for a refusal."""

    route_index: str
    answer: RemotingCommand


class Asker(NamedTuple):
    """Looks a route up, and makes the answer of HTTP; neither keeps a request."""

    look: Callable[[Question, Connection], Steps[Looked]]
    answer: Callable[[Question, Looked, Shape], Steps[HttpAnswer]]


class _Group:
    """Waits for one route, those that are due among them, and whether it may differ."""

    __slots__ = ("due", "is_changed", "question", "waiters")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.waiters: dict[_Waiter, None] = {}
        self.due: dict[_Waiter, None] = {}
        self.is_changed = False


class _Waiter:
    """One wait. `is_known` is whether its client has the route of index `after`."""

    __slots__ = (
        "after",
        "connection",
        "due_ms",
        "group",
        "is_known",
        "shape",
        "take",
        "token",
    )

    def __init__(
        self, connection: Connection, after: str, shape: Shape, token: bytes
    ) -> None:
        self.connection = connection
        self.token = token
        self.is_known = bool(after)
        self.after = after or NO_ROUTE
        self.shape = shape
        self.due_ms = 0
        self.group: _Group
        self.take: Callable[[HttpAnswer], None]


class RouteWaits:
    """All waits of one server."""

    def __init__(self, state: RoutingState, connections: Connections) -> None:
        self._state = state
        self._connections = connections
        self._counts = connections.http_counts.lasting
        self._asker: Asker
        self._groups: dict[Question, _Group] = {}
        self._by_topic: dict[str, list[_Group]] = {}
        self._waiters: dict[_Waiter, None] = {}
        self._hosts = Counter[str]()
        self._times = DueTimes[_Waiter]()
        self._line: dict[_Group, None] = {}
        self._is_running = False
        self._check_ms = 0

    def __len__(self) -> int:
        """The number of waits whose connection was open at the last check."""
        return len(self._waiters)

    def refusal(self, connection: Connection) -> HttpAnswer | None:
        """The answer to one more wait of a peer if the limits or the share of its
        address allow none, else None."""
        option = self._state.options.max_route_waits
        most = min(option, self._connections.limit // 2)
        host, share = host_in_line(connection), share_of(most)
        if len(self._waiters) >= most or self._hosts[host] >= share:
            self._forget_closed()
        why = "maxRouteWaits" if most == option else "half of maxConnections"
        if len(self._waiters) >= most:
            detail = f"{most} requests wait for routes already ({why})"
        elif self._hosts[host] >= share:
            detail = (
                f"{share} requests of {host} wait for routes already, which is the"
                f" share of one address in {why}"
            )
        else:
            return None
        self._counts.refused += 1
        return problem(503, f"{detail}: ask again later", RETRY)

    def wait(
        self,
        connection: Connection,
        question: Question,
        after: str,
        shape: Shape,
        millis: int,
        asker: Asker,
        token: bytes = b"",
    ) -> Wait:
        """A wait for the time at which a route has another index than `after`, which is
        that of now; empty for that of no route. `token` is the one that it needs, empty
        for none."""
        waiter = _Waiter(connection, after, shape, token)
        self._asker = asker

        def begin(take: Callable[[HttpAnswer], None]) -> None:
            waiter.take = take
            early_millis = int(millis * random() / _JITTER)
            waiter.due_ms = self._connections.now_ms + millis - early_millis
            self._add(waiter, question)

        return Wait(begin, lambda: self._make_due(waiter))

    def tick(self, now_ms: int) -> None:
        """Answer the waits whose time is over, and forget those without a peer."""
        for waiter in self._times.take(now_ms):
            self._make_due(waiter)
        if now_ms >= self._check_ms and self._waiters:
            self._check_ms = now_ms + _CHECK_MILLIS
            self._forget_closed()

    def note(self, event: Event) -> None:
        """A sink of events: routes that an event may concern are looked up again."""
        if not self._groups:
            return
        for group in self._concerned(event):
            group.is_changed = True
            self._line[group] = None
        self._start()

    def end(self, reason: str, good: Container[bytes] = ()) -> None:
        """Answer all waits, but for those with a good token, with 503."""
        answer = problem(503, reason, RETRY)
        for waiter in list(self._waiters):
            if waiter.token not in good:
                self._end(waiter, answer)

    def _add(self, waiter: _Waiter, question: Question) -> None:
        group = self._groups.get(question)
        if group is None:
            group = self._groups[question] = _Group(question)
            self._by_topic.setdefault(question.topic, []).append(group)
        waiter.group = group
        group.waiters[waiter] = None
        self._waiters[waiter] = None
        self._hosts[host_in_line(waiter.connection)] += 1
        self._times.put(waiter, waiter.due_ms)
        self._counts.waits = len(self._waiters)

    def _remove(self, waiter: _Waiter) -> None:
        group = waiter.group
        self._times.drop(waiter, waiter.due_ms)
        del self._waiters[waiter], group.waiters[waiter]
        group.due.pop(waiter, None)
        host = host_in_line(waiter.connection)
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]
        self._counts.waits = len(self._waiters)
        if group.waiters:
            return
        topic = group.question.topic
        del self._groups[group.question]
        self._by_topic[topic].remove(group)
        if not self._by_topic[topic]:
            del self._by_topic[topic]

    def _end(self, waiter: _Waiter, answer: HttpAnswer) -> None:
        self._remove(waiter)
        waiter.take(answer)

    def _make_due(self, waiter: _Waiter) -> None:
        """Answer a wait soon, with the route of then."""
        if waiter in self._waiters:
            waiter.group.due[waiter] = None
            self._line[waiter.group] = None
            self._start()

    def _forget_closed(self) -> None:
        find = self._connections.find
        for waiter in [w for w in self._waiters if find(w.connection) is None]:
            self._remove(waiter)

    def _concerned(self, event: Event) -> Iterable[_Group]:
        match event:
            case ConfigChanged():
                return list(self._groups.values())
            case BrokerChanged(parts=parts) if "filter servers" in parts:
                # They show in the routes of each group with this address.
                return list(self._groups.values())
            case KvChanged(namespace=namespace, key=key):
                is_order = namespace == ORDER_TOPIC_CONFIG
                return self._by_topic.get(key, ()) if is_order else ()
        names = [name for name in _topics_of(event) if name in self._by_topic]
        broker = getattr(event, "broker", None)
        if broker is not None:
            names += self._topics_with(broker)
        return [group for name in names for group in self._by_topic[name]]

    def _topics_with(self, broker: str) -> list[str]:
        """Awaited topics with queues on a broker group."""
        table = self._state.tables.topic_queue_table
        self._state.turn.spend(len(self._by_topic) // _TOPICS_OF_A_UNIT)
        found = []
        for topic in self._by_topic:
            entry = table.get(topic)
            if entry is not None and broker in entry.queues:
                found.append(topic)
        return found

    def _start(self) -> None:
        if self._line and not self._is_running:
            self._is_running = True
            self._state.unfinished.begin(self._work(), is_reading=True)

    def _work(self) -> Steps[None]:
        """Look up the routes in line, one after the other."""
        try:
            while self._line:
                group = next(iter(self._line))
                del self._line[group]
                yield from self._settle(group)
        finally:
            self._is_running = False

    def _settle(self, group: _Group) -> Steps[None]:
        is_changed, due = group.is_changed, group.due
        group.is_changed, group.due = False, {}
        waiters = list(group.waiters if is_changed else due)
        if not waiters:
            return
        try:
            yield from self._answer(group.question, waiters, due)
        except Exception:
            fields: dict[str, object] = {"error": format_exc()}
            self._state.outbox.put(LogEvent(logging.ERROR, "internal error", fields))
            failed = problem(500, "the server made a mistake, its log has the details")
            for waiter in waiters:
                if waiter in self._waiters:
                    self._end(waiter, failed)

    def _answer(
        self, question: Question, waiters: list[_Waiter], due: dict[_Waiter, None]
    ) -> Steps[None]:
        """Answer those of some waits that are due, or know another index."""
        looked = yield from self._asker.look(question, waiters[0].connection)
        made: dict[Shape, HttpAnswer] = {}
        for waiter in waiters:
            is_same = waiter.after == looked.route_index
            if waiter not in self._waiters or (is_same and waiter not in due):
                continue
            if is_same and waiter.is_known:
                answer = unchanged(looked.route_index)
            elif waiter.shape in made:
                answer = made[waiter.shape]
            else:
                answer = yield from self._made(question, looked, waiter.shape)
                made[waiter.shape] = answer
                if waiter not in self._waiters:
                    continue
            self._end(waiter, answer)
            yield _WAKE_UNITS

    def _made(
        self, question: Question, looked: Looked, shape: Shape
    ) -> Steps[HttpAnswer]:
        answer = yield from self._asker.answer(question, looked, shape)
        if shape.takes_gzip and len(answer.body) > GZIP_BYTES:
            answer = yield from compressed(answer)
        return answer


def unchanged(index: str) -> HttpAnswer:
    """The answer to a client that knows the route already."""
    return HttpAnswer(304, content_type="", headers=((INDEX, index),))


def _topics_of(event: Event) -> Iterator[str]:
    topic = getattr(event, "topic", None)
    if topic is not None:
        yield topic
    topics = getattr(event, "topics", ())
    if isinstance(topics, TopicChanges):
        for names in (topics.added, topics.changed, topics.removed, topics.mapped):
            yield from names
    else:
        yield from topics
