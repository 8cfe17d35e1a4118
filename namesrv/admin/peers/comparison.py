"""The tables of a peer compared with this server's, over the remoting protocol.

A round asks for all broker groups (106), now and then for the names of all topics
(206), and for the routes (105) of the topics that differed before, then of the next
ones in a sweep over all topics. So a large table is compared in several rounds, and a
peer never gets more than some hundred requests in one.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from namesrv.admin.peers.bodies import (
    cluster_info_steps,
    queues_steps,
    topic_list_steps,
)
from namesrv.admin.peers.own_tables import (
    Groups,
    OwnTables,
    Queues,
    can_be_sent,
    words_of,
)
from namesrv.admin.peers.remoting import RemotingConnection, check_size
from namesrv.client.differences import Difference, topic_differs
from namesrv.client.frames import Answer, Request
from namesrv.client.questions import lookup
from namesrv.codes import RequestCode, ResponseCode
from namesrv.errors import AnswerInvalid, RequestRefused
from namesrv.routing.history.peer_views import MOST_NAMES
from namesrv.wire.bodies import QueueData, write_queue_data
from namesrv.wire.route_sums import digest_text, topic_sum
from namesrv.work import Steps, batches, finish

TOPICS_OF_ROUND: Final = 1000
"""Topics that one round asks for."""
_AT_ONCE: Final = 16
_LONG_BYTES: Final = 1 << 12
_LONG_ROUTE: Final = 100
"""Groups of a route whose sum is made in steps."""
_QUEUES_UNITS: Final = 4
"""The queues of a topic on a group, summed."""
_MOST_DIFFERING: Final = 500
_LIST_MILLIS: Final = 30_000
"""A Java server logs each question for the list of topics."""


class _Sweep:
    """One pass over all topics: its place, and the sum of the peer's part so far."""

    def __init__(self, groups_sum: int, names: Sequence[str]) -> None:
        self.groups_sum = groups_sum
        self.names = names
        self.place = 0
        self.sum = 0

    def take(self, most: int) -> Sequence[str]:
        """The next names."""
        begin, self.place = self.place, self.place + most
        return self.names[begin : self.place]

    @property
    def is_over(self) -> bool:
        """Whether all names were taken."""
        return self.place >= len(self.names)


