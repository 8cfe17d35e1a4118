"""Waits until a route changes, where the server reports it: a namesrv, over HTTP.

A thread for each topic asks for its route with `wait`, which is answered when the route
changes. It only wakes the command, which then asks as it does for any NameServer. A
server that does not know `wait` is asked again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

from namesrv.client.http import segment
from namesrv.errors import HttpMissing, NameServerUnreachable, NamesrvError

if TYPE_CHECKING:
    from namesrv.client.http import HttpReply

WAIT_SECONDS: Final = 30
MOST_TOPICS: Final = 16
"""Each has a thread and a connection; the routes of more are asked for."""
_LONGEST_PAUSE: Final = 30.0
_PAUSE_SECONDS: Final = 1.0
_INDEX: Final = "x-namesrv-index"


class Waker:
    """Waits for changes of routes. `ask` answers a target of HTTP, and raises
    NamesrvError. `begin` may be called once. `is_woken` is whether a route may have
    changed since the last wait."""

    def __init__(self, topics: Sequence[str], ask: Callable[[str], HttpReply]) -> None:
        self._topics = topics
        self._ask = ask
        self._changed = Condition()
        self.is_woken = False
        self._waiting: set[str] = set()

    def begin(self) -> None:
        """Start the threads."""
        for topic in self._topics:
            Thread(target=self._follow, args=(topic,), daemon=True).start()

    def wait(self, seconds: float) -> None:
        """Return when a route may have changed: for so many seconds at most while the
        server does not report it."""
        with self._changed:
            is_told = len(self._waiting) == len(self._topics)
            self._changed.wait_for(
                lambda: self.is_woken, WAIT_SECONDS if is_told else seconds
            )
            self.is_woken = False

    def _follow(self, topic: str) -> None:
        """Ask until the server turns out not to know `wait`."""
        index = ""
        while True:
            pause = _PAUSE_SECONDS
            try:
                reply = self._ask(_target(topic, index))
            except HttpMissing:
                return self._wake(topic, is_waiting=False)
            except NameServerUnreachable:
                index = ""
            except NamesrvError:
                return self._wake(topic, is_waiting=False)
            else:
                index, before = reply.headers.get(_INDEX, ""), index
                if index and index != before:
                    self._wake(topic, is_waiting=True)
                    continue
                if index:
                    # The wait may have ended at once, and would so again.
                    self._pause(pause)
                    continue
                if reply.status != 503:
                    return self._wake(topic, is_waiting=False)
                pause = _pause_of(reply)
            self._wake(topic, is_waiting=False)
            self._pause(pause)

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: False, seconds)

    def _wake(self, topic: str, *, is_waiting: bool) -> None:
        with self._changed:
            if is_waiting:
                self._waiting.add(topic)
            else:
                self._waiting.discard(topic)
            self.is_woken = True
            self._changed.notify_all()


def _target(topic: str, index: str) -> str:
    """Without an index an answer at once brings it: a topic without a route has one,
    too."""
    route = f"/v1/topics/{segment(topic)}/route"
    if not index:
        return route
    return f"{route}?wait={WAIT_SECONDS}s&after={segment(index)}"


def _pause_of(reply: HttpReply) -> float:
    """The seconds that a busy server wants the client to wait."""
    text = reply.headers.get("retry-after", "")
    return min(float(text), _LONGEST_PAUSE) if text.isdigit() else _PAUSE_SECONDS
