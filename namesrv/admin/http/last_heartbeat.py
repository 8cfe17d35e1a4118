"""Heartbeats of brokers: each is answered before the application gets it.

A broker's side-car sends the same head every time. On the same connection and under
the same configuration it has the same right again, as long as everybody may send
heartbeats (`brokerAccess=open`). So the same bytes are not read again: one comparison
and one look-up are enough. Proxies of a mesh add the number of the request, by which
nothing is decided here; heads that differ only in that count as the same.
"""

import re
from typing import Final

from namesrv._impl import Connection
from namesrv.admin.http.head import Head
from namesrv.admin.http.messages import NO_CONTENT, Access, HttpAnswer
from namesrv.admin.http.service import HttpService
from namesrv.hot_path import HotCode, Pause

LONGEST_HEAD_BYTES: Final = 1024
"""A longer head is read each time."""
_NUMBER: Final = re.compile(
    rb"(?i:x-request-id|traceparent|x-b3-(?:traceid|spanid|parentspanid)):"
    rb" [0-9A-Za-z-]{1,128}"
)
"""A line that names the request for those who trace it."""
_LINE_END: Final = b"\r\n"
_OPEN: Final = int(HotCode.HEARTBEAT)


class LastHeartbeat:
    """The last heartbeat of one connection."""

    __slots__ = ("_changes", "_data", "_head", "_service", "_target")

    def __init__(self, service: HttpService) -> None:
        self._service = service
        self._data = b""
        self._head = b""
        self._target = ""
        self._changes = 0

    def read(self, data: bytes) -> None:
        """These are the bytes of the head of the next request."""
        self._data = data if len(data) <= LONGEST_HEAD_BYTES else b""

    def answer(
        self, head: Head | None, connection: Connection, now_ms: int
    ) -> HttpAnswer | None:
        """The answer to the request with that head; None unless it is a heartbeat of a
        live broker."""
        service, data = self._service, self._data
        self._data = b""
        if head is None or head.body_length or service.heartbeats is None:
            return None
        request = head.request
        target = f"{request.path}?{request.query}"
        if request.method != "POST" or not service.heartbeats.knows(target):
            return None
        refused = service.guard.refusal(request, Access.BROKER, connection, now_ms)
        if refused is not None:
            return refused
        service.heartbeats.beat(target, now_ms)
        self._head = data if head.keeps_alive and not head.is_1_0 else b""
        self._target = target
        self._changes = service.state.configuration_changes
        return NO_CONTENT

    def again(self, data: bytes, connection: Connection, now_ms: int) -> bytes:
        """The answer if the bytes are the same heartbeat and no more, of a broker that
        is live; it was heard from now. Else empty."""
        if data != self._head and not self._is_alike(data):
            return b""
        if connection.pause != Pause.NONE:
            return b""
        service = self._service
        state, heartbeats = service.state, service.heartbeats
        if (
            not state.hot.hot_codes & _OPEN
            or self._changes != state.configuration_changes
        ):
            return b""
        if heartbeats is None or not heartbeats.beat(self._target, now_ms):
            return b""
        # It is active, and has no side effects.
        connection.receive(b"", now_ms)
        return service.no_content(len(data))

    def _is_alike(self, data: bytes) -> bool:
        """Whether all lines are those of the last heartbeat, or number the request in
        the same place."""
        if not self._head or len(data) > 2 * LONGEST_HEAD_BYTES:
            return False
        lines, known = data.split(_LINE_END), self._head.split(_LINE_END)
        if len(lines) != len(known):
            return False
        return all(
            line == old
            or (_NUMBER.fullmatch(line) is not None and _NUMBER.fullmatch(old))
            for line, old in zip(lines, known, strict=True)
        )
