"""One blocking connection to a NameServer, with a deadline for each request."""

from __future__ import annotations

import socket
from time import monotonic
from typing import TYPE_CHECKING, Final

from namesrv.client.diagnosis import silence_sentence
from namesrv.client.foreign import foreign_protocol
from namesrv.client.frames import (
    MOST_ANSWER_BYTES,
    Answer,
    Request,
    read_frame,
    request_frame,
)
from namesrv.client.opening import left, opened, places_of
from namesrv.errors import AnswerInvalid, NameServerUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from namesrv.client.addresses import Address
    from namesrv.client.opening import Place
    from namesrv.client.terms import Terms

_READ_BYTES: Final = 1 << 18
_SHORTEST_FRAME_BYTES: Final = 8
_MOST_DROPPED: Final = 1000
_MOST_OPAQUE: Final = 2**31 - 1


class Connection:
    """Asks one server; a failure closes it, and the next request opens it anew."""

    def __init__(self, address: Address, terms: Terms) -> None:
        self.address = address
        self._terms = terms
        self._socket: socket.socket | None = None
        self._input = bytearray()
        self._opaque = 0

    def ask(self, request: Request) -> Answer:
        """The answer to a request. Raises NameServerUnreachable."""
        (answer,) = self.ask_many([request])
        return answer

    def ask_many(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to requests that are sent at once, in their order.

        Raises NameServerUnreachable.
        """
        try:
            self._forget_if_ended()
            places = [] if self._socket else places_of(self.address, self._terms)
            # The system decides how long a look-up of a name takes.
            deadline = monotonic() + self._terms.timeout_seconds
            connected = self._socket or self._connect(places, deadline)
            numbers = [self._next() for _ in requests]
            frames = map(request_frame, map(self._signed, requests), numbers)
            self._send(connected, b"".join(frames), deadline)
            return self._answers(connected, numbers, deadline)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it, if it is open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._input.clear()

    def _forget_if_ended(self) -> None:
        """Close a kept connection that the server has ended, as after its restart.

        A request over it would fail, and might have been carried out all the same.
        """
        kept = self._socket
        if kept is None or self._terms.tls is not None:
            return
        try:
            kept.setblocking(False)
            is_ended = not kept.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            is_ended = True
        if is_ended:
            self.close()

    def _next(self) -> int:
        self._opaque = self._opaque % _MOST_OPAQUE + 1
        return self._opaque

    def _connect(self, places: Sequence[Place], deadline: float) -> socket.socket:
        self._socket = opened(places, self.address, self._terms, deadline)
        return self._socket

    def _answers(
        self, connected: socket.socket, numbers: Sequence[int], deadline: float
    ) -> list[Answer]:
        """The answers with these numbers; others are dropped.

        A Java server may answer in another order.
        """
        found: dict[int, Answer] = {}
        wanted = set(numbers)
        dropped = received = 0
        while len(found) < len(wanted):
            answer = self._read(connected, deadline)
            received += len(answer.body)
            if received > MOST_ANSWER_BYTES:
                raise NameServerUnreachable(
                    f"{self.address} answers with more than {MOST_ANSWER_BYTES} bytes"
                )
            if answer.is_response and answer.opaque in wanted:
                found[answer.opaque] = answer
                continue
            dropped += 1
            if dropped > _MOST_DROPPED:
                raise NameServerUnreachable(
                    f"{self.address} sends frames that answer no request"
                )
        return [found[number] for number in numbers]

    def _signed(self, request: Request) -> Request:
        credentials = self._terms.credentials
        return request if credentials is None else credentials.signed(request)

    def _send(self, connected: socket.socket, data: bytes, deadline: float) -> None:
        connected.settimeout(left(deadline))
        try:
            connected.sendall(data)
        except OSError as error:
            raise NameServerUnreachable(
                silence_sentence(self.address, error, self._terms, deadline)
            ) from error

    def _read(self, connected: socket.socket, deadline: float) -> Answer:
        self._fill(connected, _SHORTEST_FRAME_BYTES, deadline)
        self._check_protocol()
        length = int.from_bytes(self._input[:4])
        if not 4 <= length <= MOST_ANSWER_BYTES:
            raise NameServerUnreachable(
                f"{self.address} answers with bytes that are not RocketMQ's remoting"
                f" protocol ({self._input[:4].hex(' ')}); check the port"
            )
        self._fill(connected, 4 + length, deadline)
        frame = bytes(memoryview(self._input)[4 : 4 + length])
        del self._input[: 4 + length]
        try:
            return read_frame(frame)
        except AnswerInvalid as error:
            raise NameServerUnreachable(
                f"{self.address} answers with a frame that cannot be read: {error}"
            ) from None

    def _fill(self, connected: socket.socket, count: int, deadline: float) -> None:
        """Read until `count` bytes are there."""
        while len(self._input) < count:
            connected.settimeout(left(deadline))
            try:
                data = connected.recv(_READ_BYTES)
                if not data:
                    raise ConnectionError("the connection was closed")
            except OSError as error:
                self._check_protocol()
                raise NameServerUnreachable(
                    silence_sentence(self.address, error, self._terms, deadline)
                ) from error
            self._input += data

    def _check_protocol(self) -> None:
        foreign = foreign_protocol(bytes(self._input[:_SHORTEST_FRAME_BYTES]))
        if foreign is not None:
            raise NameServerUnreachable(
                f"{self.address} speaks {foreign}, not RocketMQ's remoting protocol;"
                " check the port (a NameServer's is 9876)"
            )
