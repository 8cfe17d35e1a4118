"""A table from RequestCode to the function that answers it, and the rules around it.

A handler takes `(state, request)` and returns the answer, None if that will come later,
`Pause.TURN` if the request has to come again, or the answer in steps if it may take
longer than a turn.
Source: `DefaultRequestProcessor`, `ClientRequestProcessor`, protocol.md section 2.0.
"""

import logging
from collections.abc import Callable, Generator
from traceback import format_exc
from typing import Final, Literal

from namesrv._impl import Connection
from namesrv.codes import (
    VERSION_V5_3_1,
    RequestCode,
    ResponseCode,
    SerializeType,
)
from namesrv.errors import AccessRefused, RequestFailed
from namesrv.hot_path import ColdAnswer, Pause
from namesrv.options import Options
from namesrv.routing.access.control import CLASSES, RequestClass
from namesrv.routing.access.request import Request
from namesrv.routing.outbox import LateAnswer, LogEvent
from namesrv.routing.requests import brokers as broker_requests
from namesrv.routing.requests import config as config_requests
from namesrv.routing.requests import kv as kv_requests
from namesrv.routing.requests import routes as route_requests
from namesrv.routing.requests import topics as topic_requests
from namesrv.routing.settings.file_changes import MOST_AT_ONCE
from namesrv.routing.state import RoutingState
from namesrv.routing.turns.joined_answers import JoinedAnswers
from namesrv.routing.turns.turn import TURN_UNITS, answer_units, request_units
from namesrv.wire.command import RemotingCommand, decode_command
from namesrv.work import Steps

Handled = RemotingCommand | Steps[RemotingCommand] | Literal[Pause.TURN] | None
Handler = Callable[[RoutingState, Request], Handled]

HANDLERS: Final[dict[int, Handler]] = {
    RequestCode.PUT_KV_CONFIG: kv_requests.put_kv_config,
    RequestCode.GET_KV_CONFIG: kv_requests.get_kv_config,
    RequestCode.DELETE_KV_CONFIG: kv_requests.delete_kv_config,
    RequestCode.GET_KVLIST_BY_NAMESPACE: kv_requests.get_kvlist_by_namespace,
    RequestCode.REGISTER_BROKER: broker_requests.register_broker,
    RequestCode.UNREGISTER_BROKER: broker_requests.unregister_broker,
    RequestCode.QUERY_DATA_VERSION: broker_requests.query_data_version,
    RequestCode.BROKER_HEARTBEAT: broker_requests.broker_heartbeat,
    RequestCode.GET_BROKER_MEMBER_GROUP: broker_requests.get_broker_member_group,
    RequestCode.GET_ROUTEINFO_BY_TOPIC: route_requests.get_routeinfo_by_topic,
    RequestCode.GET_BROKER_CLUSTER_INFO: route_requests.get_broker_cluster_info,
    RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER: route_requests.get_all_topic_list,
    RequestCode.GET_TOPICS_BY_CLUSTER: route_requests.get_topics_by_cluster,
    RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS: route_requests.get_system_topic_list,
    RequestCode.GET_UNIT_TOPIC_LIST: route_requests.get_unit_topic_list,
    RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST: route_requests.get_has_unit_sub_topic_list,
    RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: (
        route_requests.get_has_unit_sub_ununit_topic_list
    ),
    RequestCode.WIPE_WRITE_PERM_OF_BROKER: topic_requests.wipe_write_perm_of_broker,
    RequestCode.ADD_WRITE_PERM_OF_BROKER: topic_requests.add_write_perm_of_broker,
    RequestCode.DELETE_TOPIC_IN_NAMESRV: topic_requests.delete_topic_in_namesrv,
    RequestCode.REGISTER_TOPIC_IN_NAMESRV: topic_requests.register_topic_in_namesrv,
    RequestCode.UPDATE_NAMESRV_CONFIG: config_requests.update_namesrv_config,
    RequestCode.GET_NAMESRV_CONFIG: config_requests.get_namesrv_config,
}

