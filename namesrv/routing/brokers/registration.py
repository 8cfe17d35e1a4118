"""REGISTER_BROKER: one registration applied whole (protocol.md section 3.3).

The steps keep Java's order, because what a refused or broken registration leaves behind
depends on it. Other requests are served between two of them, but nobody reads a route
that would mix two registrations (P2). Source: `RouteInfoManager#registerBroker`.
"""

import logging
from dataclasses import dataclass
from typing import Final

from namesrv._impl import BrokerLiveInfo, Connection
from namesrv.codes import (
    MASTER_ID,
    PERM_WRITE,
)
from namesrv.errors import RequestFailed
from namesrv.options import Options
from namesrv.routing.brokers.min_broker_id import notify_min_broker_id_change
from namesrv.routing.outbox import Outbox
from namesrv.routing.tables.broker_data import BrokerData, TopicQueues
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.routing.tables.topic_change_log import TopicChangeLog
from namesrv.wire.bodies import (
    DataVersion,
    QueueData,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigSerializeWrapper,
)
from namesrv.wire.command import ExtFields, write_ext_fields
from namesrv.wire.headers import RegisterBrokerRequestHeader
from namesrv.work import Cost, Steps, batches

_MOST_ALIKE: Final = 64
"""Kinds of queues that a registration looks up by their numbers."""


@dataclass(slots=True)
class _Group:
    """What the first steps found out about the broker's group."""

    data: BrokerData
    is_first: bool
    min_changed: bool


