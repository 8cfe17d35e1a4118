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
from namesrv.server.connections.peer import address_text
from namesrv.testing.peer import Broker, frame, get_kv, lookup, put_kv, request
from tests.server.proxy_headers import PROXY_V1, PROXY_V2
from tests.server.stage import FAULT, Actor, Stage

BAD = b"\x00\x00\x00\x03"


def register_long_route(stage: Stage) -> int:
    """Make a topic `long` whose answer has many bytes; that number."""
    actor = stage.accept()
    for number in range(OUTPUT_PAUSE_BYTES // 8 // 4000 + 1):
        broker = Broker(f"{number}".rjust(4000, "b"), addr="10.0.0.9:10911")
        actor.receive(broker.registration({"long": 1, "u": 1}))
        stage.turn_until_quiet()
    actor.receive(lookup("long"))
    stage.turn_until_quiet()
    return actor.write_sizes()[-1]


class TestReads:
    def test_all_frames_of_a_read_are_answered_by_one_write(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(*(lookup("t", n) for n in range(1, 101)))
        assert len(actor.write_sizes()) == 1
        assert actor.opaques() == list(range(1, 101))
        assert actor.transport.reading

    def test_half_a_frame_is_not_answered(self, stage: Stage) -> None:
        actor = stage.accept()
        data = lookup("t", 1) + lookup("t", 2)
        actor.receive(data[:-1])
        assert actor.opaques() == [1]
        actor.receive(data[-1:])
        assert actor.opaques() == [1, 2]

    def test_one_way_request_is_executed_and_not_answered(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(request(999, {}, flag=FLAG_ONEWAY))
        assert actor.transport.writes == []

    @pytest.mark.parametrize("prefix", [b"", PROXY_V1])
    def test_bytes_may_come_one_by_one(self, stage: Stage, prefix: bytes) -> None:
        actor = stage.accept()
        for byte in prefix + lookup("t", 1) + put_kv("n", "k", "v", 2):
            actor.receive(bytes([byte]))
        stage.finish_write()
        assert actor.opaques() == [1, 2]
        assert actor.protocol.input_bytes == 0

    def test_json_and_binary_headers_mix(self, stage: Stage) -> None:
        binary = (105).to_bytes(2) + b"\x00" + (479).to_bytes(2) + (7).to_bytes(4)
        actor = stage.accept()
        actor.receive(lookup("t", 6), frame(binary + bytes(12), b"", 1))
        assert actor.opaques() == [6, 7]


class TestTurns:
    def test_others_are_answered_between_requests_that_take_long(
        self, stage: Stage
    ) -> None:
        greedy, second, modest = stage.accept(), stage.accept(), stage.accept()
        greedy.receive(*(request(304, {}, opaque=n) for n in range(1000)))
        second.receive(request(304, {}, opaque=1))
        modest.receive(lookup("t", 1))
        assert modest.opaques() == [1]
        assert 0 < len(greedy.opaques()) < 100
        assert second.opaques() == []
        assert stage.turn()
        assert stage.turn()
        assert second.opaques() == [1]
        assert len(greedy.opaques()) < 200
        stage.turn_until_quiet()
        assert greedy.opaques() == list(range(1000))
        assert greedy.transport.reading


class TestOutputPause:
    def test_long_output_leaves_in_turns(self, stage: Stage) -> None:
        size = register_long_route(stage)
        actor = stage.accept()
        actor.receive(*(lookup("long", n) for n in range(20)))
        assert len(actor.write_sizes()) == 1
        assert not actor.transport.reading
        stage.turn_until_quiet()
        assert actor.opaques() == list(range(20))
        *full, _ = actor.write_sizes()
        assert len(full) >= 2
        assert OUTPUT_PAUSE_BYTES <= min(full)
        assert max(full) < OUTPUT_PAUSE_BYTES + size
        assert actor.transport.reading

    def test_others_are_answered_between_the_turns(self, stage: Stage) -> None:
        register_long_route(stage)
        greedy, modest = stage.accept(), stage.accept()
        greedy.receive(*(lookup("long", n) for n in range(20)))
        modest.receive(lookup("t", 1))
        assert modest.opaques() == [1]
        assert len(greedy.write_sizes()) == 1

    def test_two_with_long_output_take_turns(self, stage: Stage) -> None:
        register_long_route(stage)
        actors = [stage.accept(), stage.accept()]
        for actor in actors:
            actor.receive(*(lookup("long", n) for n in range(20)))
        while stage.turn():
            counts = [len(actor.write_sizes()) for actor in actors]
            assert abs(counts[0] - counts[1]) <= 1
        assert [actor.opaques() for actor in actors] == [list(range(20))] * 2

    def test_reader_that_does_not_read_is_not_answered_on(self, stage: Stage) -> None:
        register_long_route(stage)
        actor = stage.accept()
        actor.protocol.pause_writing()
        assert not actor.transport.reading
        # What had been read when the transport filled up.
        actor.receive(*(lookup("long", n) for n in range(20)))
        assert not stage.turn()
        assert len(actor.write_sizes()) == 1
        actor.protocol.resume_writing()
        stage.turn()
        assert len(actor.write_sizes()) == 2
        stage.turn_until_quiet()
        assert actor.opaques() == list(range(20))
        assert actor.transport.reading

    def test_transport_that_fills_up_stops_reading(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(lookup("t", 1))
        actor.protocol.pause_writing()
        assert not actor.transport.reading
        actor.protocol.resume_writing()
        assert actor.transport.reading


class TestLater:
    def test_answer_waits_for_the_file_and_later_frames_for_the_answer(
        self, stage: Stage
    ) -> None:
        actor = stage.accept()
        actor.receive(put_kv("n", "k", "v", 1), get_kv("n", "k", 2), lookup("t", 3))
        assert actor.transport.writes == []
        assert not actor.transport.reading
        assert stage.state.kv_config.get("n", "k") is None
        stage.finish_write()
        assert [(a.opaque, a.code) for a in actor.answers()] == [
            (1, 0),
            (2, 0),
            (3, 17),
        ]
        assert len(actor.write_sizes()) == 1
        assert actor.transport.reading

    def test_failed_write_is_answered_with_its_reason(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(put_kv("n", "k", "v", 1), get_kv("n", "k", 2))
        stage.finish_write(StorageError("write", "f", "No space left on device"))
        failed, after = actor.answers()
        assert (failed.code, failed.remark) == (
            1,
            "cannot write f: No space left on device",
        )
        assert after.code == 22

    def test_several_are_written_one_after_the_other(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(*(put_kv("n", "k", str(n), n) for n in range(5)))
        for n in range(5):
            assert len(stage.writes) == 1
            assert f'"k":"{n}"'.encode() in stage.writes[0].content()
            stage.finish_write()
        assert actor.opaques() == list(range(5))

    def test_connection_that_has_gone_is_not_answered(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(put_kv("n", "k", "v", 1), lookup("t", 2))
        actor.transport.close()
        actor.protocol.connection_lost(None)
        stage.finish_write()
        assert actor.transport.writes == []
        assert stage.state.kv_config.get("n", "k") == "v"

    def test_connection_that_is_closing_is_not_answered(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(put_kv("n", "k", "v", 1))
        actor.protocol.close()
        stage.finish_write()
        assert actor.transport.writes == []

    def test_who_does_not_read_gets_the_answer_and_nothing_more(
        self, stage: Stage
    ) -> None:
        actor = stage.accept()
        actor.receive(
            put_kv("n", "k", "v", 1), lookup("t", 2), put_kv("n", "l", "v", 3)
        )
        actor.protocol.pause_writing()
        stage.finish_write()
        assert actor.opaques() == [1]
        assert stage.writes == [] and not stage.turn()
        actor.protocol.resume_writing()
        stage.turn_until_quiet()
        stage.finish_write()
        assert actor.opaques() == [1, 2, 3]


class TestTurn:
    def test_large_registration_is_answered_and_ends_the_turn(
        self, stage: Stage
    ) -> None:
        broker = Broker(addr="10.0.0.9:10911")
        actor = stage.accept()
        large = broker.registration(
            {"t": 1, "u": 1}, 1, padding_bytes=LARGE_REGISTRATION_BYTES
        )
        actor.receive(large, lookup("t", 2))
        assert actor.opaques() == [1]
        assert not actor.transport.reading
        stage.turn()
        assert actor.opaques() == [1, 2]
        assert actor.transport.reading


class TestEnd:
    def test_request_before_fin_is_answered_and_then_closed(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(lookup("t", 1))
        assert actor.protocol.eof_received() is True
        assert actor.opaques() == [1]
        assert actor.transport.is_closed and not actor.transport.is_aborted

    @pytest.mark.parametrize("sent", [b"", b"PRO", lookup("t")[:-1]])
    def test_fin_without_a_whole_request_closes(
        self, stage: Stage, sent: bytes
    ) -> None:
        actor = stage.accept()
        if sent:
            actor.receive(sent)
        actor.protocol.eof_received()
        assert actor.transport.is_closed
        assert actor.transport.writes == []

    def test_fin_waits_for_the_file(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(put_kv("n", "k", "v", 1), lookup("t", 2))
        actor.protocol.eof_received()
        assert not actor.transport.is_closed
        stage.finish_write()
        assert actor.opaques() == [1, 2]
        assert actor.transport.is_closed

    def test_fin_waits_for_the_turn(self, stage: Stage) -> None:
        register_long_route(stage)
        actor = stage.accept()
        actor.receive(*(lookup("long", n) for n in range(20)))
        stage.turn_until_quiet()
        actor.protocol.eof_received()
        assert actor.opaques() == list(range(20))
        assert actor.transport.is_closed

    def test_resume_after_the_end_does_nothing(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.protocol.close()
        actor.protocol.close()
        actor.protocol.resume(b"late")
        assert actor.transport.writes == []


class TestFaults:
    def test_frames_before_a_bad_one_are_answered_and_those_after_not_executed(
        self, stage: Stage
    ) -> None:
        actor = stage.accept()
        broker = Broker(addr="10.0.0.9:10911")
        registration = broker.registration({"t": 1, "u": 1})
        actor.receive(lookup("t", 1), lookup("t", 2), BAD, registration)
        assert actor.opaques() == [1, 2]
        assert actor.transport.is_closed
        assert len(stage.state.tables.broker_live_table) == 0

    def test_bad_frame_waits_for_the_file_that_a_good_one_waits_for(
        self, stage: Stage
    ) -> None:
        actor = stage.accept()
        actor.receive(put_kv("n", "k", "v", 1), BAD)
        assert not actor.transport.is_closed
        stage.finish_write()
        assert actor.opaques() == [1]
        assert actor.transport.is_closed

    def test_what_comes_after_a_fault_is_dropped(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(BAD)
        actor.receive(lookup("t", 1))
        assert actor.transport.writes == []

    def test_reason_is_logged_once_with_the_peer(self, stage: Stage) -> None:
        actor = stage.accept(("192.0.2.1", 4711))
        actor.receive(BAD)
        lines = [line for line in stage.log.lines if line.level > logging.DEBUG]
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
    def test_source_behind_a_proxy_is_the_remote_address(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(PROXY_V1, lookup("t", 1), BAD)
        assert actor.opaques() == [1]
        assert actor.protocol.connection.remote_address == "192.0.2.7:4321"
        assert actor.protocol.connection.socket_address == "10.0.0.1:5000"
        assert stage.log.lines[-1].fields["remote"] == "192.0.2.7:4321"

    def test_client_behind_a_proxy_that_does_not_name_it_is_unknown(
        self, stage: Stage
    ) -> None:
        actor = stage.accept(("192.0.2.1", 4711))
        actor.receive(b"PROXY UNKNOWN\r\n")
        actor.receive(lookup("t", 1))
        assert actor.opaques() == [1]
        connection = actor.protocol.connection
        assert connection.remote_address == "unknown (via 192.0.2.1:4711)"
        assert connection.socket_address == "192.0.2.1:4711"

    def test_what_cannot_be_served_is_closed_and_logged(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(b"PROXY nonsense\r\n", lookup("t", 1))
        assert actor.transport.is_closed
        assert actor.transport.writes == []
        assert [x.event for x in stage.log.lines if x.level > logging.DEBUG] == [FAULT]

    def test_unfinished_proxy_header_counts_as_input(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(PROXY_V1[:20])
        assert actor.protocol.input_bytes == 20
        actor.receive(PROXY_V1[20:], lookup("t", 1))
        assert actor.protocol.input_bytes == 0

    def test_connection_without_a_peer_has_a_name_all_the_same(
        self, stage: Stage
    ) -> None:
        actor = stage.accept(None)
        assert actor.protocol.connection.remote_address == "unknown"

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
        self, stage: Stage, host: str, local: bool
    ) -> None:
        actor = stage.accept((host, 5000, 0, 0))
        connection = actor.protocol.connection
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
        self, stage: Stage, header: bytes
    ) -> None:
        actor = stage.accept()
        actor.receive(header + lookup("t", 1))
        assert actor.protocol.connection.remote_address == "192.0.2.7:1234"


def probe(actor: Actor) -> None:
    actor.protocol.eof_received()
    actor.protocol.connection_lost(None)


def use(actor: Actor) -> None:
    actor.receive(lookup("t"))
    actor.protocol.connection_lost(None)


@pytest.mark.parametrize(("visit", "has_sent"), [(probe, False), (use, True)])
def test_coming_and_going_is_silent_below_debug(
    stage: Stage, visit: Callable[[Actor], None], has_sent: bool
) -> None:
    visit(stage.accept())
    assert [(line.level, line.event) for line in stage.log.lines] == [
        (logging.DEBUG, "connection opened"),
        (logging.DEBUG, "connection closed"),
    ]
    assert stage.log.lines[-1].fields["has_sent"] is has_sent


def test_stage_lies_in_the_test_s_folder(stage: Stage, tmp_path: Path) -> None:
    assert stage.options.kv_config_path == str(tmp_path / "kvConfig.json")
