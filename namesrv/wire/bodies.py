"""The records inside request and answer bodies, under RocketMQ's class names.

Member names, order and defaults are those of protocol.md sections 1.8, 2.5.3, 2.7 and
appendix D. `register_body` reads registrations; this module writes answers.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from msgspec import Meta, Struct, field, structs
from msgspec.json import decode

from namesrv.wire.java_json.write import write_int_keys, write_string

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
_MOST_EXACT_IN_JAVASCRIPT: Final = 2**53 - 1
"""Java's standard dialect writes larger numbers as texts."""
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
LONGEST_SHORT_NAME = 1024
ShortName = Annotated[str, Meta(max_length=LONGEST_SHORT_NAME)]
"""A name of at most 1,024 characters. The typed decoder refuses longer ones, so that
names that it has read need no check of their length."""


class QueueData(Struct, frozen=True, gc=False, rename="camel"):
    """Queues of one topic on one broker. Shared between topics when equal."""

    broker_name: str | None = None
    perm: Int32 = 0
    read_queue_nums: Int32 = 0
    topic_sys_flag: Int32 = 0
    write_queue_nums: Int32 = 0


class DataVersion(Struct, frozen=True, gc=False, rename="camel"):
    """Version of a broker's topic table; a timestamp of None stands for "now"."""

    counter: Int64 = 0
    state_version: Int64 = 0
    timestamp: Int64 | None = None


class TopicConfig(Struct, frozen=True, gc=False, rename="camel"):
    """One topic of a registration; members that no NameServer uses are not read."""

    perm: Int32 = 6
    read_queue_nums: Int32 = 16
    topic_name: ShortName | None = None
    topic_sys_flag: Int32 = 0
    write_queue_nums: Int32 = 16


class TopicQueueMappingInfo(Struct, frozen=True, rename="camel"):
    """Which logical queues of a static topic live on one broker."""

    bname: str | None = None
    curr_id_map: dict[Int32, Int32] | None = {}
    dirty: bool = False
    epoch: Int64 = 0
    scope: str | None = "__global__"
    topic: str | None = None
    total_queues: Int32 = 0


class TopicConfigSerializeWrapper(Struct, rename="camel"):
    """The topic table of a registration. None means that the sender wrote null."""

    data_version: DataVersion | None = DataVersion()
    topic_config_table: dict[str, TopicConfig] | None = {}
    topic_queue_mapping_info_map: dict[str, TopicQueueMappingInfo] | None = {}


class RegisterBrokerBody(Struct, rename="camel"):
    """Body of REGISTER_BROKER. None means that the sender wrote null."""

    filter_server_list: list[str | None] | None = []
    topic_config_serialize_wrapper: TopicConfigSerializeWrapper | None = field(
        default_factory=TopicConfigSerializeWrapper
    )


class TopicRouteQueues(Struct, rename="camel"):
    """Body of REGISTER_TOPIC_IN_NAMESRV as far as it is used (section 2.13)."""

    queue_datas: list[QueueData | None] | None = None


def write_data_version(version: DataVersion) -> str:
    """`{"counter":...}` as answered by QUERY_DATA_VERSION (section 2.19)."""
    return (
        f'{{"counter":{version.counter},"stateVersion":{version.state_version},'
        f'"timestamp":{version.timestamp}}}'
    )


def write_queue_data(queue_data: QueueData) -> str:
    """One element of `queueDatas` (section 2.7)."""
    return (
        f"{{{_text_member('brokerName', queue_data.broker_name)}"
        f'"perm":{queue_data.perm},"readQueueNums":{queue_data.read_queue_nums},'
        f'"topicSysFlag":{queue_data.topic_sys_flag},'
        f'"writeQueueNums":{queue_data.write_queue_nums}}}'
    )


def write_broker_data(
    cluster: str | None,
    broker_name: str | None,
    broker_addrs: str,
    enable_acting_master: bool,
    zone_name: str | None,
) -> str:
    """One BrokerData; its addresses are JSON already (section 1.8)."""
    flag = "true" if enable_acting_master else "false"
    zone = "" if zone_name is None else f',"zoneName":{write_string(zone_name)}'
    return (
        f'{{"brokerAddrs":{broker_addrs},'
        f"{_text_member('brokerName', broker_name)}{_text_member('cluster', cluster)}"
        f'"enableActingMaster":{flag}{zone}}}'
    )


def write_broker_addrs(broker_addrs: Iterable[tuple[int, str]], *, quoted: bool) -> str:
    """Addresses by broker id, in their order; `quoted` means the standard dialect."""
    return write_int_keys(
        ((key, write_string(addr)) for key, addr in broker_addrs), quoted=quoted
    )


def with_defaults(info: TopicQueueMappingInfo) -> TopicQueueMappingInfo:
    """A mapping after a round trip through JSON: nulls become defaults."""
    scope = "__global__" if info.scope is None else info.scope
    id_map = {} if info.curr_id_map is None else info.curr_id_map
    return structs.replace(info, scope=scope, curr_id_map=id_map)


