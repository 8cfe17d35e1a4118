"""HTTP put together: guard, application and conversations. Imported by a thread."""

from collections.abc import Callable
from functools import partial

from namesrv._impl import Connection
from namesrv.admin.api.application import Application as Api
from namesrv.admin.brokers.heartbeats import Heartbeats
from namesrv.admin.http.conversation import HttpConversation
from namesrv.admin.http.guard import HttpGuard
from namesrv.admin.http.service import Application, Guard, HttpService
from namesrv.admin.table import ENDPOINTS
from namesrv.server.files.http_tokens import HttpTokenFile
from namesrv.server.inside import Inside


def beginning(
    inside: Inside,
    token_file: HttpTokenFile,
    make_application: Callable[[Inside, Guard], Application] | None = None,
) -> Callable[[Connection], HttpConversation]:
    """A function that begins conversations. It reads nothing of the server that
    changes, so that any thread may call it."""
    guard = HttpGuard(inside.options, inside.state, token_file)
    application = (make_application or _application)(inside, guard)
    service = HttpService(
        inside.processor,
        application,
        guard,
        inside.clock.wall_millis,
        Heartbeats(inside.state.tables),
        inside.connections.http_counts,
    )
    return partial(HttpConversation, service)


def _application(inside: Inside, guard: Guard) -> Application:
    return Api(inside, guard, ENDPOINTS)
