"""One connection to another NameServer, in RocketMQ's remoting protocol."""

import asyncio
from collections.abc import Sequence
from typing import Final

from namesrv.client.foreign import foreign_protocol
from namesrv.client.frames import Answer, Request, read_frame, request_frame
from namesrv.codes import ResponseCode
from namesrv.errors import AnswerInvalid, NameServerUnreachable, RequestRefused

MOST_ANSWER_BYTES: Final = 1 << 22
"""Limit of a frame, and of all answers to requests that are sent at once. A server with
large tables expects larger ones."""
LARGEST_ANSWER_BYTES: Final = 1 << 24
"""The most that it expects. A larger frame is none."""
MOST_HEADER_BYTES: Final = 1 << 14
MOST_EXT_FIELDS: Final = 1000
_SHORTEST_FRAME: Final = 4
_MOST_STRAY: Final = 100
_MOST_OPAQUE: Final = 2**31 - 1


class RemotingConnection:
    """Asks one server. A failure closes the connection.

    `local` is the host and port of this end, `most_bytes` the limit of an answer.
    """

    def __init__(
        self,
        address: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        most_bytes: int = MOST_ANSWER_BYTES,
    ) -> None:
        self._address = address
        self._reader = reader
        self._writer = writer
        self._most_bytes = most_bytes
        self._opaque = 0
        self.local: tuple[str, int] = writer.get_extra_info("sockname")[:2]

    @property
    def is_open(self) -> bool:
        """Whether neither end has closed it."""
        return not (self._writer.is_closing() or self._reader.at_eof())

    async def ask(self, request: Request) -> Answer:
        """The answer with the code for success. Raises RequestRefused for others,
        NameServerUnreachable, AnswerInvalid and OSError."""
        (answer,) = await self.ask_many([request])
        if answer.code != ResponseCode.SUCCESS:
            raise RequestRefused(self._address, answer.code, answer.remark)
        return answer

    async def ask_many(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to requests that are sent at once, in their order, whatever their
        codes are. Raises the same, except RequestRefused."""
        try:
            numbers = [self._next() for _ in requests]
            frames = map(request_frame, requests, numbers)
            self._writer.write(b"".join(frames))
            await self._writer.drain()
            return await self._answers(numbers)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it, without waiting for a peer that does not read."""
        self._writer.transport.abort()

    def _next(self) -> int:
        self._opaque = self._opaque % _MOST_OPAQUE + 1
        return self._opaque

    async def _answers(self, numbers: Sequence[int]) -> list[Answer]:
        found: dict[int, Answer] = {}
        wanted, stray, received = set(numbers), 0, 0
        while len(found) < len(wanted):
            answer = await self._read()
            received += len(answer.body)
            check_size(received, self._most_bytes)
            if answer.code == ResponseCode.GO_AWAY:
                raise NameServerUnreachable(
                    "it is shutting down and sends its clients away"
                )
            if answer.is_response and answer.opaque in wanted:
                found[answer.opaque] = answer
                continue
            stray += 1
            if stray > _MOST_STRAY:
                raise AnswerInvalid("it sends frames that answer no request")
        return [found[number] for number in numbers]

    async def _read(self) -> Answer:
        try:
            first = await self._reader.readexactly(4)
            length = int.from_bytes(first)
            if not _SHORTEST_FRAME <= length <= LARGEST_ANSWER_BYTES:
                raise AnswerInvalid(_foreign(first))
            check_size(length, self._most_bytes)
            return _answer(await self._reader.readexactly(length))
        except asyncio.IncompleteReadError:
            raise NameServerUnreachable(
                "it closed the connection without an answer"
            ) from None


def check_size(length: int, most: int, thing: str = "bytes") -> None:
    """Raise AnswerInvalid for an answer with more of something than the limit."""
    if length > most:
        raise AnswerInvalid(f"the peer answered {length} {thing}, more than {most}")


def _answer(frame: bytes) -> Answer:
    """The answer in a frame, whose header is short enough to be read at once."""
    check_size(
        int.from_bytes(frame[1:4]), MOST_HEADER_BYTES, "bytes in the header of a frame"
    )
    answer = read_frame(frame)
    check_size(len(answer.ext_fields), MOST_EXT_FIELDS, "extFields in a frame")
    return answer


def _foreign(first: bytes) -> str:
    protocol = foreign_protocol(first)
    spoken = "bytes" if protocol is None else f"{protocol},"
    return f"it answers with {spoken} that are not RocketMQ's remoting protocol"
