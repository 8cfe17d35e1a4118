"""topic -> answer bytes of GET_ROUTEINFO_BY_TOPIC (105), in both dialects.

Routing marks topics that have a route (`mark`), unmarks the others (`remove`), and puts
in the bodies of answers. Equal bodies are kept once, because many topics have the same
queues on the same brokers. A byte budget limits the bodies; the topics answered first
are evicted first. A topic without a mark gets code 17, which is built and never
stored.
"""

from collections import OrderedDict
from itertools import islice
from typing import Final

from namesrv.hot_path import (
    NO_SAMPLE,
    check_bool,
    check_bytes,
    check_instance,
    check_int32,
    check_int64,
    check_size,
    check_text,
)
from namesrv.wire.answer_frames import (
    answer_frame,
    success_header,
    topic_not_exist_header,
)

_Bodies = tuple[bytes | None, bytes | None]
"""The legacy and the standard body of a topic; None until it is made."""

_NO_BODIES: Final[_Bodies] = (None, None)


class RouteAnswers:
    """Ready answers by topic; `max_bytes` limits the kept bodies.

    `standard` chooses the dialect with quoted numeric keys (section 1.8). `hits` counts
    answers with a kept body, `unknown` those for topics without a route. The lookup
    that brings `unknown` to `sample_at` is wanted as a sample (NO_SAMPLE: none is).
    """

    __slots__ = (
        "_kept",
        "_kept_bytes",
        "_max_bytes",
        "_pairs",
        "_shared",
        "_topics",
        "hits",
        "sample_at",
        "unknown",
    )

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = check_size("max_bytes", max_bytes)
        self._kept_bytes = 0
        self.hits = self.unknown = 0
        self.sample_at = NO_SAMPLE
        self._topics: dict[str, _Bodies] = {}
        self._kept: OrderedDict[str, None] = OrderedDict()
        # Each pair of bodies with its number of topics, and each body with its number
        # of pairs.
        self._pairs: dict[_Bodies, tuple[_Bodies, int]] = {}
        self._shared: dict[bytes, tuple[bytes, int]] = {}

    def __len__(self) -> int:
        return len(self._topics)

    @property
    def kept_bytes(self) -> int:
        """Bytes of all bodies that are kept, equal ones counted once."""
        return self._kept_bytes

    @property
    def kept_topics(self) -> int:
        """Topics with a kept body, at least of one dialect."""
        return len(self._kept)

    def mark(self, topic: str) -> None:
        """The topic has a route; earlier answers are out of date."""
        check_text("topic", topic)
        if self._topics.get(topic) is not _NO_BODIES:
            self._forget(topic)
            self._topics[topic] = _NO_BODIES

    def mark_all(self, topics: list[str]) -> None:
        """`mark` each of some topics."""
        check_instance("topics", topics, list)
        for topic in topics:
            self.mark(topic)

    def remove(self, topic: str) -> None:
        """The topic has no route any more."""
        check_text("topic", topic)
        self._forget(topic)
        self._topics.pop(topic, None)

    def forget_oldest(self, most: int) -> None:
        """The answers of so many topics, those answered first, are out of date; the
        topics stay."""
        check_size("most", most)
        for topic in list(islice(self._kept, most)):
            self.mark(topic)

    def put(self, topic: str, standard: bool, body: bytes) -> None:
        """Keep the body of a marked topic's answer, if it fits the budget."""
        check_text("topic", topic)
        check_bool("standard", standard)
        check_bytes("body", body)
        bodies = self._topics.get(topic)
        if bodies is None or len(body) > self._max_bytes:
            return
        legacy_body, standard_body = bodies
        pair = (legacy_body, body) if standard else (body, standard_body)
        self._topics[topic] = self._take(pair)
        self._give_back(bodies)
        self._kept[topic] = None
        while self._kept_bytes > self._max_bytes:
            self.mark(next(iter(self._kept)))

    def sample_after(self, lookups: int) -> None:
        """Want a sample after so many lookups of unknown topics, -1 for none."""
        check_int64("lookups", lookups)
        wanted = 0 <= lookups < NO_SAMPLE
        self.sample_at = self.unknown + lookups if wanted else NO_SAMPLE

    def answer(
        self, topic: str, standard: bool, opaque: int, is_one_way: bool = False
    ) -> bytes | None:
        """The whole answer frame, empty for a request that wants none; None if the body
        must be made first."""
        check_text("topic", topic)
        check_bool("standard", standard)
        check_int32("opaque", opaque)
        check_bool("is_one_way", is_one_way)
        bodies = self._topics.get(topic)
        if bodies is None:
            self.unknown += 1
            if is_one_way:
                return b""
            return answer_frame(topic_not_exist_header(topic, opaque), b"")
        body = bodies[standard]
        if body is None:
            return None
        self.hits += 1
        return b"" if is_one_way else answer_frame(success_header(opaque), body)

    def _find_ready(self, topic: str, standard: bool) -> tuple[bool, bytes | None]:
        """Whether the topic has a mark, and its body if it has one; counts nothing."""
        bodies = self._topics.get(topic)
        return bodies is not None, bodies and bodies[standard]

    def _forget(self, topic: str) -> None:
        self._give_back(self._topics.get(topic, _NO_BODIES))
        self._kept.pop(topic, None)

    def _take(self, pair: _Bodies) -> _Bodies:
        """The shared pair equal to this one; it counts one more topic."""
        known, topics = self._pairs.get(pair, (None, 0))
        if known is None:
            legacy_body, standard_body = pair
            known = self._take_body(legacy_body), self._take_body(standard_body)
        self._pairs[known] = known, topics + 1
        return known

    def _give_back(self, pair: _Bodies) -> None:
        if pair is _NO_BODIES:
            return
        _, topics = self._pairs[pair]
        if topics > 1:
            self._pairs[pair] = pair, topics - 1
            return
        del self._pairs[pair]
        for body in pair:
            self._give_back_body(body)

    def _take_body(self, body: bytes | None) -> bytes | None:
        if body is None:
            return None
        known, pairs = self._shared.get(body, (body, 0))
        if not pairs:
            self._kept_bytes += len(body)
        self._shared[known] = known, pairs + 1
        return known

    def _give_back_body(self, body: bytes | None) -> None:
        if body is None:
            return
        _, pairs = self._shared[body]
        if pairs > 1:
            self._shared[body] = body, pairs - 1
        else:
            del self._shared[body]
            self._kept_bytes -= len(body)
