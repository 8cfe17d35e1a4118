"""The requests that the benchmarks feed, and a server's state to feed them to."""

from typing import Any

from bench.driver.client import OPAQUE
from bench.driver.tables import Table
from namesrv.hot_path import Pause
from namesrv.options import Options
from namesrv.routing.outbox import LateAnswer
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.testing.peer import lookup

NOW_MS = 1_000_000
TABLE = Table("plain", topics=1000, brokers=4, copies=2)


def lookup_frames(count: int, first: int = 0) -> bytes:
    """Lookups of `count` topics; topics from 1,000 on are unknown."""
    topics = range(first, first + count)
    return b"".join(lookup(TABLE.topic(number), OPAQUE) for number in topics)


class Served:
    """The routing state and one connection of a server without sockets."""

    def __init__(self, twin: Any) -> None:
        options = Options(data_dir="nowhere")
        self.processor = RequestProcessor(options, lambda: NOW_MS, NOW_MS)
        self.state = self.processor.state
        self.connection = twin.Connection(self.state.hot, "127.0.0.1:1")

    def receive(self, data: bytes) -> bytes:
        """All answers, also those that come after turns of the loop."""
        output: bytes = self.connection.receive(data, NOW_MS)
        while self.connection.pause:
            self.state.turn.begin()
            self.state.unfinished.go_on(others_wait=False)
            output += self._resume()
        self.state.turn.begin()
        if self.state.outbox:
            self.state.outbox.take()
        return output

    def _resume(self) -> bytes:
        """Go on after a pause; one for an answer that has to wait ends with it."""
        if self.connection.pause != Pause.LATER:
            return bytes(self.connection.resume(NOW_MS))
        for effect in self.state.outbox.take():
            if isinstance(effect, LateAnswer):
                return bytes(self.connection.resume(NOW_MS, effect.frame))
        return b""

    def fill(self, table: Table) -> None:
        """Register all brokers of a table."""
        for number in range(table.brokers):
            answer = self.receive(table.registration(number).frame(OPAQUE))
            assert b'"code":0' in answer, answer
