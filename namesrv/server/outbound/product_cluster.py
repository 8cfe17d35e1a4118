"""Asks another cluster's NameServers for a route, in cluster-test mode only.

Source: `ClusterTestRequestProcessor`, protocol.md section 2.23. Every failure means
"not found", as in Java.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from namesrv.codes import RequestCode, ResponseCode, SerializeType
from namesrv.errors import ConnectionFault
from namesrv.routing.outbox import RouteQuery
from namesrv.server.outbound.resolver import Resolver
from namesrv.wire.command import RemotingCommand, decode_command, encode_frame

_QUERY_SECONDS: Final = 3.0
_MOST_ANSWER_BYTES: Final = 1 << 22
_SHORTEST_FRAME: Final = 4
_FAILURES: Final = (
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    TimeoutError,
    ConnectionFault,
)


class ProductCluster:
    """`addresses` is `host:port;host:port`. Queries find nothing if it is empty, and if
    `most_queries` are under way. `after` is called after each `done`."""

    def __init__(
        self,
        addresses: str,
        resolver: Resolver,
        most_queries: int,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self._resolver = resolver
        self._after = after
        self._most_queries = most_queries
        self._addresses = [
            part.strip() for part in addresses.split(";") if part.strip()
        ]
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, effect: RouteQuery) -> None:
        """Carry out the query of an effect."""
        self.query(effect.topic, effect.done)

    def query(self, topic: str, done: Callable[[bytes | None], None]) -> None:
        """Call `done` with the route's body in the legacy dialect, or None."""
        loop = asyncio.get_running_loop()
        if not self._addresses or len(self._tasks) >= self._most_queries:
            loop.call_soon(self._finish, done, None)
            return
        task = loop.create_task(self._query(topic, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel the queries under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _query(self, topic: str, done: Callable[[bytes | None], None]) -> None:
        body = None
        for address in self._addresses:
            try:
                async with asyncio.timeout(_QUERY_SECONDS):
                    body = await self._ask(address, topic)
                break
            except _FAILURES:
                continue
        self._finish(done, body)

    def _finish(self, done: Callable[[bytes | None], None], body: bytes | None) -> None:
        done(body)
        self._after()

    async def _ask(self, address: str, topic: str) -> bytes | None:
        """Send one route request; None if the answer is no route. Raises I/O errors."""
        host, _, port = address.rpartition(":")
        ip = await self._resolver.resolve(host.strip("[]"))
        reader, writer = await asyncio.open_connection(ip, int(port))
        try:
            # Version 0 requests the legacy dialect, in which this mode always answers.
            command = RemotingCommand(
                RequestCode.GET_ROUTEINFO_BY_TOPIC,
                version=0,
                ext_fields={"topic": topic},
            )
            writer.write(encode_frame(command, SerializeType.JSON))
            answer = await _read_command(reader)
            return answer.body if answer.code == ResponseCode.SUCCESS else None
        finally:
            # close() would wait for a peer that does not read.
            writer.transport.abort()


async def _read_command(reader: asyncio.StreamReader) -> RemotingCommand:
    length = int.from_bytes(await reader.readexactly(4))
    if not _SHORTEST_FRAME <= length <= _MOST_ANSWER_BYTES:
        raise ValueError(f"an answer of {length} bytes")
    frame = await reader.readexactly(length)
    header_end = 4 + int.from_bytes(frame[1:4])
    return decode_command(frame[0], frame[4:header_end], frame[header_end:])
