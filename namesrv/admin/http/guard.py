"""The rights of peers over HTTP (docs/http.md)."""

from namesrv._impl import Connection
from namesrv.admin.http.messages import Access, HttpAnswer, HttpRequest
from namesrv.server.inside import Inside


class HttpGuard:
    """The guard of one server."""

    def __init__(self, inside: Inside) -> None:
        self._options = inside.options

    def turned_away(
        self, request: HttpRequest, connection: Connection
    ) -> HttpAnswer | None:
        """None if a handler may get the request, else its answer."""
        return None

    def refusal(
        self,
        request: HttpRequest,
        access: Access,
        connection: Connection,
        now_ms: int,
    ) -> HttpAnswer | None:
        """None if the request has the right, else its answer."""
        return None
