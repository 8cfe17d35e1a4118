"""topic -> answer bytes of GET_ROUTEINFO_BY_TOPIC (105), in both dialects.

Routing says which topics have a route (`mark`) and which have none (`remove`); whoever
makes an answer's body puts it in. Bodies are kept within a budget of bytes, oldest out
first. A topic that nobody marked gets code 17, which is built and never stored.
"""

from collections import OrderedDict

from namesrv.wire.answer_frames import (
    answer_frame,
    success_header,
    topic_not_exist_header,
)


class RouteAnswers:
    """Ready answers by topic; `max_bytes` bounds the bodies that are kept.

    `standard` chooses the dialect with quoted numeric keys (section 1.8).
    """

    __slots__ = ("_bodies", "_kept_bytes", "_max_bytes", "_topics")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept_bytes = 0
        self._topics: set[str] = set()
        self._bodies: OrderedDict[tuple[str, bool], bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._topics)

    @property
    def kept_bytes(self) -> int:
        """Bytes of all bodies that are kept."""
        return self._kept_bytes

    def mark(self, topic: str) -> None:
        """The topic has a route, and whatever was answered before is out of date."""
        self._topics.add(topic)
        self._drop(topic)

    def remove(self, topic: str) -> None:
        """The topic has no route any more."""
        self._topics.discard(topic)
        self._drop(topic)

    def forget_bodies(self) -> None:
        """Everything answered so far is out of date; the topics stay."""
        self._bodies.clear()
        self._kept_bytes = 0

    def put(self, topic: str, standard: bool, body: bytes) -> None:
        """Keep the body of a marked topic's answer, if the budget has room for it."""
        if topic not in self._topics or len(body) > self._max_bytes:
            return
        self._drop_body((topic, standard))
        self._bodies[topic, standard] = body
        self._kept_bytes += len(body)
        while self._kept_bytes > self._max_bytes:
            _, oldest = self._bodies.popitem(last=False)
            self._kept_bytes -= len(oldest)

    def answer(self, topic: str, standard: bool, opaque: int) -> bytes | None:
        """The whole answer frame; None when somebody must make the body first."""
        body = self._bodies.get((topic, standard))
        if body is not None:
            return answer_frame(success_header(opaque), body)
        if topic in self._topics:
            return None
        return answer_frame(topic_not_exist_header(topic, opaque), b"")

    def _drop(self, topic: str) -> None:
        self._drop_body((topic, False))
        self._drop_body((topic, True))

    def _drop_body(self, key: tuple[str, bool]) -> None:
        body = self._bodies.pop(key, None)
        if body is not None:
            self._kept_bytes -= len(body)
