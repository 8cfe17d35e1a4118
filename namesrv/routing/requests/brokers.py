"""Requests of brokers: 103, 104, 322, 901 and 904 (protocol.md 2.5, 2.6, 2.17 to 2.19).

Source: `DefaultRequestProcessor#registerBroker`, `#unregisterBroker`,
`#queryBrokerTopicConfig`, `#getBrokerMemberGroup`, `#brokerHeartbeat`.
"""

from typing import Literal

from namesrv._impl import BrokerLiveInfo
from namesrv.codes import ResponseCode
from namesrv.errors import LimitExceeded, RequestFailed
from namesrv.hot_path import HotCode, Pause
from namesrv.routing.access.request import Request
from namesrv.routing.answers import queries
from namesrv.routing.brokers import unregistration
from namesrv.routing.brokers.registration import Registration, master_of
from namesrv.routing.brokers.registration_changes import put_new_owner
from namesrv.routing.brokers.registration_reader import SMALL_BODY_BYTES
from namesrv.routing.state import RoutingState
from namesrv.routing.tables.busy_groups import Awaited
from namesrv.routing.tables.limits import check_registration
from namesrv.routing.tables.registered_topics import RegisteredTopics
from namesrv.wire.bodies import DataVersion, RegisterBrokerBody, write_data_version
from namesrv.wire.body_checksum import body_checksum
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.command import ExtFields, RemotingCommand
from namesrv.wire.headers import BrokerRequestHeader, RegisterBrokerRequestHeader
from namesrv.wire.register_body import read_data_version_steps
from namesrv.wire.registration_digest import registration_digest
from namesrv.work import Cost, Steps

Later = Steps[RemotingCommand] | Literal[Pause.TURN]


def register_broker(state: RoutingState, request: Request) -> RemotingCommand | Later:
    """Read and apply a registration, one at a time of those that take several turns."""
    command = request.command
    header = RegisterBrokerRequestHeader.read(request.ext_fields)
    busy = state.tables.busy
    is_small = _is_small(command.body, header)
    if busy.has_body and not is_small:
        busy.put_back(request.connection, Awaited.BODY)
        return Pause.TURN
    is_full = is_small and busy.has_small_bodies
    if is_full or busy.readers_first or busy.is_busy(header.broker_name or ""):
        return Pause.TURN
    is_checked = request.digest is not None
    if not is_checked and not _checksum_matches(header.body_crc32, command.body):
        state.outbox.warn(
            "checksum of a registration does not match",
            broker=header.broker_name,
            address=header.broker_addr,
            remote=request.remote_address,
        )
        return _refused(request, "crc32 not match")
    if command.version < 0:
        raise RequestFailed(f"version {command.version} is negative")
    return _repeated(state, request, header) or _register(state, request, header)


def _repeated(
    state: RoutingState, request: Request, header: RegisterBrokerRequestHeader
) -> RemotingCommand | None:
    """The answer to a registration that repeats the last one of its broker over another
    connection or over HTTP; the hot path has those over the same connection."""
    command, info = request.command, _live_info(state, header)
    if info is None or info.digest is None or info.owner is request.connection:
        return None
    if not state.hot.hot_codes & HotCode.REGISTRATION or command.body is None:
        return None
    if info.digest != _digest(request, command.body):
        return None
    data = state.tables.broker_addr_table.get(info.broker_name)
    if data is None or header.broker_id is None:
        return None
    _take_over(state, request, info, header.broker_id)
    result = master_of(state.tables, data, info.cluster_name, header.broker_id)
    return _accepted(state, request, result)


def _register(
    state: RoutingState, request: Request, header: RegisterBrokerRequestHeader
) -> Steps[RemotingCommand]:
    """The group is held from before the body is read, so that nothing comes between."""
    command, busy = request.command, state.tables.busy
    is_small = _is_small(command.body, header)
    body_at_hand = busy.hold_small_body() if is_small else busy.hold_body()
    with body_at_hand, busy.hold(header.broker_name or ""):
        try:
            body, topics, is_dated = yield from _read_body(state, command, header)
            if header.broker_id is None:
                raise RequestFailed("brokerId is missing or not a number")
            yield from check_registration(
                state.tables, state.options, header, body, topics
            )
        except LimitExceeded as failure:
            _report_too_many(state, request, header, failure.remark)
            _note_alive(state, request, header)
            return _refused(request, failure.remark)
        digest = None
        if is_dated and command.body is not None:
            digest = _digest(request, command.body)
        command.body = None
        version = _live_version(state, body)
        registration = Registration(
            state.parts,
            request,
            header,
            body,
            topics,
            header.broker_id,
            version,
            digest,
        )
        try:
            result = yield from registration.apply()
        except RequestFailed as failure:
            return _refused(request, failure.remark)
        yield Cost.REGISTRATION
    return _accepted(state, request, result)


def _accepted(
    state: RoutingState, request: Request, ext_fields: ExtFields
) -> RemotingCommand:
    body = state.order_topic_body(request.now_ms) or None
    return request.answer(ext_fields=ext_fields, body=body)


def _digest(request: Request, body: bytes) -> bytes:
    """The digest of a registration, which is computed once."""
    if request.digest is None:
        version, ext_fields = request.command.version, request.ext_fields
        request.digest = registration_digest(version, ext_fields, body)
    return request.digest


def _is_small(body: bytes | None, header: RegisterBrokerRequestHeader) -> bool:
    """Whether it may be read while a large body is, because it has little in it."""
    is_plain = not header.compressed and not (body or b"").startswith(b"\x78")
    return is_plain and len(body or b"") <= SMALL_BODY_BYTES


