"""One conversation in memory: requests of every kind, turns, ends."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namesrv.admin.http.limits import (
    GZIP_BYTES,
    LONGEST_BODY_BYTES,
    LONGEST_HEAD_BYTES,
    MOST_HEADERS,
)
from namesrv.admin.http.messages import Asked, Handled, HttpAnswer, HttpRequest
from namesrv.codes import RequestCode
from namesrv.hot_path import OUTPUT_PAUSE_BYTES, Pause
from namesrv.routing.events import Cause, CauseKind, Event
from namesrv.routing.outbox import FileWrite, LogEvent
from namesrv.routing.turns.turn import TURN_UNITS
from namesrv.wire.command import RemotingCommand
from namesrv.work import Steps
from tests.admin.http.talk import DATE, Talk, answers, post, request

untimed = settings(deadline=None, max_examples=50)

CHUNKED = request("/c", "Transfer-Encoding: chunked", method="PUT")
STREAM = b"".join(
    (
        b"\r\n\r\n",
        request("/a?x=1&y=%20"),
        post(b"three", "/b"),
        CHUNKED + b"3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n",
        request("/d", "Connection: upgrade", "Upgrade: h2c"),
        post(b"", "/e"),
        request("/f", "Accept: a", "Accept: b", method="HEAD"),
        request("/g", method="DELETE"),
        b"GET /h HTTP/1.0\r\n\r\n",
    )
)
BODIES = [
    b"GET /a?x=1&y=%20 ",
    b"POST /b? three",
    b"PUT /c? abc0123456789",
    b"GET /d? ",
    b"POST /e? ",
    b"",
    b"DELETE /g? ",
    b"GET /h? ",
]
FORM = {
    "Date": DATE.decode(),
    "Content-Type": "text/plain",
    "X-Content-Type-Options": "nosniff",
}


class TestRequests:
    def test_requests_sent_ahead_are_answered_in_order(self) -> None:
        talk = Talk()
        output = talk.send(STREAM)
        assert [a.body for a in answers(output, heads=(5,))] == BODIES
        assert talk.connection.is_done
        assert talk.conversation.buffered_bytes == 0

    @pytest.mark.parametrize("cut", range(1, len(STREAM)))
    def test_answers_do_not_depend_on_the_cut(self, cut: int) -> None:
        whole, talk = Talk(), Talk()
        expected = whole.send(STREAM)
        assert talk.converse(STREAM[:cut], STREAM[cut:]) == expected
        assert talk.application.requests == whole.application.requests

    def test_bytes_may_come_one_by_one(self) -> None:
        talk = Talk()
        output = talk.converse(*(STREAM[n : n + 1] for n in range(len(STREAM))))
        assert [a.body for a in answers(output, heads=(5,))] == BODIES

    def test_answer_has_its_form(self) -> None:
        (answer,) = answers(Talk().send(request("/a")))
        assert answer.status == 200
        assert answer.headers.items() >= FORM.items()
        assert answer.headers["Content-Length"] == str(len(answer.body))
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Connection" not in answer.headers and "Set-Cookie" not in answer.headers

    def test_fields_are_in_lower_case_and_joined(self) -> None:
        talk = Talk()
        talk.send(request("/a", "X-A:  1 ", "x-a: 2", "X-B:"))
        assert talk.application.requests == [
            HttpRequest("GET", "/a", "", {"host": "a:9876", "x-a": "1, 2", "x-b": ""})
        ]

    @pytest.mark.parametrize(
        ("target", "path", "query"),
        [
            ("/", "/", ""),
            ("/a?", "/a", ""),
            ("/a?b?c", "/a", "b?c"),
            ("http://a:9876/x?y", "/x", "y"),
            ("HTTP://A:9876", "/", ""),
            ("*", "*", ""),
        ],
    )
    def test_target_is_split(self, target: str, path: str, query: str) -> None:
        talk = Talk()
        talk.send(request(target, method="OPTIONS"))
        (seen,) = talk.application.requests
        assert (seen.path, seen.query) == (path, query)

    @pytest.mark.parametrize(
        ("line", "version", "ends"),
        [
            ("Connection: close", "1.1", True),
            ("Connection: x, Close", "1.1", True),
            ("Connection: keep-alive", "1.1", False),
            ("Accept: a", "1.0", True),
            ("Connection: keep-alive", "1.0", False),
        ],
    )
    def test_connection_ends_as_the_client_wants(
        self, line: str, version: str, ends: bool
    ) -> None:
        talk = Talk()
        data = request("/a", line).replace(b"HTTP/1.1", f"HTTP/{version}".encode())
        more = request("/never") if ends else b""
        (answer,) = answers(talk.send(data + more))
        assert talk.connection.is_done is ends
        wanted = {True: "close", False: None if version == "1.1" else "keep-alive"}
        assert answer.headers.get("Connection") == wanted[ends]
        assert len(talk.application.requests) == 1

    def test_204_and_304_have_no_body_and_no_length(self) -> None:
        talk = Talk(gone=lambda _: HttpAnswer(204), same=lambda _: HttpAnswer(304))
        for answer in answers(talk.send(request("/gone") + request("/same"))):
            assert "Content-Length" not in answer.headers
            assert "Content-Type" not in answer.headers

    def test_head_has_the_length_and_no_body(self) -> None:
        (answer,) = answers(Talk().send(request("/a", method="HEAD")), heads=(0,))
        assert answer.headers["Content-Length"] == str(len("HEAD /a? "))

    def test_value_of_a_header_stays_on_its_line(self) -> None:
        headers = (("X-A", "1\r\nSet-Cookie: a=b\0"),)
        talk = Talk(a=lambda _: HttpAnswer(200, headers=headers))
        (answer,) = answers(talk.send(request("/a")))
        assert answer.headers["X-A"] == "1  Set-Cookie: a=b "


class TestExpectation:
    def test_body_is_invited_once(self) -> None:
        talk = Talk()
        head = request("/a", "Expect: 100-continue", "Content-Length: 2", method="PUT")
        assert talk.send(head) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert talk.send(b"a") == b""
        (answer,) = answers(talk.send(b"b"))
        assert answer.body == b"PUT /a? ab"

    def test_chunked_body_is_invited(self) -> None:
        line = "Transfer-Encoding: chunked"
        output = Talk().send(request("/a", "Expect: 100-Continue", line, method="PUT"))
        assert output == b"HTTP/1.1 100 Continue\r\n\r\n"

    def test_body_that_has_come_is_not_invited(self) -> None:
        lines = ("Expect: 100-continue", "Content-Length: 1")
        output = Talk().send(request("/a", *lines, method="PUT", body=b"x"))
        assert [a.status for a in answers(output)] == [200]

    def test_too_long_body_is_not_invited(self) -> None:
        line = f"Content-Length: {LONGEST_BODY_BYTES + 1}"
        output = Talk().send(request("/a", "Expect: 100-continue", line, method="PUT"))
        assert [a.status for a in answers(output)] == [413]

    def test_other_expectations_are_refused(self) -> None:
        assert answers(Talk().send(request("/a", "Expect: 200-ok")))[0].status == 417


class TestObjection:
    @pytest.mark.parametrize(
        "line", [f"Content-Length: {LONGEST_BODY_BYTES}", "Transfer-Encoding: chunked"]
    )
    def test_body_of_a_refused_request_is_not_read(self, line: str) -> None:
        talk = Talk()
        talk.application.objections["/a"] = HttpAnswer(401)
        head = request("/a", "Expect: 100-continue", line, method="PUT")
        (answer,) = answers(talk.send(head))
        assert (answer.status, answer.headers["Connection"]) == (401, "close")
        assert talk.conversation.take_end() and not talk.connection.is_done
        assert talk.send(b"x" * 5000) == b""
        assert talk.conversation.buffered_bytes == 0
        assert talk.conversation.request_since_ms == talk.now_ms
        assert talk.application.requests == []

    def test_refusal_may_come_in_steps(self) -> None:
        talk = Talk()
        talk.application.objections["/a"] = slow_text(5000)
        head = request("/a", "Content-Length: 9", method="PUT")
        (answer,) = answers(talk.converse(head + b"abc", b"def"))
        assert (answer.body, answer.headers["Connection"]) == (b"slow", "close")
        assert talk.conversation.take_end()
        assert talk.conversation.buffered_bytes == 0

    def test_request_that_has_come_as_a_whole_is_only_handled(self) -> None:
        talk = Talk()
        talk.application.objections["/a"] = HttpAnswer(401)
        output = talk.send(request("/a") + post(b"abc", "/a"))
        assert [a.status for a in answers(output)] == [200, 200]


LIMIT_LINE = "X: " + "a" * (LONGEST_HEAD_BYTES - len(request("/", "X: ")))


class TestLimits:
    def test_longest_head_is_read(self) -> None:
        data = request("/", LIMIT_LINE)
        assert len(data) == LONGEST_HEAD_BYTES
        assert answers(Talk().send(data))[0].status == 200

    @pytest.mark.parametrize("cut", [1, LONGEST_HEAD_BYTES, LONGEST_HEAD_BYTES + 1])
    def test_longer_head_is_refused(self, cut: int) -> None:
        data = request("/", LIMIT_LINE + "a")
        assert answers(Talk().converse(data[:cut], data[cut:]))[0].status == 431

    def test_head_without_end_is_refused_at_the_limit(self) -> None:
        talk = Talk()
        assert talk.send(b"GET /" + b"a" * (LONGEST_HEAD_BYTES - 5)) == b""
        assert answers(talk.send(b"a"))[0].status == 431

    def test_number_of_lines_has_a_limit(self) -> None:
        lines = [f"X: {n}" for n in range(MOST_HEADERS)]
        assert answers(Talk().send(request("/", *lines[1:])))[0].status == 200
        assert answers(Talk().send(request("/", *lines)))[0].status == 431

    def test_longest_body_is_read(self) -> None:
        body = b"x" * LONGEST_BODY_BYTES
        data = post(body)
        talk = Talk(**{"": lambda request: HttpAnswer(200, request.body[-9:])})
        output = talk.converse(data[:100_000], data[100_000:])
        assert answers(output)[0].body == body[-9:]

    def test_longer_chunked_body_is_refused(self) -> None:
        piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        count = LONGEST_BODY_BYTES // 0x10000
        talk = Talk()
        output = talk.converse(CHUNKED, *[piece] * count)
        assert output == b"" and talk.conversation.buffered_bytes >= LONGEST_BODY_BYTES
        assert answers(talk.converse(b"1\r\n"))[0].status == 413
        assert talk.conversation.buffered_bytes == 0

    def test_kept_input_is_counted(self) -> None:
        talk = Talk()
        talk.send(b"GET / HT")
        assert talk.conversation.buffered_bytes == 8
        talk.send(b"TP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
        assert talk.conversation.buffered_bytes == 49
        talk.send(b"de")
        assert talk.conversation.buffered_bytes == 0


class TestDeadline:
    def test_counts_from_the_first_byte_of_a_request(self) -> None:
        talk = Talk()
        assert talk.conversation.request_since_ms is None
        for byte in b"GET / HTTP/1.1\r\nHost: a":
            talk.send(bytes([byte]))
            talk.now_ms += 10
            assert talk.conversation.request_since_ms == 1000
        talk.send(b"\r\n\r\n")
        assert talk.conversation.request_since_ms is None
        talk.send(b"G")
        assert talk.conversation.request_since_ms == talk.now_ms

    def test_next_request_has_its_own(self) -> None:
        talk = Talk()
        talk.send(post(b"abc")[:-1])
        talk.now_ms += 500
        talk.send(b"cGET")
        assert talk.conversation.request_since_ms == 1500

    def test_late_request_is_answered(self) -> None:
        talk = Talk()
        talk.send(b"GET / HT")
        (answer,) = answers(talk.conversation.time_out())
        assert (answer.status, answer.headers["Connection"]) == (408, "close")
        assert talk.conversation.time_out() == b""

    def test_request_that_waits_for_us_has_none(self) -> None:
        talk = Talk(slow=lambda _: Pause.TURN)
        talk.send(request("/slow") + b"GET")
        assert talk.conversation.request_since_ms is None


class TestEnd:
    def test_malformed_request_ends_the_conversation(self) -> None:
        talk = Talk()
        output = talk.send(request("/a") + b"nonsense\r\n\r\n" + request("/b"))
        good, bad = answers(output)
        assert (good.status, bad.status) == (200, 400)
        assert bad.headers["Connection"] == "close"
        assert bad.headers["Content-Type"] == "application/problem+json"
        assert json.loads(bad.body)["status"] == 400
        assert talk.conversation.take_end() and not talk.conversation.take_end()
        assert talk.send(request("/c")) == b""
        assert talk.conversation.request_since_ms is not None
        assert not talk.connection.is_done
        talk.connection.finish()
        assert talk.connection.is_done

    def test_refusal_is_logged_without_bytes_of_the_peer(self) -> None:
        talk = Talk()
        talk.send(b"SECRET\r\n\r\n")
        (line,) = talk.state.outbox.take()
        assert isinstance(line, LogEvent)
        assert line.fields == {"status": 400, "remote": "10.0.0.1:5000"}

    def test_draining_server_closes_after_the_answer(self) -> None:
        talk = Talk()
        talk.state.drain(talk.now_ms)
        (answer,) = answers(talk.send(request("/a")))
        assert answer.headers["Connection"] == "close"
        assert talk.connection.is_done

    def test_drain_does_not_wait_for_http(self) -> None:
        assert Talk().connection.client_version == 0


def slow_text(units: int) -> Steps[HttpAnswer]:
    """Steps that take `units`."""
    for _ in range(units // 100):
        yield 100
    return HttpAnswer(200, b"slow")


class TestTurns:
    def test_requests_spend_units_and_wait_for_turns(self) -> None:
        talk = Talk()
        output = talk.send(request("/a") * 200)
        assert talk.connection.pause == Pause.TURN
        turns = 1
        while talk.connection.pause == Pause.TURN:
            count = len(answers(output))
            output += talk.turn()
            assert 0 < len(answers(output)) - count <= 60
            turns += 1
        assert len(answers(output)) == 200
        assert 4 <= turns <= 20

    def test_small_chunks_wait_for_turns(self) -> None:
        talk = Talk()
        output = talk.send(CHUNKED + b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n")
        assert output == b"" and talk.connection.pause == Pause.TURN
        assert talk.turn() == b""
        output = talk.converse(b"")
        assert answers(output)[0].body == b"PUT /c? " + b"x" * 5000

    def test_nothing_is_handled_when_the_turn_is_over(self) -> None:
        talk = Talk()
        talk.state.turn.spend(TURN_UNITS)
        assert talk.send(request("/a")) == b""
        assert talk.application.requests == []
        assert answers(talk.turn())[0].status == 200

    @pytest.mark.parametrize("end", [b"body", b"0\r\n\r\n"])
    def test_body_that_comes_when_the_turn_is_over_is_kept(self, end: bytes) -> None:
        talk = Talk()
        head = post(b"body")[:-4] if end == b"body" else CHUNKED + b"4\r\nbody\r\n"
        assert talk.send(head) == b""
        talk.state.turn.begin()
        talk.state.turn.spend(TURN_UNITS)
        assert talk.send(end) == b""
        assert talk.application.requests == []
        assert answers(talk.turn())[0].body.endswith(b"body")

    def test_request_that_is_put_back_comes_again(self) -> None:
        results: list[Handled] = [HttpAnswer(200, b"now"), Pause.TURN, Pause.TURN]
        talk = Talk(again=lambda _: results.pop())
        output = talk.converse(request("/again") + request("/b"))
        assert [a.body for a in answers(output)] == [b"now", b"GET /b? "]
        assert [r.path for r in talk.application.requests] == ["/again"] * 3 + ["/b"]

    def test_answer_in_steps_comes_later(self) -> None:
        talk = Talk(slow=lambda _: slow_text(5000))
        assert talk.send(request("/slow") + request("/b")) == b""
        assert talk.connection.pause == Pause.LATER
        output = talk.converse(b"")
        assert [a.body for a in answers(output)] == [b"slow", b"GET /b? "]

    def test_answer_in_few_steps_comes_at_once(self) -> None:
        output = Talk(slow=lambda _: slow_text(300)).send(request("/slow"))
        assert answers(output)[0].body == b"slow"

    def test_much_output_pauses(self) -> None:
        talk = Talk(big=lambda _: HttpAnswer(200, b"x" * (OUTPUT_PAUSE_BYTES // 2)))
        talk.send(request("/big") * 10)
        assert talk.connection.pause in (Pause.OUTPUT, Pause.TURN)
        assert len(talk.application.requests) <= 2


class TestMistakesOfOurs:
    def fail(self, request: HttpRequest) -> Handled:
        raise RuntimeError("secret of ours")

    def fail_late(self, request: HttpRequest) -> Handled:
        yield 5000
        raise RuntimeError("secret of ours")

    @pytest.mark.parametrize("name", ["fail", "fail_late"])
    def test_are_answered_and_logged(self, name: str) -> None:
        talk = Talk(a=getattr(self, name))
        failed, good = answers(talk.converse(request("/a") + request("/b")))
        assert (failed.status, good.status) == (500, 200)
        assert b"secret" not in failed.body
        lines = [e for e in (*talk.effects, *talk.state.outbox.take())
                 if isinstance(e, LogEvent)]  # fmt: skip
        assert [line.event for line in lines] == ["internal error"]
        assert "secret of ours" in str(lines[0].fields["error"])


class TestCompression:
    def long(self, request: HttpRequest) -> Handled:
        return HttpAnswer(200, b"0123456789" * 100_000)

    @pytest.mark.parametrize(
        ("accepted", "is_packed"),
        [
            ("gzip", True),
            ("br, GZIP;q=0.5", True),
            ("*", True),
            ("gzip;q=0", False),
            ("gzip; q=0.000, *", False),
            ("identity", False),
            ("", False),
        ],
    )
    def test_long_answer_is_packed_if_accepted(
        self, accepted: str, is_packed: bool
    ) -> None:
        talk = Talk(long=self.long)
        output = talk.converse(request("/long", f"Accept-Encoding: {accepted}"))
        (answer,) = answers(output)
        assert (answer.headers.get("Content-Encoding") == "gzip") is is_packed
        body = gzip.decompress(answer.body) if is_packed else answer.body
        assert body == b"0123456789" * 100_000
        assert (answer.headers.get("Vary") == "Accept-Encoding") is is_packed

    def test_is_done_in_steps(self) -> None:
        talk = Talk(long=self.long)
        line = "Accept-Encoding: gzip"
        assert talk.send(request("/long", line)) == b""
        assert talk.connection.pause == Pause.LATER

    def test_short_answer_is_not_packed(self) -> None:
        talk = Talk(a=lambda _: HttpAnswer(200, b"x" * GZIP_BYTES))
        (answer,) = answers(talk.send(request("/a", "Accept-Encoding: gzip")))
        assert "Content-Encoding" not in answer.headers


def kv(code: RequestCode, **fields: str | None) -> Asked:
    """A request about the KV table, whose answer has code and remark."""

    def translated(answer: RemotingCommand) -> HttpAnswer:
        return HttpAnswer(200, f"{answer.code} {answer.remark}".encode())

    return Asked(RemotingCommand(code, ext_fields=dict(fields)), translated)


class TestAsked:
    def test_processor_answers_at_once(self) -> None:
        asked = kv(RequestCode.GET_KV_CONFIG, namespace="n", key="k")
        (answer,) = answers(Talk(a=lambda _: asked).send(request("/a")))
        assert answer.body.startswith(b"22 ")

    def test_processor_answers_when_the_file_is_written(self) -> None:
        asked = kv(RequestCode.PUT_KV_CONFIG, namespace="n", key="k", value="v")
        talk = Talk(a=lambda _: asked)
        assert talk.send(request("/a") + request("/b")) == b""
        assert talk.connection.pause == Pause.LATER
        talk.turn()
        (write,) = (e for e in talk.effects if isinstance(e, FileWrite))
        write.done(None)
        first, second = answers(talk.turn())
        assert (first.body, second.body) == (b"0 None", b"GET /b? ")

    def test_access_of_remoting_does_not_apply(self) -> None:
        asked = kv(RequestCode.WIPE_WRITE_PERM_OF_BROKER, brokerName="b")
        talk = Talk(a=lambda _: asked)
        talk.state.options.admin_access = "off"
        (answer,) = answers(talk.send(request("/a")))
        assert answer.body == b"0 None"

    def test_is_asked_again_when_the_turn_was_over(self) -> None:
        asked = kv(RequestCode.GET_KV_CONFIG, namespace="n", key="k")
        talk = Talk()

        def spend(request: HttpRequest) -> Handled:
            talk.state.turn.spend(TURN_UNITS)
            return asked

        talk.application.handlers["/a"] = spend
        assert talk.send(request("/a")) == b""
        assert answers(talk.turn())[0].body.startswith(b"22 ")
        assert len(talk.application.requests) == 1

    def test_cause_names_http_and_the_peer(self) -> None:
        asked = kv(RequestCode.PUT_KV_CONFIG, namespace="n", key="k", value="v")
        talk = Talk(a=lambda _: asked)
        talk.send(request("/a"))
        talk.turn()
        (write,) = (e for e in talk.effects if isinstance(e, FileWrite))
        write.done(None)
        (event,) = (e for e in talk.state.outbox.take() if isinstance(e, Event))
        assert event.cause == Cause(
            CauseKind.HTTP, RequestCode.PUT_KV_CONFIG, "10.0.0.1:5000", None, 1
        )


@untimed
@given(st.binary(max_size=400), st.integers(0, 400))
def test_any_bytes_are_answered_alike_however_they_are_cut(
    data: bytes, cut: int
) -> None:
    data = b"GET / HTTP/1.1\r\n" + data
    whole, parts = Talk(), Talk()
    assert whole.converse(data) == parts.converse(data[:cut], data[cut:])


fragments = st.sampled_from(
    [
        *(b"GET / HTTP/1.1\r\n", b"Host: a\r\n", b"\r\n", b"POST /a HTTP/1.1\r\n"),
        *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"abc"),
        *(b"3\r\nabc\r\n", b"0\r\n\r\n", b"\r", b"\n", b"\0", b" ", b":", b"x: y\r\n"),
        *(b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"HTTP/1.0\r\n"),
    ]
)


@settings(deadline=None, max_examples=200)
@given(st.lists(fragments, max_size=14).map(b"".join), st.data())
def test_fragments_are_answered_alike_however_they_are_cut(
    data: bytes, draws: st.DataObject
) -> None:
    cuts = sorted(draws.draw(st.sets(st.integers(0, len(data)), max_size=4)))
    reads = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    whole, parts = Talk(), Talk()
    expected = whole.converse(data).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    found = parts.converse(*reads).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    assert found == expected
    assert parts.application.requests == whole.application.requests
