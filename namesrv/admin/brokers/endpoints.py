"""The endpoints of brokers, and their handlers."""

from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final

from msgspec import DecodeError, Struct, json

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.results import translation
from namesrv.admin.brokers.commands import (
    configurations,
    register_command,
    unregister_command,
)
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
from namesrv.admin.http.limits import LONGEST_BODY_BYTES
from namesrv.admin.http.messages import (
    NO_CONTENT,
    Access,
    Asked,
    Handled,
    HttpAnswer,
    Result,
)
from namesrv.admin.http.problems import problem
from namesrv.errors import LimitExceeded
from namesrv.routing.state import RoutingState
from namesrv.server.connections.broker_hosts import host_of
from namesrv.wire.bodies import DataVersion
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.command import RemotingCommand
from namesrv.work import Cost, Steps, batches

_BROKER: Final = "/v1/clusters/{cluster}/brokers/{name}/{id}"


class _KvTable(Struct):
    table: dict[str, str]


def register(call: Call) -> Steps[Result]:
    """A broker registers: the rules of REGISTER_BROKER (103)."""
    identity: BrokerPath = call.parameters
    asked: BrokerRegistration = call.body
    state = call.inside.state
    broker = BrokerAtAddr(
        identity.cluster, identity.name, identity.id, broker_addr=asked.broker_addr
    )
    _check_topics(state, broker, asked, call.now_ms)
    table = yield from configurations(asked.topics)
    if table is None:
        return (yield from _repeated_topic(asked.topics))
    # The command may wait for its turn, without the body that it was made from.
    waiting = replace(call, request=replace(call.request, body=b""), body=None)
    succeed = partial(_registered, waiting, broker)
    objection = None
    if asked.data_version is None:
        last = _last_version(state, broker)
        objection = partial(_overtaken, state, broker, last)
    command = register_command(state, identity, asked, table)
    return Asked(command, translation(succeed), objection)


def heartbeat(call: Call) -> Handled:
    """A sign of life, as BROKER_HEARTBEAT (904). A broker on a connection gives its
    own ones: others would keep it in the routes when it is dead (P4)."""
    broker: BrokerAtAddr = call.parameters
    state = call.inside.state
    info = live_broker(state.tables, broker)
    if info is None:
        return _unknown(broker, "register it again")
    if info.owner is not None:
        return _on_a_connection(broker)
    state.tables.broker_live_table.touch(*info.key, call.now_ms)
    return NO_CONTENT


def unregister(call: Call) -> Handled:
    """A broker goes: UNREGISTER_BROKER (104), for its last registration only."""
    broker: RegisteredBroker = call.parameters
    return Asked(
        unregister_command(broker),
        translation(lambda answer: NO_CONTENT),
        partial(_superseded, call.inside.state, broker),
    )


def _registered(
    call: Call, broker: BrokerAtAddr, answer: RemotingCommand
) -> HttpAnswer:
    state = call.inside.state
    info = live_broker(state.tables, broker)
    version = None if info is None else info.data_version
    if info is None or version is None:
        return _outdated(state, broker)
    # It can come back when there is little room for connections.
    host = host_of(call.connection.socket_address)
    call.inside.connections.broker_hosts.remember((host,))
    ext_fields = answer.ext_fields or {}
    registered = Registered(
        registration_of(state, info),
        Version(version.counter, version.state_version, version.timestamp or 0),
        info.heartbeat_timeout_millis,
        ext_fields.get("masterAddr"),
        ext_fields.get("haServerAddr"),
        _order_topic_conf(answer.body),
    )
    return respond(call.request, registered)


def _overtaken(
    state: RoutingState, broker: BrokerAtAddr, last: DataVersion | None
) -> HttpAnswer | None:
    """The answer to a registration whose version, which the server made, was made after
    one that is not the last any more."""
    if _last_version(state, broker) == last:
        return None
    return problem(
        HTTPStatus.CONFLICT,
        f"{_text(broker)} has registered while this registration waited; send it again",
    )


def _last_version(state: RoutingState, broker: BrokerAtAddr) -> DataVersion | None:
    info = state.tables.broker_live_table.get(broker.cluster, broker.broker_addr)
    return None if info is None else info.data_version


def _superseded(state: RoutingState, broker: RegisteredBroker) -> HttpAnswer | None:
    """The answer to a removal that is too late."""
    info = live_broker(state.tables, broker)
    if info is None:
        return _unknown(broker, "there is nothing to remove")
    if is_last(state, info, broker.registration):
        return None
    return problem(
        HTTPStatus.CONFLICT,
        f"{_text(broker)} has registered again since registration"
        f" {broker.registration}, and stays; only its last registration removes it",
    )


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


def _on_a_connection(broker: BrokerAtAddr) -> HttpAnswer:
    return problem(
        HTTPStatus.CONFLICT,
        f"{_text(broker)} is registered over a connection, which has its heartbeats; a"
        " PUT registers it over HTTP",
    )


def _text(broker: BrokerAtAddr) -> str:
    return (
        f"broker {broker.name!r} with id {broker.id} of cluster {broker.cluster!r}"
        f" at {broker.broker_addr}"
    )


def _check_topics(
    state: RoutingState, broker: BrokerAtAddr, asked: BrokerRegistration, now_ms: int
) -> None:
    """Raise LimitExceeded for too many topics, before a command is made of them; as
    with 103 the broker was heard from, unless a connection carries it."""
    try:
        BodyLimits.of(state.options).check_topics(len(asked.topics))
    except LimitExceeded:
        info = live_broker(state.tables, broker)
        if info is not None and info.owner is None:
            state.tables.broker_live_table.touch(*info.key, now_ms)
        raise


def _repeated_topic(topics: list[Topic]) -> Steps[HttpAnswer]:
    """The answer to topics of which one is named twice."""
    seen: dict[str, None] = {}
    for some in batches(topics, Cost.ENTRY):
        for topic in some:
            if topic.topic in seen:
                return _named_again(len(seen), topic.topic)
            seen[topic.topic] = None
        yield len(some) * Cost.ENTRY
    raise AssertionError("no topic is named twice")


def _named_again(index: int, name: str) -> HttpAnswer:
    path = f"$.topics[{index}].topic"
    return problem(
        HTTPStatus.BAD_REQUEST,
        f"the body is wrong: topic {name!r} is named again at {path}",
        errors=[{"path": path, "expected": "each topic once"}],
    )


def _order_topic_conf(body: bytes | None) -> dict[str, str] | None:
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
        errors=(409, 422, 503),
        longest_body=LONGEST_BODY_BYTES,
    ),
    Endpoint(
        "POST",
        f"{_BROKER}/heartbeat",
        "Keep a broker alive",
        heartbeat,
        Access.BROKER,
        BrokerAtAddr,
        status=HTTPStatus.NO_CONTENT,
        errors=(404, 409),
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
