"""Converts the route table to records and back (docs/architecture.md, "Files").

A group is packed as a whole, so that no lookup after a restart mixes two registrations
of one broker. Groups are packed one after the other, between other work; a topic
deleted meanwhile has no name in the shared record, and is left out by a reader.
"""

import sys
from array import array
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from namesrv._impl import BrokerLiveInfo, TopicQueues, pack_queues
from namesrv.errors import SnapshotInvalid
from namesrv.option import value_text
from namesrv.options import OPTIONS, Options
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.routing.warm_start.records import (
    END,
    GROUP,
    TABLES,
    EndRecord,
    GroupRecord,
    LiveRecord,
    Place,
    TablesRecord,
    read_payload,
    split_records,
    write_record,
)
from namesrv.wire.bodies import QueueData
from namesrv.work import Cost, Steps, batches, finish

_NUMBER: Final = "I"
_NUMBER_BYTES: Final = array(_NUMBER).itemsize


class RouteSnapshot(Struct, frozen=True):
    """The content of a file: groups with their places, and their shared tables."""

    tables: TablesRecord
    groups: list[tuple[GroupRecord, Place]]


def pack_group(tables: RouteTables, data: BrokerData) -> Steps[bytes]:
    """The record of a group. It is right only if the group did not change between two
    of the steps."""
    name = data.broker_name
    numbers, places = bytearray(), bytearray()
    # It keeps the queues, so that no other ones get an id of theirs.
    kinds: dict[int, tuple[int, QueueData]] = {}
    for entries in batches(list(data.topics()), Cost.TOPIC):
        if numbers:
            yield len(entries) * Cost.TOPIC
        some_numbers, some_places = pack_queues(entries, name, kinds)
        numbers += some_numbers
        places += some_places
    live = tables.broker_live_table
    infos = [live.get(*key) for key in sorted(data.live_keys)]
    record = GroupRecord(
        name,
        data.cluster,
        list(data.broker_addrs.items()),
        data.enable_acting_master,
        data.zone_name,
        [_live_record(info) for info in infos if info is not None],
        [queue_data for _, queue_data in kinds.values()],
        bytes(numbers),
        bytes(places),
    )
    return write_record(GROUP, record)


def pack_end(groups: int) -> bytes:
    """The last record."""
    return write_record(END, EndRecord(groups))


def relied_on(options: Options) -> dict[str, str]:
    """The options on which the effect of an unchanged registration depends."""
    return {
        option.name: value_text(getattr(options, option.attribute))
        for option in OPTIONS
        if option.remote
    }


def has_digests_of(shared: TablesRecord, options: Options) -> bool:
    """Whether the digests of a file count under these options."""
    return shared.options == relied_on(options) and shared.changed_groups is not None


