"""`/version`: the program and its protocol."""

import sys
from typing import Annotated

from msgspec import Meta, Struct

from namesrv import __version__
from namesrv._impl import IMPLEMENTATION
from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.http.messages import Access, HttpAnswer
from namesrv.codes import VERSION_V5_3_3


class ServerVersion(Struct):
    """The server that answers."""

    version: Annotated[str, Meta(description="version of namesrv")]
    implementation: Annotated[
        str, Meta(description="hot path in use: `fast` (compiled) or `pure`")
    ]
    python: Annotated[str, Meta(description="version of Python")]
    remoting_version: Annotated[
        int, Meta(description="version in answers of the remoting protocol")
    ]
    uptime_millis: Annotated[int, Meta(description="age of the process's routes")]


def get_version(call: Call) -> HttpAnswer:
    """The program and its protocol."""
    version = ServerVersion(
        version=__version__,
        implementation=IMPLEMENTATION,
        python=".".join(map(str, sys.version_info[:3])),
        remoting_version=VERSION_V5_3_3,
        uptime_millis=max(call.now_ms - call.inside.state.started_ms, 0),
    )
    return respond(call.request, version)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/version",
        "The version of the server",
        get_version,
        access=Access.HEALTH,
        answer=ServerVersion,
    ),
)
