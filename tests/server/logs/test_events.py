"""Lines of the log: their two forms, what they escape and hold back."""

import asyncio
import json
import logging
import re

import pytest

from namesrv.options import Options
from namesrv.routing.outbox import BURST_OF_BROKERS, LogEvent
from namesrv.server.logs.events import LOGGER, EventLog
from namesrv.server.logs.formats import escaped
from namesrv.server.logs.handlers import LogOutput, set_up_logging
from namesrv.server.logs.rate_limit import BURST_OF_ALL, LINES_OF_ALL_PER_SECOND
from namesrv.testing.peer import WAIT_SECONDS

pytestmark = pytest.mark.usefixtures("restored_logging")

NASTY = "a\nb\r\x1b[31m\x00\x7f\x85\u2028\u202e\ud800\\"
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def written(capsys: pytest.CaptureFixture[str]) -> str:
    """The text written to standard error since the last call."""
    for handler in LOGGER.handlers:
        assert isinstance(handler, LogOutput) and handler.wait(WAIT_SECONDS)
    return capsys.readouterr().err


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return written(capsys).splitlines()


class TestText:
    def test_line_has_time_level_event_and_fields(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        set_up_logging(Options())
        fields = {"broker": "broker-a", "id": 0, "ok": True, "ha": None}
        EventLog().log_event(logging.INFO, "broker registered", fields)
        (line,) = lines_of(capsys)
        time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
        tail = "INFO  broker registered broker=broker-a id=0 ok=true ha=-"
        assert re.fullmatch(f"{time} {re.escape(tail)}", line)

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("", '""'),
            ("a b", '"a b"'),
            ("a=b", '"a=b"'),
            ('say "x"', r'"say \"x\""'),
            ("back\\slash", r"back\\slash"),
            ("主题", "主题"),
            ("line\nfeed", r"line\nfeed"),
            ("\x1b[31m", r"\x1b[31m"),
            ("\u202eevil", r"\u202eevil"),
            ("\ud800", r"\ud800"),
            ("\x85", r"\x85"),
            (b"\x00\xffGET", r"\x00\\xffGET"),
            (("127.0.0.1:1", "127.0.0.1:2"), "127.0.0.1:1,127.0.0.1:2"),
            (1.5, "1.5"),
            (None, "-"),
            ("-", '"-"'),
            (True, "true"),
            (False, "false"),
            ((), '""'),
        ],
    )
    def test_value(
        self, capsys: pytest.CaptureFixture[str], value: object, shown: str
    ) -> None:
        set_up_logging(Options())
        EventLog().log_event(logging.INFO, "event", {"key": value})
        (line,) = lines_of(capsys)
        assert line.endswith(f" event key={shown}")

    def test_event_of_another_module_is_escaped_too(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        set_up_logging(Options())
        logging.getLogger("asyncio").error("socket %s", "\n\x1b")
        (line,) = lines_of(capsys)
        assert line.endswith(r"ERROR socket \n\x1b")

    def test_traceback_stands_in_lines_of_its_own_that_cannot_be_forged(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        set_up_logging(Options())
        try:
            raise ValueError("one\n2025-01-01 INFO forged\x1b")
        except ValueError:
            LOGGER.exception("a bug")
        first, *others = lines_of(capsys)
        assert first.endswith("ERROR a bug")
        assert all(line.startswith("    | ") for line in others)
        assert others[-1] == r"    | 2025-01-01 INFO forged\x1b"


class TestJson:
    def test_line_is_an_object_with_the_fields_as_members(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        set_up_logging(Options(log_format="json"))
        fields = {"broker": "主题", "id": 0, "ok": True, "ha": None, "level": "mine"}
        EventLog().log_event(logging.WARNING, "broker registered", fields)
        (line,) = lines_of(capsys)
        members = json.loads(line)
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", members.pop("time")
        )
        assert members == {
            "level": "WARN",
            "event": "broker registered",
            "broker": "主题",
            "id": 0,
            "ok": True,
            "ha": None,
            "level_": "mine",
        }

    def test_traceback_is_a_member(self, capsys: pytest.CaptureFixture[str]) -> None:
        set_up_logging(Options(log_format="json"))
        try:
            raise ValueError("one\ntwo")
        except ValueError:
            LOGGER.exception("a bug")
        (line,) = lines_of(capsys)
        assert json.loads(line)["traceback"][-2:] == ["ValueError: one", "two"]

    def test_lone_surrogate_becomes_the_replacement_character(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        set_up_logging(Options(log_format="json"))
        EventLog().log_event(logging.INFO, "event", {"key": "a\udfffb"})
        assert json.loads(written(capsys))["key"] == "a\ufffdb"


@pytest.mark.parametrize("log_format", ["text", "json"])
class TestBoth:
    def test_no_control_character_of_a_peer_gets_into_the_log(
        self, capsys: pytest.CaptureFixture[str], log_format: str
    ) -> None:
        set_up_logging(Options(log_format=log_format))
        everything = "".join(map(chr, range(0x2100))) + NASTY
        for start in range(0, len(everything), 500):
            part = everything[start : start + 500]
            EventLog().log_own(logging.INFO, "event", {"key": part})
        text = written(capsys)
        assert not CONTROL.search(text.replace("\n", ""))
        assert text.count("\n") == len(range(0, len(everything), 500))

    def test_long_value_is_cut(
        self, capsys: pytest.CaptureFixture[str], log_format: str
    ) -> None:
        set_up_logging(Options(log_format=log_format))
        EventLog().log_event(logging.INFO, "event", {"key": "x" * 65536})
        text = written(capsys)
        assert "x" * 512 + "...(65024 more)" in text
        assert "x" * 513 not in text

    def test_level_that_is_off_writes_nothing(
        self, capsys: pytest.CaptureFixture[str], log_format: str
    ) -> None:
        set_up_logging(Options(log_format=log_format, log_level="WARN"))
        log = EventLog()
        log.log_event(logging.INFO, "quiet", {})
        log.log_event(logging.WARNING, "loud", {})
        (line,) = lines_of(capsys)
        assert "loud" in line


def limited(clock: Clock) -> EventLog:
    set_up_logging(Options(log_level="DEBUG"))
    return EventLog(clock)


class TestRateLimit:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    def test_twenty_at_once_then_five_a_second(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = limited(clock)
        for _ in range(100):
            log.log_event(logging.WARNING, "bad frame", {})
        assert len(lines_of(capsys)) == 20
        for _ in range(4):
            clock.now += 0.25
            for _ in range(100):
                log.log_event(logging.WARNING, "bad frame", {})
        assert len(lines_of(capsys)) == 5

    def test_next_line_has_the_number_of_suppressed_lines(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = limited(clock)
        for _ in range(50):
            log.log_event(logging.WARNING, "bad frame", {"n": 1})
        clock.now += 1
        log.log_event(logging.WARNING, "bad frame", {"n": 2})
        log.log_event(logging.WARNING, "bad frame", {"n": 3})
        *_, reporting, last = lines_of(capsys)
        assert reporting.endswith("bad frame n=2 suppressed=30")
        assert last.endswith("bad frame n=3")

    def test_each_event_has_its_own_allowance(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = limited(clock)
        for _ in range(50):
            log.log_event(logging.WARNING, "bad frame", {})
        log.log_event(logging.WARNING, "bad header", {})
        assert lines_of(capsys)[-1].endswith("bad header")

    def test_what_no_peer_causes_is_not_limited(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = limited(clock)
        for _ in range(50):
            log.log_own(logging.INFO, "saved", {})
        assert len(lines_of(capsys)) == 50

    def test_allowance_does_not_grow_beyond_twenty(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = limited(clock)
        log.log_event(logging.INFO, "bad frame", {})
        clock.now += 3600
        for _ in range(50):
            log.log_event(logging.INFO, "bad frame", {})
        assert len(lines_of(capsys)) == 21

    def test_end_of_a_flood_is_reported_when_asked(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = limited(clock)
        for _ in range(50):
            log.log_event(logging.INFO, "bad frame", {})
        log.report_suppressed()
        assert len(lines_of(capsys)) == 20
        clock.now += 4
        log.report_suppressed()
        log.report_suppressed()
        (line,) = lines_of(capsys)
        assert line.endswith('lines were suppressed of="bad frame" suppressed=30')

    def test_brokers_come_and_go_in_larger_numbers(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = limited(clock)
        event = LogEvent(logging.INFO, "broker gone", {}, burst=BURST_OF_BROKERS)
        for _ in range(1000):
            log.put(event)
        assert len(lines_of(capsys)) == BURST_OF_BROKERS

    def test_all_events_together_have_a_ceiling(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = limited(clock)

        def flood() -> int:
            for number in range(200):
                for _ in range(20):
                    log.log_event(logging.WARNING, f"event {number}", {})
            return len(lines_of(capsys))

        assert flood() == BURST_OF_ALL
        clock.now += 1
        assert flood() == LINES_OF_ALL_PER_SECOND
        log.log_own(logging.INFO, "saved", {})
        assert lines_of(capsys)[-1].endswith("saved")

    def test_lines_over_the_ceiling_are_counted(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = limited(clock)
        for number in range(200):
            for _ in range(20):
                log.log_event(logging.WARNING, f"event {number}", {})
        lines_of(capsys)
        clock.now += 60
        log.report_suppressed()
        counts = [line.rpartition("suppressed=")[2] for line in lines_of(capsys)]
        assert sum(map(int, counts)) == 4000 - BURST_OF_ALL

    def test_clock_is_not_asked_when_the_level_is_off(self) -> None:
        def no_clock() -> float:
            raise AssertionError("asked")

        set_up_logging(Options(log_level="ERROR"))
        EventLog(no_clock).log_event(logging.INFO, "event", {})


def test_asyncio_logs_to_the_same_place(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(Options(log_format="json"))

    async def fail_in_a_callback() -> None:
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "odd\nthing"})

    asyncio.run(fail_in_a_callback())
    (line,) = lines_of(capsys)
    assert json.loads(line)["event"] == "odd\nthing"


def test_lines_of_asyncio_have_a_rate(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(Options())
    set_up_logging(Options())
    for _ in range(100):
        logging.getLogger("asyncio").warning("socket.send() raised exception.")
    assert 20 <= len(lines_of(capsys)) < 40


def test_escaped_keeps_printable_text() -> None:
    assert escaped("a 主 é") == "a 主 é"
    assert escaped("a\u00a0b") == r"a\xa0b"
