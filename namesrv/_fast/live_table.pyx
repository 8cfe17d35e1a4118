"""(cluster, broker address) -> the live broker and the time of its last sign of life.

Times are monotonic milliseconds and come from the caller. Every registration gets the
next epoch, so that events of older registrations are recognised.
Source: `RouteInfoManager#brokerLiveTable`, protocol.md sections 3.1, 3.5 and 3.7.
"""

from namesrv._fast.scan cimport scan_named_number
from namesrv._fast.text_map cimport Key, Slot, TextMap

from namesrv.hot_path import check_instance, check_int64, check_millis, check_text
from namesrv.wire.bodies import DataVersion, write_data_version


cdef class BrokerLiveInfo:
    """One live broker.

    `owner` is the connection of the last registration. `digest` recognises a
    registration that repeats the last one, and is None if none may be recognised;
    `answer_ext_fields` is the JSON object in the answer to such a repetition.
    """

    def __init__(
        self,
        cluster_name,
        broker_addr,
        broker_name,
        heartbeat_timeout_millis,
        data_version,
        ha_server_addr,
        owner,
    ):
        check_text("cluster_name", cluster_name)
        check_text("broker_addr", broker_addr)
        check_text("broker_name", broker_name)
        self.cluster_name = cluster_name
        self.broker_addr = broker_addr
        self.broker_name = broker_name
        self.heartbeat_timeout_millis = check_int64(
            "heartbeat_timeout_millis", heartbeat_timeout_millis
        )
        self._data_version = data_version
        self._has_version = data_version is not None
        if data_version is not None:
            _check_version(data_version)
            self._counter = data_version.counter
            self._state_version = data_version.state_version
            self._timestamp = data_version.timestamp
            self._version_text = write_data_version(data_version).encode()
        self.ha_server_addr = ha_server_addr
        self.owner = owner
        self.last_update_timestamp = 0
        self.epoch = 0
        self.digest = None
        self.answer_ext_fields = ""

    @property
    def data_version(self):
        """Version of the broker's topic table, None when it sent none."""
        return self._data_version

    @property
    def key(self):
        """(cluster name, broker address)."""
        return self.cluster_name, self.broker_addr

    cdef int compare_version(
        self, const unsigned char* place, Py_ssize_t length
    ) noexcept:
        """1 for the broker's own DataVersion in JSON, 0 for another one, -1 for a text
        that is not a DataVersion as brokers write it."""
        cdef const unsigned char* end = place + length
        cdef long long counter, state_version, timestamp
        if length == 0:
            return -1
        place = scan_named_number(place, end, b'{"counter":', 11, &counter)
        if place == NULL:
            return -1
        place = scan_named_number(place, end, b',"stateVersion":', 16, &state_version)
        if place == NULL:
            return -1
        place = scan_named_number(place, end, b',"timestamp":', 13, &timestamp)
        if place == NULL or end - place != 1 or place[0] != 125:
            return -1
        return (
            counter == self._counter
            and state_version == self._state_version
            and timestamp == self._timestamp
        )


cdef class BrokerLiveTable:
    """All live brokers."""

    def __init__(self):
        self._brokers = TextMap()
        self._infos = {}
        self._epoch = 0

    def __len__(self):
        return len(self._brokers)

    @property
    def epoch(self):
        """The epoch of the last registration; the number of all."""
        return self._epoch

    def get(self, cluster_name, broker_addr):
        """The entry of a broker, or None."""
        check_text("cluster_name", cluster_name)
        check_text("broker_addr", broker_addr)
        return self._infos.get((cluster_name, broker_addr))

    def entries(self):
        """All entries, in no order."""
        return list(self._infos.values())

    def put(self, info, now_ms):
        """Store a registration; it replaces an entry of the same key."""
        cdef BrokerLiveInfo entry
        cdef Slot* slot
        check_instance("info", info, BrokerLiveInfo)
        check_millis("now_ms", now_ms)
        entry = info
        # The former one stays until its slot has another.
        former = self._infos.get(entry.key)
        self._infos[entry.key] = entry
        slot = self._brokers.place(
            entry.cluster_name, entry.broker_addr, <void*>entry
        )
        self._brokers.set(slot, <void*>entry)
        del former
        self.renew(entry, entry.owner, now_ms)

    def renew(self, info, owner, now_ms):
        """The broker registered again over `owner`: next epoch, alive as of now."""
        cdef BrokerLiveInfo entry
        check_instance("info", info, BrokerLiveInfo)
        check_millis("now_ms", now_ms)
        entry = info
        self._epoch += 1
        entry.epoch = self._epoch
        entry.owner = owner
        entry.last_update_timestamp = now_ms

    def touch(self, cluster_name, broker_addr, now_ms):
        """The broker sent a heartbeat; False if it has no entry."""
        cdef BrokerLiveInfo info = self.get(cluster_name, broker_addr)
        check_millis("now_ms", now_ms)
        if info is None:
            return False
        info.last_update_timestamp = now_ms
        return True

    def remove(self, cluster_name, broker_addr):
        """Remove and return an entry; None if there is none."""
        info = self.get(cluster_name, broker_addr)
        if info is not None:
            self._brokers.remove(self._brokers.seek(cluster_name, broker_addr))
            del self._infos[cluster_name, broker_addr]
        return info

    def expired(self, now_ms):
        """Entries silent for longer than their timeout, by cluster and address.

        Source: protocol.md section 3.5.
        """
        cdef long long now = check_millis("now_ms", now_ms)
        cdef BrokerLiveInfo info
        found = []
        for info in self._infos.values():
            if now - info.last_update_timestamp > info.heartbeat_timeout_millis:
                found.append(info)
        found.sort(key=_key)
        return found

    def shift(self, millis):
        """Move every deadline by the length of a stall of our process."""
        check_millis("millis", millis)
        for info in self.entries():
            (<BrokerLiveInfo>info).last_update_timestamp += millis

    cdef BrokerLiveInfo find(
        self,
        const unsigned char* cluster_name,
        Py_ssize_t cluster_length,
        const unsigned char* broker_addr,
        Py_ssize_t addr_length,
    ):
        cdef Key key = Key(cluster_name, cluster_length, broker_addr, addr_length)
        cdef void* info
        if addr_length == 0:
            # NULL, if the field is not there; the key is a pair all the same.
            key.second = cluster_name
        info = self._brokers.find(&key)
        return None if info == NULL else <BrokerLiveInfo>info


def _check_version(version):
    check_instance("data_version", version, DataVersion)
    check_int64("counter", version.counter)
    check_int64("state_version", version.state_version)
    check_int64("timestamp", version.timestamp)


def _key(BrokerLiveInfo info):
    return info.cluster_name, info.broker_addr
