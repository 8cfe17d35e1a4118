"""Lanes themselves: which connections stay there, and what happens without the loop.

These tests need lanes (conftest.py).
"""

import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from namesrv.codes import RequestCode, ResponseCode
from namesrv.server.lanes import lanes as server_lanes
from namesrv.testing.peer import Peer, lookup, request, wait_until
from tests.server.lanes.conftest import Serve
from tests.server.lanes.laned_server import BROKER, TOPICS, LanedServer, thread_names

SUCCESS, NO_ROUTE = ResponseCode.SUCCESS, ResponseCode.TOPIC_NOT_EXIST


def open_in_lanes(server: LanedServer) -> int:
    census = server.on_loop(server.lanes.census)
    assert census is not None
    return len(census)


@contextmanager
def on_one_core() -> Iterator[None]:
    """All threads share a core. The lane gets it when nobody else wants it."""
    tasks = thread_names()
    cores = os.sched_getaffinity(0)
    try:
        for task, name in tasks.items():
            pin(task, {min(cores)})
            if name.startswith("lookup-lane"):
                os.sched_setscheduler(task, os.SCHED_IDLE, os.sched_param(0))
        yield
    finally:
        for task in tasks:
            pin(task, cores)


def pin(task: int, cores: set[int]) -> None:
    """Have a thread run on these cores, if it has not ended."""
    with suppress(ProcessLookupError):
        os.sched_setaffinity(task, cores)


def test_loop_leaves_its_core_to_a_lane_that_waits_for_one(serve: Serve) -> None:
    server = serve()
    with server.register(), server.peer() as peer:
        server.make_ready("Orders1")
        native: Any = server.lanes._lanes

        def ask() -> bool:
            peer.send(lookup("Orders1"))
            has_left = native.let_run()
            assert peer.read_answer().code == SUCCESS
            return bool(has_left)

        # The peer of `make_ready` may still be on its way out.
        wait_until(lambda: not server.on_loop(native.let_run))
        with on_one_core():
            # A turn of the loop is not one slice of the system's: now and then the
            # lane has the core already.
            assert any(server.on_loop(ask) for _ in range(100))


@pytest.mark.parametrize("lanes", [1, 3])
def test_ready_topics_are_answered_while_the_loop_stands_still(
    serve: Serve, lanes: int
) -> None:
    server = serve(lanes)
    with server.register():
        server.make_ready("Orders1")
        peers = [server.peer() for _ in range(6)]
        with server.stopped_loop():
            for peer in peers:
                assert peer.ask(lookup("Orders1")).code == SUCCESS
                assert peer.ask(lookup("Nobody")).code == NO_ROUTE
        assert open_in_lanes(server) == 6
        for peer in peers:
            peer.close()


def test_peer_with_long_answers_goes_to_the_loop(serve: Serve) -> None:
    server = serve()
    large = BROKER._replace(name="b" * 2000)
    with server.peer() as broker, server.peer() as peer:
        assert broker.ask(large.registration(TOPICS)).code == SUCCESS
        server.make_ready("Orders1")
        length = len(peer.ask(lookup("Orders1")).body)
        before = server.handed_over()
        # Whole reads, of which one has answers of more than a mebibyte.
        count = 4 * (1 << 20) // length
        peer.send(*(lookup("Orders1", number) for number in range(count)))
        for number in range(count):
            answer = peer.read_answer()
            assert (answer.opaque, len(answer.body)) == (number, length)
        wait_until(lambda: server.handed_over() == before + 1)


def test_lookup_that_is_not_ready_waits_for_the_loop(serve: Serve) -> None:
    server = serve()
    with server.register(), server.peer() as peer:
        server.make_ready("Orders1")
        with server.stopped_loop():
            peer.send(lookup("Orders1", 1), lookup("Orders2", 2), lookup("Orders1", 3))
            assert peer.read_answer().opaque == 1
            peer.socket.settimeout(0.2)
            with pytest.raises(TimeoutError):
                peer.read_answer()
            peer.socket.settimeout(10)
        assert [answer.opaque for answer in peer.read_answers(2)] == [2, 3]
        assert server.handed_over() == 1  # the broker's
        assert server.lanes.counts.asked == 2


