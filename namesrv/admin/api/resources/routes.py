"""`/v1/topics/{topic}/route`: the route that a client would get.

The function that answers code 105 makes it, and its body is read back. A request may
wait until the route changes (`namesrv/admin/streams/route_waits.py`).
"""

import re
from dataclasses import replace
from hashlib import blake2b
from typing import Annotated, Final
from weakref import WeakSet

from msgspec import Meta, Struct

from namesrv._impl import Connection
from namesrv.admin.api.answers import encoded
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.negotiation import JSON, accepted_format
from namesrv.admin.api.resources.route_records import (
    MOST_READ_BACK_BYTES,
    ClientVersion,
    ClientZone,
    Route,
    read_route,
)
from namesrv.admin.api.resources.topics import no_topic
from namesrv.admin.api.results import refusal_of
from namesrv.admin.api.states import routes_state
from namesrv.admin.http.encode import accepts_gzip
from namesrv.admin.http.messages import Asked, Handled, HttpAnswer, HttpRequest, Result
from namesrv.admin.http.problems import problem
from namesrv.admin.streams.route_waits import (
    INDEX,
    NO_ROUTE,
    Asker,
    Looked,
    Question,
    Shape,
)
from namesrv.codes import (
    VERSION_V5_3_1,
    VERSION_V5_3_3,
    ZONE_MODE,
    ZONE_NAME,
    RequestCode,
    ResponseCode,
)
from namesrv.errors import HttpRefused, RequestFailed
from namesrv.hot_path import Pause
from namesrv.routing.access.request import Request
from namesrv.routing.requests.routes import get_routeinfo_by_topic
from namesrv.routing.state import RoutingState
from namesrv.server.inside import Inside
from namesrv.wire.command import RemotingCommand
from namesrv.work import WAIT, Steps, finish

_READING: Final[WeakSet[RoutingState]] = WeakSet()
"""Servers that read a larger route back. Each reads one at a time, because its records
take many times its bytes."""
_INDEX_BYTES: Final = 8
_WAIT: Final = re.compile("([0-9]{1,6})(ms|s|m|)")
_UNITS: Final = {"ms": 1, "s": 1000, "": 1000, "m": 60_000}
LONGEST_WAIT_MILLIS: Final = 300_000
_GO_AWAY: Final = "please go away"


class RouteParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """A topic and the client that asks for it."""

    topic: Annotated[str, Meta(description="name of the topic")]
    version: ClientVersion = VERSION_V5_3_3
    zone: ClientZone = ""
    wait: Annotated[
        str,
        Meta(
            pattern=f"^(?:{_WAIT.pattern})?$",
            description="time to wait for another route, such as `30s` or `500ms`, up"
            " to `5m`",
            extra={"expected": "a time such as 30s, 500ms or 1m"},
        ),
    ] = ""
    after: Annotated[
        str,
        Meta(
            pattern="^[0-9a-f]{0,32}$",
            description="index of the route that the client has, from the header"
            " `X-Namesrv-Index`; empty: it has none",
            extra={"expected": "an index, as X-Namesrv-Index has it"},
        ),
    ] = ""

    @property
    def wait_millis(self) -> int:
        """The wanted time; 0 for none."""
        match = _WAIT.fullmatch(self.wait)
        if match is None:
            return 0
        return int(match[1]) * _UNITS[match[2]]

    @property
    def question(self) -> Question:
        """The route that is wanted."""
        return Question(self.topic, self.version, self.zone)


def get_route(call: Call) -> Handled:
    """The route for a client of a version, in a zone."""
    state, parameters = call.inside.state, call.parameters
    question = parameters.question
    _check_wait(parameters)
    if state.draining and question.version > VERSION_V5_3_1:
        return _gone_away()
    if state.options.cluster_test:
        # Another server may have to be asked, and only the processor waits for one.
        return _asked(call, question)
    if parameters.wait_millis:
        refusal = call.streams.waits.refusal(call.connection)
        return refusal or _waited(call, question)
    request = Request(_command(question), call.connection, call.now_ms, is_http=True)
    handled = get_routeinfo_by_topic(state, request)
    if handled is None or handled == Pause.TURN:
        return Pause.TURN
    return _answered(call, question, handled)


def _check_wait(parameters: RouteParameters) -> None:
    if parameters.wait_millis > LONGEST_WAIT_MILLIS:
        raise HttpRefused(
            400,
            f"the parameter wait is '{parameters.wait}', expected at most 5m, which is"
            " the longest wait",
        )


def _asked(call: Call, question: Question) -> Asked:
    if call.parameters.wait_millis:
        raise HttpRefused(400, "no request can wait for a route with clusterTest=true")
    inside, shape = call.inside, _shape(call.request)

    def translate(answer: RemotingCommand) -> HttpAnswer:
        return finish(_answer(inside, question, _looked(answer), shape))

    return Asked(_command(question), translate)