def _report_too_many(
    state: RoutingState,
    request: Request,
    header: RegisterBrokerRequestHeader,
    remark: str,
) -> None:
    state.outbox.warn(
        "registration refused, it is too large",
        broker=header.broker_name,
        address=header.broker_addr,
        reason=remark,
        remote=request.remote_address,
    )


def _note_alive(
    state: RoutingState, request: Request, header: RegisterBrokerRequestHeader
) -> None:
    """A broker that asks for too much is alive, and keeps its routes."""
    info = _live_info(state, header)
    if info is not None and info.broker_name == header.broker_name:
        _take_over(state, request, info, header.broker_id or 0)


def _live_info(
    state: RoutingState, header: RegisterBrokerRequestHeader
) -> BrokerLiveInfo | None:
    cluster, addr = header.cluster_name, header.broker_addr
    if cluster is None or addr is None:
        return None
    return state.tables.broker_live_table.get(cluster, addr)


def _take_over(
    state: RoutingState, request: Request, info: BrokerLiveInfo, broker_id: int
) -> None:
    """A live broker was heard from by a registration, whose owner carries it from now
    on."""
    former = info.owner
    state.tables.renew_live(info, request.owner, request.now_ms)
    if former is not request.owner:
        put_new_owner(state.events, request.cause, info, broker_id)


def _refused(request: Request, remark: str) -> RemotingCommand:
    return request.answer(ResponseCode.SYSTEM_ERROR, remark, ext_fields={})


def _checksum_matches(body_crc32: int, body: bytes | None) -> bool:
    """0 means unchecked; the checksum covers the bytes as they came (section 2.5.2)."""
    return not body_crc32 or body_crc32 == body_checksum(body or b"")


def _read_body(
    state: RoutingState, command: RemotingCommand, header: RegisterBrokerRequestHeader
) -> Steps[tuple[RegisterBrokerBody, RegisteredTopics | None, bool]]:
    """The body, its topics, and whether its DataVersion has a date."""
    body, topics = yield from state.registration_reader.read_steps(
        state.tables,
        header,
        command.body,
        command.version,
        BodyLimits.of(state.options),
    )
    wrapper = body.topic_config_serialize_wrapper
    if wrapper is None:
        return body, topics, False
    version = wrapper.data_version
    wrapper.data_version = _dated(version, state)
    return body, topics, version is not None and version.timestamp is not None


def _live_version(state: RoutingState, body: RegisterBrokerBody) -> DataVersion | None:
    """The version of a live entry: without a wrapper an empty one of now (3.3)."""
    wrapper = body.topic_config_serialize_wrapper
    return _dated(DataVersion(), state) if wrapper is None else wrapper.data_version


def _dated(version: DataVersion | None, state: RoutingState) -> DataVersion | None:
    """A version without a timestamp is of now (section 2.5.3)."""
    if version is None or version.timestamp is not None:
        return version
    return DataVersion(version.counter, version.state_version, state.wall_millis())


def unregister_broker(state: RoutingState, request: Request) -> RemotingCommand | Later:
    """Remove a broker, unless another connection has registered it since."""
    header = BrokerRequestHeader.read(request.ext_fields)
    if state.tables.busy.is_busy(header.broker_name or ""):
        return Pause.TURN
    if unregistration.is_superseded(state.tables, header, request.connection):
        state.outbox.info(
            "late unregistration ignored, the broker registered again elsewhere",
            cluster=header.cluster_name,
            broker=header.broker_name,
            address=header.broker_addr,
            remote=request.remote_address,
        )
        return request.answer()
    return _unregister(state, request, header)


def _unregister(
    state: RoutingState, request: Request, header: BrokerRequestHeader
) -> Steps[RemotingCommand]:
    key = header.cluster_name or "", header.broker_addr or ""
    yield from unregistration.unregister_broker(state.parts, request, header)
    request.connection.brokers.discard(key)
    return request.answer()


def query_data_version(state: RoutingState, request: Request) -> Later:
    """Whether a broker's table is newer than the known one; counts as a heartbeat."""
    if state.tables.busy.has_body:
        state.tables.busy.put_back(request.connection, Awaited.BODY)
        return Pause.TURN
    return _query_data_version(state, request)


def _query_data_version(
    state: RoutingState, request: Request
) -> Steps[RemotingCommand]:
    received = None
    if request.command.body is not None:
        with state.tables.busy.hold_body():
            received = yield from read_data_version_steps(request.command.body)
    received = _dated(received, state)
    cluster, addr = _cluster_and_addr(request.ext_fields)
    info = state.tables.broker_live_table.get(cluster, addr)
    stored = info.data_version if info is not None else None
    if info is not None:
        info.last_update_timestamp = request.now_ms
    changed = stored is None or stored != received
    return request.answer(
        ext_fields={"changed": "true" if changed else "false"},
        body=None if stored is None else write_data_version(stored).encode(),
    )


def broker_heartbeat(state: RoutingState, request: Request) -> RemotingCommand:
    """A sign of life; creates nothing."""
    cluster, addr = _cluster_and_addr(request.ext_fields)
    state.tables.broker_live_table.touch(cluster, addr, request.now_ms)
    return request.answer()


def _cluster_and_addr(ext_fields: ExtFields) -> tuple[str, str]:
    cluster, addr = ext_fields.get("clusterName"), ext_fields.get("brokerAddr")
    if cluster is None or addr is None:
        raise RequestFailed("clusterName or brokerAddr is missing")
    return cluster, addr


def get_broker_member_group(state: RoutingState, request: Request) -> RemotingCommand:
    """Addresses of a group; the left-over remark is Java's (trap 15)."""
    cluster = request.ext_fields.get("clusterName")
    name = request.ext_fields.get("brokerName")
    body = queries.get_broker_member_group(state.tables, cluster, name)
    return request.answer(remark="not set any response code", body=body)