def packed_numbers(numbers: Sequence[int]) -> bytes:
    """32 bits each, lowest byte first."""
    packed = array(_NUMBER, numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def read_snapshot(data: bytes) -> RouteSnapshot:
    """Read and check a file. Raises SnapshotInvalid."""
    groups: list[tuple[GroupRecord, Place]] = []
    tables: TablesRecord | None = None
    end: EndRecord | None = None
    for kind, place, payload in split_records(data):
        if end is not None:
            raise SnapshotInvalid("something follows its last record")
        if kind == GROUP:
            groups.append((_checked(read_payload(GroupRecord, payload)), place))
        elif kind == TABLES:
            tables = read_payload(TablesRecord, payload)
        else:
            end = read_payload(EndRecord, payload)
    if tables is None or end is None:
        raise SnapshotInvalid("its last records are missing")
    names = {group.broker_name for group, _ in groups}
    if not len(names) == len(groups) == end.groups:
        raise SnapshotInvalid(f"{end.groups} groups were written, {len(names)} found")
    numbers, topics = _numbers(tables.numbers), tables.topics
    if not len(set(numbers)) == len(numbers) == len(topics) == len(set(topics)):
        raise SnapshotInvalid("topics and their numbers do not match")
    return RouteSnapshot(tables, groups)


def restore(
    tables: RouteTables, options: Options, snapshot: RouteSnapshot, now_ms: int
) -> list[BrokerLiveInfo]:
    """Fill empty tables; the live brokers, none of which was heard yet."""
    shared = snapshot.tables
    numbers = _numbers(shared.numbers)
    entries = {
        number: TopicQueues(topic, number, tables.queue_sets.none)
        for number, topic in zip(numbers, shared.topics, strict=True)
    }
    keeps_digests = has_digests_of(shared, options)
    changed = set(shared.changed_groups or ())
    infos: list[BrokerLiveInfo] = []
    for group, _ in snapshot.groups:
        # Filter servers are shared tables, where those of a changed group are newer.
        is_kept = keeps_digests and group.broker_name not in changed
        infos += _restore_group(tables, group, entries, is_kept, now_ms)
    tables.take_over_topics(entries.values())
    for cluster, names in shared.clusters.items():
        for name in names:
            tables.join_cluster(cluster, name)
    for cluster, addr, servers in shared.filter_servers:
        # The group of a broker that came while groups were packed is not in the file.
        if tables.broker_live_table.get(cluster, addr) is not None:
            finish(tables.set_filter_servers((cluster, addr), servers))
    for topic, info in shared.mappings:
        tables.set_mapping(topic, info, now_ms)
    gone_millis = shared.gone_millis
    for name in sorted(tables.gone_since, key=lambda n: -gone_millis.get(n, 0)):
        tables.gone_since[name] = now_ms - gone_millis.get(name, 0)
        tables.gone_since.move_to_end(name)
    return infos


def _restore_group(
    tables: RouteTables,
    group: GroupRecord,
    entries: dict[int, TopicQueues],
    keeps_digests: bool,
    now_ms: int,
) -> list[BrokerLiveInfo]:
    name = group.broker_name
    data = tables.add_group(group.cluster, name)
    for broker_id, addr in group.broker_addrs:
        tables.set_addr(data, broker_id, addr)
    data.enable_acting_master = group.enable_acting_master
    data.zone_name = group.zone_name
    queue_datas = [_shared_queue_data(data, queues) for queues in group.queues]
    queues_of = _numbers(group.queues_of)
    is_whole = True
    for number, place in zip(_numbers(group.topics), queues_of, strict=True):
        entry = entries.get(number)
        if entry is None:
            is_whole = False
            tables.numbers.reserve(number)
            continue
        tables.queue_sets.give(entry, name, queue_datas[place])
        data.topic_refs.append(entry)
    # A deleted topic comes back with its broker's next registration.
    keeps_digests = keeps_digests and is_whole
    infos = [_live_info(name, live, keeps_digests) for live in group.lives]
    for info in infos:
        digest = info.digest
        tables.put_live(data, info, now_ms)
        tables.keep_digest(data, info, digest)
    return infos


def _live_record(info: BrokerLiveInfo) -> LiveRecord:
    return LiveRecord(
        info.cluster_name,
        info.broker_addr,
        info.heartbeat_timeout_millis,
        info.data_version,
        info.ha_server_addr,
        info.digest,
        info.answer_ext_fields,
    )


def _live_info(
    broker_name: str, record: LiveRecord, keeps_digest: bool
) -> BrokerLiveInfo:
    info = BrokerLiveInfo(
        record.cluster_name,
        record.broker_addr,
        broker_name,
        record.heartbeat_timeout_millis,
        record.data_version,
        record.ha_server_addr,
        None,
    )
    info.digest = record.digest if keeps_digest else None
    info.answer_ext_fields = record.answer_ext_fields
    return info


def _shared_queue_data(data: BrokerData, queues: QueueData) -> QueueData:
    if queues.broker_name is None:
        return queues
    return data.shared(
        queues.perm,
        queues.read_queue_nums,
        queues.topic_sys_flag,
        queues.write_queue_nums,
    )


def _checked(group: GroupRecord) -> GroupRecord:
    topics, queues_of = _numbers(group.topics), _numbers(group.queues_of)
    is_whole = len(set(topics)) == len(topics) == len(queues_of)
    if not is_whole or max(queues_of, default=-1) >= len(group.queues):
        raise SnapshotInvalid(f"topics of group {group.broker_name!r} do not match")
    versions = [live.data_version for live in group.lives]
    if any(version and version.timestamp is None for version in versions):
        raise SnapshotInvalid(f"group {group.broker_name!r} has an incomplete version")
    return group


def _numbers(data: bytes) -> "array[int]":
    numbers = array(_NUMBER)
    if len(data) % _NUMBER_BYTES:
        raise SnapshotInvalid(f"{len(data)} bytes are no whole numbers")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
