"""BrokerLiveTable over both twins, and over a model that is one dictionary."""

from types import SimpleNamespace
from typing import Any

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
from tests.parity.naive import NaiveTable
from tests.parity.twins import FAST, PURE, both, outcome, plain, same, state

# "ab" + "c" and "a" + "bc" are the same letters.
NAMES = ["a", "ab", "abc", "c", "bc", "", "é", "\ud800", "a\0", "10.0.0.1:10911"]
names = st.one_of(st.sampled_from(NAMES[:3]), st.sampled_from(NAMES))
timeouts = st.sampled_from([0, 1, 1000, 120_000, -1, 2**63 - 1, -(2**63)])
times = st.one_of(
    st.integers(-5, 1500),
    st.sampled_from([120_000, 120_001, 2**61, -(2**61), 2**31, 2**32]),
)
versions = st.sampled_from([None, DataVersion(1, 2, 3), DataVersion(2**63 - 1, -1, 0)])


class Tables(RuleBasedStateMachine):
    """Any order of calls."""

    def __init__(self) -> None:
        super().__init__()
        self.twins = both("BrokerLiveTable")
        self.model = NaiveTable()
        self.infos: list[tuple[tuple[str, str], SimpleNamespace]] = []

    @rule(cluster=names, addr=names, timeout=timeouts, version=versions, now_ms=times)
    def put_new(
        self, cluster: str, addr: str, timeout: int, version: Any, now_ms: int
    ) -> None:
        owner = f"owner {len(self.infos)}"
        infos = both(
            "BrokerLiveInfo", cluster, addr, "b", timeout, version, None, owner
        )
        self.infos.append(((cluster, addr), infos))
        self.put(len(self.infos) - 1, now_ms)

    @precondition(lambda self: self.infos)
    @rule(back=st.integers(0, 5), now_ms=times)
    def put(self, back: int, now_ms: int) -> None:
        key, infos = self.infos[back % len(self.infos)]
        for hot in ("pure", "fast"):
            getattr(self.twins, hot).put(getattr(infos, hot), now_ms)
        self.model.put(
            key, infos.pure.owner, infos.pure.heartbeat_timeout_millis, now_ms
        )

    @precondition(lambda self: self.infos)
    @rule(back=st.integers(0, 5), owner=names, now_ms=times)
    def renew(self, back: int, owner: str, now_ms: int) -> None:
        """Of an entry that may have been replaced or removed since."""
        key, infos = self.infos[back % len(self.infos)]
        is_stored = self.twins.pure.get(*key) is infos.pure
        assert is_stored is (self.twins.fast.get(*key) is infos.fast)
        for hot in ("pure", "fast"):
            getattr(self.twins, hot).renew(getattr(infos, hot), owner, now_ms)
        self.model.epoch += 1
        if is_stored:
            self.model.brokers[key][:3] = [self.model.epoch, owner, now_ms]
        assert state(infos.fast) == state(infos.pure)

    @rule(cluster=names, addr=names, now_ms=times)
    def touch(self, cluster: str, addr: str, now_ms: int) -> None:
        found = same(self.twins, "touch", cluster, addr, now_ms)
        known = (cluster, addr) in self.model.brokers
        assert found == ("ok", plain(known))
        if known:
            self.model.brokers[cluster, addr][2] = now_ms

    @rule(cluster=names, addr=names)
    def remove(self, cluster: str, addr: str) -> None:
        found = same(self.twins, "remove", cluster, addr)
        assert (found[1] != plain(None)) is ((cluster, addr) in self.model.brokers)
        self.model.brokers.pop((cluster, addr), None)

    @rule(now_ms=times)
    def expire(self, now_ms: int) -> None:
        same(self.twins, "expired", now_ms)
        expected = plain(self.model.expired(now_ms))
        keys = same(self.twins, lambda t: [info.key for info in t.expired(now_ms)])
        assert keys == ("ok", expected)

    @precondition(lambda self: self.model.brokers)
    @rule(back=st.integers(0, 9), more=st.sampled_from([-1, 0, 1]))
    def expire_at_the_edge(self, back: int, more: int) -> None:
        """A timeout that has just been reached is not over yet."""
        brokers = list(self.model.brokers.values())
        _, _, heard, timeout = brokers[back % len(brokers)]
        if abs(heard + timeout + more) <= 2**61:
            self.expire(heard + timeout + more)

    @rule(millis=st.sampled_from([0, 1, -1, 1000, 5]))
    def shift(self, millis: int) -> None:
        same(self.twins, "shift", millis)
        for broker in self.model.brokers.values():
            broker[2] += millis

    @invariant()
    def same_entries(self) -> None:
        same(self.twins, lambda table: table)
        assert same(self.twins, len) == outcome(lambda: len(self.model.brokers))
        for name, hot in (("pure", PURE), ("fast", FAST)):
            entries = getattr(self.twins, name).entries()
            assert all(type(info) is hot.BrokerLiveInfo for info in entries)
            assert {
                info.key: [
                    info.epoch,
                    info.owner,
                    info.last_update_timestamp,
                    info.heartbeat_timeout_millis,
                ]
                for info in entries
            } == self.model.brokers
            for info in entries:
                assert getattr(self.twins, name).get(*info.key) is info


def test_any_order_of_calls() -> None:
    run_state_machine_as_test(
        Tables,
        settings=settings(
            max_examples=settings().max_examples // 2, stateful_step_count=25
        ),
    )


def test_thousands_of_brokers_come_and_go() -> None:
    twins = both("BrokerLiveTable")
    keys = [(f"cluster-{n % 3}", f"10.0.{n // 256}.{n % 256}:1") for n in range(1500)]
    for round_number in range(3):
        for number, key in enumerate(keys):
            for hot in (PURE, FAST):
                table = getattr(twins, hot.name)
                if number % 5 != round_number:
                    info = hot.BrokerLiveInfo(*key, "b", number, None, None, number)
                    table.put(info, number % 100)
                if number % (round_number + 2) == 0:
                    table.remove(*key)
        same(twins, len)
        for key in keys:
            same(twins, "get", *key)
        same(twins, "expired", 700)
        same(twins, lambda table: table)
