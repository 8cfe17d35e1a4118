"""The protocol class over a fake transport: feed, write, pause, close."""

import logging
from collections.abc import Callable
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from namesrv.codes import FLAG_ONEWAY
from namesrv.errors import StorageError
from namesrv.hot_path import LARGE_REGISTRATION_BYTES, OUTPUT_PAUSE_BYTES
from namesrv.routing.access.control import is_local
from namesrv.server.connections.broker_hosts import address_text
from namesrv.server.connections.slices import SLICE_BYTES
from namesrv.testing.peer import Broker, frame, get_kv, lookup, put_kv, request
from tests.server.loop_free_server import FAULT, LoopFreePeer, LoopFreeServer
from tests.server.proxy_headers import PROXY_V1, PROXY_V2

BAD = b"\x00\x00\x00\x03"


def register_long_route(loop_free: LoopFreeServer) -> int:
    """Make a topic `long` whose answer has many bytes; that number."""
    peer = loop_free.accept()
    for number in range(OUTPUT_PAUSE_BYTES // 8 // 4000 + 1):
        broker = Broker(f"{number}".rjust(4000, "b"), addr="10.0.0.9:10911")
        peer.receive(broker.registration({"long": 1, "u": 1}))
        loop_free.turn_until_quiet()
    peer.receive(lookup("long"))
    loop_free.turn_until_quiet()
    return peer.write_sizes()[-1]


def test_peer_that_was_reset_has_the_address_that_was_accepted(
    loop_free: LoopFreeServer,
) -> None:
    peer = loop_free.accept(None, ("10.0.0.9", 5001))
    assert peer.protocol.connection.remote_address == "10.0.0.9:5001"


class TestReads:
    def test_all_frames_of_a_read_are_answered_by_one_write(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(*(lookup("t", n) for n in range(1, 101)))
        assert len(peer.write_sizes()) == 1
        assert peer.opaques() == list(range(1, 101))
        assert peer.transport.reading

    def test_half_a_frame_is_not_answered(self, loop_free: LoopFreeServer) -> None:
        peer = loop_free.accept()
        data = lookup("t", 1) + lookup("t", 2)
        peer.receive(data[:-1])
        assert peer.opaques() == [1]
        peer.receive(data[-1:])
        assert peer.opaques() == [1, 2]

    def test_one_way_request_is_executed_and_not_answered(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(request(999, {}, flag=FLAG_ONEWAY))
        assert peer.transport.writes == []

    @pytest.mark.parametrize("prefix", [b"", PROXY_V1])
    def test_bytes_may_come_one_by_one(
        self, loop_free: LoopFreeServer, prefix: bytes
    ) -> None:
        peer = loop_free.accept()
        for byte in prefix + lookup("t", 1) + put_kv("n", "k", "v", 2):
            peer.receive(bytes([byte]))
        loop_free.finish_write()
        assert peer.opaques() == [1, 2]
        assert peer.protocol.input_bytes == 0

    def test_json_and_binary_headers_mix(self, loop_free: LoopFreeServer) -> None:
        binary = (105).to_bytes(2) + b"\x00" + (479).to_bytes(2) + (7).to_bytes(4)
        peer = loop_free.accept()
        peer.receive(lookup("t", 6), frame(binary + bytes(12), b"", 1))
        assert peer.opaques() == [6, 7]


class TestTurns:
    def test_others_are_answered_between_requests_that_take_long(
        self, loop_free: LoopFreeServer
    ) -> None:
        greedy, second, modest = (
            loop_free.accept(),
            loop_free.accept(),
            loop_free.accept(),
        )
        greedy.receive(*(request(304, {}, opaque=n) for n in range(1000)))
        second.receive(request(304, {}, opaque=1))
        modest.receive(lookup("t", 1))
        assert modest.opaques() == [1]
        assert 0 < len(greedy.opaques()) < 100
        assert second.opaques() == []
        assert loop_free.turn()
        assert loop_free.turn()
        assert second.opaques() == [1]
        assert len(greedy.opaques()) < 200
        loop_free.turn_until_quiet()
        assert greedy.opaques() == list(range(1000))
        assert greedy.transport.reading


class TestOutputPause:
    def test_long_output_leaves_in_turns(self, loop_free: LoopFreeServer) -> None:
        size = register_long_route(loop_free)
        peer = loop_free.accept()
        peer.receive(*(lookup("long", n) for n in range(20)))
        assert len(peer.write_sizes()) == 1
        assert not peer.transport.reading
        loop_free.turn_until_quiet()
        assert peer.opaques() == list(range(20))
        *full, _ = peer.write_sizes()
        assert len(full) >= 2
        assert OUTPUT_PAUSE_BYTES <= min(full)
        assert max(full) < OUTPUT_PAUSE_BYTES + size
        assert peer.transport.reading
        assert peer.transport.longest_call_bytes == SLICE_BYTES

    def test_others_are_answered_between_the_turns(
        self, loop_free: LoopFreeServer
    ) -> None:
        register_long_route(loop_free)
        greedy, modest = loop_free.accept(), loop_free.accept()
        greedy.receive(*(lookup("long", n) for n in range(20)))
        modest.receive(lookup("t", 1))
        assert modest.opaques() == [1]
        assert len(greedy.write_sizes()) == 1

    def test_two_with_long_output_take_turns(self, loop_free: LoopFreeServer) -> None:
        register_long_route(loop_free)
        actors = [loop_free.accept(), loop_free.accept()]
        for peer in actors:
            peer.receive(*(lookup("long", n) for n in range(20)))
        while loop_free.turn():
            counts = [len(peer.write_sizes()) for peer in actors]
            assert abs(counts[0] - counts[1]) <= 1
        assert [peer.opaques() for peer in actors] == [list(range(20))] * 2

    def test_reader_that_does_not_read_is_not_answered_on(
        self, loop_free: LoopFreeServer
    ) -> None:
        register_long_route(loop_free)
        peer = loop_free.accept()
        peer.protocol.pause_writing()
        assert not peer.transport.reading
        # What had been read when the transport filled up.
        peer.receive(*(lookup("long", n) for n in range(20)))
        assert not loop_free.turn()
        assert len(peer.write_sizes()) == 1
        peer.protocol.resume_writing()
        loop_free.turn()
        assert len(peer.write_sizes()) == 2
        loop_free.turn_until_quiet()
        assert peer.opaques() == list(range(20))
        assert peer.transport.reading

    def test_transport_that_fills_up_stops_reading(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(lookup("t", 1))
        peer.protocol.pause_writing()
        assert not peer.transport.reading
        peer.protocol.resume_writing()
        assert peer.transport.reading


class TestLater:
    def test_answer_waits_for_the_file_and_later_frames_for_the_answer(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(put_kv("n", "k", "v", 1), get_kv("n", "k", 2), lookup("t", 3))
        assert peer.transport.writes == []
        assert not peer.transport.reading
        assert loop_free.state.kv_config.get("n", "k") is None
        loop_free.finish_write()
        assert [(a.opaque, a.code) for a in peer.answers()] == [
            (1, 0),
            (2, 0),
            (3, 17),
        ]
        assert len(peer.write_sizes()) == 1
        assert peer.transport.reading

    def test_failed_write_is_answered_with_its_reason(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(put_kv("n", "k", "v", 1), get_kv("n", "k", 2))
        loop_free.finish_write(StorageError("write", "f", "No space left on device"))
        failed, after = peer.answers()
        assert (failed.code, failed.remark) == (
            1,
            "cannot write f: No space left on device",
        )
        assert after.code == 22

    def test_several_of_one_packet_join_one_write(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(*(put_kv("n", "k", str(n), n) for n in range(5)))
        assert len(loop_free.writes) == 1
        assert b'"k":"4"' in b"".join(loop_free.writes[0].content())
        assert peer.transport.writes == []
        loop_free.finish_write()
        assert loop_free.writes == []
        assert peer.opaques() == list(range(5))

    def test_several_that_are_read_apart_are_written_apart(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(put_kv("n", "k", "0", 0), get_kv("n", "k", 1))
        peer.receive(put_kv("n", "k", "2", 2))
        for n in (0, 2):
            assert len(loop_free.writes) == 1
            content = b"".join(loop_free.writes[0].content())
            assert f'"k":"{n}"'.encode() in content
            loop_free.finish_write()
        assert peer.opaques() == list(range(3))

    def test_connection_that_has_gone_is_not_answered(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(put_kv("n", "k", "v", 1), lookup("t", 2))
        peer.transport.close()
        peer.protocol.connection_lost(None)
        loop_free.finish_write()
        assert peer.transport.writes == []
        assert loop_free.state.kv_config.get("n", "k") == "v"

    def test_connection_that_is_closing_is_not_answered(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(put_kv("n", "k", "v", 1))
        peer.protocol.close()
        loop_free.finish_write()
        assert peer.transport.writes == []

    def test_who_does_not_read_gets_the_answer_and_nothing_more(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(put_kv("n", "k", "v", 1), lookup("t", 2), put_kv("n", "l", "v", 3))
        peer.protocol.pause_writing()
        loop_free.finish_write()
        assert peer.opaques() == [1]
        assert loop_free.writes == [] and not loop_free.turn()
        peer.protocol.resume_writing()
        loop_free.turn_until_quiet()
        loop_free.finish_write()
        assert peer.opaques() == [1, 2, 3]


class TestTurn:
    def test_large_registration_is_answered_and_ends_the_turn(
        self, loop_free: LoopFreeServer
    ) -> None:
        broker = Broker(addr="10.0.0.9:10911")
        peer = loop_free.accept()
        large = broker.registration(
            {"t": 1, "u": 1}, 1, padding_bytes=LARGE_REGISTRATION_BYTES
        )
        peer.receive(large, lookup("t", 2))
        assert peer.opaques() == [1]
        assert not peer.transport.reading
        loop_free.turn()
        assert peer.opaques() == [1, 2]
        assert peer.transport.reading


class TestEnd:
    def test_request_before_fin_is_answered_and_then_closed(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(lookup("t", 1))
        assert peer.protocol.eof_received() is True
        assert peer.opaques() == [1]
        assert peer.transport.is_closed and not peer.transport.is_aborted

    @pytest.mark.parametrize("sent", [b"", b"PRO", lookup("t")[:-1]])
    def test_fin_without_a_whole_request_closes(
        self, loop_free: LoopFreeServer, sent: bytes
    ) -> None:
        peer = loop_free.accept()
        if sent:
            peer.receive(sent)
        peer.protocol.eof_received()
        assert peer.transport.is_closed
        assert peer.transport.writes == []

    def test_fin_waits_for_the_file(self, loop_free: LoopFreeServer) -> None:
        peer = loop_free.accept()
        peer.receive(put_kv("n", "k", "v", 1), lookup("t", 2))
        peer.protocol.eof_received()
        assert not peer.transport.is_closed
        loop_free.finish_write()
        assert peer.opaques() == [1, 2]
        assert peer.transport.is_closed

    def test_fin_waits_for_the_turn(self, loop_free: LoopFreeServer) -> None:
        register_long_route(loop_free)
        peer = loop_free.accept()
        peer.receive(*(lookup("long", n) for n in range(20)))
        loop_free.turn_until_quiet()
        peer.protocol.eof_received()
        assert peer.opaques() == list(range(20))
        assert peer.transport.is_closed

    def test_resume_after_the_end_does_nothing(self, loop_free: LoopFreeServer) -> None:
        peer = loop_free.accept()
        peer.protocol.close()
        peer.protocol.close()
        peer.protocol.resume(b"late")
        assert peer.transport.writes == []


class TestFaults:
    def test_frames_before_a_bad_one_are_answered_and_those_after_not_executed(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        broker = Broker(addr="10.0.0.9:10911")
        registration = broker.registration({"t": 1, "u": 1})
        peer.receive(lookup("t", 1), lookup("t", 2), BAD, registration)
        assert peer.opaques() == [1, 2]
        assert peer.transport.is_closed
        assert len(loop_free.state.tables.broker_live_table) == 0

    def test_bad_frame_waits_for_the_file_that_a_good_one_waits_for(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(put_kv("n", "k", "v", 1), BAD)
        assert not peer.transport.is_closed
        loop_free.finish_write()
        assert peer.opaques() == [1]
        assert peer.transport.is_closed

    def test_what_comes_after_a_fault_is_dropped(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(BAD)
        peer.receive(lookup("t", 1))
        assert peer.transport.writes == []

    def test_reason_is_logged_once_with_the_peer(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept(("192.0.2.1", 4711))
        peer.receive(BAD)
        lines = [line for line in loop_free.log.lines if line.level > logging.DEBUG]
        assert lines == [
            (
                logging.WARNING,
                FAULT,
                {
                    "remote": "192.0.2.1:4711",
                    "reason": "frame of 7 bytes is shorter than the 8 bytes of its"
                    " two lengths",
                },
            )
        ]


class TestFirstBytes:
    def test_source_behind_a_proxy_is_the_remote_address(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(PROXY_V1, lookup("t", 1), BAD)
        assert peer.opaques() == [1]
        assert peer.protocol.connection.remote_address == "192.0.2.7:4321"
        assert peer.protocol.connection.socket_address == "10.0.0.1:5000"
        assert loop_free.log.lines[-1].fields["remote"] == "192.0.2.7:4321"

    def test_client_behind_a_proxy_that_does_not_name_it_is_unknown(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept(("192.0.2.1", 4711))
        peer.receive(b"PROXY UNKNOWN\r\n")
        peer.receive(lookup("t", 1))
        assert peer.opaques() == [1]
        connection = peer.protocol.connection
        assert connection.remote_address == "unknown (via 192.0.2.1:4711)"
        assert connection.socket_address == "192.0.2.1:4711"

    def test_what_cannot_be_served_is_closed_and_logged(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(b"PROXY nonsense\r\n", lookup("t", 1))
        assert peer.transport.is_closed
        assert peer.transport.writes == []
        assert [x.event for x in loop_free.log.lines if x.level > logging.DEBUG] == [
            FAULT
        ]

    def test_unfinished_proxy_header_counts_as_input(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(PROXY_V1[:20])
        assert peer.protocol.input_bytes == 20
        peer.receive(PROXY_V1[20:], lookup("t", 1))
        assert peer.protocol.input_bytes == 0

    def test_connection_without_a_peer_has_a_name_all_the_same(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept(None)
        assert peer.protocol.connection.remote_address == "unknown"

    def test_addresses_are_written_as_people_write_them(self) -> None:
        assert address_text(("10.0.0.1", 80)) == "10.0.0.1:80"
        assert address_text(("::1", 80, 0, 0)) == "[::1]:80"
        assert address_text(("fe80::1%eth0", 80, 0, 3)) == "[fe80::1%eth0]:80"

    @pytest.mark.parametrize("host", ["::ffff:192.0.2.7", "::ffff:c000:207"])
    def test_ipv4_over_a_socket_of_ipv6_is_written_as_ipv4(self, host: str) -> None:
        assert address_text((host, 80, 0, 0)) == "192.0.2.7:80"

    @pytest.mark.parametrize(
        ("host", "local"), [("::ffff:127.0.0.1", True), ("::ffff:10.0.0.1", False)]
    )
    def test_peer_of_a_socket_that_takes_both(
        self, loop_free: LoopFreeServer, host: str, local: bool
    ) -> None:
        peer = loop_free.accept((host, 5000, 0, 0))
        connection = peer.protocol.connection
        plain = f"{host.removeprefix('::ffff:')}:5000"
        assert connection.remote_address == connection.socket_address == plain
        assert is_local(connection) is local

    @pytest.mark.parametrize(
        "header",
        [
            b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1234 80\r\n",
            PROXY_V2[:12]
            + b"\x21\x21\x00\x24"
            + IPv6Address("::ffff:192.0.2.7").packed
            + bytes(16)
            + (1234).to_bytes(2)
            + bytes(2),
        ],
    )
    def test_client_behind_a_proxy_that_writes_ipv4_as_ipv6(
        self, loop_free: LoopFreeServer, header: bytes
    ) -> None:
        peer = loop_free.accept()
        peer.receive(header + lookup("t", 1))
        assert peer.protocol.connection.remote_address == "192.0.2.7:1234"


def probe(peer: LoopFreePeer) -> None:
    peer.protocol.eof_received()
    peer.protocol.connection_lost(None)


def use(peer: LoopFreePeer) -> None:
    peer.receive(lookup("t"))
    peer.protocol.connection_lost(None)


@pytest.mark.parametrize(("visit", "has_sent"), [(probe, False), (use, True)])
def test_coming_and_going_is_silent_below_debug(
    loop_free: LoopFreeServer, visit: Callable[[LoopFreePeer], None], has_sent: bool
) -> None:
    visit(loop_free.accept())
    assert [(line.level, line.event) for line in loop_free.log.lines] == [
        (logging.DEBUG, "connection opened"),
        (logging.DEBUG, "connection closed"),
    ]
    assert loop_free.log.lines[-1].fields["has_sent"] is has_sent


def test_stage_lies_in_the_test_s_folder(
    loop_free: LoopFreeServer, tmp_path: Path
) -> None:
    assert loop_free.options.kv_config_path == str(tmp_path / "kvConfig.json")
