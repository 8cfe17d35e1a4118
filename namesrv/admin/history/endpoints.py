"""`/v1/history`: the last events of this run, the newest first."""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import MOST_ITEMS, Call, Endpoint
from namesrv.admin.api.pages import Next
from namesrv.admin.history.facts import (
    EventFacts,
    facts_of,
    put_into_words,
)
from namesrv.admin.history.filters import Filter
from namesrv.admin.history.parameters import link_with, moment_of
from namesrv.admin.history.then import (
    AtParameters,
    BetweenParameters,
    Differences,
    RoutesThen,
    get_at,
    get_between,
)
from namesrv.admin.http.messages import HttpAnswer
from namesrv.routing.history.record import with_numbers
from namesrv.work import STEP_UNITS, Steps

_FEW_EVENTS: Final = 100
_RECORD_UNITS: Final = 1
_BYTES_OF_A_UNIT: Final = 2048
"""Of a record in which names are searched."""
_READ_BYTES_OF_A_UNIT: Final = 256
"""Of a record whose facts are read."""
_PAGE_BYTES: Final = 1 << 18
"""Of records, after which a page ends before its limit."""

_Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class HistoryParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which events are wanted."""

    topic: Annotated[
        str | UnsetType, Meta(description="only events that name this topic")
    ] = UNSET
    broker: Annotated[
        str | UnsetType,
        Meta(description="only events of this broker group, or of this host:port"),
    ] = UNSET
    type: Annotated[
        str | UnsetType,
        Meta(description="only events of these types, joined by commas"),
    ] = UNSET
    since: Annotated[
        str | UnsetType,
        Meta(
            description="only events from this moment on: an age (`10m`, `2h30m`), a"
            " date (`2026-11-28T14:30:00Z`; UTC without a zone) or milliseconds"
        ),
    ] = UNSET
    limit: Annotated[
        int, Meta(ge=1, le=MOST_ITEMS, description="most events of the page")
    ] = _FEW_EVENTS
    before: Annotated[
        _Number | UnsetType,
        Meta(description="cursor: only events with a lower number"),
    ] = UNSET
    after: Annotated[
        _Number | UnsetType, Meta(description="only events with a higher number")
    ] = UNSET


class EventsPage(Struct):
    """A page of the last events, the newest first."""

    run: Annotated[str, Meta(description="name of this run of the server")]
    first: Annotated[
        int, Meta(description="the oldest number that the server still has")
    ]
    last: Annotated[int, Meta(description="the number of the last event, 0: none yet")]
    events: Annotated[list[EventFacts], Meta(description="the events")]
    next: Next = UNSET


def get_history(call: Call) -> Steps[HttpAnswer]:
    """A page of events. Records are shared and never change, so that the page is whole
    also if the ring drops them meanwhile."""
    history, parameters = call.inside.state.history, call.parameters
    are_topics_listed = call.inside.options.enable_all_topic_list
    since = moment_of("since", parameters.since, call)
    wanted = Filter(parameters.topic, parameters.broker, parameters.type, since)
    page = EventsPage(call.inside.state.run, history.first, history.last, [])
    before = None if parameters.before is UNSET else parameters.before
    after = 0 if parameters.after is UNSET else parameters.after
    size = spent = 0
    for record in history.newest_first(before):
        if record.number <= after:
            break
        spent += _RECORD_UNITS + len(record.content) // _BYTES_OF_A_UNIT
        if spent >= STEP_UNITS:
            yield spent
            spent = 0
        if not wanted.may_have(record):
            continue
        spent += len(record.content) // _READ_BYTES_OF_A_UNIT
        facts = facts_of(record)
        if not wanted.has(facts):
            continue
        if len(page.events) == parameters.limit or size > _PAGE_BYTES:
            page.next = _next_link(parameters, since, page.events[-1].number)
            break
        plain = record.facts()
        if not are_topics_listed:
            named = None if parameters.topic is UNSET else parameters.topic
            facts = msgspec.convert(with_numbers(plain, named), EventFacts)
        put_into_words(facts, plain)
        page.events.append(facts)
        size += len(record.content)
    yield spent
    return respond(call.request, page)


def _next_link(
    parameters: HistoryParameters, since_millis: int | None, cursor: int
) -> str:
    """The link to older events. An age in it would mean another moment by then, so it
    has the milliseconds."""
    values = structs.asdict(parameters) | {"before": cursor}
    if since_millis is not None:
        values["since"] = since_millis
    return link_with(values)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/history",
        "The last events, newest first",
        get_history,
        parameters=HistoryParameters,
        answer=EventsPage,
    ),
    Endpoint(
        "GET",
        "/v1/history/at",
        "Topics and brokers of a moment",
        get_at,
        parameters=AtParameters,
        answer=RoutesThen,
        errors=(404, 503),
    ),
    Endpoint(
        "GET",
        "/v1/history/between",
        "Differences between two moments",
        get_between,
        parameters=BetweenParameters,
        answer=Differences,
        errors=(404, 503),
    ),
)
