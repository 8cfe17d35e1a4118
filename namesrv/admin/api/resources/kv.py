"""`/v1/kv`: the key-value configuration."""

from collections.abc import Iterator
from heapq import nsmallest
from itertools import chain, islice
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.pages import (
    PAGE_CHARACTERS,
    NamedPageParameters,
    Next,
    encoded,
    next_link,
)
from namesrv.admin.api.results import translation
from namesrv.admin.api.similar import MOST_COMPARED, similar_to
from namesrv.admin.http.messages import NO_CONTENT, Access, Asked, Handled, HttpAnswer
from namesrv.codes import RequestCode
from namesrv.errors import HttpRefused
from namesrv.routing.settings.kv_table import KVNamespace
from namesrv.wire.bodies import read_kv_value
from namesrv.wire.command import RemotingCommand
from namesrv.work import Cost, Steps, batches

_ENTRY_UNITS: Final = 4


class Namespace(Struct):
    """One namespace of a list."""

    namespace: Annotated[str, Meta(description="its name")]
    keys: Annotated[int, Meta(description="keys in it")]
    link: Annotated[str, Meta(description="its keys, relative to this page")]


class Namespaces(Struct):
    """A page of namespaces, by name."""

    items: Annotated[list[Namespace], Meta(description="the namespaces")]
    total: Annotated[int, Meta(description="namespaces of the server")]
    next: Next = UNSET


class KeysParameters(NamedPageParameters, kw_only=True):
    """One namespace, and which of its keys."""

    namespace: Annotated[str, Meta(description="name of the namespace")]


class Entry(Struct):
    """One key and its value."""

    key: Annotated[str, Meta(description="the key")]
    value: Annotated[str | None, Meta(description="its value, null for none")]


class Entries(Struct):
    """A page of keys, by name. It ends early when its values are long."""

    items: Annotated[list[Entry], Meta(description="the keys and values")]
    total: Annotated[int, Meta(description="keys of the namespace")]
    next: Next = UNSET


class KeyParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """One key."""

    namespace: Annotated[str, Meta(description="name of the namespace")]
    key: Annotated[str, Meta(description="name of the key")]


class NewValue(Struct, forbid_unknown_fields=True):
    """A value to be stored."""

    value: Annotated[str, Meta(description="the value")]


def get_namespaces(call: Call) -> Steps[HttpAnswer]:
    """A page of namespaces."""
    table, parameters = call.inside.state.kv_config.table, call.parameters
    after, prefix, limit = parameters.after, parameters.prefix, parameters.limit
    found: list[str] = []
    for names in batches(table.names, Cost.GROUP):
        wanted = [
            name
            for name in names
            if name.startswith(prefix) and (after is UNSET or name > after)
        ]
        found = nsmallest(limit + 1, chain(found, wanted))
        yield len(names) * Cost.GROUP + len(found) // _ENTRY_UNITS
    items = [
        Namespace(name, _key_count(table.namespace(name)), f"kv/{encoded(name)}")
        for name in found[:limit]
    ]
    cursor = found[limit - 1] if len(found) > limit else UNSET
    page = Namespaces(items, len(table), next_link(parameters, cursor))
    return respond(call.request, page)


def _key_count(namespace: KVNamespace | None) -> int:
    return 0 if namespace is None else namespace.key_count


def get_entries(call: Call) -> Steps[HttpAnswer]:
    """A page of keys of a namespace, with their values."""
    parameters = call.parameters
    keys = yield from _namespace(call)
    items: list[Entry] = []
    cursor: str | UnsetType = UNSET
    size = 0
    for key, entry in _wanted(keys, parameters):
        if len(items) == parameters.limit or size > PAGE_CHARACTERS:
            cursor = items[-1].key
            break
        items.append(Entry(key, read_kv_value(entry) if entry else None))
        size += len(entry) + len(key)
        yield _ENTRY_UNITS + (len(entry) * Cost.STRICT_KILOBYTE >> 10)
    page = Entries(items, keys.key_count, next_link(parameters, cursor))
    return respond(call.request, page)


