"""The OpenAPI 3.1 document of a table of endpoints."""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from namesrv import __version__
from namesrv.admin.api.endpoint import Endpoint
from namesrv.admin.api.negotiation import JSON, MSGPACK
from namesrv.admin.http.messages import Access
from namesrv.admin.http.problems import PROBLEM_JSON
from namesrv.work import Steps

Json = dict[str, Any]

_REFERENCES: Final = "#/components/schemas/{name}"
_ENDPOINT_UNITS: Final = 500
_SECURITY: Final[dict[Access, list[Json]]] = {
    Access.HEALTH: [],
    Access.PAGE: [],
    Access.READ: [{}, {"token": []}],
    Access.BROKER: [{}, {"token": []}],
    Access.WRITE: [{"token": []}],
}
_ABOUT: Final = (
    "A RocketMQ NameServer over HTTP. Links in answers are relative to their own"
    " address. Lists come in pages; `next` leads to the next one."
)


class Mistake(Struct):
    """One mistake of a request."""

    path: Annotated[str, Meta(description="JSON path of the wrong value")]
    expected: Annotated[str | UnsetType, Meta(description="the expected value")] = UNSET
    detail: Annotated[str | UnsetType, Meta(description="the mistake")] = UNSET


class Problem(Struct):
    """An error (RFC 9457)."""

    title: Annotated[str, Meta(description="the status in words")]
    status: Annotated[int, Meta(description="the status")]
    detail: Annotated[
        str, Meta(description="one sentence with the wrong value and a remedy")
    ]
    errors: Annotated[
        list[Mistake] | UnsetType, Meta(description="mistakes of parameters or body")
    ] = UNSET
    similar: Annotated[
        list[str] | UnsetType, Meta(description="names that are like an unknown one")
    ] = UNSET
    code: Annotated[
        int | UnsetType, Meta(description="result code of the remoting protocol")
    ] = UNSET


def openapi_document(endpoints: Sequence[Endpoint]) -> Steps[Json]:
    """The document, one endpoint in each step."""
    schemas = _schemas([Problem])
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        schemas |= _schemas(
            kind for kind in (endpoint.body, endpoint.answer) if kind is not None
        )
        operation = _operation(endpoint)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
        yield _ENDPOINT_UNITS
    problem = {
        "description": "The request failed",
        "content": {PROBLEM_JSON: {"schema": _reference("Problem")}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "namesrv", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {"Problem": problem},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def operation_id(endpoint: Endpoint) -> str:
    """The name of an endpoint for programs: `get_v1_topics_topic`."""
    words = re.findall(r"\w+", endpoint.path)
    return "_".join([endpoint.method.lower(), *words])


def _schemas(kinds: Iterable[Any]) -> Json:
    _, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCES)
    return components


def _reference(name: str) -> Json:
    return {"$ref": _REFERENCES.format(name=name)}


def _operation(endpoint: Endpoint) -> Json:
    operation: Json = {
        "operationId": operation_id(endpoint),
        "summary": endpoint.summary.rstrip("."),
        "security": _SECURITY[endpoint.access],
        "responses": _responses(endpoint),
    }
    if endpoint.parameters is not None:
        operation["parameters"] = _parameters(endpoint, endpoint.parameters)
    if endpoint.body is not None:
        content = _content(endpoint.body)
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(endpoint: Endpoint, kind: type[Struct]) -> list[Json]:
    in_path = set(re.findall(r"\{(\w+)\}", endpoint.path))
    schemas = _schemas([kind])[kind.__name__]["properties"]
    found: list[Json] = []
    for field in structs.fields(kind):
        name = field.encode_name
        schema = dict(schemas[name])
        place = "path" if name in in_path else "query"
        parameter: Json = {"name": name, "in": place, "schema": schema}
        if field.required:
            parameter["required"] = True
        if description := schema.pop("description", None):
            parameter["description"] = description
        found.append(parameter)
    return found


def _responses(endpoint: Endpoint) -> Json:
    success: Json = {"description": HTTPStatus(endpoint.status).phrase}
    if endpoint.answer is not None:
        success["content"] = _content(endpoint.answer)
    elif endpoint.produces:
        success["content"] = {endpoint.produces: {"schema": {"type": "string"}}}
    responses = {str(int(endpoint.status)): success}
    if endpoint.depends is not None:
        tag = {"description": "state that the answer shows", "schema": _STRING}
        success["headers"] = {"ETag": tag}
        responses["304"] = {"description": "The state is that of If-None-Match"}
    for status in endpoint.problems:
        responses[str(status)] = {"$ref": "#/components/responses/Problem"}
    return responses


_STRING: Final = {"type": "string"}


def _content(kind: Any) -> Json:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REFERENCES)
    return {JSON: {"schema": schema}, MSGPACK: {"schema": schema}}
