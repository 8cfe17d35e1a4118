"""Everything a NameServer knows, put together; a server has one of it."""

from collections.abc import Callable
from itertools import chain
from typing import Final

from namesrv._impl import Connection, HotPath, RouteAnswers
from namesrv.codes import (
    ORDER_TOPIC_CONFIG,
    ResponseCode,
    SerializeType,
)
from namesrv.errors import StorageError
from namesrv.hot_path import ColdPath, HotCode
from namesrv.options import Options
from namesrv.routing.access.audit import Audit
from namesrv.routing.access.change_counts import ChangeCounts
from namesrv.routing.access.control import AccessControl
from namesrv.routing.access.request import Request
from namesrv.routing.access.request_counts import RequestCounts
from namesrv.routing.answers.queries import route_options
from namesrv.routing.answers.route_bodies import RouteBodies
from namesrv.routing.answers.route_digest import RouteDigest
from namesrv.routing.answers.topic_lists import TopicLists
from namesrv.routing.brokers.liveness import Liveness
from namesrv.routing.brokers.parts import Parts
from namesrv.routing.brokers.registration_reader import RegistrationReader
from namesrv.routing.events import EventStream
from namesrv.routing.history.missing import MissingTopics
from namesrv.routing.history.peer_views import PeerViews
from namesrv.routing.history.refusals import Refusals
from namesrv.routing.history.ring import History
from namesrv.routing.outbox import LateAnswer, LongAnswer, Outbox
from namesrv.routing.settings.configuration import Configuration
from namesrv.routing.settings.kv_config import KVConfigManager
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.routing.turns.phase import Life, Phase
from namesrv.routing.turns.turn import Turn
from namesrv.routing.turns.unfinished import UnfinishedWork
from namesrv.routing.turns.waiting import WaitingRequests
from namesrv.wire.command import (
    LongBody,
    RemotingCommand,
    encode_frame,
    encode_head,
)
from namesrv.work import Steps

_LONG_ORDER_BYTES: Final = 1 << 20

_OTHER_HEADER_BYTES: Final = 1 << 15
_ESCAPED_BYTES: Final = 6
"""Bytes that JSON makes of one at most: a backslash, a u, four digits."""


def longest_header(options: Options) -> int:
    """Bytes that a header may have: values of KV configuration travel in headers, and
    the longest that may be put has to fit, however it is escaped."""
    texts = options.kv_max_value_bytes + 2 * options.kv_max_name_bytes
    return texts * _ESCAPED_BYTES + _OTHER_HEADER_BYTES


