"""Lookups on a lane while the server works: after every change of a ready answer.

A lane runs beside the loop, so it sees the answers of any moment, also those in the
middle of a step. It sees them one after the other, because it takes a lock.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from namesrv._impl import Lookups, RouteAnswers
from namesrv.hot_path import Verdict
from namesrv.routing.state import RoutingState
from namesrv.testing.peer import Request, read_answers
from namesrv.testing.simulator.oracle import Violation

_VERSIONS: Final = (317, 479)
"""A client of the legacy dialect, and one of the standard dialect."""
_TOPIC_NOT_EXIST: Final = 17

Seen = Callable[[str, bytes], None]
"""Gets a topic and the answer of a lane."""


class LaneWitness:
    """Looks up on a lane of one server; `check` raises Violation for a broken promise.

    With `seen`, a lane looks up all topics that the server has or had after every
    change of one, and each answer goes there. The server works in steps then.
    """

    def __init__(self, state: RoutingState, seen: Seen | None = None) -> None:
        self._state = state
        self._seen = seen
        self._lookups = Lookups(state.hot)
        self._gone: set[str] = set()
        self._broken: str | None = None
        self._topics: dict[str, None] = {}
        tables = state.tables
        watched = WatchedAnswers(tables.route_answers, self)
        tables.marks.route_answers = cast(RouteAnswers, watched)
        hide = tables.busy.hide

        def hide_and_note(name: str) -> None:
            self._gone.clear()
            hide(name)

        setattr(tables.busy, "hide", hide_and_note)  # noqa: B010  it is a method

    def check(self) -> None:
        """Raises Violation if a promise was broken since the last check."""
        broken, self._broken = self._broken, None
        if broken is not None:
            raise Violation(f"P2: {broken}")

    def answer(self, data: bytes) -> bytes | None:
        """The answer of a lane to one request; None for one that the loop answers."""
        output: bytes = self._lookups.receive(data)
        return output if self._lookups.verdict == Verdict.GO_ON else None

    def marked(self, topic: str) -> None:
        """A topic has a route, whose answer is not made yet."""
        self._note_applying()
        # Between steps another request may have removed it.
        if topic in self._gone and self._seen is None:
            self._break(f"{topic} had no route for a moment of a registration with it")
        for data in _lookups_of(topic):
            if self.answer(data) is not None:
                self._break(f"a lane answers {topic}, which has changed")
        self._look_at_all(topic)

    def removed(self, topic: str) -> None:
        """A topic has no route any more."""
        if self._note_applying():
            self._gone.add(topic)
        for data in _lookups_of(topic):
            answer = self.answer(data)
            if answer and read_answers(answer)[0].code != _TOPIC_NOT_EXIST:
                self._break(f"a lane answers {topic}, which has no route")
        self._look_at_all(topic)

    def kept(self, topic: str) -> None:
        """The answer of a topic is ready for lanes."""
        self._note_applying()
        entry = self._state.tables.topic_queue_table[topic]
        if self._state.tables.busy.hides(entry.queues):
            self._break(f"{topic} is ready while one of its groups registers")
        self._look_at_all(topic)

    def _break(self, text: str) -> None:
        # The processor would answer a request with an exception that is raised here.
        self._broken = self._broken or text

    def _note_applying(self) -> bool:
        """Whether a registration is being applied."""
        tables = self._state.tables
        is_applying = tables.busy.hides(tables.broker_addr_table)
        if not is_applying:
            self._gone.clear()
        return is_applying

    def _look_at_all(self, topic: str) -> None:
        self._topics[topic] = None
        if self._seen is None:
            return
        for known in self._topics:
            for data in _lookups_of(known):
                answer = self.answer(data)
                if answer:
                    self._seen(known, answer)


class WatchedAnswers:
    """The answers of a server, with a witness of each change."""

    def __init__(self, answers: Any, witness: LaneWitness) -> None:
        self._answers = answers
        self._witness = witness

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answers, name)

    def mark(self, topic: str) -> None:
        """As RouteAnswers."""
        self._answers.mark(topic)
        self._witness.marked(topic)

    def mark_all(self, topics: Iterable[str]) -> None:
        """As RouteAnswers; lanes look after each topic."""
        for topic in topics:
            self.mark(topic)

    def remove(self, topic: str) -> None:
        """As RouteAnswers."""
        self._answers.remove(topic)
        self._witness.removed(topic)

    def put(self, topic: str, standard: bool, body: bytes) -> None:
        """As RouteAnswers."""
        self._answers.put(topic, standard, body)
        self._witness.kept(topic)


def _lookups_of(topic: str) -> list[bytes]:
    """A lookup in each dialect."""
    asked = {"topic": topic}
    return [Request(105, asked, version=version).frame() for version in _VERSIONS]
