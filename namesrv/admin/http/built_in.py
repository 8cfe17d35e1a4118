"""The answers of a server without the API: none."""

from namesrv._impl import Connection
from namesrv.admin.http.messages import HttpAnswer, HttpRequest
from namesrv.admin.http.problems import problem


class BuiltIn:
    """An application without endpoints."""

    def handle(
        self, request: HttpRequest, connection: Connection, now_ms: int
    ) -> HttpAnswer:
        """404, whatever is asked."""
        return problem(404, f"there is no {request.path} here")
