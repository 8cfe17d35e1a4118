"""Requests for the server's configuration: 318 and 319 (protocol.md 2.20, 2.21, 4.3).

Source: `DefaultRequestProcessor#updateConfig` and `#getConfig`.
"""

from namesrv.routing.access.request import Request
from namesrv.routing.state import RoutingState
from namesrv.wire.command import RemotingCommand


def update_namesrv_config(
    state: RoutingState, request: Request
) -> RemotingCommand | None:
    """Change options of the allow-list; answered when the file has been replaced."""
    if request.command.body is None:
        return request.answer()
    done = state.answer_when_written(request)
    state.configuration.update(request.command.body, request.cause, done)
    return None


def get_namesrv_config(state: RoutingState, request: Request) -> RemotingCommand:
    """Java's options and the extra keys of the -c file."""
    return request.answer(body=state.configuration.shown())
