"""Numbers of the RocketMQ remoting protocol, under RocketMQ's own names.

Source: `RequestCode`, `ResponseCode`, `LanguageCode`, `SerializeType`, `PermName`,
`MQVersion` of RocketMQ 5.3.3; protocol.md sections 1.2, 1.6, 1.7, 2.0, appendices A, B.
"""

from enum import IntEnum
from typing import Final


class RequestCode(IntEnum):
    """Request codes that a NameServer serves, and the one that it sends (905)."""

    PUT_KV_CONFIG = 100
    GET_KV_CONFIG = 101
    DELETE_KV_CONFIG = 102
    REGISTER_BROKER = 103
    UNREGISTER_BROKER = 104
    GET_ROUTEINFO_BY_TOPIC = 105
    GET_BROKER_CLUSTER_INFO = 106
    WIPE_WRITE_PERM_OF_BROKER = 205
    GET_ALL_TOPIC_LIST_FROM_NAMESERVER = 206
    DELETE_TOPIC_IN_NAMESRV = 216
    REGISTER_TOPIC_IN_NAMESRV = 217
    GET_KVLIST_BY_NAMESPACE = 219
    GET_TOPICS_BY_CLUSTER = 224
    GET_SYSTEM_TOPIC_LIST_FROM_NS = 304
    GET_UNIT_TOPIC_LIST = 311
    GET_HAS_UNIT_SUB_TOPIC_LIST = 312
    GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST = 313
    UPDATE_NAMESRV_CONFIG = 318
    GET_NAMESRV_CONFIG = 319
    QUERY_DATA_VERSION = 322
    ADD_WRITE_PERM_OF_BROKER = 327
    GET_BROKER_MEMBER_GROUP = 901
    BROKER_HEARTBEAT = 904
    NOTIFY_MIN_BROKER_ID_CHANGE = 905


class ResponseCode(IntEnum):
    """Response codes that a NameServer answers with (protocol.md section 1.7)."""

    SUCCESS = 0
    SYSTEM_ERROR = 1
    SYSTEM_BUSY = 2
    REQUEST_CODE_NOT_SUPPORTED = 3
    NO_PERMISSION = 16
    TOPIC_NOT_EXIST = 17
    QUERY_NOT_FOUND = 22
    GO_AWAY = 1500


class LanguageCode(IntEnum):
    """Language of a sender (protocol.md section 1.6); the server never acts on it."""

    JAVA = 0
    CPP = 1
    DOTNET = 2
    PYTHON = 3
    DELPHI = 4
    ERLANG = 5
    RUBY = 6
    OTHER = 7
    HTTP = 8
    GO = 9
    PHP = 10
    OMS = 11
    RUST = 12
    NODE_JS = 13


class SerializeType(IntEnum):
    """Encoding of a header: upper byte of a frame's second integer (section 1.1)."""

    JSON = 0
    ROCKETMQ = 1


FLAG_RESPONSE: Final = 1
FLAG_ONEWAY: Final = 2

PERM_INHERIT: Final = 1
PERM_WRITE: Final = 2
PERM_READ: Final = 4
PERM_PRIORITY: Final = 8

TOPIC_SYS_FLAG_UNIT: Final = 1
TOPIC_SYS_FLAG_UNIT_SUB: Final = 2

MASTER_ID: Final = 0
DEFAULT_HEARTBEAT_TIMEOUT_MILLIS: Final = 120_000
MOST_HEARTBEAT_TIMEOUT_MILLIS: Final = 2**60
"""Timeouts are limited to this and its negative, so that sums with times stay within
64 bits."""
ORDER_TOPIC_CONFIG: Final = "ORDER_TOPIC_CONFIG"
SYNC_BROKER_MEMBER_PREFIX: Final = "rmq_sys_SYNC_BROKER_MEMBER_"
ZONE_NAME: Final = "__ZONE_NAME"
ZONE_MODE: Final = "__ZONE_MODE"
PING_TOPIC: Final = "namesrv_ping"
"""The topic that our own ping asks for. No broker has it, and the answer is short."""
TOOL: Final = "__NAMESRV_TOOL"
"""Ext field of lookups by our own tools and by peers that compare: these are no
clients. Java's servers ignore it."""

VERSION_V3_0_11: Final = 37
"""Since this version a registration's body is a RegisterBrokerBody (2.5.2)."""
VERSION_V4_9_4: Final = 401
"""Since this version a client understands quoted numeric keys (section 1.8)."""
VERSION_V5_0_0: Final = 413
"""Since this version a compressed registration carries mappings (2.5.4)."""
VERSION_V5_3_1: Final = 475
"""Clients above this version understand GO_AWAY (section 5.8)."""
VERSION_V5_3_3: Final = 479
"""The version in every answer of this server."""
