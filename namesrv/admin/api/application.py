"""From a request to its answer: path, method, right, parameters, body, handler, ETag.

Nothing that a client sends raises here: a mistake of the client is a problem with its
place and the expectation, a mistake of ours is a line in the log and a 500.
"""

import logging
import os
from collections.abc import Generator, Iterable, Mapping
from traceback import format_exc
from typing import Final, NamedTuple, TypeVar

from namesrv._impl import Connection
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.inputs import check_size, read_body, read_parameters
from namesrv.admin.api.negotiation import JSON, MSGPACK, accepted_format
from namesrv.admin.api.results import refusal_of
from namesrv.admin.api.router import Router
from namesrv.admin.api.similar import similar_to
from namesrv.admin.api.tags import Tags, is_known, not_modified, tagged
from namesrv.admin.http.head import CHUNKED
from namesrv.admin.http.messages import (
    Access,
    Handled,
    HttpAnswer,
    HttpRequest,
    Result,
)
from namesrv.admin.http.problems import problem
from namesrv.admin.http.service import Guard
from namesrv.admin.streams.streams import Streams
from namesrv.errors import HttpRefused, RequestFailed
from namesrv.routing.outbox import LogEvent
from namesrv.server.inside import Inside
from namesrv.work import Cost, Steps, kilobytes

Kind = TypeVar("Kind", HttpAnswer, Result)
_SHOWN: Final = 200
_TAG_BYTES: Final = 6
_ORDER: Final = tuple(Access)
"""The rights, the one that most peers have first."""


class _Found(NamedTuple):
    """The endpoint of a request that has its right, and the values in the path."""

    endpoint: Endpoint
    values: Mapping[str, str]