class Comparison:
    """The known differences to one peer. `digest` is that of the peer after
    a sweep, `topics_there` are topics that only the peer has, and `brokers` is the
    number of addresses that it lists. `is_partial` means that it hides its topics."""

    def __init__(self, own: OwnTables) -> None:
        self._own = own
        self._by_topic: dict[str, list[Difference]] = {}
        self._only_here: list[str] = []
        self._listed_ms: int | None = None
        self._listed_sum = 0
        self._sweep: _Sweep | None = None
        self.topics_there: frozenset[str] = frozenset()
        self.digest: str | None = None
        self.brokers: int | None = None
        self.is_partial = False
        self._lists_all = False
        self._last: tuple[bytes, Queues | None] = b"", None

    async def run(
        self, connection: RemotingConnection, now_ms: int
    ) -> list[Difference]:
        """Compare once; all differences that are known now.

        Raises RequestRefused, NameServerUnreachable, AnswerInvalid and OSError.
        """
        answer = await connection.ask(Request(RequestCode.GET_BROKER_CLUSTER_INFO))
        info = await self._own.in_turns(cluster_info_steps(answer.body))
        self.brokers = sum(len(group.addresses) for group in info.brokers.values())
        groups = await self._own.groups(info)
        self._forget_known()
        await self._list(connection, groups, now_ms)
        await self._ask_topics(connection, groups)
        return [
            *groups.differences,
            *(one for found in self._by_topic.values() for one in found),
        ]

    def _forget_known(self) -> None:
        """Forget topics that only the peer had and this server has now."""
        known = [name for name in self.topics_there if self._own.has(name)]
        if known:
            self.topics_there -= frozenset(known)

    async def _list(
        self, connection: RemotingConnection, groups: Groups, now_ms: int
    ) -> None:
        """Compare the names of all topics, if it is time."""
        is_known = self._listed_ms is not None and self._listed_sum == groups.sum
        if is_known and now_ms - (self._listed_ms or 0) < _LIST_MILLIS:
            return
        code = RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER
        try:
            answer = await connection.ask(Request(code))
            theirs = await self._own.in_turns(topic_list_steps(answer.body))
            self.is_partial = False
        except RequestRefused:
            theirs, self.is_partial = self._own.names(), True
        here, there = await self._own.topics(theirs)
        self._only_here = here[:_MOST_DIFFERING]
        self.topics_there = frozenset(there[:MOST_NAMES])
        self._listed_ms, self._listed_sum = now_ms, groups.sum
        self._lists_all = len(there) <= MOST_NAMES and not self.is_partial

    async def _ask_topics(self, connection: RemotingConnection, groups: Groups) -> None:
        """Compare some topics by their routes."""
        if not groups.common:
            self._by_topic.clear()
            self.digest, self._sweep = None, None
            return
        if self._sweep is None or self._sweep.groups_sum != groups.sum:
            names = dict.fromkeys((*self._own.names(), *sorted(self.topics_there)))
            self._sweep = _Sweep(groups.sum, list(names))
        sweep, swept = self._sweep, set[str]()
        first = [*self._by_topic, *self._only_here][:_MOST_DIFFERING]
        swept.update(sweep.take(TOPICS_OF_ROUND - len(first)))
        asked = [name for name in dict.fromkeys((*first, *swept)) if can_be_sent(name)]
        for some in _parts(asked):
            answers = await _routes(connection, some)
            for topic, answer in zip(some, answers, strict=True):
                theirs = await self._queues_of(answer)
                self._note(topic, theirs, groups)
                if theirs is not None and topic in swept:
                    sweep.sum += await self._sum(topic, theirs)
            # Others have their turn between two parts.
            await asyncio.sleep(0)
        self._last = b"", None
        if sweep.is_over:
            total = sweep.groups_sum + sweep.sum
            self.digest = digest_text(total) if self._lists_all else None
            self._sweep = None

    async def _queues_of(self, answer: Answer) -> Queues | None:
        """The queues of a route. Topics alike, which often follow each other, have the
        same body, and it is read once."""
        body, found = self._last
        if not answer.body or answer.body != body:
            found = await self._read_queues(answer)
            self._last = answer.body, found
        return found

    async def _read_queues(self, answer: Answer) -> Queues | None:
        """The queues of a route by broker, None for an unknown topic."""
        if answer.code == ResponseCode.TOPIC_NOT_EXIST:
            return None
        if answer.code != ResponseCode.SUCCESS:
            raise AnswerInvalid(f"it answers a lookup with code {answer.code}")
        check_size(len(answer.body), self._own.most_route_bytes, "bytes to a lookup")
        steps = queues_steps(answer.body)
        is_long = len(answer.body) > _LONG_BYTES
        found = await self._own.in_turns(steps) if is_long else finish(steps)
        return {one.broker_name: one for one in found if one.broker_name is not None}

    async def _sum(self, topic: str, queues: Queues) -> int:
        """The part of a topic of the peer in its digest."""
        steps = _sum_steps(topic, list(queues.values()))
        if len(queues) < _LONG_ROUTE:
            return finish(steps)
        return await self._own.in_turns(steps)

    def _note(self, topic: str, theirs: Queues | None, groups: Groups) -> None:
        own, found = self._own.queues(topic), list[Difference]()
        if own != theirs:
            here = None if own is None else words_of(own, groups.common)
            there = None if theirs is None else words_of(theirs, groups.common)
            found = list(topic_differs(topic, here, there, groups.common))
        if found and (topic in self._by_topic or len(self._by_topic) < _MOST_DIFFERING):
            self._by_topic[topic] = found
        else:
            self._by_topic.pop(topic, None)


def _sum_steps(topic: str, queues: Sequence[QueueData]) -> Steps[int]:
    total = 0
    for some in batches(queues, _QUEUES_UNITS):
        total += sum(topic_sum(topic, write_queue_data(one)) for one in some)
        yield len(some) * _QUEUES_UNITS
    return total


async def _routes(
    connection: RemotingConnection, topics: Sequence[str]
) -> list[Answer]:
    return await connection.ask_many(list(map(lookup, topics)))


def _parts(names: Sequence[str]) -> Iterable[Sequence[str]]:
    for begin in range(0, len(names), _AT_ONCE):
        yield names[begin : begin + _AT_ONCE]
