"""The live table, held against a plain dictionary."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from namesrv.wire.bodies import DataVersion


def entry(
    hot: Any, addr: str = "a", cluster: str = "c", timeout: int = 100, owner: Any = "o"
) -> Any:
    version = DataVersion(1, 2, 3)
    return hot.BrokerLiveInfo(cluster, addr, "b", timeout, version, "ha", owner)


def test_live_entry_has_its_arguments(hot: Any) -> None:
    owner = object()
    info = hot.BrokerLiveInfo("c", "a", "b", 100, None, None, owner)
    assert info.key == ("c", "a")
    assert (info.cluster_name, info.broker_addr, info.broker_name) == ("c", "a", "b")
    assert info.heartbeat_timeout_millis == 100
    assert info.data_version is None and info.ha_server_addr is None
    assert info.owner is owner
    assert (info.last_update_timestamp, info.epoch) == (0, 0)
    assert info.digest is None and info.answer_ext_fields == ""


def test_a_registration_is_heard_of_now_and_gets_the_next_epoch(hot: Any) -> None:
    table = hot.BrokerLiveTable()
    first, second = entry(hot), entry(hot, "a2")
    table.put(first, 10)
    table.put(second, 20)
    assert (first.last_update_timestamp, second.last_update_timestamp) == (10, 20)
    assert 0 < first.epoch < second.epoch
    assert table.get("c", "a") is first
    assert len(table) == 2
    assert sorted(info.key for info in table.entries()) == [("c", "a"), ("c", "a2")]


def test_the_same_key_replaces(hot: Any) -> None:
    table = hot.BrokerLiveTable()
    old, new = entry(hot), entry(hot)
    table.put(old, 10)
    table.put(new, 20)
    assert table.get("c", "a") is new
    assert len(table) == 1
    assert new.epoch > old.epoch


@pytest.mark.parametrize("size", [*range(1, 70), 200])
def test_live_table_distinguishes_names_of_any_length(hot: Any, size: int) -> None:
    table = hot.BrokerLiveTable()
    entries = {}
    for length in {0, 1, size // 2, size - 1, size}:
        for last in "xy":
            cluster, addr = "c" * length, "a" * (size - length) + last
            entries[cluster, addr] = entry(hot, addr, cluster)
            entries[addr, cluster] = entry(hot, cluster, addr)
    for info in entries.values():
        table.put(info, 10)
    for key, info in entries.items():
        assert table.get(*key) is info
    assert table.get("c" * size, "z") is None
    assert table.get("c", "a" * (size - 1) + "z") is None


def test_the_same_address_in_another_cluster_is_another_broker(hot: Any) -> None:
    table = hot.BrokerLiveTable()
    table.put(entry(hot, cluster="c1"), 1)
    table.put(entry(hot, cluster="c2"), 2)
    assert len(table) == 2
    assert table.touch("c1", "a", 50)
    assert table.get("c1", "a").last_update_timestamp == 50
    assert table.get("c2", "a").last_update_timestamp == 2


def test_renewing_moves_owner_epoch_and_time(hot: Any) -> None:
    table = hot.BrokerLiveTable()
    info = entry(hot)
    table.put(info, 10)
    epoch, owner = info.epoch, object()
    table.renew(info, owner, 30)
    assert info.epoch > epoch
    assert info.owner is owner
    assert info.last_update_timestamp == 30


def test_a_heartbeat_moves_only_the_time(hot: Any) -> None:
    table = hot.BrokerLiveTable()
    info = entry(hot)
    table.put(info, 10)
    epoch = info.epoch
    assert table.touch("c", "a", 40) is True
    assert (info.last_update_timestamp, info.epoch, info.owner) == (40, epoch, "o")
    assert table.touch("c", "unknown", 40) is False
    assert table.touch("unknown", "a", 40) is False
    assert len(table) == 1


def test_removed_entry_is_gone(hot: Any) -> None:
    table = hot.BrokerLiveTable()
    info = entry(hot)
    table.put(info, 10)
    assert table.remove("c", "unknown") is None
    assert table.remove("unknown", "a") is None
    assert table.remove("c", "a") is info
    assert table.remove("c", "a") is None
    assert table.get("c", "a") is None
    assert (len(table), table.entries()) == (0, [])


def test_an_entry_expires_when_its_timeout_has_passed(hot: Any) -> None:
    table = hot.BrokerLiveTable()
    table.put(entry(hot, timeout=100), 10)
    assert table.expired(110) == []
    assert [info.key for info in table.expired(111)] == [("c", "a")]
    assert len(table) == 1


def test_timeouts_of_zero_and_below_expire_at_once(hot: Any) -> None:
    table = hot.BrokerLiveTable()
    table.put(entry(hot, "zero", timeout=0), 10)
    table.put(entry(hot, "negative", timeout=-5), 10)
    assert [info.broker_addr for info in table.expired(10)] == ["negative"]
    assert {info.broker_addr for info in table.expired(11)} == {"zero", "negative"}


def test_the_longest_timeout_of_a_long_never_expires(hot: Any) -> None:
    table = hot.BrokerLiveTable()
    table.put(entry(hot, "longest", timeout=2**63 - 1), 10)
    table.put(entry(hot, "lowest", timeout=-(2**63)), 10)
    found = table.expired(2**60)
    assert [info.broker_addr for info in found] == ["lowest"]


def test_a_stall_moves_every_deadline(hot: Any) -> None:
    table = hot.BrokerLiveTable()
    table.put(entry(hot, "a1", timeout=100), 0)
    table.put(entry(hot, "a2", timeout=100), 50)
    table.shift(1000)
    assert table.expired(1100) == []
    assert [info.broker_addr for info in table.expired(1101)] == ["a1"]
    assert table.get("c", "a2").last_update_timestamp == 1050


KEYS = [("c1", "a1"), ("c1", "a2"), ("c2", "a1"), ("c2", "a2")]
keys = st.sampled_from(KEYS)
times = st.integers(0, 300)


class LiveTable(RuleBasedStateMachine):
    """The model maps a key to [entry, last heard of, timeout, owner]."""

    def __init__(self, hot: Any) -> None:
        super().__init__()
        self.hot = hot
        self.table = hot.BrokerLiveTable()
        self.model: dict[tuple[str, str], list[Any]] = {}
        self.last_epoch = 0

    def newest(self, info: Any) -> None:
        assert info.epoch > self.last_epoch
        self.last_epoch = info.epoch

    @rule(key=keys, timeout=st.integers(-10, 200), owner=st.integers(), now=times)
    def put(self, key: tuple[str, str], timeout: int, owner: int, now: int) -> None:
        info = entry(self.hot, key[1], key[0], timeout, owner)
        self.table.put(info, now)
        self.model[key] = [info, now, timeout, owner]
        self.newest(info)

    @precondition(lambda self: self.model)
    @rule(key=keys, owner=st.integers(), now=times)
    def renew(self, key: tuple[str, str], owner: int, now: int) -> None:
        if key in self.model:
            info = self.model[key][0]
            self.table.renew(info, owner, now)
            self.model[key][1::2] = [now, owner]
            self.newest(info)

    @rule(key=keys, now=times)
    def touch(self, key: tuple[str, str], now: int) -> None:
        assert self.table.touch(*key, now) is (key in self.model)
        if key in self.model:
            self.model[key][1] = now

    @rule(key=keys)
    def remove(self, key: tuple[str, str]) -> None:
        expected = self.model.pop(key, [None])[0]
        assert self.table.remove(*key) is expected

    @rule(millis=times)
    def shift(self, millis: int) -> None:
        self.table.shift(millis)
        for row in self.model.values():
            row[1] += millis

    @rule(now=st.integers(0, 1500))
    def expired(self, now: int) -> None:
        late = [k for k, (_, at, limit, _) in self.model.items() if at + limit < now]
        assert [info.key for info in self.table.expired(now)] == sorted(late)

    @invariant()
    def same_entries(self) -> None:
        assert len(self.table) == len(self.model)
        for key in KEYS:
            row = self.model.get(key, [None])
            info = self.table.get(*key)
            assert info is row[0]
            if info is not None:
                assert info.key == key
                assert [info.last_update_timestamp, info.owner] == row[1::2]
        assert sorted(i.key for i in self.table.entries()) == sorted(self.model)


def test_any_history_equals_the_naive_model(hot: Any) -> None:
    machine: Any = lambda: LiveTable(hot)  # noqa: E731
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=30))
