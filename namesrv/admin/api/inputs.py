"""Parameters and bodies of requests as records, or one sentence about the mistake."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from namesrv.admin.api.endpoint import Endpoint
from namesrv.admin.api.negotiation import JSON, MSGPACK
from namesrv.admin.http.messages import HttpRequest
from namesrv.errors import HttpRefused

Record = TypeVar("Record", bound=msgspec.Struct)

LONGEST_QUERY: Final = 32_768
"""Characters of a query; two names of 4,096 bytes fit, percent-encoded."""
_MOST_PARAMETERS: Final = 64
_SHOWN: Final = 100
_DECODERS: Final = {
    JSON: msgspec.json.decode,
    MSGPACK: msgspec.msgpack.decode,
    "application/x-msgpack": msgspec.msgpack.decode,
}


def read_parameters(
    endpoint: Endpoint, values: Mapping[str, str], query: str
) -> msgspec.Struct | None:
    """The parameters of a request, from its path and its query; None for an endpoint
    without any. Raises HttpRefused (400)."""
    texts = {name: _decoded(name, value) for name, value in values.items()}
    fields = endpoint.parameters.__struct_fields__ if endpoint.parameters else ()
    for name, value in _pairs(query):
        if name not in fields or name in values:
            raise _unknown_parameter(name, [f for f in fields if f not in values])
        if name in texts:
            raise HttpRefused(400, f"the parameter {name} is in the query twice")
        texts[name] = value
    if endpoint.parameters is None:
        return None
    try:
        return msgspec.convert(texts, endpoint.parameters, strict=False)
    except msgspec.ValidationError as error:
        expected, path = _split(error)
        given = texts.get(path.removeprefix("$."))
        raise HttpRefused(
            400,
            f"a parameter is wrong: {expected} at {path}, {_shown(given)}",
            errors=[{"path": path, "expected": expected}],
        ) from None


def _pairs(query: str) -> list[tuple[str, str]]:
    if len(query) > LONGEST_QUERY or query.count("&") > _MOST_PARAMETERS:
        raise HttpRefused(
            400,
            f"the query has {len(query)} characters and {query.count('&') + 1}"
            f" parameters, the limits are {LONGEST_QUERY} and {_MOST_PARAMETERS}",
        )
    pairs = [part.partition("=") for part in query.split("&") if part]
    return [(_decoded("", name), _decoded(name, value)) for name, _, value in pairs]


def _decoded(name: str, text: str) -> str:
    """A percent-encoded text with `+` for a blank only in queries of forms, so that it
    is a plain character here. A lone surrogate, which a name may have, is three bytes.
    """
    try:
        return unquote_to_bytes(text).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        of = f"the parameter {name[:_SHOWN]}" if name else "the query"
        raise HttpRefused(400, f"{of} is not UTF-8 when it is decoded") from None


def _unknown_parameter(name: str, names: list[str]) -> HttpRefused:
    known = f"known are {', '.join(names)}" if names else "there are none here"
    near = get_close_matches(name[:_SHOWN], names, n=1)
    return HttpRefused(
        400,
        f"there is no parameter {name[:_SHOWN]!r}, {known}",
        errors=[{"path": f"$.{name[:_SHOWN]}", "expected": "a known parameter"}],
        similar=near,
    )


def read_body(endpoint: Endpoint, request: HttpRequest) -> msgspec.Struct | None:
    """The body of a request as the record of the endpoint; None if it takes none.
    Raises HttpRefused (400, 413, 415)."""
    check_size(endpoint, len(request.body))
    if endpoint.body is not None:
        return decoded_body(request, endpoint.body)
    return None


def check_size(endpoint: Endpoint, size: int) -> None:
    """Check the bytes of a body, which need not have come. Raises HttpRefused (400 for
    an endpoint without a body, 413)."""
    limit = endpoint.longest_body
    if size > limit:
        raise HttpRefused(413, f"the body has {size} bytes, the limit is {limit} bytes")
    if size and endpoint.body is None and not endpoint.takes_bytes:
        method = f"{endpoint.method} {endpoint.path}"
        raise HttpRefused(400, f"{method} takes no body, this one has {size} bytes")


def decoded_body(request: HttpRequest, kind: type[Record]) -> Record:
    """A body as a record. Raises HttpRefused (400, 415)."""
    header = request.headers.get("content-type", JSON)
    media = header.partition(";")[0].strip().lower()
    decode: Any = _DECODERS.get(media)
    if decode is None:
        raise HttpRefused(
            415,
            f"the body is {media[:_SHOWN]!r}, expected {JSON} or {MSGPACK}",
            ("Accept", f"{JSON}, {MSGPACK}"),
        )
    try:
        return decode(request.body, type=kind)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        expected, path = _split(error)
        raise HttpRefused(
            400,
            f"the body is wrong: {expected} at {path}",
            errors=[{"path": path, "expected": expected}],
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HttpRefused(
            400,
            f"the body cannot be read as {media}: {error}",
            errors=[{"path": "$", "expected": f"a body in {media}"}],
        ) from None


def _split(error: msgspec.ValidationError) -> tuple[str, str]:
    """The expectation and the JSON path of an error of msgspec."""
    text, _, path = str(error).partition(" - at `")
    return text.replace("`", ""), path.removesuffix("`") or "$"


def _shown(given: str | None) -> str:
    if given is None:
        return "which is not there"
    more = "..." if len(given) > _SHOWN else ""
    return f"which is {given[:_SHOWN]!r}{more}"
