"""A connection that begins on a lane, and the loop's side of it, without sockets."""

from typing import Any

from namesrv.hot_path import ANY_VERSION, Pause, Verdict


class LanePeer:
    """Feeds input to `Lookups` until it hands over, then to a `Connection`.

    `hot` is a twin, `path` its shared state. Lookups that are asked go to a connection
    of their own, as the loop does it.
    """

    def __init__(self, hot: Any, path: Any, lookups: Any, address: str) -> None:
        self._hot = hot
        self._path = path
        self._address = address
        self.lookups = lookups
        self.connection = hot.Connection(path, address)
        self.is_on_lane = True
        self.verdicts: list[int] = []
        self._rest = b""

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """All output that follows from a read, through all pauses."""
        if not self.is_on_lane:
            return self._receive(self.connection, data, now_ms)
        output = b""
        self._rest += data
        while True:
            output += self.lookups.receive(self._rest)
            self._rest = self.lookups.rest
            self._note_version(self.lookups.client_version)
            self.verdicts.append(self.lookups.verdict)
            if self.lookups.verdict == Verdict.HAND_OVER:
                self.is_on_lane = False
                rest, self._rest = self._rest, b""
                return output + self._receive(self.connection, rest, now_ms)
            if self.lookups.verdict == Verdict.GO_ON:
                return output
            if self.lookups.verdict == Verdict.ASK:
                output += self._ask(self.lookups.asked, now_ms)

    @property
    def kept_bytes(self) -> int:
        """Input that waits, on the lane or behind it."""
        return len(self._rest) + int(self.connection.buffered_bytes)

    def _ask(self, length: int, now_ms: int) -> bytes:
        """The answers of the loop to the first bytes of the rest."""
        asked, self._rest = self._rest[:length], self._rest[length:]
        assert asked
        peer = self._hot.Connection(self._path, self._address)
        output = self._receive(peer, asked, now_ms)
        assert peer.fault is None
        assert peer.buffered_bytes == 0
        return output

    def _receive(self, connection: Any, data: bytes, now_ms: int) -> bytes:
        return receive_all(self._path, connection, data, now_ms)

    def _note_version(self, version: int) -> None:
        if version != ANY_VERSION:
            self.connection.note_version(version)


def receive_all(path: Any, connection: Any, data: bytes, now_ms: int) -> bytes:
    """The output of a read, through all pauses; each has a turn of its own."""
    output: bytes = connection.receive(data, now_ms)
    while connection.pause != Pause.NONE and connection.fault is None:
        path.turn_taken = False
        output += connection.resume(now_ms)
    return output
