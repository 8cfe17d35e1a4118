"""`/v1/missing`: topics that clients ask for and that have no route."""

from heapq import nlargest
from typing import Annotated, Final

from msgspec import Meta, Struct

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import MOST_ITEMS, Call, Endpoint
from namesrv.admin.api.nearest import note_nearest
from namesrv.admin.http.messages import HttpAnswer
from namesrv.routing.history.missing import LONGEST_NAME, MissingTopic
from namesrv.work import Steps, batches

_FEW_ITEMS: Final = 100
_LISTED_UNITS: Final = 200
"""Of the choice of the topics that are asked for most."""
_ITEM_UNITS: Final = 12


class MissingParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which topics are wanted."""

    limit: Annotated[
        int,
        Meta(ge=1, le=MOST_ITEMS, description="most topics of the answer"),
    ] = _FEW_ITEMS
    prefix: Annotated[
        str, Meta(description="only topics whose name begins with this")
    ] = ""


class MissingAsker(Struct):
    """A client that asked for the topic."""

    address: Annotated[str, Meta(description="host:port of its last lookup")]
    language: Annotated[
        str | None, Meta(description="its language, null if it is none of RocketMQ's")
    ]
    version: Annotated[
        int, Meta(description="its remoting version: 401 is 4.9.4, 479 is 5.3.3")
    ]
    last_millis: Annotated[
        int, Meta(description="date of its last lookup, in milliseconds")
    ]


class Missing(Struct):
    """One topic that clients ask for and that has no route."""

    topic: Annotated[
        str,
        Meta(description=f"its name, cut after {LONGEST_NAME} characters"),
    ]
    count: Annotated[
        int,
        Meta(description="lookups since the first one, estimated if there are many"),
    ]
    first_millis: Annotated[
        int, Meta(description="date of the first lookup that was seen, in milliseconds")
    ]
    last_millis: Annotated[
        int, Meta(description="date of the last lookup that was seen, in milliseconds")
    ]
    askers: Annotated[
        list[MissingAsker],
        Meta(description="the last clients that asked for it, the latest first"),
    ]
    nearest: Annotated[
        str | None,
        Meta(
            description="the topic with a route whose name is most like it, found anew"
            " each minute, and without one as soon as the routes change"
        ),
    ]


class MissingList(Struct):
    """Topics that clients ask for in vain, those with the most lookups first."""

    topics: Annotated[list[Missing], Meta(description="the topics")]
    total: Annotated[int, Meta(description="topics in the table of the server")]
    left_out: Annotated[
        int,
        Meta(description="topics that the table had no room for, since the start"),
    ]


def get_missing(call: Call) -> Steps[HttpAnswer]:
    """Topics that were asked for in vain."""
    state, parameters = call.inside.state, call.parameters
    missing = state.missing
    wanted = (one for one in missing if one.topic.startswith(parameters.prefix))
    found = nlargest(parameters.limit, wanted, key=lambda one: one.count)
    yield _LISTED_UNITS
    topics: list[Missing] = []
    yield from note_nearest(state, found, call.now_ms)
    for some in batches(found, _ITEM_UNITS):
        topics += map(missing_record, some)
        yield len(some) * _ITEM_UNITS
    answer = MissingList(topics, len(missing), missing.dropped)
    return respond(call.request, answer)


def missing_record(one: MissingTopic) -> Missing:
    """A topic with its clients, as answers have it."""
    askers = [MissingAsker(*asker) for asker in reversed(one.askers.values())]
    return Missing(
        topic=one.topic,
        count=round(one.count),
        first_millis=one.first_millis,
        last_millis=one.last_millis,
        askers=askers,
        nearest=one.nearest,
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/missing",
        "Topics that clients ask for in vain",
        get_missing,
        parameters=MissingParameters,
        answer=MissingList,
    ),
)
