"""`/v1/events`: changes of routes and settings as they happen."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.history.filters import read_types
from namesrv.admin.http.messages import HttpAnswer, Stream
from namesrv.admin.streams.selection import Selection
from namesrv.admin.streams.sent_events import CONTENT_TYPE, read_id
from namesrv.errors import HttpRefused


class EventParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """The wanted events, and the last one that the client has."""

    type: Annotated[
        str, Meta(description="types of events, joined by commas; empty: all")
    ] = ""
    topic: Annotated[
        str, Meta(description="beginning of the name of a topic that events are about")
    ] = ""
    broker: Annotated[
        str,
        Meta(description="beginning of the name of a group or of a broker's host:port"),
    ] = ""
    after: Annotated[
        str,
        Meta(
            description="id of the last event that the client has, as `Last-Event-ID`;"
            " empty: begin with a picture"
        ),
    ] = ""


def get_events(call: Call) -> Stream | HttpAnswer:
    """A stream that goes on until one side closes it."""
    parameters, streams = call.parameters, call.streams
    types = read_types(parameters.type) if parameters.type else frozenset[str]()
    names_topics = call.inside.options.enable_all_topic_list
    selection = Selection(types, parameters.topic, parameters.broker, names_topics)
    after = call.request.headers.get("last-event-id", "")
    if not after and parameters.after and read_id(parameters.after) is None:
        raise HttpRefused(
            400,
            f"the parameter after is {parameters.after[:80]!r}, expected the id of an"
            " event, such as 18c2f0a4b1d-42",
        )
    refusal = streams.refusal() or streams.events.refusal(call.connection)
    if refusal is not None:
        return refusal
    streams.begin()
    after = after or parameters.after
    token = streams.token_of(call.request)
    return streams.events.open(call.connection, selection, after, call.now_ms, token)


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/events",
        "Changes as they happen, as server-sent events",
        get_events,
        parameters=EventParameters,
        errors=(503,),
        produces=CONTENT_TYPE,
    ),
)
