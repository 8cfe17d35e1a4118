"""Key-value requests: 100, 101, 102 and 219 (protocol.md sections 2.1 to 2.4).

Source: `DefaultRequestProcessor#putKVConfig`, `#getKVConfig`, `#deleteKVConfig`,
`#getKVListByNamespace`.
"""

from typing import Final

from namesrv.codes import ResponseCode
from namesrv.errors import RequestFailed
from namesrv.routing.access.request import Request
from namesrv.routing.state import RoutingState
from namesrv.wire.command import RemotingCommand
from namesrv.wire.headers import KVConfigRequestHeader

LONG_ANSWER_BYTES: Final = 1 << 17
"""A longer answer would hold the loop, and be in memory as a whole, several times."""


def put_kv_config(state: RoutingState, request: Request) -> RemotingCommand | None:
    """Store a value; answered when the file has been replaced."""
    header = KVConfigRequestHeader.read(request.ext_fields)
    if header.namespace is None or header.key is None:
        raise RequestFailed("namespace or key is null")
    done = state.answer_when_written(request)
    namespace, key, value = header.namespace, header.key, header.value
    state.kv_config.put(namespace, key, value, request.cause, done)
    return None


def get_kv_config(state: RoutingState, request: Request) -> RemotingCommand:
    """One value, or code 22."""
    header = KVConfigRequestHeader.read(request.ext_fields)
    value = state.kv_config.get(header.namespace, header.key)
    if value is not None:
        return request.answer(ext_fields={"value": value})
    return request.answer(
        ResponseCode.QUERY_NOT_FOUND,
        f"No config item, Namespace: {_or_null(header.namespace)} "
        f"Key: {_or_null(header.key)}",
        ext_fields={},
    )


def delete_kv_config(state: RoutingState, request: Request) -> RemotingCommand | None:
    """Remove a key; always a success, unless the file cannot be written.

    Nothing is written for a key that is not there (protocol.md section 9, point 4).
    """
    header = KVConfigRequestHeader.read(request.ext_fields)
    namespace, key = header.namespace, header.key
    if namespace is None or key is None or not state.kv_config.has(namespace, key):
        return request.answer()
    done = state.answer_when_written(request)
    state.kv_config.delete(namespace, key, request.cause, done)
    return None


def get_kvlist_by_namespace(state: RoutingState, request: Request) -> RemotingCommand:
    """All keys of a namespace, or code 22; many are sent as the peer takes them."""
    header = KVConfigRequestHeader.read(request.ext_fields)
    body = state.kv_config.body(header.namespace, LONG_ANSWER_BYTES)
    if body:
        return request.answer(body=body)
    return request.answer(
        ResponseCode.QUERY_NOT_FOUND,
        f"No config item, Namespace: {_or_null(header.namespace)}",
    )


def _or_null(text: str | None) -> str:
    return "null" if text is None else text