class RoutingState:
    """Tables, configuration, liveness and the hot path's share of them.

    `wall_millis` gives the date in milliseconds, for the few places where a sender left
    its own out; `nanos` gives monotonic nanoseconds, to measure requests; `started_ms`
    is monotonic. `life` has the phase of the server.
    `draining` turns newer clients away, until the very end; `is_warm` means that the
    routes of the last run were taken over, and `restored_epoch` is the highest epoch of
    its brokers. `run` names this run of the server, for peers of several runs.
    """

    def __init__(
        self,
        options: Options,
        wall_millis: Callable[[], int],
        started_ms: int,
        cold_path: ColdPath,
        nanos: Callable[[], int],
    ) -> None:
        self.options = options
        self.wall_millis = wall_millis
        self.started_ms = started_ms
        self.run = f"{max(wall_millis(), 0):x}"
        self.life = Life()
        self.draining = False
        self._is_forgetting = False
        self.is_warm = False
        self.restored_epoch = 0
        self.outbox = Outbox()
        self.events = EventStream(self.outbox.put, wall_millis)
        self.change_counts = ChangeCounts()
        self.events.add(self.change_counts)
        self.history = History(options.history_bytes)
        self.events.add(self.history.note)
        self.peer_views = PeerViews()
        self.refusals = Refusals(wall_millis)
        self.request_counts = RequestCounts(nanos)
        self.serialize_type = int(SerializeType[options.serialize_type])
        self.tables = RouteTables(RouteAnswers(options.answer_cache_bytes))
        self.topic_lists = TopicLists(self.tables)
        self.registration_reader = RegistrationReader()
        self.route_bodies = RouteBodies(self.tables)
        self.route_digest = RouteDigest(self.tables)
        self.parts = Parts(self.tables, options, self.outbox, self.events)
        self.kv_config = KVConfigManager(
            options, self.outbox, self.events, self._kv_changed
        )
        self.configuration = Configuration(
            options, self.outbox, self.events, self._configuration_changed
        )
        self.access = AccessControl(options)
        self.audit = Audit(
            self.configuration,
            self.access,
            self.outbox,
            is_on=bool(options.audit_log),
        )
        self.hot = HotPath(
            self.tables.route_answers,
            self.tables.broker_live_table,
            cold_path,
            options.frame_max_length,
            longest_header(options),
        )
        self.missing = MissingTopics(self.tables, self.hot, self.events)
        self.turn = Turn(self.hot)
        self.unfinished = UnfinishedWork(self.turn, self.outbox)
        self.liveness = Liveness(self.parts, self.unfinished, self.life, started_ms)
        self.waiting = WaitingRequests(options)
        self.configuration_changes = 0
        self._route_options = route_options(options)
        self._order_topic_body: bytes | None = None
        self.refresh_hot_path(started_ms)

    def is_ready(self, now_ms: int) -> bool:
        """Whether routes are answered already (section 2.7, the start-up gate)."""
        options = self.options
        if self.is_warm or not options.need_wait_for_service:
            return True
        waited_millis = now_ms - self.started_ms
        return waited_millis >= options.wait_seconds_for_service * 1000

    def refresh_hot_path(self, now_ms: int) -> None:
        """Set the codes that the hot path may answer, after a change of any reason."""
        body = self._ready_order_topic_body()
        self.hot.order_topic_body = body or b""
        self.hot.header_max_bytes = longest_header(self.options)
        self.outbox.is_debugging = is_debugging = self.options.log_level == "DEBUG"
        codes = HotCode.NONE
        if self.serialize_type == SerializeType.JSON and not self.draining:
            if self.options.broker_access == "open":
                codes |= HotCode.HEARTBEAT
                is_ready = body is not None and not self._is_forgetting
                codes |= HotCode.REGISTRATION if is_ready else HotCode.NONE
            # Lookups of unknown topics are logged while somebody looks for a mistake.
            is_hot = not self.options.cluster_test and not is_debugging
            if is_hot and self.is_ready(now_ms):
                codes |= HotCode.ROUTE
        self.hot.hot_codes = int(codes)

    def drain(self, now_ms: int) -> None:
        """Begin to send newer clients away (section 5.8)."""
        self.draining = True
        self.life.enter(Phase.DRAINING)
        self.refresh_hot_path(now_ms)

    def order_topic_conf(self, topic: str) -> str | None:
        """Queues of an ordered topic as configured by an operator."""
        return self.kv_config.get(ORDER_TOPIC_CONFIG, topic)

    def order_topic_body(self, now_ms: int) -> bytes | LongBody:
        """The order configuration for a broker that registers, empty for none.

        Made for the first one after a change, and ready for the hot path from then on,
        because changes can come one after the other. One that is too long to be copied
        at once is made for each, and registrations stay cold.
        """
        body = self._ready_order_topic_body()
        if body is not None:
            return body
        whole_or_long = self.kv_config.body(ORDER_TOPIC_CONFIG, _LONG_ORDER_BYTES)
        if isinstance(whole_or_long, bytes):
            self._order_topic_body = whole_or_long
            self.refresh_hot_path(now_ms)
        return whole_or_long

    def _ready_order_topic_body(self) -> bytes | None:
        if not self.options.return_order_topic_config_to_broker:
            return b""
        if not self.kv_config.has_namespace(ORDER_TOPIC_CONFIG):
            return b""
        return self._order_topic_body

    def encode(self, answer: RemotingCommand) -> bytes:
        """An answer in the encoding that the option chose, whatever was asked."""
        return encode_frame(answer, self.serialize_type)

    def note_answer(self, request: Request, answer: RemotingCommand) -> None:
        """A request was answered: the audit, the counts and the last refusals have to
        know."""
        self.audit.note(request, answer)
        self.request_counts.note(request, answer)
        self.refusals.note(request, answer)

    def answer_later(self, request: Request, answer: RemotingCommand) -> None:
        """Answer a request that had to wait, nothing if it was one-way. Requests that
        joined are answered with the last of them."""
        command = request.command
        self.waiting.end(command)
        self.note_answer(request, answer)
        frame: bytes | None = b"" if command.is_oneway else self.encode(answer)
        if request.joined is not None:
            frame = request.joined.fill(request.place, frame or b"")
        if frame is not None:
            self.outbox.put(LateAnswer(request.connection, frame))

    def send_in_pieces(
        self, answer: RemotingCommand, body: LongBody, connection: Connection
    ) -> None:
        """Have an answer sent as the peer takes it."""
        head = encode_head(answer, self.serialize_type, body.length)
        frame = chain((head,), body.pieces)
        self.outbox.put(LongAnswer(connection, frame, len(head) + body.length))

    def answer_when_written(
        self, request: Request
    ) -> Callable[[StorageError | None], None]:
        """A function that answers `request` when its file was written or could not
        be."""

        def done(error: StorageError | None) -> None:
            answer = request.answer()
            if error is not None:
                answer = request.answer(ResponseCode.SYSTEM_ERROR, str(error))
                self.outbox.warn(
                    "request failed",
                    code=request.code,
                    remark=answer.remark,
                    remote=request.remote_address,
                )
            self.answer_later(request, answer)

        return done

    @property
    def is_forgetting(self) -> bool:
        """Whether digests of other options may still be kept."""
        return self._is_forgetting

    def _kv_changed(self, namespace: str, key: str) -> None:
        if namespace != ORDER_TOPIC_CONFIG:
            return
        if self.options.order_message_enable:
            self.tables.topic_changed(key)
        if self.options.return_order_topic_config_to_broker:
            self._order_topic_body = None
            self.hot.order_topic_body = b""
            self.hot.hot_codes &= ~int(HotCode.REGISTRATION)

    def _configuration_changed(self) -> None:
        self.configuration_changes += 1
        if not self._is_forgetting:
            self._is_forgetting = True
            self.unfinished.begin(self._forget())
        self._order_topic_body = None
        # The next lookup, which knows the time, checks a gate that was set.
        self.refresh_hot_path(self.started_ms)

    def _forget(self) -> Steps[None]:
        """Forget answers and digests that depend on options. Until its end some answers
        are those from before, and no registration is taken for a repetition. Changes
        that come meanwhile have it begin again once, however many they are."""
        self.refresh_hot_path(self.started_ms)
        try:
            change = None
            while change != self.configuration_changes:
                change = self.configuration_changes
                if self._route_options != (now := route_options(self.options)):
                    self._route_options = now
                    yield from self.tables.marks.forget_all()
                yield from self.tables.forget_all_digests()
        finally:
            self._is_forgetting = False
            self.refresh_hot_path(self.started_ms)
