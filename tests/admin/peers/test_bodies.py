"""Bodies of a peer: their limits, and the work of each step."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from namesrv.admin.peers import own_tables
from namesrv.admin.peers.bodies import (
    MOST_CLUSTERS,
    MOST_IDS,
    MOST_OBJECTS,
    MOST_VALUES,
    cluster_info_steps,
    queues_steps,
    topic_list_steps,
)
from namesrv.admin.peers.own_tables import MOST_FOUND, OwnTables
from namesrv.client import bodies
from namesrv.client.bodies import ClusterInfo
from namesrv.errors import AnswerInvalid
from namesrv.work import STEP_UNITS, Steps, finish
from tests.admin.peers.pair import Brokers, comparing

LONGEST_STEP = 2 * STEP_UNITS
"""Units; one is about a microsecond."""


def units(steps: Steps[object]) -> list[int]:
    """The units of each step."""
    return list(steps)


def groups(count: int, addresses: int = 1) -> bytes:
    """A body of 106 as Java writes it."""
    ids = ",".join(f'{number}:"10.0.0.1:{number + 1}"' for number in range(addresses))
    names = [f"broker-{number}" for number in range(count)]
    table = ",".join(
        f'"{name}":{{"brokerAddrs":{{{ids}}},"brokerName":"{name}","cluster":"c"}}'
        for name in names
    )
    text = f'{{"brokerAddrTable":{{{table}}},"clusterAddrTable":{{"c":%s}}}}'
    return (text % json.dumps(names)).encode()


def unusual(member: bytes) -> bytes:
    """A body that the typed decoder does not read."""
    return b"{1:2," + member + b"}"


def test_groups_are_read_as_the_client_reads_them() -> None:
    for count in (1, 500):
        body = groups(count)
        found = finish(cluster_info_steps(body))
        expected = bodies.read_cluster_info(body)
        assert found.brokers.keys() == expected.brokers.keys()
        assert set(found.clusters["c"]) == set(expected.clusters["c"])
        assert found.brokers["broker-0"].addresses == {0: "10.0.0.1:1"}


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (cluster_info_steps, groups(3000)),
        (cluster_info_steps, groups(20, MOST_IDS)),
        (topic_list_steps, unusual(b'"topicList":[%b"t"]' % (b'"topic",' * 20_000))),
        (queues_steps, unusual(b'"queueDatas":[%b{}]' % (b'{"perm":6},' * 20_000))),
    ],
)
def test_long_bodies_are_read_in_short_steps(
    read: Callable[[bytes], Steps[object]], body: bytes
) -> None:
    steps = units(read(body))
    assert len(steps) > 100
    assert max(steps) <= LONGEST_STEP + MOST_IDS


@pytest.mark.parametrize("read", [cluster_info_steps, topic_list_steps, queues_steps])
@pytest.mark.parametrize("mark", [b",", b"[", b"{"])
def test_too_many_values_are_refused_unread(
    read: Callable[[bytes], Steps[object]], mark: bytes
) -> None:
    count = 1 + (MOST_VALUES if mark == b"," else MOST_OBJECTS)
    with pytest.raises(AnswerInvalid, match=f"{count} .* more than {count - 1}"):
        finish(read(mark * count))


def test_too_many_clusters_are_refused() -> None:
    table = ",".join(f'"c{number}":[]' for number in range(MOST_CLUSTERS + 1))
    body = f'{{"clusterAddrTable":{{{table}}}}}'.encode()
    with pytest.raises(AnswerInvalid, match=f"clusters, more than {MOST_CLUSTERS}"):
        finish(cluster_info_steps(body))


def test_steps_end_with_the_round_that_waits_for_them() -> None:
    loop = asyncio.new_event_loop()
    done = loop.create_future()
    steps = own_tables._ending(cluster_info_steps(groups(3000)), done)
    next(steps)
    done.cancel()
    assert list(steps) == []
    loop.close()


def test_a_group_with_too_many_addresses_is_refused() -> None:
    sentence = f"{MOST_IDS + 1} addresses of a group, more than {MOST_IDS}"
    with pytest.raises(AnswerInvalid, match=sentence):
        finish(cluster_info_steps(groups(1, MOST_IDS + 1)))


@pytest.mark.parametrize("read", [cluster_info_steps, topic_list_steps, queues_steps])
@pytest.mark.parametrize("body", [b"{" * 9000, b"\xff" * 9000, b'["",' * 3000, b"[]"])
def test_bodies_that_are_none_are_refused(
    read: Callable[[bytes], Steps[object]], body: bytes
) -> None:
    with pytest.raises(AnswerInvalid):
        finish(read(body))


def test_a_string_without_end_is_read_once() -> None:
    text = '{"' + '\\"' * 100_000
    assert bodies._quoted_names(text) == text
    assert bodies._quoted_names(text + "\\") == text + "\\"


def test_comparing_lists_of_clusters_takes_linear_work(tmp_path: Path) -> None:
    with comparing(tmp_path, "") as server:
        brokers = Brokers(server.addresses[0])
        with brokers.peer:
            brokers.register()
        own = OwnTables(server._server.inside)

        def work(clusters: int) -> int:
            info = ClusterInfo({})
            info.clusters = {f"c{number}": ["b1"] for number in range(clusters)}
            steps = units(own._groups(info))
            assert max(steps) <= LONGEST_STEP
            return sum(steps)

        assert work(20_000) <= 11 * work(2000)


def test_differences_of_groups_are_counted_up_to_a_limit(tmp_path: Path) -> None:
    with comparing(tmp_path, "") as server:
        info = finish(cluster_info_steps(groups(MOST_FOUND + 10)))
        found = finish(OwnTables(server._server.inside)._groups(info))
    assert len(found.differences) == MOST_FOUND


def test_larger_tables_expect_larger_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with comparing(tmp_path, "") as server:
        own = OwnTables(server._server.inside)
        assert own.most_answer_bytes == 1 << 22
        assert own.most_route_bytes == 1 << 18
        table = dict.fromkeys(map(str, range(10_000)))
        tables = SimpleNamespace(topic_queue_table=table, broker_addr_table=table)
        monkeypatch.setattr(own, "_tables", tables)
        assert own.most_answer_bytes == 1 << 24
        assert own.most_route_bytes == 10 * 256 * 10_000
