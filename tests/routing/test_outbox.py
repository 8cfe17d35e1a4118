"""Effects, in the order in which they are to happen."""

import logging

from namesrv.routing.outbox import LogEvent, Notification, Outbox


def test_effects_come_out_once_and_in_order() -> None:
    outbox = Outbox()
    assert not outbox
    outbox.info("first", a=1)
    outbox.warn("second", b="x")
    outbox.notify(["a:1", "b:1"], b"frame")
    outbox.put(LogEvent(logging.DEBUG, "third", {}))
    assert outbox
    assert list(outbox.take()) == [
        LogEvent(logging.INFO, "first", {"a": 1}),
        LogEvent(logging.WARNING, "second", {"b": "x"}, peer_caused=True),
        Notification(("a:1", "b:1"), b"frame"),
        LogEvent(logging.DEBUG, "third", {}),
    ]
    assert not outbox
    assert list(outbox.take()) == []


def test_what_is_put_while_the_rest_is_done_waits_for_the_next_time() -> None:
    outbox = Outbox()
    outbox.info("first")
    for _ in outbox.take():
        outbox.info("second")
    assert outbox.effects == [LogEvent(logging.INFO, "second", {})]
