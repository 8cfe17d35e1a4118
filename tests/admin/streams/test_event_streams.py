"""Streams of events in memory: time, blocked readers, the ring, filters."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv.admin.streams.selection import Selection
from namesrv.routing.events import Cause, CauseKind, ConfigChanged
from namesrv.routing.history.record import Facts, Record
from namesrv.testing.peer import Broker, data_version, request
from tests.admin.streams.lasting_server import (
    FIRST,
    SECOND,
    TOPICS,
    LastingServer,
    events,
    sent,
    types,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LastingServer]:
    yield LastingServer(tmp_path)


def block(peer: Any, unsent_bytes: int = 70_000) -> None:
    """The peer does not read."""
    peer.transport.unsent_bytes = unsent_bytes
    peer.protocol.pause_writing()


def unblock(peer: Any) -> None:
    peer.transport.unsent_bytes = 0
    peer.protocol.resume_writing()


def test_events_come_in_order_and_once(server: LastingServer) -> None:
    stream = server.ask("/v1/events")
    server.register(FIRST)
    server.register(SECOND)
    server.pass_seconds(0.3)
    assert types(stream) == ["picture", "BrokerRegistered", "BrokerRegistered"]
    assert [event.data["number"] for event in events(stream)[1:]] == [1, 2]


def test_many_events_of_one_tick_are_few_writes(server: LastingServer) -> None:
    stream = server.ask("/v1/events")
    server.pass_seconds(0.1)
    before = len(stream.transport.writes)
    for number in range(50):
        server.register(Broker(f"b{number}", addr=f"10.0.0.9:{number}"))
    server.pass_seconds(0.1)
    assert len(events(stream)) == 51
    assert len(stream.transport.writes) - before < 8


def test_silence_is_broken_by_a_comment_with_an_id(server: LastingServer) -> None:
    server.register(FIRST)
    stream = server.ask("/v1/events?type=KvChanged")
    server.register(SECOND)
    server.pass_seconds(17)
    run = server.state.run
    assert types(stream) == ["picture"]
    assert sent(stream).count(f": keep-alive\nid: {run}-2\n\n".encode()) == 1
    server.pass_seconds(15)
    assert sent(stream).count(b": keep-alive") == 2


def test_a_stream_is_not_idle(tmp_path: Path) -> None:
    server = LastingServer(tmp_path, server_channel_max_idle_time_seconds=2)
    stream, idle = server.ask("/v1/events"), server.ask("/version")
    server.pass_seconds(8)
    assert idle.transport.is_closed and not stream.transport.is_closed


def test_a_reader_that_does_not_read_is_cut_off(server: LastingServer) -> None:
    deaf, other = server.ask("/v1/events"), server.ask("/v1/events")
    block(deaf)
    server.pass_seconds(1)
    writes = len(deaf.transport.writes)
    server.register(FIRST)
    server.pass_seconds(3)
    assert len(deaf.transport.writes) == writes and not deaf.transport.is_closed
    server.pass_seconds(5)
    assert deaf.transport.is_aborted
    assert types(other)[-1] == "BrokerRegistered"
    assert (server.counts.streams, server.counts.cut_off) == (1, 1)


def test_a_reader_that_reads_again_has_missed_nothing(server: LastingServer) -> None:
    stream = server.ask("/v1/events")
    block(stream)
    server.register(FIRST)
    server.pass_seconds(1)
    server.register(SECOND)
    unblock(stream)
    server.pass_seconds(1)
    assert [e.data["broker"] for e in events(stream)[1:]] == ["b", "c"]


def test_a_reader_that_is_too_late_begins_anew(tmp_path: Path) -> None:
    server = LastingServer(tmp_path, history_bytes=4096)
    stream = server.ask("/v1/events")
    block(stream)
    for number in range(3000):
        peer = server.register(Broker("b", addr=f"10.0.0.9:{number}"))
        peer.protocol.connection_lost(None)
    unblock(stream)
    server.pass_seconds(1)
    assert types(stream) == ["picture", "reset", "picture"]
    assert "not kept" in events(stream)[1].data["reason"]
    server.register(FIRST)
    server.pass_seconds(1)
    assert types(stream)[-1] == "BrokerRegistered"


def test_without_a_ring_a_stream_is_live(tmp_path: Path) -> None:
    server = LastingServer(tmp_path, history_bytes=0)
    stream = server.ask("/v1/events")
    server.register(FIRST)
    server.register(SECOND)
    server.pass_seconds(0.5)
    assert types(stream) == ["picture", "BrokerRegistered", "BrokerRegistered"]
    late = server.ask("/v1/events", f"Last-Event-ID: {server.state.run}-1")
    server.pass_seconds(0.5)
    assert types(late) == ["reset", "picture"]


@pytest.mark.parametrize("last_id", ["-", "nonsense", "7", "x-1", "-5", "9" * 500])
def test_an_odd_id_resets(server: LastingServer, last_id: str) -> None:
    assert types(server.ask("/v1/events", f"Last-Event-ID: {last_id}")) == [
        "reset",
        "picture",
    ]


def test_an_id_of_the_future_resets(server: LastingServer) -> None:
    line = f"Last-Event-ID: {server.state.run}-9"
    assert types(server.ask("/v1/events", line)) == ["reset", "picture"]


def test_a_whole_ring_is_sent_in_pieces(server: LastingServer) -> None:
    names = {f"topic-with-a-long-name-{number:06}": 1 for number in range(200)}
    for number in range(100):
        broker = Broker("b", addr="10.0.0.1:1")
        version = data_version(number)
        topics = {name: number + 1 for name in names}
        server.peer.receive(broker.registration(topics, version=version))
        server.turn()
    stream = server.ask("/v1/events", f"Last-Event-ID: {server.state.run}-0")
    assert len(events(stream)) == 100
    assert max(stream.write_sizes()) < 90_000
    assert len(stream.transport.writes) > 5


def test_filters(server: LastingServer) -> None:
    asked = {
        "": ["BrokerRegistered", "TopicRemoved", "KvChanged"],
        "?type=KvChanged,TopicRemoved": ["TopicRemoved", "KvChanged"],
        "?topic=Ord": ["BrokerRegistered", "TopicRemoved"],
        "?topic=Pay": ["BrokerRegistered"],
        "?topic=None": [],
        "?broker=b": ["BrokerRegistered", "TopicRemoved"],
        "?broker=10.0.0.1": ["BrokerRegistered"],
        "?broker=b&topic=Pay&type=BrokerRegistered": ["BrokerRegistered"],
        "?broker=x": [],
    }
    streams = {query: server.ask(f"/v1/events{query}") for query in asked}
    server.register(FIRST)
    world = server.loop_free
    peer = world.accept()

    peer.receive(request(216, {"topic": "Orders"}))
    peer.receive(request(100, {"namespace": "n", "key": "k", "value": "v"}))
    server.turn()
    world.finish_write()
    server.pass_seconds(0.5)
    for query, wanted in asked.items():
        assert types(streams[query])[1:] == wanted, query
    (registered,) = events(streams["?topic=Pay"])[1:]
    assert registered.data["topics"] == {"added": ["Payments"]}


def _many(server: LastingServer, number: int) -> None:
    """One event about 3,000 topics, of 90 KB."""
    topics = {f"topic-with-a-long-name-{one:06}": number for one in range(3000)}
    broker = Broker("b", addr="10.0.0.1:1")
    server.peer.receive(broker.registration(topics, version=data_version(number)))
    server.turn()


def test_units_follow_the_bytes_that_a_filter_drops(server: LastingServer) -> None:
    _many(server, 1)
    server.register(SECOND)
    streams = server.application._streams.events
    large, small = server.state.history.after(0)
    units = {
        (record, topic): sum(streams._text(record, Selection(topic=topic)))
        for record in (large, small)
        for topic in ("absent", "ong-name")
    }
    kilobytes = len(large.content) >> 10
    assert units[large, "absent"] >= kilobytes > 80
    assert units[large, "ong-name"] >= 8 * kilobytes + 3000 // 4
    assert units[small, "absent"] < 20


def test_a_record_is_decoded_once_for_all_streams(
    server: LastingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    facts = Record.facts

    def counted(record: Record) -> Facts:
        decoded.append(record.number)
        return facts(record)

    monkeypatch.setattr(Record, "facts", counted)
    name = "topic-with-a-long-name-00000"
    streams = [server.ask(f"/v1/events?topic={name}{one}") for one in range(10)]
    absent = [server.ask(f"/v1/events?topic=absent-{one}") for one in range(10)]
    for number in range(1, 9):
        _many(server, number)
        server.pass_seconds(0.1)
    assert [len(events(stream)) for stream in streams] == [9] * 10
    assert [types(stream) for stream in absent] == [["picture"]] * 10
    assert decoded == list(range(1, 9))


def test_a_piece_holds_few_records_of_the_ring(server: LastingServer) -> None:
    for number in range(1, 9):
        _many(server, number)
    streams = server.application._streams.events
    server.ask("/v1/events")
    (reader,) = streams._readers.values()
    reader.number = 0
    assert len(streams._next_records(reader)) == 1


def test_a_request_behind_a_stream_ends_it(server: LastingServer) -> None:
    stream = server.ask("/v1/events")
    stream.receive(b"GET / HTTP/1.1\r\n")
    assert stream.transport.is_closed
    stream.protocol.connection_lost(None)
    server.pass_seconds(1.1)
    assert server.counts.streams == 0


def test_a_change_of_rights_ends_all_streams(server: LastingServer) -> None:
    stream = server.ask("/v1/events")
    cause = Cause(CauseKind.RELOAD)
    server.state.events.put(ConfigChanged(0, cause, "httpAccess", "open", "token"))
    server.connections.flush()
    assert types(stream)[-1] == "end" and stream.transport.is_closed


def test_nothing_is_noted_without_streams(server: LastingServer) -> None:
    stream = server.ask("/v1/events")
    stream.protocol.connection_lost(None)
    server.pass_seconds(1.1)
    server.register(FIRST, TOPICS)
    assert server.counts.streams == 0
    assert server.state.history._readers == []


def test_an_address_has_a_quarter_of_the_streams(tmp_path: Path) -> None:
    server = LastingServer(tmp_path, max_event_streams=8)
    first, second, third = (server.ask("/v1/events") for _ in range(3))
    assert types(first) == types(second) == ["picture"]
    assert b" 503 " in sent(third) and b"share of one address" in sent(third)
    others = [server.ask("/v1/events", host=f"10.0.1.{n}") for n in range(7)]
    assert [types(other) for other in others[:6]] == [["picture"]] * 6
    assert b"8 streams are open already" in sent(others[6])
    first.protocol.connection_lost(None)
    assert types(server.ask("/v1/events")) == ["picture"]
    assert (server.counts.streams, server.counts.refused) == (8, 2)


def test_head_has_no_stream(server: LastingServer) -> None:
    peer = server.loop_free.accept()
    peer.receive(b"HEAD /v1/events HTTP/1.1\r\nHost: a\r\n\r\n")
    assert sent(peer).endswith(b"\r\n\r\n")
    assert server.counts.streams == 0
