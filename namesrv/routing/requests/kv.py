"""Key-value requests: 100, 101, 102 and 219 (protocol.md sections 2.1 to 2.4).

Source: `DefaultRequestProcessor#putKVConfig`, `#getKVConfig`, `#deleteKVConfig`,
`#getKVListByNamespace`.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from namesrv._impl import Connection
from namesrv.codes import ResponseCode
from namesrv.errors import RequestFailed
from namesrv.routing.state import RoutingState
from namesrv.wire.command import RemotingCommand
from namesrv.wire.headers import KVConfigRequestHeader

LONG_ANSWER_BYTES: Final = 1 << 17
"""A longer answer would hold the loop, and be in memory as a whole, several times."""


def put_kv_config(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> RemotingCommand | None:
    """Store a value; answered when the file has been replaced."""
    header = KVConfigRequestHeader.read(command.ext_fields or {})
    if header.namespace is None or header.key is None:
        raise RequestFailed("namespace or key is null")
    log = _change_log(state, "KV configuration put", header, connection)
    done = state.answer_when_written(command, connection, log)
    state.kv_config.put(header.namespace, header.key, header.value, done)
    return None


def get_kv_config(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> RemotingCommand:
    """One value, or code 22."""
    header = KVConfigRequestHeader.read(command.ext_fields or {})
    value = state.kv_config.get(header.namespace, header.key)
    if value is not None:
        return command.answer(ext_fields={"value": value})
    return command.answer(
        ResponseCode.QUERY_NOT_FOUND,
        f"No config item, Namespace: {_or_null(header.namespace)} "
        f"Key: {_or_null(header.key)}",
        ext_fields={},
    )


def delete_kv_config(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> RemotingCommand | None:
    """Remove a key; always a success, unless the file cannot be written."""
    header = KVConfigRequestHeader.read(command.ext_fields or {})
    if header.namespace is None or header.key is None:
        return command.answer()
    log = _change_log(state, "KV configuration deleted", header, connection)
    done = state.answer_when_written(command, connection, log)
    state.kv_config.delete(header.namespace, header.key, done)
    return None


def get_kvlist_by_namespace(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> RemotingCommand:
    """All keys of a namespace, or code 22; many are sent as the peer takes them."""
    header = KVConfigRequestHeader.read(command.ext_fields or {})
    body = state.kv_config.body(header.namespace, LONG_ANSWER_BYTES)
    if body:
        return command.answer(body=body)
    return command.answer(
        ResponseCode.QUERY_NOT_FOUND,
        f"No config item, Namespace: {_or_null(header.namespace)}",
    )


def _change_log(
    state: RoutingState,
    event: str,
    header: KVConfigRequestHeader,
    connection: Connection,
) -> Callable[[], None]:
    """Logs a change once it was made; values are no business of the log."""
    fields = {"namespace": header.namespace, "key": header.key}
    return partial(state.outbox.info, event, **fields, remote=connection.remote_address)


def _or_null(text: str | None) -> str:
    return "null" if text is None else text
