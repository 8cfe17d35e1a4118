"""Two servers of a twin that get the same bytes: on a lane first, and on the loop."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.hot_path.lane_peer import LanePeer, receive_all
from tests.parity.played import TwinServer
from tests.parity.requests import TOPICS
from tests.parity.twins import TWINS, plain

READY = [("a", False), ("a", True), ("b", True), ('a"b', True), ("a\\b", True)]


class Server(TwinServer):
    """Notes the version of each request, as the processor does."""

    def process(self, command: Any, connection: Any, now_ms: int) -> Any:
        connection.note_version(command.version)
        return super().process(command, connection, now_ms)


def server_of(hot: Any, hot_codes: int = 7, body: bytes = b"ready" * 20) -> Server:
    """Some topics have both bodies, one, or none; others have no route."""
    server = Server(hot, 2**24, 10**7)
    server.hot.hot_codes = hot_codes
    for topic in ("a", "b", TOPICS[2], 'a"b', "a\\b"):
        server.mark(topic)
    for topic, standard in READY:
        server.answers.put(topic, standard, body)
    server.connect("10.0.0.7:4000")
    return server


def counts(server: Server, lookups: Iterable[Any] = ()) -> Counter[str]:
    """Requests and bytes, on the loop and on lanes."""
    found = Counter(
        hits=server.answers.hits,
        unknown=server.answers.unknown,
        received=server.hot.received_bytes,
        sent=server.hot.sent_bytes,
        heartbeats=server.hot.heartbeats,
    )
    for lane in lookups:
        found["hits"] += lane.hits
        found["unknown"] += lane.unknown
        found["received"] += lane.received_bytes
        found["sent"] += lane.sent_bytes
    return found


def compare(reads: list[bytes], hot_codes: int = 7) -> list[int]:
    """A lane with the loop behind it is one connection to a peer. Returns the verdicts
    of the compiled lane."""
    verdicts: list[int] = []
    for hot in TWINS:
        plain_server, lane_server = server_of(hot, hot_codes), server_of(hot, hot_codes)
        connection = hot.Connection(plain_server.hot, "10.0.0.9:4000")
        lookups = hot.Lookups(lane_server.hot)
        peer = LanePeer(hot, lane_server.hot, lookups, "10.0.0.9:4000")
        for now_ms, data in enumerate(reads):
            expected = tried(receive_all, plain_server.hot, connection, data, now_ms)
            assert tried(peer.receive, data, now_ms) == expected
            assert peer.connection.client_version == connection.client_version
            assert peer.kept_bytes == connection.buffered_bytes
            if not isinstance(expected, bytes):
                break
        assert plain(peer.connection.fault) == plain(connection.fault)
        assert peer.connection.pause == connection.pause
        if peer.is_on_lane:
            kept = Counter(received=peer.kept_bytes)
            assert counts(lane_server, [lookups]) + kept == +counts(plain_server)
        assert lane_server.live() == plain_server.live()
        verdicts = peer.verdicts
    return verdicts


def tried(call: Any, *arguments: Any) -> Any:
    """The output, or an exception of the played processor."""
    try:
        return call(*arguments)
    except (RuntimeError, TypeError) as exc:
        return type(exc), exc.args
