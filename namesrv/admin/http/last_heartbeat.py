"""Heartbeats of brokers: each is answered before the application gets it.

A broker's side-car sends the same head every time. On the same connection and under
the same configuration it has the same right again, as long as everybody may send
heartbeats (`brokerAccess=open`). So the same bytes are not read again: one comparison
and one look-up are enough.
"""

from typing import Final

from namesrv._impl import Connection
from namesrv.admin.http.head import Head
from namesrv.admin.http.messages import Access, HttpAnswer
from namesrv.admin.http.service import HttpService
from namesrv.hot_path import HotCode, Pause

LONGEST_HEAD_BYTES: Final = 1024
"""A longer head is read each time."""


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
        return HttpAnswer(204)

    def is_again(self, data: bytes, connection: Connection, now_ms: int) -> bool:
        """Whether the bytes are the same heartbeat and no more, of a broker that is
        live; it was heard from now."""
        if data != self._head or connection.pause != Pause.NONE:
            return False
        service = self._service
        state, heartbeats = service.state, service.heartbeats
        is_open = state.hot.hot_codes & HotCode.HEARTBEAT
        if not is_open or self._changes != state.configuration_changes:
            return False
        if heartbeats is None or not heartbeats.beat(self._target, now_ms):
            return False
        # It is active, and has no side effects.
        connection.receive(b"", now_ms)
        return True
