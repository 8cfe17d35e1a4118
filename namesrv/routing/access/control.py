"""Rights: the class of each request, and whether a peer may send it.

By default everybody may do everything, as with Java's NameServer (protocol.md
section 9.14; docs/access.md).
"""

from enum import Enum
from ipaddress import IPv6Address, ip_address
from typing import Final

from namesrv._impl import Connection
from namesrv.codes import RequestCode
from namesrv.errors import AccessRefused
from namesrv.options import Options
from namesrv.wire.access_keys import AccessKeys
from namesrv.wire.command import RemotingCommand
from namesrv.wire.signature import ACCESS_KEY, SIGNATURE


class RequestClass(Enum):
    """The kinds of requests."""

    ROUTE_READ = "route-read"
    """Clients and brokers look something up; always open."""
    BROKER_CONTROL = "broker-control"
    """Makes a broker known, keeps it alive or takes it away: `brokerAccess`."""
    ADMIN_READ = "admin-read"
    """Operators look at KV and configuration; always open."""
    ADMIN_WRITE = "admin-write"
    """Operators change something: `adminAccess`."""


_CODES: Final = {
    RequestClass.ROUTE_READ: (
        RequestCode.GET_ROUTEINFO_BY_TOPIC,
        RequestCode.GET_BROKER_CLUSTER_INFO,
        RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
        RequestCode.GET_TOPICS_BY_CLUSTER,
        RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS,
        RequestCode.GET_UNIT_TOPIC_LIST,
        RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST,
        RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST,
        RequestCode.GET_BROKER_MEMBER_GROUP,
    ),
    RequestClass.BROKER_CONTROL: (
        RequestCode.REGISTER_BROKER,
        RequestCode.UNREGISTER_BROKER,
        RequestCode.QUERY_DATA_VERSION,
        RequestCode.BROKER_HEARTBEAT,
    ),
    RequestClass.ADMIN_READ: (
        RequestCode.GET_KV_CONFIG,
        RequestCode.GET_KVLIST_BY_NAMESPACE,
        RequestCode.GET_NAMESRV_CONFIG,
    ),
    RequestClass.ADMIN_WRITE: (
        RequestCode.PUT_KV_CONFIG,
        RequestCode.DELETE_KV_CONFIG,
        RequestCode.WIPE_WRITE_PERM_OF_BROKER,
        RequestCode.ADD_WRITE_PERM_OF_BROKER,
        RequestCode.DELETE_TOPIC_IN_NAMESRV,
        RequestCode.REGISTER_TOPIC_IN_NAMESRV,
        RequestCode.UPDATE_NAMESRV_CONFIG,
    ),
}
CLASSES: Final[dict[int, RequestClass]] = {
    code: kind for kind, codes in _CODES.items() for code in codes
}


class AccessControl:
    """Decides about requests; `keys` are those that sign, and may be replaced."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.keys = AccessKeys({})

    def check(self, command: RemotingCommand, connection: Connection) -> None:
        """Raise AccessRefused unless the peer may send this, a code of `CLASSES`."""
        option, mode = self._mode(command.code)
        if mode == "open":
            return
        code = RequestCode(command.code)
        what = f"request code {code:d} ({code.name})"
        if mode == "off":
            remark = f"{what} is switched off ({option}=off)"
            raise AccessRefused(remark, "switched off")
        if mode == "loopback" and not is_local(connection):
            remark = f"{what} is served to loopback addresses only ({option}=loopback)"
            raise AccessRefused(remark, "not from loopback")
        if mode == "signed":
            self._check_signature(command, f"{what} has to be signed ({option}=signed)")

    def signer(self, command: RemotingCommand) -> str | None:
        """The access key that an allowed request was signed with, if it had to be."""
        if self._mode(command.code)[1] != "signed":
            return None
        return (command.ext_fields or {}).get(ACCESS_KEY)

    def _mode(self, code: int) -> tuple[str, str]:
        """The option that a request depends on, and its value."""
        kind = CLASSES[code]
        if kind is RequestClass.ADMIN_WRITE:
            return "adminAccess", self._options.admin_access
        if kind is RequestClass.BROKER_CONTROL:
            return "brokerAccess", self._options.broker_access
        return "", "open"

    def _check_signature(self, command: RemotingCommand, rule: str) -> None:
        ext_fields = command.ext_fields or {}
        missing = [n for n in (ACCESS_KEY, SIGNATURE) if not ext_fields.get(n)]
        if missing:
            remark = f"{rule}, and has no {' and no '.join(missing)}"
            raise AccessRefused(remark, "not signed")
        if not self.keys.have_signed(ext_fields, command.body):
            known = ext_fields[ACCESS_KEY] in self.keys
            # Only the log has the difference: the answer would help to guess keys.
            remark = f"{rule}, and the access key is unknown or the signature wrong"
            reason = "signature is wrong" if known else "access key is unknown"
            raise AccessRefused(remark, reason)


def is_local(connection: Connection) -> bool:
    """Whether a peer is on this machine.

    Its socket's own address has to be local, because anybody can send a PROXY header;
    and so has the address that a PROXY header names, because the proxy may be here and
    its client elsewhere.
    """
    addresses = {connection.socket_address, connection.remote_address}
    return all(map(_is_loopback, addresses))


def _is_loopback(address: str) -> bool:
    """Of a host:port text: 127.0.0.0/8, ::1, and the former as IPv6 has them."""
    try:
        host = ip_address(address.rpartition(":")[0].strip("[]"))
    except ValueError:
        return False
    if isinstance(host, IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped
    return host.is_loopback
