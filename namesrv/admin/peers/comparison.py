"""The tables of a peer compared with this server's, over the remoting protocol.

A round asks for all broker groups (106), now and then for the names of all topics
(206), and for the routes (105) of the topics that differed before, then of the next
ones in a sweep over all topics. So a large table is compared in several rounds, and a
peer never gets more than some hundred requests in one.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from namesrv.admin.peers.own_tables import Groups, OwnTables, Queues, words_of
from namesrv.admin.peers.remoting import RemotingConnection
from namesrv.client import bodies
from namesrv.client.differences import Difference, topic_differs
from namesrv.client.frames import Answer, Request
from namesrv.client.questions import lookup
from namesrv.codes import RequestCode, ResponseCode
from namesrv.errors import AnswerInvalid, RequestRefused
from namesrv.routing.history.peer_views import LONGEST_TEXT, MOST_NAMES
from namesrv.wire.bodies import QueueData, write_queue_data
from namesrv.wire.route_sums import digest_text, topic_sum

TOPICS_OF_ROUND: Final = 1000
"""Topics that one round asks for."""
_AT_ONCE: Final = 16
_LONG_BYTES: Final = 1 << 15
_MOST_DIFFERING: Final = 500
_LIST_MILLIS: Final = 30_000
"""A Java server logs each question for the list of topics."""


class _TopicList(msgspec.Struct, rename="camel"):
    topic_list: list[str] | None = None


class _Route(msgspec.Struct, rename="camel"):
    queue_datas: list[QueueData]


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
        info = await _cluster_info(answer.body)
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
            theirs = _names(answer.body)
            self.is_partial = False
        except RequestRefused:
            theirs, self.is_partial = self._own.names(), True
        here, there = await self._own.topics(theirs)
        self._only_here = here[:_MOST_DIFFERING]
        there = [name for name in there if len(name) <= LONGEST_TEXT]
        self.topics_there = frozenset(sorted(there)[:MOST_NAMES])
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
        for some in _parts(list(dict.fromkeys((*first, *swept)))):
            answers = await _routes(connection, some)
            for topic, answer in zip(some, answers, strict=True):
                theirs = self._queues_of(answer)
                self._note(topic, theirs, groups, is_swept=topic in swept)
            # Others have their turn between two parts.
            await asyncio.sleep(0)
        self._last = b"", None
        if sweep.is_over:
            total = sweep.groups_sum + sweep.sum
            self.digest = digest_text(total) if self._lists_all else None
            self._sweep = None

    def _queues_of(self, answer: Answer) -> Queues | None:
        """The queues of a route. Topics alike, which often follow each other, have the
        same body, and it is read once."""
        body, found = self._last
        if not answer.body or answer.body != body:
            found = _queues(answer)
            self._last = answer.body, found
        return found

    def _note(
        self,
        topic: str,
        theirs: Queues | None,
        groups: Groups,
        *,
        is_swept: bool,
    ) -> None:
        own, found = self._own.queues(topic), list[Difference]()
        if own != theirs:
            here = None if own is None else words_of(own)
            there = None if theirs is None else words_of(theirs)
            found = list(topic_differs(topic, here, there, groups.common))
        if found and (topic in self._by_topic or len(self._by_topic) < _MOST_DIFFERING):
            self._by_topic[topic] = found
        else:
            self._by_topic.pop(topic, None)
        if is_swept and theirs is not None and self._sweep is not None:
            texts = map(write_queue_data, theirs.values())
            self._sweep.sum += sum(topic_sum(topic, text) for text in texts)


async def _cluster_info(body: bytes) -> bodies.ClusterInfo:
    """The groups in a body; a long one is read by a thread, beside the loop."""
    if len(body) < _LONG_BYTES:
        return bodies.read_cluster_info(body)
    return await asyncio.to_thread(bodies.read_cluster_info, body)


async def _routes(
    connection: RemotingConnection, topics: Sequence[str]
) -> list[Answer]:
    return await connection.ask_many(list(map(lookup, topics)))


def _queues(answer: Answer) -> Queues | None:
    """The queues of a route by broker, None for an unknown topic."""
    if answer.code == ResponseCode.TOPIC_NOT_EXIST:
        return None
    if answer.code != ResponseCode.SUCCESS:
        raise AnswerInvalid(f"it answers a lookup with code {answer.code}")
    try:
        found = msgspec.json.decode(answer.body, type=_Route).queue_datas
    except msgspec.MsgspecError:
        found = list(map(_as_kept, bodies.read_route(answer.body).queues))
    return {one.broker_name: one for one in found if one.broker_name is not None}


def _as_kept(one: bodies.QueueData) -> QueueData:
    """The queues of an answer that only the lenient reader understands."""
    return QueueData(
        one.broker_name, one.perm, one.read_queues, one.system_flag, one.write_queues
    )


def _names(body: bytes) -> list[str]:
    try:
        return msgspec.json.decode(body, type=_TopicList).topic_list or []
    except msgspec.MsgspecError:
        return bodies.read_topic_list(body)


def _parts(names: Sequence[str]) -> Iterable[Sequence[str]]:
    for begin in range(0, len(names), _AT_ONCE):
        yield names[begin : begin + _AT_ONCE]
