"""`/v1/digest`: one text for all routes, by which two servers can be compared."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.states import tables_state
from namesrv.admin.http.messages import HttpAnswer
from namesrv.work import Steps


class RoutesDigest(Struct):
    """A digest of the routes, as docs/http.md defines it."""

    digest: Annotated[
        str, Meta(description="equal on servers with equal routes, 32 hex digits")
    ]
    broker_groups: Annotated[int, Meta(description="broker groups in it")]
    routes: Annotated[
        int, Meta(description="topics in it, once for each of their broker groups")
    ]
    mark: Annotated[
        str | UnsetType,
        Meta(description="a random text of a process with peers, by which it is known"),
    ] = UNSET


def get_digest(call: Call) -> Steps[HttpAnswer]:
    """The digest of all routes."""
    state = call.inside.state
    digest = yield from state.route_digest.value()
    mark = UNSET if state.peer_views.mark is None else state.peer_views.mark
    record = RoutesDigest(digest.text, digest.groups, digest.routes, mark)
    return respond(call.request, record)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/digest",
        "A digest of all routes, for a comparison of servers",
        get_digest,
        answer=RoutesDigest,
        depends=tables_state,
    ),
)
