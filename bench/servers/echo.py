"""The budget's reference: as many prepared answers as frames came, without thinking.

usage: python bench/servers/echo.py uvloop|asyncio PORT FRAMES

FRAMES is a frame file (bench/load/frames.h); every request must be as long as its first
one, and is answered with the first answer, whose opaque stays what it is. A frame is
never looked at: bytes are divided by the length.
"""

import asyncio
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

_START = struct.Struct("<8sIIIII")


class Echo(asyncio.Protocol):
    """One connection; one write per read."""

    __slots__ = ("_answer", "_pending", "_prepared", "_request_bytes", "_write")

    def __init__(
        self, request_bytes: int, answer: bytes, prepared: dict[int, bytes]
    ) -> None:
        self._request_bytes = request_bytes
        self._answer = answer
        self._prepared = prepared
        self._pending = 0
        self._write: Callable[[bytes], None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.Transport, transport).write

    def data_received(self, data: bytes) -> None:
        count, self._pending = divmod(self._pending + len(data), self._request_bytes)
        try:
            self._write(self._prepared[count])
        except KeyError:
            self._prepared[count] = self._answer * count
            self._write(self._prepared[count])


async def serve(port: int, frames: Path) -> None:
    """Serve until the process is ended."""
    data = frames.read_bytes()
    _, _, request_bytes, _, answer_bytes, _ = _START.unpack_from(data)
    start = _START.size + request_bytes
    answer = data[start : start + answer_bytes]
    prepared = {0: b"", 1: answer}
    server = await asyncio.get_running_loop().create_server(
        lambda: Echo(request_bytes, answer, prepared), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


def main() -> None:
    loop, port, frames = sys.argv[1:]
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    if loop == "uvloop":
        import uvloop  # noqa: PLC0415

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(int(port), Path(frames)))


if __name__ == "__main__":
    main()