class Application:
    """All endpoints of a server."""

    def __init__(
        self, inside: Inside, guard: Guard, endpoints: Iterable[Endpoint]
    ) -> None:
        self._inside = inside
        self._guard = guard
        self._router = Router(endpoints)
        self._streams = Streams(inside, guard)
        self._tags = Tags(os.urandom(_TAG_BYTES).hex())

    def handle(
        self, request: HttpRequest, connection: Connection, now_ms: int
    ) -> Handled:
        """Handle one request; never raises for anything that a client can send."""
        try:
            handled = self._routed(request, connection, now_ms)
        except Exception as error:
            return self._failed(error, request, connection)
        if isinstance(handled, Generator):
            return self._in_steps(handled, request, connection)
        return handled

    def objection(
        self,
        request: HttpRequest,
        body_length: int,
        connection: Connection,
        now_ms: int,
    ) -> HttpAnswer | Steps[HttpAnswer] | None:
        """The answer to a request that its head alone has refused, else None; never
        raises for anything that a client can send."""
        try:
            found = self._found(request, connection, now_ms)
            if isinstance(found, _Found):
                _check_accept(found.endpoint, request)
                if body_length != CHUNKED:
                    check_size(found.endpoint, body_length)
                return None
        except Exception as error:
            return self._failed(error, request, connection)
        if isinstance(found, HttpAnswer):
            return found
        return self._in_steps(found, request, connection)

    def _in_steps(
        self,
        steps: Steps[Kind],
        request: HttpRequest,
        connection: Connection,
    ) -> Steps[Kind | HttpAnswer]:
        try:
            return (yield from steps)
        except Exception as error:
            return self._failed(error, request, connection)

    def _routed(
        self, request: HttpRequest, connection: Connection, now_ms: int
    ) -> Handled:
        found = self._found(request, connection, now_ms)
        if not isinstance(found, _Found):
            return found
        endpoint = found.endpoint
        _check_accept(endpoint, request)
        parameters = read_parameters(endpoint, found.values, request.query)
        size = len(request.body)
        self._inside.state.turn.spend(kilobytes(size, Cost.STRICT_KILOBYTE))
        body = read_body(endpoint, request)
        call = Call(
            self._inside,
            connection,
            request,
            parameters,
            body,
            now_ms,
            self._streams,
        )
        return self._tagged(endpoint, call)

    def _found(
        self, request: HttpRequest, connection: Connection, now_ms: int
    ) -> _Found | HttpAnswer | Steps[HttpAnswer]:
        """The endpoint of a request, or the answer to one without path, method or
        right; it reads nothing but the head."""
        place = self._router.find(request.path)
        methods = place.methods if place is not None else {}
        method = "GET" if request.method == "HEAD" else request.method
        endpoint = methods.get(method)
        access = _lowest(methods) if endpoint is None else endpoint.access
        refusal = self._guard.refusal(request, access, connection, now_ms)
        if refusal is not None:
            return refusal
        if place is None:
            return self._unknown(request)
        if endpoint is None:
            return _without_endpoint(request, methods)
        return _Found(endpoint, place.values)

    def _tagged(self, endpoint: Endpoint, call: Call) -> Handled:
        """The answer of an endpoint with its ETag, or 304 if the client has it."""
        tag = self._tags.of(endpoint.depends, call)
        if is_known(tag, call):
            return not_modified(tag)
        handled = endpoint.handler(call)
        if isinstance(handled, Generator):
            return self._tagged_steps(handled, endpoint, call, tag)
        return tagged(handled, tag) if isinstance(handled, HttpAnswer) else handled

    def _tagged_steps(
        self,
        steps: Steps[HttpAnswer] | Steps[Result],
        endpoint: Endpoint,
        call: Call,
        tag: str,
    ) -> Steps[Result]:
        result: Result = yield from steps
        if not isinstance(result, HttpAnswer):
            return result
        is_same = self._tags.of(endpoint.depends, call) == tag
        return tagged(result, tag if is_same else "")

    def _unknown(self, request: HttpRequest) -> Steps[HttpAnswer]:
        path = request.path[:_SHOWN]
        near = yield from similar_to(path, self._router.paths)
        more = {"similar": near} if near else {}
        return problem(404, f"there is no path {path}", **more)

    def _failed(
        self, error: Exception, request: HttpRequest, connection: Connection
    ) -> HttpAnswer:
        if isinstance(error, HttpRefused):
            return problem(error.status, error.detail, *error.headers, **error.more)
        if isinstance(error, RequestFailed):
            return refusal_of(error.code, error.remark)
        fields: dict[str, object] = {
            "method": request.method,
            "path": request.path[:_SHOWN],
            "remote": connection.remote_address,
            "error": format_exc(),
        }
        event = LogEvent(logging.ERROR, "internal error", fields)
        self._inside.state.outbox.put(event)
        return problem(500, f"internal error: {type(error).__name__}")


def _lowest(methods: Mapping[str, Endpoint]) -> Access:
    """The right that a request for no endpoint needs: that of the easiest one of its
    path."""
    rights = {endpoint.access for endpoint in methods.values()} or {Access.READ}
    return min(rights, key=_ORDER.index)


def _without_endpoint(
    request: HttpRequest, methods: Mapping[str, Endpoint]
) -> HttpAnswer:
    """The answer to OPTIONS, and to a method that a path does not have."""
    names = {*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    allow = "Allow", ", ".join(sorted(names))
    if request.method == "OPTIONS":
        return HttpAnswer(204, content_type="", headers=(allow,))
    path = request.path[:_SHOWN]
    detail = f"{path} does not take {request.method[:_SHOWN]}, it takes {allow[1]}"
    return problem(405, detail, allow)


def _check_accept(endpoint: Endpoint, request: HttpRequest) -> None:
    """Raise HttpRefused (406) if the client wants no format of the answer."""
    accept = request.headers.get("accept", "")
    if endpoint.answer is not None and accepted_format(accept) is None:
        raise HttpRefused(
            406, f"the answer is {JSON} or {MSGPACK}, and {accept[:_SHOWN]!r} is not"
        )
