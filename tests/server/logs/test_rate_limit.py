"""The rate of log lines that one event may cause, whatever other events come."""

import logging

from namesrv.routing.outbox import BURST
from namesrv.server.logs.rate_limit import BURST_OF_ALL, RateLimit
from tests.server.loop_free_server import RecordedLog


def test_damped_event_has_one_line_a_second_with_the_number_dropped() -> None:
    clock = [0.0]
    log = RecordedLog(lambda: clock[0])
    for millis in range(0, 3000, 125):
        clock[0] = millis / 1000
        for number in range(7):
            log.log_damped(logging.WARNING, "full", {"number": number})
    clock[0] = 5.0
    log.report_suppressed()
    log.report_suppressed()
    assert [(line.level, line.event, line.fields) for line in log.lines] == [
        (logging.WARNING, "full", {"number": 0}),
        (logging.WARNING, "full", {"number": 0, "suppressed": 55}),
        (logging.WARNING, "full", {"number": 0, "suppressed": 55}),
        (logging.INFO, "log lines were suppressed", {"of": "full", "suppressed": 55}),
    ]


def test_dropped_lines_are_counted_in_all() -> None:
    limit = RateLimit(lambda: 0.0)
    for event in ("a", "b"):
        for _ in range(BURST + 3):
            limit.admit(event)
    assert limit.suppressed_in_all == 6


def test_damped_event_is_logged_during_a_flood_of_other_events() -> None:
    limit = RateLimit(lambda: 0.0)
    for number in range(2 * BURST_OF_ALL):
        limit.admit(f"event {number}")
    assert limit.admit("one more") is None
    assert limit.admit_own("full") == 0
    assert limit.admit_own("full") is None


def test_damped_events_take_no_lines_from_those_of_peers() -> None:
    limit = RateLimit(lambda: 0.0)
    for number in range(2 * BURST_OF_ALL):
        limit.admit_own(f"event {number}")
    assert limit.admit("one more") == 0


def test_quiet_event_without_dropped_lines_is_not_reported() -> None:
    log = RecordedLog()
    log.report_suppressed()
    log.log_damped(logging.WARNING, "full", {})
    log.report_suppressed()
    assert [line.event for line in log.lines] == ["full"]
