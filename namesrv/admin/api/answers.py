"""Answers of endpoints: a record as JSON or MessagePack, or nothing."""

from collections.abc import Mapping
from typing import Final

import msgspec

from namesrv.admin.api.negotiation import JSON, MSGPACK, accepted_format
from namesrv.admin.http.messages import HttpAnswer, HttpRequest

_ENCODERS: Final = {
    JSON: msgspec.json.Encoder().encode,
    MSGPACK: msgspec.msgpack.Encoder().encode,
}


def respond(
    request: HttpRequest,
    value: msgspec.Struct | Mapping[str, object],
    status: int = 200,
    *headers: tuple[str, str],
) -> HttpAnswer:
    """A record or a map in the format that the request wants; JSON if it wants neither,
    which the application has refused before."""
    wanted = accepted_format(request.headers.get("accept", "")) or JSON
    return HttpAnswer(status, encoded(value, wanted), wanted, headers)


def encoded(value: object, wanted: str) -> bytes:
    """A record in a format; a lone surrogate in a name of a peer becomes `?`."""
    encode = _ENCODERS[wanted]
    try:
        return encode(value)
    except UnicodeEncodeError:
        return encode(_printable(msgspec.to_builtins(value)))


def _printable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value
