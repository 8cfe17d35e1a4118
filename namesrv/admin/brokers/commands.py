"""The commands of the remoting protocol that a broker over HTTP asks for."""

from msgspec import json

from namesrv.admin.brokers.shapes import (
    BrokerAtAddr,
    BrokerPath,
    BrokerRegistration,
)
from namesrv.codes import ZONE_NAME, LanguageCode, RequestCode
from namesrv.routing.state import RoutingState
from namesrv.wire.bodies import (
    DataVersion,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigSerializeWrapper,
)
from namesrv.wire.command import ExtFields, RemotingCommand
from namesrv.wire.registration_digest import registration_digest

_HIGHEST_COUNTER = 2**63 - 1


def register_command(
    state: RoutingState, identity: BrokerPath, asked: BrokerRegistration
) -> RemotingCommand:
    """REGISTER_BROKER (103) with the same meaning.

    Without a version it has that of the broker's last registration if it repeats that
    one, else a new one.
    """
    if asked.data_version is not None:
        own = asked.data_version
        version = DataVersion(own.counter, own.state_version, own.timestamp)
        return _register_command(identity, asked, version)
    live = state.tables.broker_live_table.get(identity.cluster, asked.broker_addr)
    last = None if live is None else live.data_version
    if live is None or last is None:
        return _register_command(
            identity, asked, DataVersion(0, 0, state.wall_millis())
        )
    command = _register_command(identity, asked, last)
    if live.digest is not None and live.digest == _digest(command):
        return command
    counter = min(last.counter + 1, _HIGHEST_COUNTER)
    version = DataVersion(counter, last.state_version, state.wall_millis())
    return _register_command(identity, asked, version)


def unregister_command(broker: BrokerAtAddr) -> RemotingCommand:
    """UNREGISTER_BROKER (104) with the same meaning."""
    ext_fields = _ext_fields(broker, broker.broker_addr)
    return RemotingCommand(
        RequestCode.UNREGISTER_BROKER,
        language=LanguageCode.HTTP,
        ext_fields=ext_fields,
    )


def _register_command(
    identity: BrokerPath, asked: BrokerRegistration, version: DataVersion
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
        body=_body(asked, version),
    )


def _ext_fields(identity: BrokerPath, broker_addr: str) -> ExtFields:
    return {
        "clusterName": identity.cluster,
        "brokerName": identity.name,
        "brokerId": str(identity.id),
        "brokerAddr": broker_addr,
    }


def _body(asked: BrokerRegistration, version: DataVersion) -> bytes:
    configs = {
        topic.topic: TopicConfig(
            topic.perm,
            topic.read_queues,
            topic.topic,
            topic.sys_flag,
            topic.write_queues,
        )
        for topic in asked.topics
    }
    wrapper = TopicConfigSerializeWrapper(version, configs)
    return json.encode(RegisterBrokerBody([*asked.filter_servers], wrapper))


def _digest(command: RemotingCommand) -> bytes:
    ext_fields, body = command.ext_fields or {}, command.body or b""
    return registration_digest(command.version, ext_fields, body)
