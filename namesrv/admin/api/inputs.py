"""Parameters and bodies of requests as records, or one sentence about the mistake."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from namesrv.admin.api.endpoint import Endpoint
from namesrv.admin.api.mistakes import mistake_of, unencodable
from namesrv.admin.api.negotiation import JSON, MSGPACK
from namesrv.admin.http.messages import HttpRequest
from namesrv.errors import HttpRefused
from namesrv.misspellings import similar_names

Record = TypeVar("Record", bound=msgspec.Struct)

LONGEST_QUERY: Final = 32_768
"""Characters of a query; two names of 4,096 bytes fit, percent-encoded."""
_MOST_PARAMETERS: Final = 64
_SHOWN: Final = 100
_LONGEST_SHOWN: Final = 65_536
"""Bytes of a body of which a wrong value is shown; it is decoded twice."""
_BYTE: Final = re.compile(r"\(byte (\d+)\)")
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
    fields = endpoint.parameters.__struct_encode_fields__ if endpoint.parameters else ()
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
        mistake = mistake_of(error, endpoint.parameters, texts)
    except UnicodeEncodeError:
        mistake = unencodable(endpoint.parameters, texts)
    given = "missing" if mistake.missing else mistake.value
    raise HttpRefused(
        400,
        f"the parameter {mistake.member} is {given}, expected {mistake.expected}",
        errors=[{"path": mistake.path, "expected": mistake.expected}],
    )


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
    shown = name[:_SHOWN]
    known = f"one of {', '.join(names)}" if names else "no parameter"
    return HttpRefused(
        400,
        f"there is no parameter {shown!r}, expected {known}",
        errors=[{"path": f"$.{shown}", "expected": known}],
        similar=similar_names(shown, names),
    )


def read_body(endpoint: Endpoint, request: HttpRequest) -> msgspec.Struct | None:
    """The body of a request as the record of the endpoint; None if it takes none.
    Raises HttpRefused (400, 413, 415)."""
    check_size(endpoint, len(request.body))
    if endpoint.body is not None:
        return decoded_body(request, endpoint.body, endpoint.explain)
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


def decoded_body(
    request: HttpRequest,
    kind: type[Record],
    explain: Callable[[str], str | None] = lambda name: None,
) -> Record:
    """A body as a record. `explain` may give a sentence about a member that the record
    does not have. Raises HttpRefused (400, 415)."""
    if not request.body:
        expected = f"a body in {JSON} or {MSGPACK}"
        raise HttpRefused(
            400,
            f"the request has no body, expected {expected}",
            errors=[{"path": "$", "expected": expected}],
        )
    decode: Any = _decoder(request)
    try:
        record: Record = decode(request.body, type=kind)
        return record
    except msgspec.ValidationError as error:
        sent = _without_type(decode, request.body)
        mistake = mistake_of(error, kind, sent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(request, error) from None
    detail = explain(mistake.unknown) if mistake.unknown else None
    more = {"similar": mistake.similar} if mistake.similar and detail is None else {}
    raise HttpRefused(
        400,
        detail or f"the body is wrong: {mistake.detail}",
        errors=[{"path": mistake.path, "expected": mistake.expected}],
        **more,
    )


def _decoder(request: HttpRequest) -> Any:
    """The function for the body's type. Raises HttpRefused (415)."""
    header = request.headers.get("content-type", "")
    media = header.partition(";")[0].strip().lower()
    decode = _DECODERS.get(media)
    if decode is not None:
        return decode
    given = f"is {media[:_SHOWN]!r}" if media else "has no type"
    raise HttpRefused(
        415,
        f"the body {given}; send the header Content-Type: {JSON} (or {MSGPACK})",
        ("Accept", f"{JSON}, {MSGPACK}"),
    )


def _without_type(decode: Any, body: bytes) -> Any:
    """The values of a body, to show a wrong one; None for a long body."""
    if len(body) > _LONGEST_SHOWN:
        return None
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError):
        return None


def _unreadable(request: HttpRequest, error: Exception) -> HttpRefused:
    """A body that is neither JSON nor MessagePack."""
    form = (
        "JSON" if "json" in request.headers["content-type"].lower() else "MessagePack"
    )
    if isinstance(error, UnicodeDecodeError):
        mistake = "a text in it is not UTF-8"
    elif isinstance(error, RecursionError):
        mistake = "it is nested too deeply"
    elif found := _BYTE.search(str(error)):
        mistake = f"the mistake is at byte {found[1]} of {len(request.body)}"
    else:
        mistake = f"it ends too early, after {len(request.body)} bytes"
    return HttpRefused(
        400,
        f"the body is no {form}: {mistake}",
        errors=[{"path": "$", "expected": f"a body in {form}"}],
    )