_CHANGES: Final = frozenset(
    (
        RequestCode.PUT_KV_CONFIG,
        RequestCode.DELETE_KV_CONFIG,
        RequestCode.UPDATE_NAMESRV_CONFIG,
    )
)
"""Answered when a file has been replaced; those that come together join one write."""
_JOINED_UNITS: Final = 3 * TURN_UNITS
"""Units that joined changes may take beyond their turn."""
_READING: Final = (RequestClass.ROUTE_READ, RequestClass.ADMIN_READ)


class RequestProcessor:
    """Owns the state and answers the requests that the hot path does not."""

    def __init__(
        self,
        options: Options,
        wall_millis: Callable[[], int],
        started_ms: int,
        nanos: Callable[[], int] = lambda: 0,
    ) -> None:
        self.state = RoutingState(options, wall_millis, started_ms, self.process, nanos)

    def process(
        self,
        serialize_type: int,
        header: bytes,
        body: bytes | None,
        connection: Connection,
        now_ms: int,
    ) -> ColdAnswer:
        """The answer frame, empty for none; None when it comes with `resume`, and
        `Pause.TURN` when the request has to come again.

        Raises HeaderInvalid for a header that cannot be read.
        """
        digest = self.state.hot.take_digest()
        if self.state.turn.is_over:
            return Pause.TURN
        command = self._decode(serialize_type, header, body)
        if command.is_response:
            self._log_unmatched(command, connection)
            return b""
        connection.note_version(command.version)
        return self._answer(Request(command, connection, now_ms, digest=digest))

    def ask(
        self, command: RemotingCommand, connection: Connection, now_ms: int
    ) -> ColdAnswer:
        """Handle a request that came as HTTP, and whose right was checked there.

        The result is that of `process`, except that a long body is left out.
        """
        turn = self.state.turn
        if turn.is_over:
            return Pause.TURN
        turn.spend(request_units(SerializeType.ROCKETMQ, b"", command.body))
        return self._answer(Request(command, connection, now_ms, is_http=True))

    def _answer(self, request: Request) -> ColdAnswer:
        turn, command = self.state.turn, request.command
        self.state.request_counts.begin(request)
        handled = self._unheard(request) or self._handle(request)
        if isinstance(handled, Generator):
            ended = turn.advance(handled)
            if ended is None:
                later = self._later(handled, request)
                is_reading = CLASSES[RequestCode(command.code)] in _READING
                self.state.unfinished.put(
                    later, request.connection, is_reading=is_reading
                )
                return None
            handled = ended[0]
        if handled is None:
            self.state.waiting.begin(command)
            if command.code in _CHANGES:
                self._join_next(request)
        if not isinstance(handled, RemotingCommand):
            return handled
        turn.spend(answer_units(handled.body, handled.ext_fields))
        if command.is_oneway:
            return b""
        if self._is_sent_in_pieces(request, handled):
            return None
        return self.state.encode(handled)

    def _is_sent_in_pieces(self, request: Request, answer: RemotingCommand) -> bool:
        """Have a long answer sent as the peer takes it. HTTP gets it without body."""
        body = answer.long_body
        if body is None:
            return False
        if request.is_http:
            answer.long_body = None
            return False
        self.state.send_in_pieces(answer, body, request.connection)
        return True

    def _decode(
        self, serialize_type: int, header: bytes, body: bytes | None
    ) -> RemotingCommand:
        self.state.turn.spend(request_units(serialize_type, header, body))
        return decode_command(serialize_type, header, body)

    def _join_next(self, first: Request) -> None:
        """Handle the changes behind one that waits for its file: they join its write.

        Each write is of a whole file and costs far more than the units that they take
        from the next turns.
        """
        joined = JoinedAnswers()
        first.joined, first.place = joined, joined.expect()
        while len(joined) < MOST_AT_ONCE and self.state.turn.left > -_JOINED_UNITS:
            frame = first.connection.take_next(_CHANGES)
            if frame is None:
                return
            command = self._decode(*frame)
            first.connection.note_version(command.version)
            request = Request(command, first.connection, first.now_ms)
            self.state.request_counts.begin(request)
            handled = self._unheard(request) or self._handle(request)
            if isinstance(handled, RemotingCommand):
                joined.add(b"" if command.is_oneway else self.state.encode(handled))
            else:
                self.state.waiting.begin(command)
                request.joined, request.place = joined, joined.expect()

    def _unheard(self, request: Request) -> RemotingCommand | None:
        """The answer to a request that no handler gets."""
        is_newer = request.command.version > VERSION_V5_3_1
        if self.state.draining and is_newer:
            answer = request.answer(ResponseCode.GO_AWAY, "please go away")
        elif request.code not in HANDLERS:
            answer = request.answer(
                ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
                f" request type {request.code} not supported",
            )
        else:
            return None
        self.state.request_counts.note(request, answer)
        return answer

    def _handle(self, request: Request) -> Handled:
        """Carry out as much as is possible at once; audited if that was all."""
        try:
            if not request.is_http:
                self.state.access.check(request.command, request.connection)
            self.state.waiting.check(request.command)
            handled = HANDLERS[request.code](self.state, request)
        except Exception as exc:
            handled = self._failed(request, exc)
        if isinstance(handled, Generator):
            return self._in_steps(handled, request)
        if isinstance(handled, RemotingCommand):
            self.state.note_answer(request, handled)
        return handled

    def _in_steps(
        self, steps: Steps[RemotingCommand], request: Request
    ) -> Steps[RemotingCommand]:
        """A handler's steps, failures and the audit included."""
        try:
            answer = yield from steps
        except Exception as exc:
            answer = self._failed(request, exc)
        self.state.note_answer(request, answer)
        return answer

    def _later(self, steps: Steps[RemotingCommand], request: Request) -> Steps[None]:
        """The rest of the steps, and the answer that had to wait for them."""
        answer = yield from steps
        command, connection = request.command, request.connection
        if not command.is_oneway and self._is_sent_in_pieces(request, answer):
            return
        frame = b"" if command.is_oneway else self.state.encode(answer)
        yield answer_units(answer.body)
        # The last step, because the connection may have its next request among the
        # work as soon as it is answered.
        self.state.outbox.put(LateAnswer(connection, frame))

    def _failed(self, request: Request, exc: Exception) -> RemotingCommand:
        if isinstance(exc, AccessRefused):
            self._log_refused(request, exc)
            return request.answer(exc.code, exc.remark)
        if not isinstance(exc, RequestFailed):
            return self._internal_error(request, exc)
        self.state.outbox.warn(
            "request failed",
            code=request.code,
            remark=exc.remark,
            remote=request.remote_address,
        )
        return request.answer(exc.code, exc.remark)

    def _log_refused(self, request: Request, refusal: AccessRefused) -> None:
        self.state.outbox.warn(
            "request refused",
            code=request.code,
            request_class=CLASSES[request.code].value,
            reason=refusal.reason,
            remote=request.remote_address,
            socket=request.connection.socket_address,
        )

    def _internal_error(self, request: Request, exc: Exception) -> RemotingCommand:
        """A mistake of ours: the answer names it shortly, the log in full."""
        fields: dict[str, object] = {
            "code": request.code,
            "remote": request.remote_address,
            "error": format_exc(),
        }
        event = LogEvent(logging.ERROR, "internal error", fields)
        self.state.outbox.put(event)
        remark = f"internal error: {type(exc).__name__}"
        return request.answer(ResponseCode.SYSTEM_ERROR, remark)

    def _log_unmatched(self, command: RemotingCommand, connection: Connection) -> None:
        self.state.outbox.debug(
            "answer that nobody asked for dropped",
            code=command.code,
            opaque=command.opaque,
            remote=connection.remote_address,
        )
