"""REGISTER_BROKER: one registration applied whole (protocol.md section 3.3).

The steps keep Java's order, because the leftovers of a refused or broken registration
depend on it. Other requests are served between two of them, but nobody reads a route
that would mix two registrations (P2). Source: `RouteInfoManager#registerBroker`.
"""

from collections.abc import Container
from functools import partial

from namesrv._impl import BrokerLiveInfo, TopicQueues
from namesrv.codes import MASTER_ID, PERM_WRITE
from namesrv.errors import RequestFailed
from namesrv.routing.access.request import Request
from namesrv.routing.brokers.min_broker_id import notify_min_broker_id_change
from namesrv.routing.brokers.parts import Parts
from namesrv.routing.brokers.registration_changes import RegistrationChanges
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.limits import stores_topics
from namesrv.routing.tables.queue_steps import set_queues
from namesrv.routing.tables.registered_topics import RegisteredTopics
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import (
    DataVersion,
    RegisterBrokerBody,
    TopicConfigSerializeWrapper,
)
from namesrv.wire.command import ExtFields, write_ext_fields
from namesrv.wire.headers import RegisterBrokerRequestHeader
from namesrv.work import Cost, Steps, batches


class Registration:
    """One REGISTER_BROKER that is being applied.

    `version` is for the live entry; `digest` recognises a repetition, None when nothing
    may be recognised. Afterwards one event has all that it changed.
    """

    def __init__(
        self,
        parts: Parts,
        request: Request,
        header: RegisterBrokerRequestHeader,
        body: RegisterBrokerBody,
        topics: RegisteredTopics | None,
        broker_id: int,
        version: DataVersion | None,
        digest: bytes | None,
    ) -> None:
        self._tables, self._options, self._outbox, _ = parts
        self._request = request
        self._now_ms = request.now_ms
        self._header = header
        self._body = body
        self._topics = topics
        self._wrapper = body.topic_config_serialize_wrapper
        self._broker_id = broker_id
        self._version = version
        self._digest = digest
        self._cluster = header.cluster_name or ""
        self._addr = header.broker_addr
        self._changes = RegistrationChanges(
            parts.events, request.cause, header, broker_id
        )

    def apply(self) -> Steps[ExtFields]:
        """Carry it out; extFields of the answer: haServerAddr and masterAddr, if any.

        Raises RequestFailed when a single-topic registration would be the first.
        """
        if self._header.cluster_name is None:
            return {}
        try:
            return (yield from self._apply())
        finally:
            # Changes of a refused or broken one stay, so they are reported, too.
            self._changes.put()

    def _apply(self) -> Steps[ExtFields]:
        tables, name = self._tables, self._header.broker_name
        if tables.join_cluster(self._cluster, name):
            self._changes.note("cluster")
        if name is None:
            return {}
        # Until its end routes with this group that are not ready have to wait, and the
        # last registration is not taken for repeated.
        tables.busy.hide(name)
        forgotten = tables.digests_forgotten
        old = self._live()
        if old is not None:
            old.digest = None
        data, is_first = tables.broker_addr_table.get(name), False
        if data is None:
            data, is_first = tables.add_group(self._cluster, name), True
            self._changes.note("group")
        is_lowest = self._broker_id < (data.min_broker_id or MASTER_ID)
        yield from self._join_group(data)
        if (yield from self._is_outdated(data)):
            self._request.is_rejected = True
            return {}
        if not self._may_join(data):
            return {}
        is_first = (yield from self._store_addr(data)) or is_first
        if not (yield from self._apply_topics(data, is_first)):
            return {}
        info = self._refresh(data)
        if info is None:
            return {}
        # Null leaves the table alone, an empty list clears it (step 12).
        servers = self._body.filter_server_list
        if servers is not None:
            if (yield from tables.set_filter_servers(info.key, servers)):
                self._changes.note("filter servers")
        if is_lowest and self._options.notify_min_broker_id_changed:
            ha_server_addr = self._header.ha_server_addr
            notify_min_broker_id_change(data, None, ha_server_addr, self._outbox)
        result = master_of(tables, data, self._cluster, self._broker_id)
        is_of_these_options = tables.digests_forgotten == forgotten
        if is_of_these_options and self._has_own_master(data):
            tables.keep_digest(data, info, self._digest)
        info.answer_ext_fields = write_ext_fields(result)
        return result

    def _live(self) -> BrokerLiveInfo | None:
        """The live entry at its address, of whichever group."""
        addr = self._addr
        table = self._tables.broker_live_table
        return None if addr is None else table.get(self._cluster, addr)

    def _join_group(self, data: BrokerData) -> Steps[None]:
        """Steps 2 to 5: the group's flag and zone, and one address, one id."""
        header, addrs = self._header, data.broker_addrs
        acting = bool(header.enable_acting_master)
        other_ids = [i for i in addrs.ids_of(self._addr) if i != self._broker_id]
        for broker_id in other_ids:
            self._tables.drop_addr(data, broker_id)
        self._changes.former_ids = tuple(other_ids)
        parts = {
            "id": bool(other_ids),
            "acting master": acting != data.enable_acting_master,
            "zone": header.zone_name != data.zone_name,
        }
        if any(parts.values()):
            data.enable_acting_master = acting
            data.zone_name = header.zone_name
            for part in (part for part, is_other in parts.items() if is_other):
                self._changes.note(part)
            yield from self._tables.group_changed(data)

    def _is_outdated(self, data: BrokerData) -> Steps[bool]:
        """Step 6: a newer holder of this broker id lives at another address, or one
        of the two has no version."""
        old_addr = data.broker_addrs.get(self._broker_id)
        if old_addr is None or old_addr == self._addr:
            return False
        holder = self._tables.broker_live_table.get(self._cluster, old_addr)
        received = self._wrapper.data_version if self._wrapper is not None else None
        if holder is None:
            return False
        if holder.data_version is None or received is None:
            return True  # Java breaks off for want of a version
        if holder.data_version.state_version <= received.state_version:
            return False
        self._outbox.warn(
            "registration rejected, a newer broker holds this id",
            broker=data.broker_name,
            id=self._broker_id,
            address=self._addr,
            state_version=received.state_version,
            holder=old_addr,
            holder_state_version=holder.data_version.state_version,
        )
        live = self._live()
        if live is not None and live.broker_name == data.broker_name:
            # Another group's broker may be live at this address.
            on_removed = partial(self._changes.put_replaced, replaced_by=old_addr)
            yield from self._tables.remove_live(*live.key, on_removed)
        return True

    def _may_join(self, data: BrokerData) -> bool:
        """Step 7: a new broker id needs a table, and not one of a single topic, which
        is how a broker sends one topic alone. Over HTTP every table is whole."""
        if self._broker_id in data.broker_addrs:
            return True
        if self._topics is None:
            return False
        if self._topics.count != 1 or self._request.owner is None:
            return True
        self._outbox.warn(
            "first registration with a single topic refused",
            broker=data.broker_name,
            id=self._broker_id,
            address=self._addr,
        )
        self._request.refused_topic = self._topics.first
        raise RequestFailed("register broker failed")

    def _store_addr(self, data: BrokerData) -> Steps[bool]:
        """Step 8; whether the id had no address before."""
        broker_id, addr = self._broker_id, self._addr
        old_addr = data.broker_addrs.get(broker_id)
        if old_addr == addr and broker_id in data.broker_addrs:
            return not old_addr
        self._tables.set_addr(data, broker_id, addr)
        self._changes.note("address")
        self._changes.replaces = old_addr
        yield from self._tables.group_changed(data)
        if old_addr is None:
            return True
        # Java leaves the live entry of a replaced address behind (trap 23).
        on_removed = partial(self._changes.put_replaced, replaced_by=addr)
        for cluster in list(data.live_clusters_at(old_addr)):
            yield from self._tables.remove_live(cluster, old_addr, on_removed)
        if data.comes_back(broker_id, addr, old_addr, self._now_ms):
            self._outbox.warn(
                "two addresses claim one broker id by turns",
                broker=data.broker_name,
                id=broker_id,
                address=addr,
                other=old_addr,
            )
        return not old_addr

    def _apply_topics(self, data: BrokerData, is_first: bool) -> Steps[bool]:
        """Steps 9 and 10; False when it broke off, as Java does, half done."""
        wrapper, topics = self._wrapper, self._topics
        if wrapper is None or topics is None:
            return True
        if not stores_topics(self._header, data):
            return True
        mappings = wrapper.topic_queue_mapping_info_map
        if self._options.delete_topic_with_broker_registration:
            if mappings is None:
                return False
            if not mappings:
                yield from self._drop_missing(data, topics.names)
        refresh = is_first or self._version_changed(wrapper)
        complete = yield from self._store_topics(data, topics, refresh)
        if not complete or not refresh:
            return complete
        if mappings is None:
            return False
        for some in batches(list(mappings.items()), Cost.TOPIC_CHANGED):
            for topic, info in some:
                if self._tables.set_mapping(topic, info, self._now_ms):
                    self._changes.topics.mapped.append(topic)
            yield len(some) * Cost.TOPIC_CHANGED
        return True

    def _drop_missing(self, data: BrokerData, names: Container[str]) -> Steps[None]:
        tables, name = self._tables, data.broker_name
        missing: list[TopicQueues] = []
        for entries in batches(data.topics(), Cost.TOPIC):
            missing += [entry for entry in entries if entry.topic not in names]
            yield len(entries) * Cost.TOPIC
        yield from tables.remove_queues(missing, name, self._changes.topics)
        if missing:
            tables.forget_digests((name,))

    def _version_changed(self, wrapper: TopicConfigSerializeWrapper) -> bool:
        live, received = self._live(), wrapper.data_version
        if live is None or live.data_version is None or received is None:
            return True
        return live.data_version != received

    def _store_topics(
        self, data: BrokerData, topics: RegisteredTopics, refresh: bool
    ) -> Steps[bool]:
        """False at the first topic without a name; earlier ones stay."""
        tables = self._tables
        drop_write = data.enable_acting_master and self._broker_id != MASTER_ID
        mask = ~PERM_WRITE if drop_write else -1
        stored = False
        complete = True
        data.coming_topics = topics.count
        for start in range(0, topics.count, topics.step):
            different, complete = topics.different(tables, data, start, mask, refresh)
            stored = stored or bool(different.topics)
            yield from set_queues(tables, data, *different, self._changes.topics)
            compared = min(topics.step, topics.count - start)
            yield compared * topics.step_units // topics.step
            if not complete:
                break
        data.coming_topics = 0
        if stored:
            tables.forget_digests((data.broker_name,))
        return complete

    def _refresh(self, data: BrokerData) -> BrokerLiveInfo | None:
        """Step 11: the live entry; None for a broker without an address."""
        header = self._header
        if self._addr is None:
            return None
        info = BrokerLiveInfo(
            self._cluster,
            self._addr,
            data.broker_name,
            header.timeout_millis,
            self._version,
            header.ha_server_addr,
            self._request.owner,
        )
        old = self._tables.put_live(data, info, self._now_ms)
        self._changes.note_live(old, info)
        return info

    def _has_own_master(self, data: BrokerData) -> bool:
        """Whether only this group can change the answer to its slave."""
        master_addr = data.broker_addrs.get(MASTER_ID)
        if self._broker_id == MASTER_ID or master_addr is None:
            return True
        live = self._tables.broker_live_table.get(self._cluster, master_addr)
        return live is not None and live.broker_name == data.broker_name


def master_of(
    tables: RouteTables, data: BrokerData, cluster: str, broker_id: int
) -> ExtFields:
    """Step 13: the addresses by which a slave finds its master."""
    master_addr = data.broker_addrs.get(MASTER_ID)
    if broker_id == MASTER_ID or master_addr is None:
        return {}
    live = tables.broker_live_table.get(cluster, master_addr)
    if live is None:
        return {}
    return {"haServerAddr": live.ha_server_addr, "masterAddr": master_addr}
