"""`/v1/write_right`: whether a request may change something, for pages that ask for a
token and want to know at once."""

from typing import Final

from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.http.messages import NO_CONTENT, Access, HttpAnswer


def get_write_right(call: Call) -> HttpAnswer:
    """A request that comes here has the right: the guard has refused the others."""
    return NO_CONTENT


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/write_right",
        "Whether the request's token may change something",
        get_write_right,
        access=Access.WRITE,
        status=204,
    ),
)
