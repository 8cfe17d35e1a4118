"""One connection: bytes in, bytes out; their order, the faults and the pauses."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.errors import FrameTooShort, HeaderInvalid
from namesrv.hot_path import (
    ANY_VERSION,
    LARGE_REGISTRATION_BYTES,
    OUTPUT_PAUSE_BYTES,
    Pause,
)
from namesrv.testing.peer import (
    Broker,
    binary_request,
    frame,
    header_json,
    read_answers,
    registration_body,
    request,
)
from tests.hot_path.lone_connection import (
    DATA_VERSION,
    Peer,
    heartbeat,
    lookup,
    repeated,
)


@pytest.fixture
def peer(hot: Any) -> Peer:
    return Peer(hot)


# --- order, cuts and faults -----------------------------------------------------------


def test_answers_leave_in_the_order_of_the_requests(peer: Peer) -> None:
    peer.cold.answers = [b"<1>", b"<2>"]
    output = peer.send(
        lookup(opaque=1),
        request(106, opaque=2),
        lookup("unknown", opaque=3),
        heartbeat(opaque=4, flag=2),
        request(206, opaque=5),
        heartbeat(opaque=6),
    )
    hot_answers = [
        peer.send(sent)
        for sent in (lookup(opaque=1), lookup("unknown", opaque=3), heartbeat(opaque=6))
    ]
    first, second, third = hot_answers
    assert output == first + b"<1>" + second + b"<2>" + third


@given(st.lists(st.integers(0, 900), max_size=6))
def test_a_pipeline_may_be_cut_anywhere(hot: Any, cuts: list[int]) -> None:
    sent = b"".join(
        [
            lookup(opaque=1),
            binary_request(105, {"topic": "T"}, opaque=2, version=317),
            heartbeat(opaque=3),
            frame(header_json(105, {"topic": "unknown"}, opaque=4), b"ignored"),
            request(322, Broker().ext_fields, DATA_VERSION, opaque=5),
        ]
    )
    whole = Peer(hot).send(sent)
    assert [a.header["opaque"] for a in read_answers(whole)] == [1, 2, 3, 4, 5]
    edges = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    peer = Peer(hot)
    pieces = [
        peer.connection.receive(sent[start:end], 1000)
        for start, end in itertools.pairwise(edges)
    ]
    assert b"".join(pieces) == whole
    assert peer.connection.buffered_bytes == 0


def test_byte_by_byte_each_answer_comes_with_the_last_byte(peer: Peer) -> None:
    sent = lookup(opaque=1) + lookup(opaque=2)
    outputs = [peer.connection.receive(sent[i : i + 1], 5) for i in range(len(sent))]
    assert [i for i, output in enumerate(outputs) if output] == [
        len(sent) // 2 - 1,
        len(sent) - 1,
    ]


def test_good_frames_before_a_bad_one_are_answered(peer: Peer) -> None:
    output = peer.send(lookup(opaque=1), lookup(opaque=2), b"\0\0\0\0", lookup())
    assert [a.header["opaque"] for a in read_answers(output)] == [1, 2]
    fault = peer.connection.fault
    assert isinstance(fault, FrameTooShort)
    assert peer.connection.is_done
    assert peer.send(lookup()) == b""
    assert peer.connection.resume(5) == b""
    assert peer.connection.fault is fault


def test_a_header_that_the_processor_refuses_is_a_fault(peer: Peer) -> None:
    peer.cold.answers = [HeaderInvalid("it is odd")]
    output = peer.send(lookup(opaque=1), frame(b"{"), lookup(opaque=2))
    assert [a.header["opaque"] for a in read_answers(output)] == [1]
    assert isinstance(peer.connection.fault, HeaderInvalid)
    assert str(peer.connection.fault) == "header cannot be read: it is odd"


def test_new_connection_has_no_output(peer: Peer) -> None:
    connection = peer.connection
    assert connection.remote_address == "10.0.0.9:4000"
    assert connection.fault is None
    assert connection.pause == Pause.NONE
    assert not connection.finished and not connection.is_done
    assert connection.buffered_bytes == 0
    assert set(connection.registered) == set()
    assert peer.send(b"") == b""


def test_partial_frames_are_counted(peer: Peer) -> None:
    sent = lookup()
    peer.send(sent[:7])
    assert peer.connection.buffered_bytes == 7
    peer.send(sent[7:] + sent[:3])
    assert peer.connection.buffered_bytes == 3


# --- the end --------------------------------------------------------------------------


def test_a_request_and_the_end_together_are_answered(peer: Peer) -> None:
    output = peer.send(lookup())
    peer.connection.finish()
    assert output and peer.connection.is_done


def test_the_end_waits_for_a_late_answer(peer: Peer) -> None:
    peer.cold.answers = [None]
    assert peer.send(request(100), lookup(opaque=2)) == b""
    peer.connection.finish()
    assert peer.connection.finished and not peer.connection.is_done
    output = peer.connection.resume(5, b"<late>")
    assert output.startswith(b"<late>") and len(read_answers(output[6:])) == 1
    assert peer.connection.is_done


def test_ended_connection_drops_its_input(peer: Peer) -> None:
    peer.cold.answers = [None]
    peer.send(request(100), lookup(), lookup()[:20])
    assert peer.connection.buffered_bytes > 0
    peer.connection.abandon()
    assert peer.connection.buffered_bytes == 0 and peer.connection.is_done
    assert peer.connection.resume(5, b"<late>") == b""
    assert peer.send(lookup()) == b""
    assert len(peer.cold.asked) == 1


def test_connection_that_ends_in_its_own_request_answers_no_other(peer: Peer) -> None:
    def end(*call: Any) -> bytes:
        peer.connection.abandon()
        return b"<last>"

    peer.path.cold_path = end
    assert peer.send(request(100), lookup(), request(100)) == b"<last>"
    assert peer.connection.buffered_bytes == 0 and peer.connection.is_done


def test_request_that_failed_in_its_turn_does_not_come_again(peer: Peer) -> None:
    """The pieces of its large body are kept apart from the next input."""
    peer.path.turn_taken = True
    large = request(103, body=bytes(2 * LARGE_REGISTRATION_BYTES))
    for at in range(0, len(large), LARGE_REGISTRATION_BYTES):
        peer.send(large[at : at + LARGE_REGISTRATION_BYTES])
    peer.path.turn_taken = False
    peer.cold.answers = [ValueError()]
    with pytest.raises(ValueError):
        peer.connection.resume(5)
    peer.path.turn_taken = False
    peer.send(request(100, body=b"next"))
    assert peer.connection.buffered_bytes == len(request(100, body=b"next"))
    peer.connection.resume(6)
    assert peer.cold.asked[1:] != [] and peer.cold.asked[1][2] == b"next"


def taking(peer: Peer, *codes: int) -> list[Any]:
    """The requests that a cold path takes with its first one."""
    taken: list[Any] = []

    def cold_path(*call: Any) -> None:
        while (frame := peer.connection.take_next(codes)) is not None:
            taken.append(frame)

    peer.path.cold_path = cold_path
    return taken


def test_cold_path_takes_the_requests_behind_the_one_under_way(peer: Peer) -> None:
    taken = taking(peer, 102, 318)
    short = request(318, {}, b"a=1", opaque=3)
    peer.send(request(100), request(102), short, lookup(), request(102))
    assert [frame.body for frame in taken] == [None, b"a=1"]
    assert taken[1].header in short and taken[1].serialize_type == 0
    assert peer.connection.pause == Pause.LATER
    assert len(read_answers(peer.connection.resume(5, b""))) == 1


@pytest.mark.parametrize(
    "behind",
    [
        b"",
        request(102)[:20],
        request(106),
        request(102, flag=1),
        request(102, body=bytes(LARGE_REGISTRATION_BYTES)),
        frame(b'{"code":102,'),
    ],
    ids=["nothing", "a part", "another code", "a response", "a long one", "no header"],
)
def test_cold_path_takes_nothing_else(peer: Peer, behind: bytes) -> None:
    taken = taking(peer, 102)
    peer.send(request(100), behind)
    assert taken == [] and peer.connection.fault is None
    assert peer.connection.buffered_bytes == len(behind)


def test_broken_frame_behind_a_request_under_way_fails_after_it(peer: Peer) -> None:
    taken = taking(peer, 102)
    peer.send(request(100), request(102), b"\0\0\0\0")
    assert len(taken) == 1 and peer.connection.fault is None
    assert peer.connection.resume(5, b"<late>") == b"<late>"
    assert isinstance(peer.connection.fault, FrameTooShort)


def test_first_fault_stays(peer: Peer) -> None:
    first = FrameTooShort(1)
    peer.connection.fail(first)
    peer.connection.fail(FrameTooShort(2))
    assert peer.connection.fault is first
    assert peer.connection.has_side_effects and peer.connection.is_done


def test_held_connection_keeps_what_is_behind_the_answer(peer: Peer) -> None:
    peer.cold.answers = [None]
    peer.send(request(100), lookup(opaque=2))
    peer.connection.hold(Pause.OUTPUT)
    assert peer.connection.pause == Pause.OUTPUT
    assert peer.connection.waiting_code == 0
    assert len(read_answers(peer.connection.resume(5))) == 1


def test_notes_change_one_field_each(peer: Peer) -> None:
    peer.connection.note_activity(77)
    peer.connection.note_version(123)
    peer.connection.name_peer("192.0.2.7:4321")
    assert not peer.connection.has_side_effects
    assert peer.connection.last_active_ms == 77
    assert peer.connection.read_ms == 0
    assert peer.connection.client_version == 123
    assert peer.connection.remote_address == "192.0.2.7:4321"
    assert peer.connection.socket_address == "10.0.0.9:4000"
    peer.connection.note_side_effects()
    assert peer.connection.has_side_effects


# --- progress -------------------------------------------------------------------------


def progress(peer: Peer) -> int:
    assert peer.connection.has_side_effects
    found: int = peer.connection.progress_ms
    return found


def test_a_frame_that_comes_in_pieces_makes_progress_at_its_ends(peer: Peer) -> None:
    whole = lookup()
    peer.send(whole[:5], now_ms=10)
    assert progress(peer) == 10
    for number in range(5, len(whole) - 1):
        peer.send(whole[number : number + 1], now_ms=100 + number)
        assert progress(peer) == 10
    peer.send(whole[-1:] + whole[:3], now_ms=500)
    assert progress(peer) == 500


def test_a_frame_that_ends_as_another_of_its_size_begins_is_progress(
    peer: Peer,
) -> None:
    whole = lookup()
    peer.send(whole[:9], now_ms=10)
    peer.send(whole[9:] + whole[:9], now_ms=20)
    assert (progress(peer), peer.connection.buffered_bytes) == (20, 9)


def test_whole_frames_need_no_care(peer: Peer) -> None:
    peer.register()
    peer.send(heartbeat(), now_ms=30)
    assert not peer.connection.has_side_effects and peer.connection.progress_ms == 0


def test_the_client_s_version_is_that_of_its_last_request(peer: Peer) -> None:
    assert peer.connection.client_version == ANY_VERSION
    peer.send(heartbeat(version=300))
    assert peer.connection.client_version == 300
    peer.send(heartbeat(version=479))
    assert peer.connection.client_version == 479


def test_repeated_registration_is_only_bytes_to_send(peer: Peer) -> None:
    body = registration_body()
    peer.register(body=body)
    assert peer.send(repeated(Broker(), body))
    assert not peer.connection.has_side_effects


# --- pauses ---------------------------------------------------------------------------


def test_a_late_answer_keeps_its_place(peer: Peer) -> None:
    peer.cold.answers = [None]
    output = peer.send(lookup(opaque=1), request(100, opaque=2), lookup(opaque=3))
    assert [a.header["opaque"] for a in read_answers(output)] == [1]
    assert peer.connection.pause == Pause.LATER
    assert peer.connection.buffered_bytes == len(lookup(opaque=3))
    assert peer.send(lookup(opaque=4)) == b""
    assert peer.connection.buffered_bytes == 2 * len(lookup(opaque=3))
    late = request(0, opaque=2)
    output = peer.connection.resume(5, late)
    assert [a.header["opaque"] for a in read_answers(output)] == [2, 3, 4]
    assert peer.connection.pause == Pause.NONE
    assert peer.connection.buffered_bytes == 0


def test_a_late_answer_of_a_one_way_request_is_empty(peer: Peer) -> None:
    peer.cold.answers = [None, None]
    peer.send(request(100), request(100), lookup(opaque=1))
    assert peer.connection.resume(5) == b""
    assert peer.connection.pause == Pause.LATER
    assert len(read_answers(peer.connection.resume(5))) == 1


def test_much_output_pauses_and_loses_nothing(hot: Any) -> None:
    peer = Peer(hot)
    peer.answers = hot.RouteAnswers(1 << 22)
    peer.path.route_answers = peer.answers
    peer.answers.mark("T")
    peer.answers.put("T", True, bytes(300_000))
    count = 10
    output = peer.send(*(lookup(opaque=i) for i in range(count)))
    received, pauses = [output], 0
    while peer.connection.pause:
        assert peer.connection.pause == Pause.OUTPUT
        assert OUTPUT_PAUSE_BYTES <= len(received[-1]) < OUTPUT_PAUSE_BYTES + 301_000
        pauses += 1
        assert peer.connection.receive(b"", 5) == b""
        received.append(peer.connection.resume(5))
    opaques = [a.header["opaque"] for a in read_answers(b"".join(received))]
    assert opaques == list(range(count))
    assert pauses == 2


def test_a_late_answer_counts_as_output(peer: Peer) -> None:
    peer.cold.answers = [None]
    peer.send(request(100), lookup(), lookup())
    output = peer.connection.resume(5, bytes(OUTPUT_PAUSE_BYTES))
    assert len(read_answers(output[OUTPUT_PAUSE_BYTES:])) == 1
    assert peer.connection.pause == Pause.OUTPUT
    assert len(read_answers(peer.connection.resume(5))) == 1
    assert peer.connection.pause == Pause.NONE


@pytest.mark.parametrize(("missing", "pause"), [(0, Pause.OUTPUT), (1, Pause.NONE)])
def test_the_limit_of_output_itself_pauses(
    peer: Peer, missing: int, pause: Pause
) -> None:
    answer = peer.send(lookup())
    peer.cold.answers = [None]
    peer.send(request(100), lookup())
    late = bytes(OUTPUT_PAUSE_BYTES - len(answer) - missing)
    assert len(peer.connection.resume(5, late)) == OUTPUT_PAUSE_BYTES - missing
    assert peer.connection.pause == pause


def large(opaque: int, size: int = LARGE_REGISTRATION_BYTES) -> bytes:
    return request(103, {}, bytes(size), opaque=opaque)


def test_a_large_registration_ends_the_turn(peer: Peer) -> None:
    peer.cold.answers = [b"<large>"]
    assert peer.send(large(1), lookup(opaque=2)) == b"<large>"
    assert peer.connection.pause == Pause.TURN
    assert peer.path.turn_taken is True
    assert len(read_answers(peer.connection.resume(5))) == 1
    assert peer.connection.pause == Pause.NONE


def test_only_one_large_registration_is_handled_in_a_turn(peer: Peer) -> None:
    peer.cold.answers = [b"<1>", b"<2>", b"<3>"]
    assert peer.send(large(1), large(2)) == b"<1>"
    first, second = peer.connection, peer.other
    assert second.receive(large(3) + lookup(opaque=4), 5) == b""
    assert second.pause == Pause.TURN
    assert second.buffered_bytes >= LARGE_REGISTRATION_BYTES
    assert first.resume(5) == b"" and first.pause == Pause.TURN
    assert len(peer.cold.asked) == 1
    peer.path.turn_taken = False
    assert second.resume(5) == b"<2>" and second.pause == Pause.TURN
    assert first.resume(5) == b""
    peer.path.turn_taken = False
    assert first.resume(5) == b"<3>"
    peer.path.turn_taken = False
    assert first.resume(5) == b"" and first.pause == Pause.NONE
    assert len(read_answers(second.resume(5))) == 1


def test_small_requests_do_not_wait_for_a_turn(peer: Peer) -> None:
    peer.path.turn_taken = True
    assert len(read_answers(peer.send(lookup()))) == 1
    peer.send(large(1, LARGE_REGISTRATION_BYTES - 1))
    assert peer.connection.pause == Pause.NONE


def test_a_large_repeated_registration_takes_its_turn_too(peer: Peer) -> None:
    broker = Broker()
    body = registration_body() + b" " * LARGE_REGISTRATION_BYTES
    peer.register(broker, body)
    output = peer.send(repeated(broker, body), repeated(broker, body))
    assert len(read_answers(output)) == 1
    assert peer.connection.pause == Pause.TURN
    assert not peer.cold.asked


def test_a_large_request_may_be_answered_late(peer: Peer) -> None:
    peer.cold.answers = [None]
    assert peer.send(large(1), lookup()) == b""
    assert peer.connection.pause == Pause.LATER
    assert peer.connection.resume(5, b"<late>").startswith(b"<late>")


def test_a_bad_frame_behind_a_pause_waits_its_turn(peer: Peer) -> None:
    peer.cold.answers = [None]
    peer.send(request(100), b"\0\0\0\0")
    assert peer.connection.fault is None
    assert peer.connection.resume(5, b"<late>") == b"<late>"
    assert isinstance(peer.connection.fault, FrameTooShort)