def _wanted(keys: KVNamespace, parameters: Any) -> Iterator[tuple[str, bytes]]:
    """Keys after the cursor that have the prefix."""
    after, prefix = parameters.after, parameters.prefix
    if after is UNSET or after < prefix:
        following = keys.following(prefix, is_included=True)
    else:
        following = keys.following(after)
    for key, entry in following:
        if not key.startswith(prefix):
            return
        yield key, entry


def _namespace(call: Call) -> Steps[KVNamespace]:
    """The namespace of a request. Raises HttpRefused (404) with similar ones."""
    table, name = call.inside.state.kv_config.table, call.parameters.namespace
    keys = table.namespace(name)
    if keys is not None:
        return keys
    near = yield from similar_to(name, table.names[:MOST_COMPARED])
    raise HttpRefused(404, f"there is no namespace {name[:100]!r}", similar=near)


def get_entry(call: Call) -> Steps[HttpAnswer]:
    """One key and its value."""
    keys = yield from _namespace(call)
    key = call.parameters.key
    entry = keys.get(key)
    if entry is None:
        return (yield from _no_key(keys, key))
    return respond(call.request, Entry(key, read_kv_value(entry) if entry else None))


def _no_key(keys: KVNamespace, key: str) -> Steps[HttpAnswer]:
    """Raise HttpRefused (404) for an unknown key, with similar ones, which begin alike
    or later."""
    neighbours = keys.following(key[:1], is_included=True)
    names = [name for name, _ in islice(neighbours, MOST_COMPARED)]
    near = yield from similar_to(key, names)
    raise HttpRefused(404, f"there is no key {key[:100]!r}", similar=near)


def put_entry(call: Call) -> Asked:
    """Store a value, as 100 does; answered when the file has it."""
    command = _command(call, RequestCode.PUT_KV_CONFIG, value=call.body.value)
    return Asked(command, translation(lambda _: NO_CONTENT))


def delete_entry(call: Call) -> Handled:
    """Delete a key, as 102 does; answered when the file has it no more."""
    table, parameters = call.inside.state.kv_config.table, call.parameters
    if not table.has(parameters.namespace, parameters.key):
        return _absent(call)
    command = _command(call, RequestCode.DELETE_KV_CONFIG)
    return Asked(command, translation(lambda _: NO_CONTENT))


def _absent(call: Call) -> Steps[HttpAnswer]:
    keys = yield from _namespace(call)
    return (yield from _no_key(keys, call.parameters.key))


def _command(call: Call, code: RequestCode, **more: str) -> RemotingCommand:
    parameters = call.parameters
    ext_fields: dict[str, str | None] = {
        "namespace": parameters.namespace,
        "key": parameters.key,
        **more,
    }
    return RemotingCommand(code, ext_fields=ext_fields)


def kv_state(call: Call) -> tuple[object, ...]:
    """Equal as long as the entries are."""
    return (call.inside.state.kv_config.changes,)


_KEY: Final = "/v1/kv/{namespace}/{key}"
ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/kv",
        "Namespaces of the key-value configuration",
        get_namespaces,
        parameters=NamedPageParameters,
        answer=Namespaces,
        depends=kv_state,
    ),
    Endpoint(
        "GET",
        "/v1/kv/{namespace}",
        "Keys of a namespace",
        get_entries,
        parameters=KeysParameters,
        answer=Entries,
        errors=(404,),
        depends=kv_state,
    ),
    Endpoint(
        "GET",
        _KEY,
        "One key",
        get_entry,
        parameters=KeyParameters,
        answer=Entry,
        errors=(404,),
        depends=kv_state,
    ),
    Endpoint(
        "PUT",
        _KEY,
        "Store a value",
        put_entry,
        access=Access.WRITE,
        parameters=KeyParameters,
        body=NewValue,
        status=204,
        errors=(422, 503),
    ),
    Endpoint(
        "DELETE",
        _KEY,
        "Delete a key",
        delete_entry,
        access=Access.WRITE,
        parameters=KeyParameters,
        status=204,
        errors=(404, 503),
    ),
)
