"""Clients see no difference between a server with lanes and one without."""

import threading

import pytest

from namesrv.codes import RequestCode, ResponseCode
from namesrv.testing.peer import (
    Broker,
    Peer,
    binary_request,
    data_version,
    lookup,
    request,
)
from tests.server.lanes.conftest import Serve
from tests.server.lanes.laned_server import BROKER, TOPICS, LanedServer

SUCCESS, NO_ROUTE = ResponseCode.SUCCESS, ResponseCode.TOPIC_NOT_EXIST
ONEWAY = 2

any_lanes = pytest.mark.parametrize("lanes", [0, 1, 3])


@any_lanes
def test_known_and_unknown_topics_are_answered(serve: Serve, lanes: int) -> None:
    server = serve(lanes)
    with server.register(), server.peer() as peer:
        for topic in TOPICS:
            first, second = peer.ask(lookup(topic, 1)), peer.ask(lookup(topic, 1))
            assert first.code == SUCCESS
            assert first.frame == second.frame
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE


@any_lanes
def test_answers_are_in_the_order_of_requests(serve: Serve, lanes: int) -> None:
    server = serve(lanes)
    with server.register(), server.peer() as peer:
        server.make_ready(*list(TOPICS)[::2])
        # Every other topic is asked of the loop, and each fifth is unknown.
        names = [f"Orders{number % 60}" for number in range(500)]
        peer.send(*[lookup(name, opaque) for opaque, name in enumerate(names)])
        answers = peer.read_answers(500)
        assert [answer.opaque for answer in answers] == list(range(500))
        codes = [SUCCESS if name in TOPICS else NO_ROUTE for name in names]
        assert [answer.code for answer in answers] == codes


@any_lanes
def test_another_request_between_lookups_is_answered(serve: Serve, lanes: int) -> None:
    server = serve(lanes)
    with server.register(), server.peer() as peer:
        server.make_ready("Orders1")
        info = request(RequestCode.GET_BROKER_CLUSTER_INFO, None, opaque=2)
        peer.send(lookup("Orders1", 1), info, lookup("Orders1", 3))
        assert [answer.opaque for answer in peer.read_answers(3)] == [1, 2, 3]


@any_lanes
def test_binary_headers_are_answered(serve: Serve, lanes: int) -> None:
    server = serve(lanes)
    with server.register(), server.peer() as peer:
        server.make_ready("Orders1")
        code = RequestCode.GET_ROUTEINFO_BY_TOPIC
        assert peer.ask(binary_request(code, {"topic": "Orders1"})).code == SUCCESS


@any_lanes
def test_one_way_lookups_have_no_answer(serve: Serve, lanes: int) -> None:
    server = serve(lanes)
    with server.register(), server.peer() as peer:
        server.make_ready("Orders1")
        code = RequestCode.GET_ROUTEINFO_BY_TOPIC
        for topic in ("Orders1", "Orders2", "Nobody"):
            peer.send(request(code, {"topic": topic}, opaque=1, flag=ONEWAY))
        assert peer.ask(lookup("Orders1", 2)).opaque == 2


@any_lanes
def test_slow_reader_gets_all_answers(serve: Serve, lanes: int) -> None:
    server = serve(lanes)
    with server.register(), server.peer() as peer:
        server.make_ready("Orders1", "Orders2")
        count = 8_000
        frames = [lookup(f"Orders{n % 2 + 1}", n) for n in range(count)]
        writer = threading.Thread(target=peer.send, args=frames)
        writer.start()
        # The answers are many times what both sockets take.
        threading.Event().wait(0.3)
        answers = peer.read_answers(count)
        writer.join()
        assert [answer.opaque for answer in answers] == list(range(count))


@any_lanes
def test_many_megabytes_of_answers_that_have_to_be_made(
    serve: Serve, lanes: int
) -> None:
    """They are more than a question may have as its answer."""
    server = serve(lanes)
    topics = {f"Wide{number}": number + 1 for number in range(40)}
    with server.peer() as peer:
        for number in range(150):
            name = f"broker-with-an-ordinary-name-{number:04}"
            broker = Broker(name, addr=f"192.0.2.1:{10000 + number}")
            assert peer.ask(broker.registration(topics)).code == SUCCESS
        with server.peer() as asker:
            asker.send(*[lookup(topic, n) for n, topic in enumerate(topics)] * 2)
            answers = asker.read_answers(2 * len(topics))
        assert [answer.opaque for answer in answers] == [*range(40), *range(40)]
        assert sum(len(answer.body) for answer in answers) > 2 << 20


