"""Which requests are audited, and what is kept of them: who, what, with which result.

Every request that changes something is, and every refusal. Registrations are when they
changed more than the time at which the broker was heard of, also when they only come
from elsewhere; heartbeats never are.
Values and bodies are left out: they may be secrets, and they may be long.
"""

from typing import Final

from namesrv._impl import Connection
from namesrv.codes import RequestCode, ResponseCode
from namesrv.routing.access.control import CLASSES, AccessControl, RequestClass
from namesrv.routing.outbox import AuditEvent, Outbox
from namesrv.routing.settings.configuration import Configuration
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.command import RemotingCommand

_BROKER: Final = ("clusterName", "brokerName", "brokerId", "brokerAddr")
_IDENTIFYING: Final[dict[int, tuple[str, ...]]] = {
    RequestCode.PUT_KV_CONFIG: ("namespace", "key"),
    RequestCode.DELETE_KV_CONFIG: ("namespace", "key"),
    RequestCode.REGISTER_BROKER: _BROKER,
    RequestCode.UNREGISTER_BROKER: _BROKER,
    RequestCode.QUERY_DATA_VERSION: ("clusterName", "brokerName", "brokerAddr"),
    RequestCode.BROKER_HEARTBEAT: ("clusterName", "brokerName", "brokerAddr"),
    RequestCode.WIPE_WRITE_PERM_OF_BROKER: ("brokerName",),
    RequestCode.ADD_WRITE_PERM_OF_BROKER: ("brokerName",),
    RequestCode.DELETE_TOPIC_IN_NAMESRV: ("topic", "clusterName"),
    RequestCode.REGISTER_TOPIC_IN_NAMESRV: ("topic",),
}
_HEARTBEATS: Final = (RequestCode.QUERY_DATA_VERSION, RequestCode.BROKER_HEARTBEAT)
_AUDITED: Final = (RequestClass.BROKER_CONTROL, RequestClass.ADMIN_WRITE)

LONGEST_TEXT: Final = 512
"""Characters of an ext field or a remark that are kept."""

State = tuple[object, ...]


class Audit:
    """Puts audit events into the outbox; does nothing without an `auditLog`."""

    def __init__(
        self,
        tables: RouteTables,
        configuration: Configuration,
        access: AccessControl,
        outbox: Outbox,
        *,
        is_on: bool,
    ) -> None:
        self._tables = tables
        self._configuration = configuration
        self._access = access
        self._outbox = outbox
        self._is_on = is_on

    def before(self, command: RemotingCommand) -> State | None:
        """What a registration may change, to be compared after it; None without one.

        Others may register between two steps of it, so that nothing is looked at that
        they change; but for mappings, which may name any group.
        """
        if not self._is_on or command.code != RequestCode.REGISTER_BROKER:
            return None
        ext_fields = command.ext_fields or {}
        cluster, addr = ext_fields.get("clusterName"), ext_fields.get("brokerAddr")
        name = ext_fields.get("brokerName")
        key = cluster or "", addr or ""
        is_member = name in self._tables.cluster_addr_table.get(key[0], ())
        servers = self._tables.filter_server_table.get(key)
        mappings = self._tables.mapping_changes
        live, group = self._live(key), self._group(name or "", addr)
        return is_member, servers, mappings, live, group

    def _live(self, key: tuple[str, str]) -> State | None:
        info = self._tables.broker_live_table.get(*key)
        if info is None:
            return None
        version, timeout = info.data_version, info.heartbeat_timeout_millis
        return info.broker_name, info.ha_server_addr, version, timeout, info.owner

    def _group(self, name: str, addr: str | None) -> State | None:
        data = self._tables.broker_addr_table.get(name)
        if data is None:
            return None
        return (
            tuple(data.broker_addrs.ids_of(addr)),
            data.enable_acting_master,
            data.zone_name,
            data.queues_added,
            data.queues_changed,
            data.queues_removed,
        )

    def note(
        self,
        command: RemotingCommand,
        connection: Connection,
        answer: RemotingCommand,
        before: State | None = None,
    ) -> None:
        """A request was answered; `before` is what `before` gave for a registration."""
        if not self._is_on or not self._is_audited(command, answer, before):
            return
        code = RequestCode(command.code)
        fields: dict[str, object] = {"code": int(code), **_peer(connection)}
        if answer.code != ResponseCode.NO_PERMISSION:
            fields["access_key"] = self._access.signer(command)
        for name in _IDENTIFYING.get(code, ()):
            fields[name] = _cut((command.ext_fields or {}).get(name))
        if code == RequestCode.UPDATE_NAMESRV_CONFIG and not answer.code:
            changes = self._configuration.changes_text(command.body or b"")
            fields["changes"] = _cut(changes)
        fields |= {"result": answer.code, "remark": _cut(answer.remark)}
        self._outbox.put(AuditEvent(code.name, fields, is_done=not answer.code))

    def _is_audited(
        self, command: RemotingCommand, answer: RemotingCommand, before: State | None
    ) -> bool:
        if CLASSES.get(command.code) not in _AUDITED:
            return False
        if command.code in _HEARTBEATS:
            return answer.code == ResponseCode.NO_PERMISSION
        if command.code == RequestCode.REGISTER_BROKER and not answer.code:
            return self.before(command) != before
        return True


def _peer(connection: Connection) -> dict[str, object]:
    """Who asks; `via` is whoever named that address in a PROXY header."""
    remote, socket_address = connection.remote_address, connection.socket_address
    peer: dict[str, object] = {"remote": remote}
    if socket_address != remote:
        peer["via"] = socket_address
    return peer


def _cut(text: str | None) -> str | None:
    return text if text is None else text[:LONGEST_TEXT]
