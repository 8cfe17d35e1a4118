"""Answers about all groups and clusters (106, 304), and about one group (901), when
there are many: texts that did not change are not written again."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from namesrv.routing.tables import broker_data, cluster_names
from namesrv.routing.tables.ordered_texts import BLOCK_GROUPS, BLOCK_NAMES
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.testing.peer import Broker, registration_body, topic_table
from namesrv.wire import bodies
from namesrv.wire.java_json.write import write_string
from tests.routing.world import World

GROUPS = 2 * BLOCK_NAMES
BODY = registration_body(topic_table("x", "y"))
REFUSED = registration_body(topic_table("x"))


class Written:
    """Which groups, and which names of clusters and brokers, were written."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.groups: list[str] = []
        self.names: list[str] = []
        write_group = RouteTables._write_group

        def counting(tables: RouteTables, name: str) -> str:
            self.groups.append(name)
            return write_group(tables, name)

        def counting_name(name: str) -> str:
            self.names.append(name)
            return write_string(name)

        patch.setattr(RouteTables, "_write_group", counting)
        patch.setattr(cluster_names, "write_string", counting_name)

    def clear(self) -> None:
        self.groups.clear()
        self.names.clear()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    return Written(monkeypatch)


def test_a_change_is_followed_by_writing_few_groups(written: Written) -> None:
    world = World()
    for number in range(GROUPS):
        world.register(Broker(f"b{number:05}", 0, f"b{number}:1"), BODY)
    for code in (106, 304):
        world.ask(code)
    assert len(written.groups) == GROUPS
    written.clear()
    for code in (106, 304, 106, 304):
        world.ask(code)
    assert written.groups == written.names == []
    world.register(Broker("b00001", 1, "x:1"), BODY)
    world.ask(104, Broker("b00002", 0, "b2:1").ext_fields)
    assert b'"b00002"' not in world.ask(106).body
    assert "b00002" not in world.ask(304).json["topicList"]
    assert 0 < len(written.groups) <= BLOCK_GROUPS
    assert 0 < len(written.names) <= 3 * BLOCK_NAMES


def test_the_first_address_is_found_without_looking_at_groups_without_one() -> None:
    world = World()
    for number in range(50):
        world.register(Broker(f"a{number}", 0, f"a{number}:1"), REFUSED)
    world.register(Broker("b", 3, "b:3"), BODY)
    world.register(Broker("b", 1, "b:1"), BODY)
    assert len(world.tables._with_addrs) == 1
    assert world.ask(304).json["brokerAddr"] == "b:1"


members = st.builds(
    Broker,
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, 2),
    st.sampled_from(["x:1", "y:1", "z:1"]),
    st.sampled_from(["c1", "c2", "a"]),
)


class Groups(RuleBasedStateMachine):
    """The kept order, beside the result of sorting everything."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule(broker=members, body=st.sampled_from([BODY, REFUSED]))
    def register(self, broker: Broker, body: bytes) -> None:
        self.world.register(broker, body)

    @rule(broker=members)
    def register_without_name(self, broker: Broker) -> None:
        self.world.register(broker, BODY, ext={"brokerName": None})

    @rule(broker=members, cluster=st.sampled_from([None, "c1", "unknown"]))
    def unregister(self, broker: Broker, cluster: str | None) -> None:
        fields = {**broker.ext_fields}
        if cluster is not None:
            fields["clusterName"] = cluster
        self.world.ask(104, fields)

    @rule(millis=st.sampled_from([1000, 130_000]))
    def end(self, millis: int) -> None:
        self.world.close()
        self.world.connection = self.world.connect()
        self.world.run(millis)

    @invariant()
    def answers_are_those_of_the_tables(self) -> None:
        tables = self.world.tables
        info = json.loads(self.quoted(self.world.ask(106).body))
        groups = tables.broker_addr_table
        assert list(info["brokerAddrTable"]) == sorted(groups)
        for name, shown in info["brokerAddrTable"].items():
            addrs = {str(key): addr for key, addr in groups[name].broker_addrs.items()}
            assert (shown["brokerAddrs"], shown["cluster"]) == (
                addrs,
                groups[name].cluster,
            )
        clusters = tables.cluster_addr_table
        assert info["clusterAddrTable"] == {
            cluster: sorted(names, key=lambda name: name or "")
            for cluster, names in sorted(clusters.items())
        }
        names = {*clusters, *(name for some in clusters.values() for name in some)}
        system = self.world.ask(304).json
        assert system["topicList"] == sorted(name for name in names if name is not None)
        first = [groups[name] for name in sorted(groups) if groups[name].broker_addrs]
        lowest = first[0].broker_addrs[min(first[0].broker_addrs)] if first else None
        assert system.get("brokerAddr") == lowest

    @invariant()
    def leftovers_are_those_of_the_tables(self) -> None:
        tables = self.world.tables
        groups, clusters = tables.broker_addr_table, tables.cluster_addr_table
        found = sum(not data.broker_addrs for data in groups.values())
        for data in groups.values():
            addrs = set(data.broker_addrs.values())
            found += len(addrs - {addr for _, addr in data.live_keys})
        for names in clusters.values():
            found += len(names - groups.keys())
        assert len(tables.leftovers) == found

    def quoted(self, body: Any) -> bytes:
        """Bare ids as names that JSON knows."""
        for number in range(3):
            body = body.replace(b"{%d:" % number, b'{"%d":' % number)
            body = body.replace(b",%d:" % number, b',"%d":' % number)
        assert isinstance(body, bytes)
        return body


TestGroups = Groups.TestCase


def test_addresses_of_a_group_are_written_once_until_they_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    for number in range(3):
        world.register(Broker("b", number, f"b:{number}"), BODY)
    written: list[bool] = []
    write = bodies.write_broker_addrs

    def counting(addrs: Any, *, quoted: bool) -> str:
        written.append(quoted)
        return write(addrs, quoted=quoted)

    monkeypatch.setattr(broker_data, "write_broker_addrs", counting)
    asked = {"clusterName": "c1", "brokerName": "b"}
    answers = {world.ask(901, asked).body for _ in range(3)}
    assert written == [False]
    world.register(Broker("b", 3, "b:3"), BODY)
    written.clear()
    answers.add(world.ask(901, asked).body)
    assert len(answers) == 2 and False in written