def test_all_misses_of_a_read_are_one_question(serve: Serve) -> None:
    server = serve()
    with server.register(), server.peer() as peer:
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE
        with server.stopped_loop():
            peer.send(*[lookup(topic) for topic in TOPICS])
        assert {answer.code for answer in peer.read_answers(50)} == {SUCCESS}
        assert server.lanes.counts.asked == 1


def times_asleep(name: str) -> int:
    """How often a thread has waited for something."""
    (task,) = [task for task, own in thread_names().items() if own == name]
    status = Path(f"/proc/self/task/{task}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def test_lane_sleeps_while_its_question_is_answered(serve: Serve) -> None:
    server = serve()
    with server.register(), server.peer() as peer:
        before = times_asleep("lookup-lane-0")
        for topic in TOPICS:
            assert peer.ask(lookup(topic)).code == SUCCESS
        assert server.lanes.counts.asked == len(TOPICS)
        assert times_asleep("lookup-lane-0") - before < 1.5 * len(TOPICS)


def test_lane_that_had_no_peer_notices_that_an_answered_one_is_idle(
    serve: Serve,
) -> None:
    server = serve(server_channel_max_idle_time_seconds=2)
    with server.register(), server.peer() as peer:
        with server.stopped_loop():
            peer.send(lookup("Orders1"))
            wait_until(lambda: server.lanes.counts.asked == 1)
        assert peer.read_answer().code == SUCCESS
        assert peer.socket.recv(1) == b""


def test_peers_may_go_while_the_loop_has_their_question(serve: Serve) -> None:
    server = serve()
    with server.register():
        with server.stopped_loop():
            for number in range(50):
                peer = server.peer()
                peer.send(lookup(f"Orders{number}"))
                if number % 2:
                    peer.reset()
                else:
                    peer.finish()
                    peer.close()
            wait_until(lambda: server.lanes.counts.asked >= 25)
        wait_until(lambda: len(server.server.inside.connections) == 1)
        with server.peer() as peer:
            assert peer.ask(lookup("Orders1")).code == SUCCESS


def test_other_requests_leave_the_lane_for_good(serve: Serve) -> None:
    server = serve()
    with server.peer() as peer:
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE
        assert open_in_lanes(server) == 1
        assert peer.ask(request(RequestCode.GET_BROKER_CLUSTER_INFO)).code == SUCCESS
        assert open_in_lanes(server) == 0
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE
        assert open_in_lanes(server) == 0
        assert len(server.server.inside.connections) == 1
    wait_until(lambda: len(server.server.inside.connections) == 0)


def test_part_of_a_frame_leaves_the_lane_after_a_second(serve: Serve) -> None:
    server = serve()
    with server.peer() as slow, server.peer() as silent:
        slow.send(lookup("Nobody")[:40])
        connections = server.server.inside.connections
        wait_until(lambda: server.on_loop(connections.peers))
        (peer,) = server.on_loop(connections.peers)
        assert peer.input_bytes == 40
        assert open_in_lanes(server) == 1
        assert silent.ask(lookup("Nobody")).code == NO_ROUTE


def test_gate_asks_the_loop_and_keeps_connections(serve: Serve) -> None:
    server = serve(need_wait_for_service=True, wait_seconds_for_service=1)
    with server.peer() as peer:
        first = peer.ask(lookup("Nobody"))
        assert first.code == ResponseCode.SYSTEM_ERROR
        wait_until(lambda: peer.ask(lookup("Nobody")).code == NO_ROUTE)
        asked = server.lanes.counts.asked
        assert asked > 0
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE
        assert server.lanes.counts.asked == asked
        assert server.handed_over() == 0


def test_drain_hands_all_connections_over(serve: Serve) -> None:
    server = serve(enable_shutdown_gracefully=True, shutdown_wait_time_seconds=10)
    with server.peer() as peer, server.peer() as silent:
        assert peer.ask(lookup("Nobody", version=479)).code == NO_ROUTE
        server.loop.call_soon_threadsafe(server.server.request_stop)
        wait_until(lambda: not server.lanes.are_running)
        answer = peer.ask(lookup("Nobody", version=500))
        assert answer.code == ResponseCode.GO_AWAY
        silent.close()
    server.stop()


def test_connections_of_lanes_are_not_read_once_the_server_is_frozen(
    serve: Serve,
) -> None:
    server = serve()
    with server.peer() as peer:
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE

        def freeze() -> None:
            server.server._accepting.close()
            server.server._ending.freeze()

        server.on_loop(freeze)
        peers = server.server.inside.connections.peers
        wait_until(lambda: server.on_loop(lambda: len(list(peers()))))
        peer.send(BROKER.registration(TOPICS))
        peer.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            peer.socket.recv(1)
        tables = server.server.inside.state.tables
        assert server.on_loop(lambda: len(tables.broker_live_table)) == 0


def test_request_that_a_lane_read_before_the_freeze_is_answered(serve: Serve) -> None:
    server = serve()
    with server.peer() as peer:
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE

        def freeze() -> None:
            server.server._accepting.close()
            server.server._ending.freeze()

        with server.stopped_loop():
            peer.send(BROKER.registration(TOPICS))
            wait_until(lambda: server.handed_over() == 1)
            # Before the loop hears of the connection.
            server.loop.call_soon_threadsafe(freeze)
        (answer,) = peer.read_answers(1)
        assert answer.code == ResponseCode.SUCCESS


def test_64_lanes_serve(serve: Serve) -> None:
    server = serve(64)
    with server.register():
        server.make_ready("Orders1")
        peers = [server.peer() for _ in range(200)]
        for peer in peers:
            peer.send(lookup("Orders1"), lookup("Nobody"))
        for peer in peers:
            codes = [answer.code for answer in peer.read_answers(2)]
            assert codes == [SUCCESS, NO_ROUTE]
            peer.close()
        wait_until(lambda: len(server.server.inside.connections) == 1)


def lane_threads() -> list[str]:
    """The facts of the system about each thread of a lane."""
    facts = [path.read_text() for path in Path("/proc/self/task").glob("*/status")]
    return [text for text in facts if text.startswith("Name:\tlookup-lane-")]


def test_threads_of_lanes_block_signals_and_end_with_the_server(serve: Serve) -> None:
    server = serve(3)
    assert len(lane_threads()) == 3
    for text in lane_threads():
        (mask,) = [line[8:] for line in text.splitlines() if line.startswith("SigBlk:")]
        assert int(mask, 16) >> (signal.SIGTERM - 1) & 1
    server.stop()
    assert lane_threads() == []


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Let the process open no file until the block ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as newest:
        lowest = newest.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_lane_waits_for_descriptors_and_does_not_spin(serve: Serve) -> None:
    server = serve()
    with server.register(), socket.socket() as waiting:
        server.make_ready("Orders1")
        with server.peer() as peer:
            assert peer.ask(lookup("Orders1")).code == SUCCESS
            with no_more_descriptors():
                waiting.settimeout(10)
                waiting.connect(server.address)
                began = time.process_time()
                threading.Event().wait(0.5)
                assert peer.ask(lookup("Orders1")).code == SUCCESS
                assert time.process_time() - began < 0.4
                failures = server.on_loop(lambda: accept_failures(server))
                assert 1 <= failures <= 10
            waiting.sendall(lookup("Orders1"))
            assert waiting.recv(1 << 16)


def accept_failures(server: LanedServer) -> int:
    assert server.lanes._lanes is not None
    return server.lanes._lanes.counts()[3]


class FailingLanes:
    """Lanes whose threads cannot start."""

    def __init__(self, *facts: Any) -> None:
        pass

    def limit(self, *facts: Any) -> None:
        """No limit."""

    def start(self, listeners: object) -> None:
        """Raises OSError."""
        raise OSError("no thread")


def test_server_runs_without_lanes_if_they_cannot_start(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_lanes, "Lanes", FailingLanes)
    server = serve()
    assert not server.lanes.are_running
    assert "cannot start lookup lanes" in caplog.text
    with server.register(), server.peer() as peer:
        assert peer.ask(lookup("Orders1")).code == SUCCESS


def test_counts_of_lanes_are_those_of_the_server(serve: Serve) -> None:
    server = serve(2)
    with server.register():
        server.make_ready("Orders1")
        state = server.server.inside.state
        answers = state.tables.route_answers
        server.on_loop(server.lanes.fold)
        hits, unknown = answers.hits, answers.unknown
        received, sent = state.hot.received_bytes, state.hot.sent_bytes
        with server.peer() as one, server.peer() as other:
            asked = lookup("Orders1") + lookup("Nobody")
            got = 0
            for peer in (one, other) * 10:
                peer.send(asked)
                got += sum(len(answer.frame) for answer in peer.read_answers(2))
        server.on_loop(server.lanes.fold)
        assert answers.hits - hits == answers.unknown - unknown == 20
        assert state.hot.received_bytes - received == 20 * len(asked)
        assert state.hot.sent_bytes - sent == got


def test_topics_asked_in_vain_are_noted(serve: Serve) -> None:
    server = serve()
    with server.peer() as peer:
        for _ in range(3):
            assert peer.ask(lookup("Nobody")).code == NO_ROUTE
        missing = server.server.inside.state.missing
        wait_until(lambda: missing.find("Nobody") is not None)
        host, port = peer.socket.getsockname()
        (asker,) = missing.find("Nobody").askers.values()  # type: ignore[union-attr]
        assert asker.address == f"{host}:{port}"


def test_stall_is_noted_with_the_lookups_of_lanes(serve: Serve) -> None:
    server = serve()
    with server.register(), server.peer() as peer:
        server.make_ready("Orders1")
        with server.stopped_loop():
            for _ in range(100):
                assert peer.ask(lookup("Orders1")).code == SUCCESS
            threading.Event().wait(1.2)
        wait_until(lambda: server.lanes.stall is not None)
        assert server.lanes.stall is not None
        assert server.lanes.stall.lookups >= 100


def test_debug_log_has_every_connection(serve: Serve) -> None:
    server = serve(log_level="DEBUG")
    with server.peer() as peer:
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE
        assert open_in_lanes(server) == 0


@pytest.mark.parametrize("idle_seconds", [0, 120])
def test_each_lane_gives_its_idle_peers_once_another_took_the_last_place(
    serve: Serve, idle_seconds: int
) -> None:
    server = serve(
        2,
        max_connections=16,
        server_channel_max_idle_time_seconds=idle_seconds,
    )
    with server.register(), server.peer() as asking:
        assert asking.ask(lookup("Nobody")).code == NO_ROUTE
        with server.stopped_loop():
            asking.send(lookup("Orders1"))
            wait_until(lambda: server.lanes.counts.asked == 1)
            # The last place but those for brokers; lanes take turns.
            others = [server.peer() for _ in range(13)]
        assert asking.read_answer().code == SUCCESS
        wait_until(lambda: open_in_lanes(server) == 0)
        for peer in others:
            peer.close()


def test_connections_leave_room_for_brokers(serve: Serve) -> None:
    """A crowd has all places but those that are reserved; then idle ones of the crowd
    go where the loop can close them."""
    server = serve(max_connections=32, server_channel_max_idle_time_seconds=4)
    crowd = [Peer(server.address) for _ in range(30)]
    for peer in crowd:
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE
    wait_until(lambda: server.handed_over() >= 29)
    for peer in crowd:
        peer.close()
