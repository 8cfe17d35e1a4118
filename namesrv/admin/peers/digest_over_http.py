"""The digest of another server of this program, over HTTP on its one port.

A Java NameServer takes the request for a frame that is too long, closes the connection
and logs a warning, so that it is asked rarely.
"""

import asyncio
from typing import Final

import msgspec

_MOST_BYTES: Final = 1 << 16
_REQUEST: Final = (
    "GET /v1/digest HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n"
    "User-Agent: namesrv-peers\r\nConnection: close\r\n\r\n"
)
_HEAD_END: Final = b"\r\n\r\n"


class TheirDigest(msgspec.Struct):
    """The answer of the peer; `mark` is that of its process, if it has peers itself."""

    digest: str
    mark: str | None = None


async def ask_digest(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str
) -> TheirDigest | None:
    """Ask on a new connection. None if the peer does not answer with a digest, because
    it speaks no HTTP or does not admit us. Raises no error of the connection."""
    try:
        writer.write(_REQUEST.format(host=host).encode())
        await writer.drain()
        data = await _read(reader)
    except OSError:
        return None
    head, _, body = data.partition(_HEAD_END)
    if not head.startswith(b"HTTP/1.1 200 "):
        return None
    try:
        return msgspec.json.decode(body, type=TheirDigest)
    except msgspec.MsgspecError:
        return None


async def _read(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the end, at most so much."""
    data = b""
    while len(data) < _MOST_BYTES:
        part = await reader.read(_MOST_BYTES)
        if not part:
            break
        data += part
    return data
