"""Requests for the server's configuration: 318 and 319 (protocol.md 2.20, 2.21, 4.3).

Source: `DefaultRequestProcessor#updateConfig` and `#getConfig`.
"""

from namesrv._impl import Connection
from namesrv.options import java_text
from namesrv.routing.state import RoutingState
from namesrv.wire.command import RemotingCommand


def update_namesrv_config(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> RemotingCommand | None:
    """Change options of the allow-list; answered when the file has been replaced."""
    if command.body is None:
        return command.answer()
    done = state.answer_when_written(command, connection)
    state.configuration.update(command.body, connection.remote_address, done)
    return None


def get_namesrv_config(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> RemotingCommand:
    """Java's options and the extra keys of the -c file."""
    return command.answer(body=java_text(state.options).encode("utf-8", "replace"))
