"""Plays the steps of a transcript on a server and hands back what came."""

import socket
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, Self

from tests.golden.peer import PATIENCE_SECONDS, Peer, PeerClosed
from tests.golden.transcript import Outcome, Step

LOOPBACK: Final = "127.0.0.1"


Connect = Callable[[tuple[str, int]], Peer]


class PlayedBroker:
    """A port on which the server's own calls (905) arrive."""

    def __init__(self, recorded_port: int) -> None:
        self._listener = socket.create_server((LOOPBACK, 0))
        self._peer: Peer | None = None
        self.recorded = str(recorded_port).encode()
        self.real = str(self._listener.getsockname()[1]).encode()

    def next_frame(self, seconds: float) -> bytes | None:
        """The next frame that the server sends here, None if none comes in time."""
        if self._peer is None:
            self._listener.settimeout(seconds)
            try:
                self._peer = Peer(self._listener.accept()[0])
            except TimeoutError:
                return None
        return self._peer.next_frame(seconds)

    def close(self) -> None:
        """Close the port and what came to it."""
        self._listener.close()
        if self._peer is not None:
            self._peer.close()


class Player:
    """All peers of one transcript. `stretch` makes every pause that much longer;
    `connect` is how peers reach the server.

    Transcripts name the ports of the brokers that they play; any free port is taken
    instead, in the requests as in what comes back.
    """

    def __init__(
        self,
        address: tuple[str, int],
        stretch: float = 1,
        connect: Connect = Peer.connect,
    ) -> None:
        self._address = address
        self._connect = connect
        self._stretch = stretch
        self._peers: dict[str, Peer] = {}
        self._brokers: dict[str, PlayedBroker] = {}
        self._actions: dict[str, Callable[[Step], Outcome | None]] = {
            "close": self._close,
            "expect": self._expect,
            "listen": self._listen,
            "request": self._request,
            "shutdown_write": self._shutdown_write,
            "sleep": lambda step: None,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        for peer in self._peers.values():
            peer.close()
        for broker in self._brokers.values():
            broker.close()

    def play(self, step: Step) -> Outcome | None:
        """What came; None for a step that nothing can come of."""
        time.sleep(step.pause_millis / 1000 * self._stretch)
        answer = self._actions[step.op](step)
        if answer is None:
            return None
        frames = tuple(map(self._as_recorded, answer.frames))
        return Outcome(frames, answer.closed)

    def play_glued(self, steps: Sequence[Step], single_bytes: bool) -> list[Outcome]:
        """What came when the requests of one peer go out without waiting.

        They go in one write, or every byte in a write of its own. Answers are in
        request order, so that each step gets the frames that are due to it.
        """
        peer = self._peer(steps[0])
        glued = b"".join(step.request for step in steps)
        if single_bytes:
            peer.send_single_bytes(glued)
        else:
            peer.send(glued)
        due = [len(step.right_answers[0].frames) for step in steps]
        frames = iter(self._collect(peer, sum(due), 0).frames)
        return [Outcome(tuple(islice(frames, count))) for count in due]

    def leftovers(self) -> list[bytes]:
        """Frames that came without being due; every connection is at its end then."""
        frames: list[bytes] = []
        for peer in self._peers.values():
            peer.finish()
            frames += self._collect(peer, 0, PATIENCE_SECONDS).frames
        return frames

    def _request(self, step: Step) -> Outcome:
        request = step.request
        for broker in self._brokers.values():
            request = request.replace(broker.recorded, broker.real)
        self._peer(step).send(request, step.piece_bytes)
        return self._answer(step)

    def _shutdown_write(self, step: Step) -> Outcome:
        self._peer(step).finish()
        return self._answer(step)

    def _close(self, step: Step) -> None:
        self._peer(step).close()
        del self._peers[step.peer]

    def _listen(self, step: Step) -> None:
        self._brokers[step.peer] = PlayedBroker(step.port)

    def _expect(self, step: Step) -> Outcome:
        due = step.right_answers[0].frames
        seconds = PATIENCE_SECONDS if due else step.quiet_millis / 1000
        frame = self._brokers[step.peer].next_frame(seconds)
        return Outcome(() if frame is None else (frame,))

    def _peer(self, step: Step) -> Peer:
        if step.peer not in self._peers:
            self._peers[step.peer] = self._connect(self._address)
        return self._peers[step.peer]

    def _answer(self, step: Step) -> Outcome:
        due = step.right_answers[0]
        seconds: float = 0
        if due.closed:
            seconds = PATIENCE_SECONDS
        elif not due.frames:
            seconds = step.quiet_millis / 1000
        answer = self._collect(self._peers[step.peer], len(due.frames), seconds)
        if answer.closed:
            self._peers.pop(step.peer).close()
        return answer

    def _collect(self, peer: Peer, due: int, seconds: float) -> Outcome:
        """The frames that are due, and one more or the end, if it comes in time."""
        frames: list[bytes] = []
        try:
            for _ in range(due):
                frame = peer.next_frame()
                if frame is None:
                    return Outcome(tuple(frames))
                frames.append(frame)
            extra = peer.next_frame(seconds) if seconds else None
            if extra is not None:
                frames.append(extra)
        except PeerClosed:
            return Outcome(tuple(frames), closed=True)
        return Outcome(tuple(frames))

    def _as_recorded(self, frame: bytes) -> bytes:
        for broker in self._brokers.values():
            frame = frame.replace(broker.real, broker.recorded)
        return frame
