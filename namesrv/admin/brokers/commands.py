"""The commands of the remoting protocol that a broker over HTTP asks for."""

from collections.abc import Sequence
from typing import Final

from msgspec import Raw, Struct, json

from namesrv.admin.brokers.shapes import (
    BrokerAtAddr,
    BrokerPath,
    BrokerRegistration,
    Topic,
)
from namesrv.codes import ZONE_NAME, LanguageCode, RequestCode
from namesrv.routing.state import RoutingState
from namesrv.wire.bodies import DataVersion, TopicConfig
from namesrv.wire.command import ExtFields, RemotingCommand
from namesrv.wire.registration_digest import registration_digest
from namesrv.work import Cost, Steps, batches, kilobytes

_HIGHEST_COUNTER: Final = 2**63 - 1


class _Wrapper(Struct, rename="camel"):
    """A `TopicConfigSerializeWrapper` whose table is written already."""

    data_version: DataVersion
    topic_config_table: Raw
    topic_queue_mapping_info_map: dict[str, str] = {}


class _Body(Struct, rename="camel"):
    """A `RegisterBrokerBody` with it."""

    filter_server_list: list[str]
    topic_config_serialize_wrapper: _Wrapper


def configurations(topics: Sequence[Topic]) -> Steps[bytes | None]:
    """The topicConfigTable of a registration as JSON; None if one is named twice."""
    names: set[str] = set()
    pieces: list[bytes] = []
    for some in batches(topics, Cost.ENTRY):
        configs = {
            topic.topic: TopicConfig(
                topic.perm,
                topic.read_queue_nums,
                topic.topic,
                topic.topic_sys_flag,
                topic.write_queue_nums,
            )
            for topic in some
        }
        names.update(configs)
        piece = (b"," if pieces else b"{") + json.encode(configs)[1:-1]
        pieces.append(piece)
        yield len(some) * Cost.ENTRY + kilobytes(len(piece), Cost.ANSWER_KILOBYTE)
    if len(names) < len(topics):
        return None
    table = b"".join([*pieces, b"}"]) if pieces else b"{}"
    yield kilobytes(len(table), Cost.ANSWER_KILOBYTE)
    return table


def register_command(
    state: RoutingState, identity: BrokerPath, asked: BrokerRegistration, table: bytes
) -> RemotingCommand:
    """REGISTER_BROKER (103) with the same meaning; `table` is its topicConfigTable.

    Without a version it has that of the broker's last registration if it repeats that
    one, else a new one.
    """
    if asked.data_version is not None:
        own = asked.data_version
        version = DataVersion(own.counter, own.state_version, own.timestamp_millis)
        return _register_command(identity, asked, version, table)
    live = state.tables.broker_live_table.get(identity.cluster, asked.broker_addr)
    last = None if live is None else live.data_version
    if live is None or last is None:
        return _register_command(
            identity, asked, DataVersion(0, 0, state.wall_millis()), table
        )
    command = _register_command(identity, asked, last, table)
    if live.digest is not None and live.digest == _digest(command):
        return command
    counter = min(last.counter + 1, _HIGHEST_COUNTER)
    version = DataVersion(counter, last.state_version, state.wall_millis())
    return _register_command(identity, asked, version, table)


def unregister_command(broker: BrokerAtAddr) -> RemotingCommand:
    """UNREGISTER_BROKER (104) with the same meaning."""
    ext_fields = _ext_fields(broker, broker.broker_addr)
    return RemotingCommand(
        RequestCode.UNREGISTER_BROKER,
        language=LanguageCode.HTTP,
        ext_fields=ext_fields,
    )


def _register_command(
    identity: BrokerPath,
    asked: BrokerRegistration,
    version: DataVersion,
    table: bytes,
) -> RemotingCommand:
    ext_fields = {
        **_ext_fields(identity, asked.broker_addr),
        "heartbeatTimeoutMillis": str(asked.heartbeat_timeout_millis),
        "enableActingMaster": "true" if asked.enable_acting_master else "false",
        "compressed": "false",
    }
    if asked.ha_server_addr is not None:
        ext_fields["haServerAddr"] = asked.ha_server_addr
    if asked.zone_name is not None:
        ext_fields[ZONE_NAME] = asked.zone_name
    return RemotingCommand(
        RequestCode.REGISTER_BROKER,
        language=LanguageCode.HTTP,
        ext_fields=ext_fields,
        body=_body(asked, version, table),
    )


def _ext_fields(identity: BrokerPath, broker_addr: str) -> ExtFields:
    return {
        "clusterName": identity.cluster,
        "brokerName": identity.name,
        "brokerId": str(identity.id),
        "brokerAddr": broker_addr,
    }


def _body(asked: BrokerRegistration, version: DataVersion, table: bytes) -> bytes:
    wrapper = _Wrapper(version, Raw(table))
    return json.encode(_Body(asked.filter_servers, wrapper))


def _digest(command: RemotingCommand) -> bytes:
    ext_fields, body = command.ext_fields or {}, command.body or b""
    return registration_digest(command.version, ext_fields, body)
