"""The rights of peers over HTTP (docs/http.md).

Browsers are a way in that the remoting protocol does not have: a page of any site can
make one send requests here. It cannot put a token into their header, it has to name
itself in `Origin`, and it cannot choose `Host`.
"""

import hmac
from collections import OrderedDict
from http import HTTPStatus
from typing import Final

from namesrv._impl import Connection
from namesrv.admin.http.hosts import is_ours, names_in, own_names
from namesrv.admin.http.messages import Access, HttpAnswer, HttpRequest
from namesrv.admin.http.problems import problem
from namesrv.options import Options
from namesrv.routing.access.control import is_local
from namesrv.routing.state import RoutingState
from namesrv.routing.turns.fair_lines import host_in_line
from namesrv.server.files.http_tokens import HttpTokenFile, HttpTokens

_BEARER: Final = "bearer"
_CHALLENGE: Final = ("WWW-Authenticate", 'Bearer realm="namesrv"')
_WRONG: Final = (
    "WWW-Authenticate",
    'Bearer realm="namesrv", error="invalid_token"',
)
_SCANTY: Final = (
    "WWW-Authenticate",
    'Bearer realm="namesrv", error="insufficient_scope"',
)
_READS: Final = (Access.PAGE, Access.READ)
_LOG_MILLIS: Final = 60_000
_MOST_HOSTS: Final = 1024


class HttpGuard:
    """The guard of one server."""

    def __init__(
        self, options: Options, state: RoutingState, token_file: HttpTokenFile
    ) -> None:
        self._options = options
        self._state = state
        self._token_file = token_file
        self._own_names = own_names()
        self._logged_ms: OrderedDict[str, int] = OrderedDict()

    def turned_away(
        self, request: HttpRequest, connection: Connection
    ) -> HttpAnswer | None:
        """None if a handler may get the request, else its answer."""
        if self._options.http_access == "off":
            return problem(403, "HTTP is switched off (httpAccess=off)")
        host = request.headers.get("host")
        origin = request.headers.get("origin")
        if origin is not None and not _is_same(origin, host):
            return problem(
                403, f"a page of another site may not ask here (Origin {origin[:100]})"
            )
        return None

    def _foreign_host(self, request: HttpRequest, access: Access) -> HttpAnswer | None:
        """The answer to a request for another host; None for one of ours.

        A page that has given its own name our address (DNS rebinding) is of the same
        origin as this server to its browser. Everybody may read where `httpAccess` is
        open; a page may not change anything.
        """
        host = request.headers.get("host")
        if host is None:
            return None
        if self._options.http_access == "open":
            if access in _READS or "origin" not in request.headers:
                return None
        if is_ours(host, self._own_names, names_in(self._options.http_hosts)):
            return None
        return problem(
            403,
            f"Host {host[:100]!r} is no name of this server: use its address, or add"
            " the name to httpHosts",
        )

    def refusal(
        self,
        request: HttpRequest,
        access: Access,
        connection: Connection,
        now_ms: int,
    ) -> HttpAnswer | None:
        """None if the request has the right, else its answer."""
        refused = self._refusal(request, access, connection, now_ms)
        if refused is not None and access not in _READS:
            method, path = request.method, request.path
            remark = HTTPStatus(refused.status).phrase
            self._state.audit.note_refused(method, path, connection, remark)
        return refused

    def token_of(self, request: HttpRequest) -> bytes:
        """The token without which a request might not read; empty if it needs none."""
        return _token_of(request) if self._options.http_access == "token" else b""

    def tokens(self, now_ms: int) -> HttpTokens:
        """The tokens of now; the file is read again if it has changed."""
        return self._token_file.tokens(now_ms)

    def _refusal(
        self,
        request: HttpRequest,
        access: Access,
        connection: Connection,
        now_ms: int,
    ) -> HttpAnswer | None:
        if access is Access.HEALTH:
            return None
        foreign = self._foreign_host(request, access)
        if foreign is not None:
            return foreign
        if access is Access.BROKER:
            if self._options.broker_access == "open":
                return None
            return self._refused_change(request, connection, now_ms)
        mode = self._options.http_access
        if mode == "loopback" and not is_local(connection):
            return self._forbidden(
                "HTTP is served to loopback addresses only (httpAccess=loopback)",
                connection,
                now_ms,
            )
        if access is Access.WRITE:
            admin = self._options.admin_access
            if admin == "off" or (admin == "loopback" and not is_local(connection)):
                detail = f"changes are refused here (adminAccess={admin})"
                return self._forbidden(detail, connection, now_ms)
            return self._refused_change(request, connection, now_ms)
        if mode == "token" and access is not Access.PAGE:
            return self._without_token(request, connection, now_ms, is_change=False)
        return None

    def _refused_change(
        self, request: HttpRequest, connection: Connection, now_ms: int
    ) -> HttpAnswer | None:
        if not self._options.http_token_file:
            detail = "a change needs a write token, and httpTokenFile names none"
            return self._forbidden(detail, connection, now_ms)
        return self._without_token(request, connection, now_ms, is_change=True)

    def _without_token(
        self,
        request: HttpRequest,
        connection: Connection,
        now_ms: int,
        *,
        is_change: bool,
    ) -> HttpAnswer | None:
        right = "write" if is_change else "read"
        given = _token_of(request)
        if not given:
            detail = f"a {right} token is needed: send Authorization: Bearer TOKEN"
            return problem(401, detail, _CHALLENGE)
        tokens = self._token_file.tokens(now_ms)
        if _is_among(given, tokens.writers):
            return None
        if not _is_among(given, tokens.readers):
            self._log("token is wrong", connection, now_ms)
            return problem(
                401, "the token is not in the file that httpTokenFile names", _WRONG
            )
        if not is_change:
            return None
        self._log("token only reads", connection, now_ms)
        detail = "the token may only read: send one that the file names with write="
        return problem(403, detail, _SCANTY)

    def _forbidden(
        self, detail: str, connection: Connection, now_ms: int
    ) -> HttpAnswer:
        self._log(detail, connection, now_ms)
        return problem(403, detail)

    def _log(self, reason: str, connection: Connection, now_ms: int) -> None:
        """Log a refusal, once a minute for each host."""
        host = host_in_line(connection)
        logged_ms = self._logged_ms.get(host)
        if logged_ms is not None and now_ms - logged_ms < _LOG_MILLIS:
            return
        self._logged_ms[host] = now_ms
        self._logged_ms.move_to_end(host)
        if len(self._logged_ms) > _MOST_HOSTS:
            self._logged_ms.popitem(last=False)
        self._state.outbox.warn(
            "HTTP request without the right refused",
            reason=reason,
            remote=connection.remote_address,
            socket=connection.socket_address,
        )


def _is_same(origin: str, host: str | None) -> bool:
    """Whether a page that was loaded from here sent the request."""
    scheme, _, authority = origin.partition("://")
    return (
        scheme.lower() in ("http", "https")
        and host is not None
        and authority.lower() == host.lower()
    )


def _token_of(request: HttpRequest) -> bytes:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != _BEARER:
        return b""
    return token.strip().encode("latin-1", "replace")


def _is_among(given: bytes, tokens: tuple[bytes, ...]) -> bool:
    """In a time that does not depend on how much of a token is right."""
    found = False
    for token in tokens:
        found |= hmac.compare_digest(given, token)
    return found