def write_mapping_info(info: TopicQueueMappingInfo, *, quoted: bool) -> str:
    """One TopicQueueMappingInfo (appendix D)."""
    id_map = info.curr_id_map
    current = ""
    if id_map is not None:
        items = ((key, str(id_map[key])) for key in sorted(id_map))
        current = f'"currIdMap":{write_int_keys(items, quoted=quoted)},'
    epoch = str(info.epoch)
    if quoted and abs(info.epoch) > _MOST_EXACT_IN_JAVASCRIPT:
        epoch = f'"{epoch}"'
    return (
        f"{{{_text_member('bname', info.bname)}{current}"
        f'"dirty":{"true" if info.dirty else "false"},"epoch":{epoch},'
        f"{_text_member('scope', info.scope)}{_text_member('topic', info.topic)}"
        f'"totalQueues":{info.total_queues}}}'
    )


def write_map_key(name: str | None, *, quoted: bool) -> str:
    """A name as a map's key; null is the bare word null in the legacy dialect."""
    if name is None and not quoted:
        return "null"
    return write_string("null" if name is None else name)


def write_filter_server_list(servers: Iterable[str | None]) -> str:
    """A list of filter server addresses; a null element is written as null."""
    return write_array("null" if s is None else write_string(s) for s in servers)


def write_route(
    broker_datas: Iterable[str],
    filter_server_table: Iterable[tuple[str, str]],
    order_topic_conf: str | None,
    queue_datas: Iterable[str],
    mappings: Iterable[tuple[str, str]] | None,
) -> bytes:
    """A TopicRouteData from members that are JSON already (section 2.7).

    `mappings` is None when the topic never had one. Its keys are JSON; the keys of
    `filter_server_table` are plain text.
    """
    order = order_topic_conf
    order_member = "" if order is None else f'"orderTopicConf":{write_string(order)},'
    mapping_member = ""
    if mappings is not None:
        members = ",".join(f"{name}:{info}" for name, info in mappings)
        mapping_member = f',"topicQueueMappingByBroker":{{{members}}}'
    return (
        f'{{"brokerDatas":{write_array(broker_datas)},'
        f'"filterServerTable":{write_object(filter_server_table)},{order_member}'
        f'"queueDatas":{write_array(queue_datas)}{mapping_member}}}'
    ).encode()


def write_cluster_info(
    broker_addr_table: Iterable[bytes], cluster_addr_table: Iterable[bytes]
) -> bytes:
    """ClusterInfo from members that are JSON already, one or more in each part
    (section 2.8)."""
    groups, clusters = b",".join(broker_addr_table), b",".join(cluster_addr_table)
    return b'{"brokerAddrTable":{%b},"clusterAddrTable":{%b}}' % (groups, clusters)


def write_topic_list(topics: Iterable[bytes], broker_addr: str | None = None) -> bytes:
    """TopicList from names that are JSON already, one or more in each part
    (section 2.11); `broker_addr` only for code 304."""
    address = _text_member("brokerAddr", broker_addr).encode()
    return b'{%b"topicList":[%b]}' % (address, b",".join(topics))


def write_kv_entry(key: str, value: str | None) -> bytes:
    """A key and its value as a member of an object; empty for a null, which is left
    out (section 2.4)."""
    if value is None:
        return b""
    return f"{write_string(key)}:{write_string(value)}".encode()


def read_kv_value(entry: bytes) -> str:
    """The value of an entry that `write_kv_entry` wrote."""
    (value,) = decode(b"{%b}" % entry, type=dict[str, str]).values()
    return value


def write_kv_table(entries: Iterable[bytes]) -> bytes:
    """KVTable from entries in their order (section 2.4)."""
    return b'{"table":{%b}}' % b",".join(filter(None, entries))


def kv_table_pieces(entries: Iterable[bytes]) -> Iterator[bytes]:
    """As `write_kv_table`, piece by piece."""
    yield b'{"table":{'
    yield from _joined(entries)
    yield b"}}"


def write_kv_config(
    namespaces: Iterable[tuple[str, Iterable[bytes]]],
) -> Iterator[bytes]:
    """The text of kvConfig.json (section 4.4), piece by piece, from namespaces and
    their entries in their order."""
    yield b'{"configTable":{'
    before_name = ""
    for name, entries in namespaces:
        yield f"{before_name}{write_string(name)}:{{".encode()
        before_name = ","
        yield from _joined(entries)
        yield b"}"
    yield b"}}"


def write_broker_member_group(
    cluster: str | None, broker_name: str | None, broker_addrs: str
) -> bytes:
    """Answer body of GET_BROKER_MEMBER_GROUP; its addresses are JSON already
    (section 2.17)."""
    group = f'"brokerAddrs":{broker_addrs}'
    for name, text in (("brokerName", broker_name), ("cluster", cluster)):
        if text is not None:
            group += f',"{name}":{write_string(text)}'
    return f'{{"brokerMemberGroup":{{{group}}}}}'.encode()


def write_array(elements: Iterable[str]) -> str:
    """`[...]` of elements that are JSON already."""
    return "[" + ",".join(elements) + "]"


def write_object(members: Iterable[tuple[str, str]]) -> str:
    """`{...}` of names and values that are JSON already."""
    return "{" + ",".join(f"{write_string(n)}:{value}" for n, value in members) + "}"


def _joined(entries: Iterable[bytes]) -> Iterator[bytes]:
    """The entries that are not empty, separated by commas."""
    comma = b""
    for entry in filter(None, entries):
        yield comma
        yield entry
        comma = b","


def _text_member(name: str, text: str | None) -> str:
    """`"name":"text",` with its comma, or nothing for a null."""
    return "" if text is None else f'"{name}":{write_string(text)},'