@any_lanes
def test_request_before_fin_is_answered(serve: Serve, lanes: int) -> None:
    server = serve(lanes)
    with server.register():
        server.make_ready("Orders1")
        for topic in ("Orders1", "Orders2", "Nobody"):
            with server.peer() as peer:
                peer.send(lookup(topic, 7))
                peer.finish()
                assert peer.read_answer().opaque == 7
                assert peer.read_to_end() == b""


@any_lanes
def test_frames_may_come_byte_by_byte(serve: Serve, lanes: int) -> None:
    server = serve(lanes)
    with server.register(), server.peer() as peer:
        server.make_ready("Orders1")
        frame = lookup("Orders1", 5)
        for place in range(len(frame)):
            peer.send(frame[place : place + 1])
        assert peer.read_answer().opaque == 5


@any_lanes
def test_half_a_frame_may_wait_for_the_other_half(serve: Serve, lanes: int) -> None:
    server = serve(lanes)
    with server.register(), server.peer() as peer:
        server.make_ready("Orders1")
        frame = lookup("Orders1", 5)
        peer.send(frame, frame[:50])
        assert peer.read_answer().opaque == 5
        # Longer than a lane waits for a frame.
        threading.Event().wait(1.5)
        peer.send(frame[50:], frame)
        assert [answer.opaque for answer in peer.read_answers(2)] == [5, 5]


@any_lanes
@pytest.mark.parametrize(
    "data",
    [b"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03"],
)
def test_first_bytes_of_other_protocols_come_first_only(
    serve: Serve, lanes: int, data: bytes
) -> None:
    server = serve(lanes)
    with server.peer() as peer:
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE
        peer.send(data + lookup("Nobody"))
        assert peer.read_to_end() == b""


@any_lanes
def test_silent_connections_are_closed(serve: Serve, lanes: int) -> None:
    server = serve(lanes, server_channel_max_idle_time_seconds=1)
    with server.peer() as silent, server.peer() as asked, server.peer() as busy:
        assert asked.ask(lookup("Nobody")).code == NO_ROUTE
        for _ in range(20):
            threading.Event().wait(0.1)
            assert busy.ask(lookup("Nobody")).code == NO_ROUTE
        assert silent.read_to_end() == asked.read_to_end() == b""
        assert busy.ask(lookup("Nobody")).code == NO_ROUTE


@any_lanes
def test_connections_beyond_the_limit_are_closed(serve: Serve, lanes: int) -> None:
    server = serve(lanes, max_connections=16)
    peers = [server.peer() for _ in range(15)]
    for peer in peers:
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE
    with server.peer() as one_more:
        assert one_more.read_to_end() == b""
    peers.pop().close()
    assert len(server.server.inside.connections) <= 15
    for peer in peers:
        peer.close()


@any_lanes
def test_lookups_after_a_registration_see_it(serve: Serve, lanes: int) -> None:
    """Each registration has other numbers of queues; after its answer every connection
    has to see them, while others ask without a pause."""
    server = serve(lanes)
    is_over = threading.Event()
    with server.register() as broker:
        askers = [server.peer() for _ in range(4)]
        loaded = threading.Thread(target=ask_without_pause, args=(server, is_over))
        loaded.start()
        try:
            for queues in range(1, 60):
                table, version = dict.fromkeys(TOPICS, queues), data_version(queues)
                changed = BROKER.registration(table, version=version)
                assert broker.ask(changed).code == SUCCESS
                for asker in askers:
                    found = asker.ask(lookup(f"Orders{queues % 50}")).body
                    assert b'"readQueueNums":%d,' % queues in found
        finally:
            is_over.set()
            loaded.join()
        for asker in askers:
            asker.close()


def ask_without_pause(server: LanedServer, is_over: threading.Event) -> None:
    frames = [lookup(topic) for topic in TOPICS]
    with server.peer() as peer:
        while not is_over.is_set():
            peer.send(*frames)
            assert {answer.code for answer in peer.read_answers(50)} == {SUCCESS}


@any_lanes
def test_peers_that_reset_leave_nothing(serve: Serve, lanes: int) -> None:
    server = serve(lanes)
    with server.register():
        peers: list[Peer] = []
        for number in range(200):
            peer = server.peer()
            peer.send(lookup(f"Orders{number % 60}"), lookup("Orders1")[: number % 90])
            peers.append(peer)
        for peer in peers:
            peer.reset()
        with server.peer() as last:
            assert last.ask(lookup("Orders1")).code == SUCCESS