class Registration:
    """One REGISTER_BROKER that is being applied."""

    def __init__(
        self,
        header: RegisterBrokerRequestHeader,
        body: RegisterBrokerBody,
        version: DataVersion | None,
        broker_id: int,
        owner: Connection,
        digest: bytes | None,
    ) -> None:
        """`version` is for the live entry; `digest` recognises a repetition, None when
        nothing may be recognised."""
        self._header = header
        self._body = body
        self._version = version
        self._broker_id = broker_id
        self._owner = owner
        self._digest = digest

    def apply(
        self, tables: RouteTables, options: Options, outbox: Outbox, now_ms: int
    ) -> Steps[ExtFields]:
        """Carry it out; extFields of the answer: haServerAddr and masterAddr, if any.

        Raises RequestFailed when a single-topic registration would be the first.
        """
        cluster, name = self._header.cluster_name, self._header.broker_name
        if cluster is None:
            return {}
        tables.join_cluster(cluster, name)
        if name is None:
            return {}
        # Until its end routes with this group that are not ready have to wait, and the
        # last registration is not taken for repeated.
        tables.busy.hide(name)
        forgotten = tables.digests_forgotten
        self._forget_digest(tables, cluster)
        group = yield from self._join_group(tables, cluster, name)
        if self._is_outdated(tables, group.data, cluster, outbox):
            return {}
        wrapper = self._body.topic_config_serialize_wrapper
        if not self._may_join(group.data, wrapper, outbox):
            return {}
        yield from self._store_addr(tables, group, outbox, now_ms)
        if wrapper is not None and wrapper.topic_config_table is not None:
            log = TopicChangeLog(tables, group.data, wrapper.topic_config_table, outbox)
            complete = yield from self._apply_topics(
                tables, options, group, wrapper, cluster, now_ms
            )
            log.note(self._header.broker_addr)
            if not complete:
                return {}
        info = self._refresh(tables, group.data, cluster, now_ms)
        if info is None:
            return {}
        # Null leaves the table alone, an empty list clears it (step 12).
        if self._body.filter_server_list is not None:
            tables.set_filter_servers(info.key, self._body.filter_server_list)
        result = self._master_of(tables, group.data, cluster)
        if group.min_changed and options.notify_min_broker_id_changed:
            ha_server_addr = self._header.ha_server_addr
            notify_min_broker_id_change(group.data, None, ha_server_addr, outbox)
        is_of_these_options = tables.digests_forgotten == forgotten
        if is_of_these_options and self._has_own_master(tables, group.data, cluster):
            tables.keep_digest(group.data, info, self._digest)
        info.answer_ext_fields = write_ext_fields(result)
        return result

    def _join_group(
        self, tables: RouteTables, cluster: str, name: str
    ) -> Steps[_Group]:
        """Steps 2 to 5: the group, its flag and zone, and one address, one id."""
        header = self._header
        data = tables.broker_addr_table.get(name)
        is_first = data is None
        if data is None:
            data = tables.add_group(cluster, name)
        addrs = data.broker_addrs
        lowest = MASTER_ID if addrs.lowest is None else addrs.lowest
        acting = bool(header.enable_acting_master)
        ids = addrs.ids_of(header.broker_addr)
        twice = [key for key in ids if key != self._broker_id]
        for key in twice:
            tables.drop_addr(data, key)
        if twice or (acting, header.zone_name) != (
            data.enable_acting_master,
            data.zone_name,
        ):
            data.enable_acting_master = acting
            data.zone_name = header.zone_name
            yield from tables.group_changed(data)
        return _Group(data, is_first, self._broker_id < lowest)

    def _forget_digest(self, tables: RouteTables, cluster: str) -> None:
        addr = self._header.broker_addr
        live = tables.broker_live_table.get(cluster, addr) if addr is not None else None
        if live is not None:
            live.digest = None

    def _is_outdated(
        self, tables: RouteTables, data: BrokerData, cluster: str, outbox: Outbox
    ) -> bool:
        """Step 6: a newer holder of this broker id lives at another address, or one
        of the two has no version."""
        addr = self._header.broker_addr
        old_addr = data.broker_addrs.get(self._broker_id)
        if old_addr is None or old_addr == addr:
            return False
        holder = tables.broker_live_table.get(cluster, old_addr)
        wrapper = self._body.topic_config_serialize_wrapper
        received = wrapper.data_version if wrapper is not None else None
        if holder is None:
            return False
        if holder.data_version is None or received is None:
            return True  # Java breaks off for want of a version
        if holder.data_version.state_version <= received.state_version:
            return False
        outbox.warn(
            "registration rejected, a newer broker holds this id",
            broker=data.broker_name,
            id=self._broker_id,
            address=addr,
            state_version=received.state_version,
            holder=old_addr,
            holder_state_version=holder.data_version.state_version,
        )
        live = tables.broker_live_table.get(cluster, addr) if addr is not None else None
        if live is not None and live.broker_name == data.broker_name:
            # Another group's broker may be live at this address.
            tables.remove_live(*live.key)
        return True

    def _may_join(
        self,
        data: BrokerData,
        wrapper: TopicConfigSerializeWrapper | None,
        outbox: Outbox,
    ) -> bool:
        """Step 7: a new broker id needs a table, and not one of a single topic."""
        if self._broker_id in data.broker_addrs:
            return True
        if wrapper is None or wrapper.topic_config_table is None:
            return False
        if len(wrapper.topic_config_table) != 1:
            return True
        outbox.warn(
            "first registration with a single topic refused",
            broker=data.broker_name,
            id=self._broker_id,
            address=self._header.broker_addr,
        )
        raise RequestFailed("register broker failed")

    def _store_addr(
        self, tables: RouteTables, group: _Group, outbox: Outbox, now_ms: int
    ) -> Steps[None]:
        """Step 8."""
        data, addr = group.data, self._header.broker_addr
        old_addr = data.broker_addrs.get(self._broker_id)
        group.is_first = group.is_first or not old_addr
        if old_addr == addr and self._broker_id in data.broker_addrs:
            return
        tables.set_addr(data, self._broker_id, addr)
        yield from tables.group_changed(data)
        if old_addr is not None:
            self._forget_replaced(tables, data, old_addr)
        outbox.broker_changed(
            logging.INFO,
            "new broker registered",
            cluster=self._header.cluster_name,
            broker=data.broker_name,
            id=self._broker_id,
            address=addr,
            ha=self._header.ha_server_addr,
            replaces=old_addr,
        )
        if old_addr is not None and data.comes_back(
            self._broker_id, addr, old_addr, now_ms
        ):
            outbox.warn(
                "two addresses claim one broker id by turns",
                broker=data.broker_name,
                id=self._broker_id,
                address=addr,
                other=old_addr,
            )

    def _forget_replaced(
        self, tables: RouteTables, data: BrokerData, old_addr: str
    ) -> None:
        """Java leaves the live entry of a replaced address behind (trap 23)."""
        for cluster in list(data.live_clusters_at(old_addr)):
            tables.remove_live(cluster, old_addr)
            tables.set_filter_servers((cluster, old_addr), None)

    def _apply_topics(
        self,
        tables: RouteTables,
        options: Options,
        group: _Group,
        wrapper: TopicConfigSerializeWrapper,
        cluster: str,
        now_ms: int,
    ) -> Steps[bool]:
        """Steps 9 and 10; False when it broke off, as Java does, half done."""
        data = group.data
        is_old = self._header.enable_acting_master is None
        is_master = self._broker_id == MASTER_ID
        is_prime_slave = (
            not is_old and not is_master and self._broker_id == data.min_broker_id
        )
        configs = wrapper.topic_config_table or {}
        mappings = wrapper.topic_queue_mapping_info_map
        if not is_master and not is_prime_slave:
            return True
        if options.delete_topic_with_broker_registration:
            if mappings is None:
                return False
            if not mappings:
                yield from self._drop_missing(tables, data, configs)
        refresh = group.is_first or self._version_changed(tables, wrapper, cluster)
        drop_write = is_prime_slave and data.enable_acting_master
        complete = yield from self._store_topics(
            tables, data, configs, refresh, drop_write
        )
        if complete and refresh:
            if mappings is None:
                return False
            for some in batches(list(mappings.items()), Cost.TOPIC_CHANGED):
                for topic, info in some:
                    tables.set_mapping(topic, info, now_ms)
                yield len(some) * Cost.TOPIC_CHANGED
        return complete

    def _drop_missing(
        self, tables: RouteTables, data: BrokerData, configs: dict[str, TopicConfig]
    ) -> Steps[None]:
        missing: list[TopicQueues] = []
        for entries in batches(data.topics(), Cost.TOPIC):
            missing += [entry for entry in entries if entry.topic not in configs]
            yield len(entries) * Cost.TOPIC
        yield from tables.remove_queues(missing, data.broker_name)
        if missing:
            tables.forget_digests((data.broker_name,))

    def _version_changed(
        self,
        tables: RouteTables,
        wrapper: TopicConfigSerializeWrapper,
        cluster: str,
    ) -> bool:
        addr = self._header.broker_addr
        live = tables.broker_live_table.get(cluster, addr) if addr is not None else None
        if live is None or live.data_version is None:
            return True
        return wrapper.data_version is None or live.data_version != wrapper.data_version

    def _store_topics(
        self,
        tables: RouteTables,
        data: BrokerData,
        configs: dict[str, TopicConfig],
        refresh: bool,
        drop_write: bool,
    ) -> Steps[bool]:
        """False at the first topic without a name; earlier ones stay."""
        mask = ~PERM_WRITE if drop_write else -1
        stored = False
        complete = True
        data.coming_topics = len(configs)
        # Few: CPython hashes numbers without a seed, and a peer chooses these.
        memo: dict[tuple[int, int, int, int], QueueData] = {}
        for some in batches(list(configs.values()), Cost.TOPIC_CHANGED):
            queue_datas: dict[str, QueueData] = {}
            for config in some:
                topic = config.topic_name
                if topic is None:
                    complete = False
                    break
                if not refresh and (
                    topic in queue_datas
                    or data.has(tables.topic_queue_table.get(topic))
                ):
                    continue
                numbers = (
                    config.perm & mask,
                    config.read_queue_nums,
                    config.topic_sys_flag,
                    config.write_queue_nums,
                )
                queue_data = memo.get(numbers)
                if queue_data is None:
                    queue_data = data.shared(*numbers)
                    if len(memo) < _MOST_ALIKE:
                        memo[numbers] = queue_data
                queue_datas[topic] = queue_data
            if queue_datas:
                tables.set_queues(data, queue_datas)
                stored = True
            yield len(some) * Cost.TOPIC_CHANGED
            if not complete:
                break
        data.coming_topics = 0
        if stored:
            tables.forget_digests((data.broker_name,))
        return complete

    def _refresh(
        self, tables: RouteTables, data: BrokerData, cluster: str, now_ms: int
    ) -> BrokerLiveInfo | None:
        """Step 11: the live entry; None for a broker without an address."""
        header = self._header
        if header.broker_addr is None:
            return None
        info = BrokerLiveInfo(
            cluster,
            header.broker_addr,
            data.broker_name,
            header.timeout_millis,
            self._version,
            header.ha_server_addr,
            self._owner,
        )
        tables.put_live(data, info, now_ms)
        return info

    def _has_own_master(
        self, tables: RouteTables, data: BrokerData, cluster: str
    ) -> bool:
        """Whether only this group can change what its slave is answered."""
        master_addr = data.broker_addrs.get(MASTER_ID)
        if self._broker_id == MASTER_ID or master_addr is None:
            return True
        live = tables.broker_live_table.get(cluster, master_addr)
        return live is not None and live.broker_name == data.broker_name

    def _master_of(
        self, tables: RouteTables, data: BrokerData, cluster: str
    ) -> ExtFields:
        """Step 13: what a slave needs to find its master."""
        master_addr = data.broker_addrs.get(MASTER_ID)
        if self._broker_id == MASTER_ID or master_addr is None:
            return {}
        live = tables.broker_live_table.get(cluster, master_addr)
        if live is None:
            return {}
        return {"haServerAddr": live.ha_server_addr, "masterAddr": master_addr}
