"""HTTP beside a server: a companion that waits for the first HTTP connection.

Parser, API and metrics are imported when that connection comes, by a thread, while it
and others like it wait. A server without HTTP has nothing of them in memory. So this
module imports none of them.
"""

import asyncio
import logging
from collections.abc import Callable
from traceback import format_exc
from typing import TYPE_CHECKING, Final

from namesrv._impl import Connection
from namesrv.errors import ConnectionEnded
from namesrv.hot_path import Pause
from namesrv.server.connections.conversation import HttpConversation
from namesrv.server.files.http_tokens import HttpTokenFile
from namesrv.server.inside import Inside
from namesrv.server.nameserver import NameServer

if TYPE_CHECKING:
    from namesrv.admin.http.service import Application, Guard

    MakeApplication = Callable[[Inside, Guard], Application]

_FAILED: Final = "cannot load HTTP, its connections are closed"


class HttpCompanion:
    """Teaches a server HTTP. `make_application` takes the place of the API in tests;
    it is called by another thread than the event loop's."""

    def __init__(self, make_application: "MakeApplication | None" = None) -> None:
        self._make_application = make_application
        self._inside: Inside
        self._token_file: HttpTokenFile
        self._loading: asyncio.Future[None] | None = None
        self._begin: Callable[[Connection], HttpConversation] | None = None
        self._waiting: list[Connection] = []

    async def start(self, server: NameServer) -> None:
        """From now on connections that begin with HTTP come here. Raises StartFailed
        for a file of tokens that cannot be used."""
        self._inside = server.inside
        self._token_file = HttpTokenFile(self._inside.options, self._inside.log)
        self._token_file.load()
        self._inside.connections.speak_http(self._converse)

    async def stop(self) -> None:
        """Wait for a thread that imports."""
        if self._loading is not None:
            await self._loading

    def _converse(self, connection: Connection) -> HttpConversation:
        if self._begin is not None:
            return self._begin(connection)
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._load())
        self._waiting.append(connection)
        return _Waiting(self, connection)

    def begin(self, connection: Connection) -> HttpConversation | None:
        """The conversation of one that waited; None if there is none."""
        return None if self._begin is None else self._begin(connection)

    async def _load(self) -> None:
        try:
            self._begin = await asyncio.to_thread(self._imported)
        except Exception:
            fields = {"error": format_exc()}
            self._inside.log.log_damped(logging.ERROR, _FAILED, fields)
            self._loading = None
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            protocol = self._inside.connections.find(connection)
            if protocol is not None:
                protocol.resume(b"")

    def _imported(self) -> Callable[[Connection], HttpConversation]:
        from namesrv.admin.composition import beginning  # noqa: PLC0415

        return beginning(self._inside, self._token_file, self._make_application)


class _Waiting:
    """A conversation that waits for the import, and then passes everything on."""

    def __init__(self, companion: HttpCompanion, connection: Connection) -> None:
        self._companion = companion
        self._connection = connection
        self._kept = b""
        self._conversation: HttpConversation | None = None
        self.progress_ms = 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes of kept input."""
        if self._conversation is not None:
            return self._conversation.buffered_bytes
        return len(self._kept)

    @property
    def request_since_ms(self) -> int | None:
        """The beginning of an unfinished request; None while the server is slow."""
        if self._conversation is not None:
            return self._conversation.request_since_ms
        return None

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Keep the input, or pass it on."""
        if self._conversation is not None:
            return self._conversation.receive(data, now_ms)
        connection = self._connection
        self.progress_ms = self.progress_ms or now_ms
        self._kept += data
        connection.note_activity(now_ms)
        connection.hold(Pause.LATER)
        connection.note_side_effects()
        return b""

    def resume(self, now_ms: int, answer: bytes = b"") -> bytes:
        """Begin the conversation itself, or go on with it."""
        if self._conversation is not None:
            return self._conversation.resume(now_ms, answer)
        connection = self._connection
        connection.resume(now_ms)
        self._conversation = self._companion.begin(connection)
        if self._conversation is None:
            connection.fail(ConnectionEnded())
            return b""
        kept, self._kept = self._kept, b""
        return self._conversation.receive(kept, now_ms)

    @property
    def is_lasting(self) -> bool:
        """Whether its answer goes on, or waits for something to happen."""
        return self._conversation is not None and self._conversation.is_lasting

    def take_end(self) -> bool:
        """Whether the peer has to see the end of the output now."""
        return self._conversation is not None and self._conversation.take_end()

    def late_answer(self, frame: bytes) -> bytes:
        """The late answer as bytes to send."""
        if self._conversation is None:
            return b""
        return self._conversation.late_answer(frame)

    def time_out(self) -> bytes:
        """The last bytes to send."""
        return b"" if self._conversation is None else self._conversation.time_out()
