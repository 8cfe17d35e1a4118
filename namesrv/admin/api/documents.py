"""`/openapi.json` and the API page, made from the table at their first request."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from namesrv.admin.api.api_page import CONTENT_SECURITY_POLICY, api_page
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.negotiation import JSON
from namesrv.admin.api.openapi import Json, openapi_document
from namesrv.admin.http.messages import Access, HttpAnswer
from namesrv.work import Cost, Steps, kilobytes

HTML: Final = "text/html; charset=utf-8"


class _Documents:
    """The texts of one table."""

    def __init__(self, others: Sequence[Endpoint]) -> None:
        self.endpoints = (
            *others,
            _endpoint("/openapi.json", "This API as OpenAPI 3.1", self.openapi, JSON),
            _endpoint("/api", "This API as a page for people", self.page, HTML),
        )
        self._openapi: bytes | None = None
        self._page: bytes | None = None

    def openapi(self, call: Call) -> Steps[HttpAnswer]:
        """The OpenAPI document."""
        if self._openapi is None:
            document = yield from self._document()
            self._openapi = msgspec.json.encode(document)
            yield kilobytes(len(self._openapi), Cost.STRICT_KILOBYTE)
        return HttpAnswer(200, self._openapi)

    def page(self, call: Call) -> Steps[HttpAnswer]:
        """The page, which may use its own style and nothing else."""
        if self._page is None:
            document = yield from self._document()
            self._page = yield from api_page(document)
        policy = "Content-Security-Policy", CONTENT_SECURITY_POLICY
        return HttpAnswer(200, self._page, HTML, (policy,))

    def _document(self) -> Steps[Json]:
        return (yield from openapi_document(self.endpoints))


def _endpoint(
    path: str, summary: str, handler: Callable[[Call], Any], produces: str
) -> Endpoint:
    return Endpoint(
        "GET",
        path,
        summary,
        handler,
        # A browser cannot send a token for a page, and no document shows the tables.
        Access.PAGE,
        produces=produces,
        depends=_always,
    )


def _always(call: Call) -> tuple[object, ...]:
    """The table never changes."""
    return (0,)


def with_documents(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """The endpoints and those that document all of them."""
    return _Documents(endpoints).endpoints
