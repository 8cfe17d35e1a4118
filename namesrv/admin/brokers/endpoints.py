"""The endpoints of brokers, and their handlers."""

from collections import Counter
from functools import partial
from http import HTTPStatus
from typing import Final

from msgspec import DecodeError, Struct, json

from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.brokers.commands import register_command, unregister_command
from namesrv.admin.brokers.registrations import (
    is_last,
    live_broker,
    registration_of,
)
from namesrv.admin.brokers.shapes import (
    BrokerAtAddr,
    BrokerPath,
    BrokerRegistration,
    Registered,
    RegisteredBroker,
    Topic,
    Version,
)
from namesrv.admin.http.messages import Access, Asked, Handled, HttpAnswer
from namesrv.admin.http.problems import problem
from namesrv.codes import ResponseCode
from namesrv.routing.state import RoutingState
from namesrv.wire.command import RemotingCommand

_BROKER: Final = "/v1/clusters/{cluster}/brokers/{name}/{id}"
_INTERNAL_ERROR: Final = "internal error"


class _KvTable(Struct):
    table: dict[str, str]


def register(call: Call) -> Handled:
    """A broker registers: the rules of REGISTER_BROKER (103)."""
    identity: BrokerPath = call.parameters
    asked: BrokerRegistration = call.body
    repeated = _first_repeated(asked.topics)
    if repeated is not None:
        return _repeated_topic(repeated, asked.topics[repeated].topic)
    state = call.inside.state
    broker = BrokerAtAddr(
        identity.cluster, identity.name, identity.id, broker_addr=asked.broker_addr
    )
    return Asked(
        register_command(state, identity, asked), partial(_registered, state, broker)
    )


def heartbeat(call: Call) -> Handled:
    """A sign of life, as BROKER_HEARTBEAT (904)."""
    broker: BrokerAtAddr = call.parameters
    state = call.inside.state
    info = live_broker(state.tables, broker)
    if info is None:
        return _unknown(broker, "register it again")
    state.tables.broker_live_table.touch(*info.key, call.now_ms)
    return HttpAnswer(HTTPStatus.NO_CONTENT)


def unregister(call: Call) -> Handled:
    """A broker goes: UNREGISTER_BROKER (104), for its last registration only."""
    broker: RegisteredBroker = call.parameters
    state = call.inside.state
    info = live_broker(state.tables, broker)
    if info is None:
        return _unknown(broker, "there is nothing to remove")
    if not is_last(state, info, broker.registration):
        return problem(
            HTTPStatus.CONFLICT,
            f"{_text(broker)} has registered again since registration"
            f" {broker.registration}, and stays; only its last registration removes it",
        )
    return Asked(unregister_command(broker), _unregistered)


def _registered(
    state: RoutingState, broker: BrokerAtAddr, answer: RemotingCommand
) -> HttpAnswer:
    if answer.code != ResponseCode.SUCCESS:
        return _refused(answer)
    info = live_broker(state.tables, broker)
    version = None if info is None else info.data_version
    if info is None or version is None:
        return _outdated(state, broker)
    ext_fields = answer.ext_fields or {}
    registered = Registered(
        registration_of(state, info),
        Version(version.counter, version.state_version, version.timestamp or 0),
        info.heartbeat_timeout_millis,
        ext_fields.get("masterAddr"),
        ext_fields.get("haServerAddr"),
        _order_topics(answer.body),
    )
    return HttpAnswer(HTTPStatus.OK, json.encode(registered))


def _unregistered(answer: RemotingCommand) -> HttpAnswer:
    if answer.code != ResponseCode.SUCCESS:
        return _refused(answer)
    return HttpAnswer(HTTPStatus.NO_CONTENT)


def _refused(answer: RemotingCommand) -> HttpAnswer:
    remark = answer.remark or f"the request was refused with code {answer.code}"
    if answer.code == ResponseCode.GO_AWAY:
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "this server is shutting down; use another one",
        )
    if remark.startswith(_INTERNAL_ERROR):
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, remark)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, remark)


def _outdated(state: RoutingState, broker: BrokerAtAddr) -> HttpAnswer:
    """103 answers success to a broker that lost its id to a newer one."""
    data = state.tables.broker_addr_table.get(broker.name)
    holder = None if data is None else data.broker_addrs.get(broker.id)
    return problem(
        HTTPStatus.CONFLICT,
        f"{_text(broker)} is not registered: a newer broker holds its id at {holder}; a"
        " registration with a higher data_version.state_version takes it over",
    )


def _unknown(broker: BrokerAtAddr, remedy: str) -> HttpAnswer:
    return problem(HTTPStatus.NOT_FOUND, f"{_text(broker)} is not registered; {remedy}")


def _text(broker: BrokerAtAddr) -> str:
    return (
        f"broker {broker.name!r} with id {broker.id} of cluster {broker.cluster!r}"
        f" at {broker.broker_addr}"
    )


def _first_repeated(topics: list[Topic]) -> int | None:
    """The index of the first topic that was named before."""
    counts = Counter(topic.topic for topic in topics)
    if len(counts) == len(topics):
        return None
    seen: set[str] = set()
    for index, topic in enumerate(topics):
        if topic.topic in seen:
            return index
        seen.add(topic.topic)
    return None


def _repeated_topic(index: int, name: str) -> HttpAnswer:
    path, detail = f"$.topics[{index}].topic", f"topic {name!r} is named twice"
    return problem(
        HTTPStatus.BAD_REQUEST,
        f"{detail} - at `{path}`",
        errors=[{"path": path, "detail": detail}],
    )


def _order_topics(body: bytes | None) -> dict[str, str] | None:
    if body is None:
        return None
    try:
        return json.decode(body, type=_KvTable).table
    except DecodeError:
        return None


ENDPOINTS: Final = [
    Endpoint(
        "PUT",
        _BROKER,
        "Register a broker, or register it again",
        register,
        Access.BROKER,
        BrokerPath,
        BrokerRegistration,
        Registered,
        errors=(409, 413, 422, 503),
    ),
    Endpoint(
        "POST",
        f"{_BROKER}/heartbeat",
        "Keep a broker alive",
        heartbeat,
        Access.BROKER,
        BrokerAtAddr,
        status=HTTPStatus.NO_CONTENT,
        errors=(404,),
    ),
    Endpoint(
        "DELETE",
        _BROKER,
        "Remove a broker",
        unregister,
        Access.BROKER,
        RegisteredBroker,
        status=HTTPStatus.NO_CONTENT,
        errors=(404, 409, 422, 503),
    ),
]
