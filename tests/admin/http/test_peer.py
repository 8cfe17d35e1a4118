"""HTTP on a peer over a fake transport: turns, budgets, deadlines, ends."""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from namesrv.admin.http.conversation import HttpConversation
from namesrv.admin.http.messages import Asked, Handled, HttpAnswer, HttpRequest
from namesrv.admin.http.service import HttpService
from namesrv.codes import RequestCode
from namesrv.server.connections.request_deadlines import REQUEST_MILLIS
from namesrv.testing.peer import lookup
from namesrv.wire.command import RemotingCommand
from namesrv.work import Steps
from tests.admin.http.talk import Open, Read, Scripted, answers, post, request
from tests.server.loop_free_server import FAULT, LoopFreePeer, LoopFreeServer
from tests.server.proxy_headers import PROXY_V1
from tests.server.tls.loop_free_tls_peer import accept

START_MS = 1_000_000


class HttpServer(LoopFreeServer):
    """A loop-free server with HTTP."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.application = Scripted()
        service = HttpService(self.processor, self.application, Open(), lambda: 0)
        self.connections.speak_http(partial(HttpConversation, service))
        self.connections.note_time(START_MS)


@pytest.fixture
def server(tmp_path: Path) -> HttpServer:
    return HttpServer(tmp_path)


def read(peer: LoopFreePeer) -> list[Read]:
    """The answers so far."""
    return answers(b"".join(peer.transport.writes))


def steps(units: int) -> Steps[HttpAnswer]:
    for _ in range(units // 100):
        yield 100
    return HttpAnswer(200, b"late")


def put_kv(_: HttpRequest) -> Asked:
    fields: dict[str, str | None] = {"namespace": "n", "key": "k", "value": "v"}
    command = RemotingCommand(RequestCode.PUT_KV_CONFIG, ext_fields=fields)
    return Asked(command, lambda answer: HttpAnswer(200, b"%d" % answer.code))


class TestTurns:
    def test_remoting_is_answered_between_many_requests(
        self, server: HttpServer
    ) -> None:
        greedy, modest = server.accept(), server.accept(("10.0.0.2", 1))
        greedy.receive(request("/a") * 1000)
        assert 0 < len(read(greedy)) < 60 and not greedy.transport.reading
        modest.receive(lookup("t", 1))
        assert modest.opaques() == [1]
        server.turn_until_quiet()
        assert len(read(greedy)) == 1000 and greedy.transport.reading

    def test_addresses_take_turns(self, server: HttpServer) -> None:
        greedy = [server.accept(("10.0.0.1", n)) for n in range(1, 6)]
        modest = server.accept(("10.0.0.2", 1))
        for peer in (*greedy, modest):
            peer.receive(request("/a") * 500)
        before = len(read(modest))
        server.turn()
        server.turn()
        server.turn()
        assert len(read(modest)) > before

    def test_answer_of_steps_wakes_the_peer(self, server: HttpServer) -> None:
        server.application.handlers["/s"] = lambda _: steps(5000)
        peer = server.accept()
        peer.receive(request("/s"), request("/b"))
        assert peer.transport.writes == [] and not peer.transport.reading
        server.turn_until_quiet()
        assert [a.body for a in read(peer)] == [b"late", b"GET /b? "]
        assert peer.transport.reading

    def test_late_answer_goes_to_a_peer_that_does_not_read(
        self, server: HttpServer
    ) -> None:
        server.application.handlers["/p"] = put_kv
        peer = server.accept()
        peer.receive(request("/p"), request("/b"))
        peer.protocol.pause_writing()
        server.finish_write()
        assert [a.body for a in read(peer)] == [b"0"]
        peer.protocol.resume_writing()
        server.turn_until_quiet()
        assert [a.body for a in read(peer)] == [b"0", b"GET /b? "]

    def test_late_answer_lets_others_go_first(self, server: HttpServer) -> None:
        server.application.handlers["/p"] = put_kv
        peer, other = server.accept(), server.accept(("10.0.0.2", 1))
        peer.receive(request("/p"), request("/b"))
        other.receive(request("/a") * 200)
        server.finish_write()
        assert [a.body for a in read(peer)] == [b"0"]
        server.turn_until_quiet()
        assert len(read(peer)) == 2 and len(read(other)) == 200

    def test_request_before_fin_is_answered_late(self, server: HttpServer) -> None:
        server.application.handlers["/p"] = put_kv
        peer = server.accept()
        peer.receive(request("/p"), request("/b"))
        assert peer.protocol.eof_received()
        assert not peer.transport.is_closed
        server.finish_write()
        server.turn_until_quiet()
        assert len(read(peer)) == 2 and peer.transport.is_closed


class TestBudgets:
    def test_kept_input_counts(self, tmp_path: Path) -> None:
        server = HttpServer(tmp_path, input_budget_bytes=3000, frame_max_length=1024)
        first, second = server.accept(), server.accept()
        first.receive(post(b"x" * 5000)[:2000])
        assert first.protocol.input_bytes == 2000
        second.receive(post(b"x" * 5000)[:2000])
        assert first.transport.is_aborted and not second.transport.is_closed

    def test_input_behind_a_pause_counts(self, server: HttpServer) -> None:
        server.application.handlers["/p"] = put_kv
        peer = server.accept()
        peer.receive(request("/p"), b"x" * 100)
        assert peer.protocol.input_bytes == len(request("/p")) + 100
        server.finish_write()
        assert peer.protocol.input_bytes == 100

    def test_unsent_output_counts(self, tmp_path: Path) -> None:
        server = HttpServer(tmp_path, output_budget_bytes=10_000)
        server.application.handlers["/l"] = lambda _: HttpAnswer(200, b"x" * 20_000)
        peer = server.accept()
        peer.receive(request("/l"))
        peer.transport.unsent_bytes = 20_000
        peer.protocol.pause_writing()
        server.turn_until_quiet()
        assert peer.transport.is_aborted


class TestDeadlines:
    def test_late_request_is_answered_and_closed(self, server: HttpServer) -> None:
        late, good, remoting = (server.accept() for _ in range(3))
        late.receive(request("/a"), b"GET /")
        good.receive(request("/a"))
        remoting.receive(lookup("t")[:9])
        server.connections.end_late_requests(START_MS + REQUEST_MILLIS)
        assert not late.transport.is_closed
        server.connections.end_late_requests(START_MS + REQUEST_MILLIS + 1)
        assert [a.status for a in read(late)] == [200, 408]
        assert late.transport.is_closed
        assert not good.transport.is_closed and not remoting.transport.is_closed

    def test_bytes_do_not_extend_it(self, server: HttpServer) -> None:
        peer = server.accept()
        peer.receive(b"GET ")
        for second in range(1, 11):
            server.connections.note_time(START_MS + second * 1000)
            peer.receive(b"/ HTTP/1.1\r\n"[second - 1 : second])
        server.connections.end_late_requests(START_MS + REQUEST_MILLIS + 1)
        assert peer.transport.is_closed

    @pytest.mark.parametrize("first", [b"G", b"P", b"OPTION", PROXY_V1 + b"GE"])
    def test_counts_from_bytes_that_may_become_http(
        self, server: HttpServer, first: bytes
    ) -> None:
        silent, slow = server.accept(), server.accept()
        for peer in (silent, slow):
            peer.receive(first)
        server.connections.note_time(START_MS + 9000)
        slow.receive(b"\x00")
        server.connections.end_late_requests(START_MS + REQUEST_MILLIS)
        assert not silent.transport.is_closed
        server.connections.end_late_requests(START_MS + REQUEST_MILLIS + 1)
        assert silent.transport.is_closed and silent.transport.writes == []
        assert slow.protocol.request_since_ms is None

    def test_counts_from_such_bytes_inside_tls(self, server: HttpServer) -> None:
        peer = accept(server)
        assert peer.protocol.request_since_ms is None
        peer.receive(b"GE")
        server.connections.note_time(START_MS + 9000)
        peer.receive(b"T")
        assert peer.protocol.request_since_ms == START_MS
        server.connections.end_late_requests(START_MS + REQUEST_MILLIS + 1)
        assert peer.transport.is_closed

    @pytest.mark.parametrize("first", [b"\r\n\r\n", b"PROXY", b"\x16", b"\x00"])
    def test_bytes_that_cannot_become_http_have_none(
        self, server: HttpServer, first: bytes
    ) -> None:
        peer = server.accept()
        peer.receive(first)
        assert peer.protocol.request_since_ms is None

    def test_new_request_has_its_own(self, server: HttpServer) -> None:
        peer = server.accept()
        peer.receive(b"GET /")
        server.connections.note_time(START_MS + 9000)
        peer.receive(request("/a")[5:], b"GET /")
        server.connections.end_late_requests(START_MS + REQUEST_MILLIS + 1)
        assert not peer.transport.is_closed
        server.connections.end_late_requests(START_MS + 9000 + REQUEST_MILLIS + 1)
        assert peer.transport.is_closed

    def test_closed_connection_is_forgotten(self, server: HttpServer) -> None:
        peer = server.accept()
        peer.receive(b"GET /")
        peer.protocol.connection_lost(None)
        server.connections.end_late_requests(START_MS + 2 * REQUEST_MILLIS)
        assert peer.transport.writes == []

    def test_reader_that_does_not_read_is_cut_off(self, server: HttpServer) -> None:
        deaf, remoting = server.accept(), server.accept()
        deaf.receive(request("/a"))
        remoting.receive(lookup("t"))
        for peer in (deaf, remoting):
            peer.protocol.pause_writing()
        server.connections.sweep(START_MS + 30_000)
        assert not deaf.transport.is_closed
        server.connections.sweep(START_MS + 30_001)
        assert deaf.transport.is_aborted and not remoting.transport.is_closed


class TestEnds:
    def test_malformed_request_ends_the_output_first(self, server: HttpServer) -> None:
        peer = server.accept()
        peer.receive(b"GET nonsense\r\n\r\n")
        assert [a.status for a in read(peer)] == [400]
        assert peer.transport.is_ended and not peer.transport.is_closed
        assert peer.transport.reading
        peer.receive(request("/a"))
        assert peer.protocol.input_bytes == 0
        peer.protocol.eof_received()
        assert peer.transport.is_closed
        assert FAULT not in server.log.events_shown()

    def test_peer_that_does_not_close_is_closed(self, server: HttpServer) -> None:
        peer = server.accept()
        peer.receive(b"GET nonsense\r\n\r\n")
        server.connections.end_late_requests(START_MS + REQUEST_MILLIS + 1)
        assert peer.transport.is_closed and len(read(peer)) == 1

    def test_last_answer_closes(self, server: HttpServer) -> None:
        peer = server.accept()
        peer.receive(request("/a", "Connection: close"))
        assert peer.transport.is_closed

    def test_cut_off_connection_drops_its_input(self, server: HttpServer) -> None:
        peer = server.accept()
        peer.receive(b"GET /")
        peer.protocol.cut_off()
        assert peer.transport.is_aborted and peer.protocol.input_bytes == 0

    def test_halted_server_answers_nothing_more(self, server: HttpServer) -> None:
        server.application.handlers["/p"] = put_kv
        peer = server.accept()
        peer.receive(request("/p"), request("/b"))
        server.connections.halt()
        server.finish_write()
        server.turn_until_quiet()
        assert [a.body for a in read(peer)] == [b"0"]

    def test_mistake_of_ours_is_logged(self, server: HttpServer) -> None:
        def fail(_: HttpRequest) -> Handled:
            raise RuntimeError("ours")

        server.application.handlers["/f"] = fail
        peer = server.accept()
        peer.receive(request("/f"), request("/b"))
        assert [a.status for a in read(peer)] == [500, 200]
        (line,) = (x for x in server.log.lines if x.level == logging.ERROR)
        assert line.fields["request"] == "GET /f"


def test_peer_knows_its_protocol(server: HttpServer) -> None:
    peer = server.accept()
    assert not peer.protocol.is_http
    peer.receive(request("/a"))
    assert peer.protocol.is_http
