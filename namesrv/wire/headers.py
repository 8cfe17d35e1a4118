"""Typed request headers, read from extFields (protocol.md chapter 2).

Names are matched exactly; a value that does not convert leaves the field at its
default, as in Java (section 2.0). Required fields are not checked.
"""

from msgspec import Struct

from namesrv.codes import (
    DEFAULT_HEARTBEAT_TIMEOUT_MILLIS,
    MOST_HEARTBEAT_TIMEOUT_MILLIS,
    ZONE_NAME,
)
from namesrv.wire.command import ExtFields
from namesrv.wire.java_json.values import (
    INT_HIGH,
    INT_LOW,
    LONG_HIGH,
    LONG_LOW,
    parse_java_bool,
    parse_java_int,
)


class RegisterBrokerRequestHeader(Struct, frozen=True):
    """REGISTER_BROKER (103), section 2.5.1. `enable_acting_master` None: old broker."""

    broker_name: str | None
    broker_addr: str | None
    cluster_name: str | None
    ha_server_addr: str | None
    broker_id: int | None
    heartbeat_timeout_millis: int | None
    enable_acting_master: bool | None
    compressed: bool
    body_crc32: int
    zone_name: str | None

    @classmethod
    def read(cls, ext_fields: ExtFields) -> "RegisterBrokerRequestHeader":
        """From extFields."""
        acting = ext_fields.get("enableActingMaster")
        return cls(
            broker_name=ext_fields.get("brokerName"),
            broker_addr=ext_fields.get("brokerAddr"),
            cluster_name=ext_fields.get("clusterName"),
            ha_server_addr=ext_fields.get("haServerAddr"),
            broker_id=_number(ext_fields, "brokerId"),
            heartbeat_timeout_millis=_number(ext_fields, "heartbeatTimeoutMillis"),
            enable_acting_master=None if acting is None else parse_java_bool(acting),
            compressed=parse_java_bool(ext_fields.get("compressed")),
            body_crc32=_number(ext_fields, "bodyCrc32", INT_LOW, INT_HIGH) or 0,
            zone_name=ext_fields.get(ZONE_NAME),
        )

    @property
    def timeout_millis(self) -> int:
        """Timeout of the broker's heartbeats, limited; the default if it sent none."""
        millis = self.heartbeat_timeout_millis
        if millis is None:
            return DEFAULT_HEARTBEAT_TIMEOUT_MILLIS
        most = MOST_HEARTBEAT_TIMEOUT_MILLIS
        return max(-most, min(millis, most))


class BrokerRequestHeader(Struct, frozen=True):
    """The broker that a request names: 104, 322, 901, 904 (2.6, 2.17 to 2.19)."""

    broker_name: str | None
    broker_addr: str | None
    cluster_name: str | None
    broker_id: int | None

    @classmethod
    def read(cls, ext_fields: ExtFields) -> "BrokerRequestHeader":
        """From extFields."""
        return cls(
            broker_name=ext_fields.get("brokerName"),
            broker_addr=ext_fields.get("brokerAddr"),
            cluster_name=ext_fields.get("clusterName"),
            broker_id=_number(ext_fields, "brokerId"),
        )


class KVConfigRequestHeader(Struct, frozen=True):
    """100, 101, 102 and 219 (sections 2.1 to 2.4)."""

    namespace: str | None
    key: str | None
    value: str | None

    @classmethod
    def read(cls, ext_fields: ExtFields) -> "KVConfigRequestHeader":
        """From extFields."""
        return cls(
            ext_fields.get("namespace"), ext_fields.get("key"), ext_fields.get("value")
        )


def _number(
    ext_fields: ExtFields, name: str, low: int = LONG_LOW, high: int = LONG_HIGH
) -> int | None:
    return parse_java_int(ext_fields.get(name), low, high)