def _answered(
    call: Call, question: Question, handled: RemotingCommand | Steps[RemotingCommand]
) -> Steps[HttpAnswer]:
    answer = handled
    if not isinstance(answer, RemotingCommand):
        answer = yield from answer
    shape = _shape(call.request)
    return (yield from _answer(call.inside, question, _looked(answer), shape))


def _waited(call: Call, question: Question) -> Steps[Result]:
    """The route at once if the client does not have it, else when it is another one."""
    inside, parameters = call.inside, call.parameters
    known = parameters.after or NO_ROUTE
    while True:
        before = routes_state(call)
        looked = yield from _look(inside, question, call.connection)
        if looked.route_index != known:
            shape = _shape(call.request)
            return (yield from _answer(inside, question, looked, shape))
        if routes_state(call) == before:
            break
    refusal = call.streams.refusal() or call.streams.waits.refusal(call.connection)
    if refusal is not None:
        return refusal
    call.streams.begin()
    return call.streams.waits.wait(
        call.connection,
        question,
        parameters.after,
        _shape(call.request),
        parameters.wait_millis,
        _asker(inside),
        call.streams.token_of(call.request),
    )


def _asker(inside: Inside) -> Asker:
    return Asker(
        lambda question, connection: _look(inside, question, connection),
        lambda question, looked, shape: _answer(inside, question, looked, shape),
    )


def _command(question: Question) -> RemotingCommand:
    fields: dict[str, str | None] = {"topic": question.topic}
    if question.zone:
        fields |= {ZONE_MODE: "true", ZONE_NAME: question.zone}
    code = RequestCode.GET_ROUTEINFO_BY_TOPIC
    return RemotingCommand(code, version=question.version, ext_fields=fields)


def _look(inside: Inside, question: Question, connection: Connection) -> Steps[Looked]:
    """The answer to 105 as it is now, which may wait for the end of other work."""
    state, command = inside.state, _command(question)
    while True:
        if state.draining and question.version > VERSION_V5_3_1:
            return Looked("", command.answer(ResponseCode.GO_AWAY, _GO_AWAY))
        request = Request(command, connection, inside.connections.now_ms, is_http=True)
        try:
            handled = get_routeinfo_by_topic(state, request)
        except RequestFailed as error:
            return Looked("", command.answer(error.code, error.remark))
        if isinstance(handled, RemotingCommand):
            return _looked(handled)
        if handled is not None and handled is not Pause.TURN:
            return _looked((yield from handled))
        # Nobody puts this connection back into a line.
        state.tables.busy.take_put_back(connection)
        yield WAIT


def _looked(answer: RemotingCommand) -> Looked:
    if answer.code == ResponseCode.SUCCESS:
        body = answer.body or b""
        return Looked(blake2b(body, digest_size=_INDEX_BYTES).hexdigest(), answer)
    is_unknown = answer.code == ResponseCode.TOPIC_NOT_EXIST
    return Looked(NO_ROUTE if is_unknown else "", answer)


def _answer(
    inside: Inside, question: Question, looked: Looked, shape: Shape
) -> Steps[HttpAnswer]:
    """The route of an answer to 105 as a record, with its index."""
    answer = looked.answer
    if answer.code == ResponseCode.TOPIC_NOT_EXIST:
        found = yield from _no_route(inside.state, question.topic)
    elif answer.code == ResponseCode.SUCCESS:
        found = yield from _route(inside.state, question.topic, answer.body, shape)
    else:
        return refusal_of(answer.code, answer.remark)
    return replace(found, headers=(*found.headers, (INDEX, looked.route_index)))


def _no_route(state: RoutingState, topic: str) -> Steps[HttpAnswer]:
    try:
        return (yield from no_topic(state, topic))
    except HttpRefused as error:
        return problem(error.status, error.detail, *error.headers, **error.more)


def _route(
    state: RoutingState, topic: str, body: bytes | None, shape: Shape
) -> Steps[HttpAnswer]:
    sent = body or b"{}"
    if len(sent) <= MOST_READ_BACK_BYTES:
        route = yield from read_route(topic, sent)
        return _encoded(route, shape)
    while state in _READING:
        yield WAIT
    _READING.add(state)
    try:
        route = yield from read_route(topic, sent)
        return _encoded(route, shape)
    finally:
        _READING.discard(state)


def _encoded(route: Route, shape: Shape) -> HttpAnswer:
    return HttpAnswer(200, encoded(route, shape.media), shape.media)


def _shape(request: HttpRequest) -> Shape:
    media = accepted_format(request.headers.get("accept", "")) or JSON
    return Shape(media, accepts_gzip(request.headers.get("accept-encoding", "")))


def _gone_away() -> HttpAnswer:
    return refusal_of(ResponseCode.GO_AWAY, _GO_AWAY)


def _state(call: Call) -> tuple[object, ...] | None:
    """A wait has an index, and no tag: it would be answered at once."""
    return None if call.parameters.wait_millis else routes_state(call)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/topics/{topic}/route",
        "The route that a client would get, or the next other one",
        get_route,
        parameters=RouteParameters,
        answer=Route,
        errors=(404, 503),
        depends=_state,
    ),
)
