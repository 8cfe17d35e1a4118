"""Events that come in masses: one line a second, and all of them are counted."""

import logging
from typing import Any

from namesrv.server.logs.counted_event import CountedEvent
from tests.server.stage import RecordedLog


def test_one_line_a_second_says_how_many() -> None:
    log, clock = RecordedLog(), [0]
    event = CountedEvent(log, "full", lambda: clock[0])
    for millis in range(0, 3000, 125):
        clock[0] = millis
        for number in range(7):
            event.happen({"millis": millis, "number": number})
    event.report()
    clock[0] = 5000
    event.report()
    event.report()
    assert {(line.level, line.event) for line in log.lines} == {
        (logging.WARNING, "full")
    }
    seen: list[dict[str, Any]] = [line.fields for line in log.lines]
    assert [fields["times"] for fields in seen] == [1, 56, 56, 55]
    assert seen[0] == {"times": 1, "millis": 0, "number": 0}
    assert seen[1] == {"times": 56, "millis": 1000, "number": 0}


def test_nothing_happened_and_nothing_is_said() -> None:
    log = RecordedLog()
    CountedEvent(log, "full").report()
    assert log.lines == []
