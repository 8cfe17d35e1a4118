"""A server with lanes, whose loop a test can stop for a while."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from namesrv.codes import ResponseCode
from namesrv.server.lanes.lanes import LookupLanes
from namesrv.testing.peer import WAIT_SECONDS, Broker, Peer, lookup
from tests.server.server_thread import ServerThread

BROKER = Broker("broker-a", addr="127.0.0.1:10911")
TOPICS = {f"Orders{number}": 8 for number in range(50)}


def thread_names() -> dict[int, str]:
    """All threads of this process by their number for the system."""
    names = {}
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has ended
            names[int(task.name)] = (task / "comm").read_text().strip()
    return names


class LanedServer(ServerThread):
    """A server in a thread, with shortcuts for tests about lanes."""

    @property
    def lanes(self) -> LookupLanes:
        """The loop's side of its lanes."""
        assert self.server.inside.lanes is not None
        return self.server.inside.lanes

    def register(self, topics: dict[str, int] = TOPICS) -> Peer:
        """A connection on which a broker has registered topics."""
        peer = self.peer()
        assert peer.ask(BROKER.registration(topics)).code == ResponseCode.SUCCESS
        return peer

    def make_ready(self, *topics: str) -> None:
        """Ask for topics, so that their answers are ready."""
        with self.peer() as peer:
            for topic in topics:
                assert peer.ask(lookup(topic)).code == ResponseCode.SUCCESS

    def handed_over(self) -> int:
        """Connections that lanes have given to the loop."""
        return self.lanes.counts.handed_over

    @contextmanager
    def stopped_loop(self) -> Iterator[None]:
        """Let the loop stand still until the block ends."""
        has_stopped, may_go_on = threading.Event(), threading.Event()

        def stand_still() -> None:
            has_stopped.set()
            may_go_on.wait(WAIT_SECONDS)

        self.loop.call_soon_threadsafe(stand_still)
        assert has_stopped.wait(WAIT_SECONDS)
        try:
            yield
        finally:
            may_go_on.set()
