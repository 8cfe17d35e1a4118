"""(cluster, broker address) -> the live broker and the time of its last sign of life.

Times are monotonic milliseconds and come from the caller. Every registration gets the
next epoch, so that events of older registrations are recognised.
Source: `RouteInfoManager#brokerLiveTable`, protocol.md sections 3.1, 3.5 and 3.7.
"""

from typing import cast

from namesrv.hot_path import check_instance, check_int64, check_millis, check_text
from namesrv.wire.bodies import DataVersion


class BrokerLiveInfo:
    """One live broker.

    `owner` is the connection of the last registration. `digest` recognises a
    registration that repeats the last one, and is None if none may be recognised;
    `answer_ext_fields` is the JSON object in the answer to such a repetition.
    """

    __slots__ = (
        "_data_version",
        "answer_ext_fields",
        "broker_addr",
        "broker_name",
        "cluster_name",
        "digest",
        "epoch",
        "ha_server_addr",
        "heartbeat_timeout_millis",
        "last_update_timestamp",
        "owner",
    )

    def __init__(
        self,
        cluster_name: str,
        broker_addr: str,
        broker_name: str,
        heartbeat_timeout_millis: int,
        data_version: DataVersion | None,
        ha_server_addr: str | None,
        owner: object,
    ) -> None:
        check_text("cluster_name", cluster_name)
        check_text("broker_addr", broker_addr)
        check_text("broker_name", broker_name)
        self.cluster_name = cluster_name
        self.broker_addr = broker_addr
        self.broker_name = broker_name
        self.heartbeat_timeout_millis = check_int64(
            "heartbeat_timeout_millis", heartbeat_timeout_millis
        )
        if data_version is not None:
            _check_version(data_version)
        self._data_version = data_version
        self.ha_server_addr = ha_server_addr
        self.owner = owner
        self.last_update_timestamp = 0
        self.epoch = 0
        self.digest: bytes | None = None
        self.answer_ext_fields = ""

    @property
    def data_version(self) -> DataVersion | None:
        """Version of the broker's topic table, None when it sent none."""
        return self._data_version

    @property
    def key(self) -> tuple[str, str]:
        """(cluster name, broker address)."""
        return self.cluster_name, self.broker_addr


class BrokerLiveTable:
    """All live brokers."""

    __slots__ = ("_clusters", "_epoch", "_size")

    def __init__(self) -> None:
        self._clusters: dict[str, dict[str, BrokerLiveInfo]] = {}
        self._epoch = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def epoch(self) -> int:
        """The epoch of the last registration; the number of all."""
        return self._epoch

    def get(self, cluster_name: str, broker_addr: str) -> BrokerLiveInfo | None:
        """The entry of a broker, or None."""
        check_text("cluster_name", cluster_name)
        check_text("broker_addr", broker_addr)
        brokers = self._clusters.get(cluster_name)
        return None if brokers is None else brokers.get(broker_addr)

    def entries(self) -> list[BrokerLiveInfo]:
        """All entries, in no order."""
        return [
            info for brokers in self._clusters.values() for info in brokers.values()
        ]

    def put(self, info: BrokerLiveInfo, now_ms: int) -> None:
        """Store a registration; it replaces an entry of the same key."""
        check_instance("info", info, BrokerLiveInfo)
        check_millis("now_ms", now_ms)
        brokers = self._clusters.setdefault(info.cluster_name, {})
        self._size += info.broker_addr not in brokers
        brokers[info.broker_addr] = info
        self.renew(info, info.owner, now_ms)

    def renew(self, info: BrokerLiveInfo, owner: object, now_ms: int) -> None:
        """The broker registered again over `owner`: next epoch, alive as of now."""
        check_instance("info", info, BrokerLiveInfo)
        check_millis("now_ms", now_ms)
        self._epoch += 1
        info.epoch = self._epoch
        info.owner = owner
        info.last_update_timestamp = now_ms

    def touch(self, cluster_name: str, broker_addr: str, now_ms: int) -> bool:
        """The broker sent a heartbeat; False if it has no entry."""
        check_text("cluster_name", cluster_name)
        check_text("broker_addr", broker_addr)
        check_millis("now_ms", now_ms)
        info = self.get(cluster_name, broker_addr)
        if info is None:
            return False
        info.last_update_timestamp = now_ms
        return True

    def remove(self, cluster_name: str, broker_addr: str) -> BrokerLiveInfo | None:
        """Remove and return an entry; None if there is none."""
        check_text("cluster_name", cluster_name)
        check_text("broker_addr", broker_addr)
        brokers = self._clusters.get(cluster_name)
        info = None if brokers is None else brokers.pop(broker_addr, None)
        if brokers is None or info is None:
            return None
        self._size -= 1
        if not brokers:
            del self._clusters[cluster_name]
        return info

    def expired(self, now_ms: int) -> list[BrokerLiveInfo]:
        """Entries silent for longer than their timeout, by cluster and address.

        Source: protocol.md section 3.5.
        """
        check_millis("now_ms", now_ms)
        found = [
            info
            for info in self.entries()
            if now_ms - info.last_update_timestamp > info.heartbeat_timeout_millis
        ]
        return sorted(found, key=lambda info: info.key)

    def shift(self, millis: int) -> None:
        """Move every deadline by the length of a stall of our process."""
        check_millis("millis", millis)
        for info in self.entries():
            info.last_update_timestamp += millis


def _check_version(version: DataVersion) -> None:
    """Raise TypeError or ValueError unless it can be written and compared."""
    check_instance("data_version", version, DataVersion)
    check_int64("counter", version.counter)
    check_int64("state_version", version.state_version)
    check_int64("timestamp", cast(int, version.timestamp))
