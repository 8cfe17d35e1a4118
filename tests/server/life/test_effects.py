"""Effects are carried out in the order in which the state put them."""

import logging
from typing import Any

from namesrv.routing.events import Cause, CauseKind, Event, KvChanged
from namesrv.routing.outbox import FileWrite, LogEvent
from namesrv.server.life.effects import Effects
from namesrv.testing.peer import get_kv, put_kv
from tests.server.loop_free_server import LoopFreeServer


def recorded_effects(loop_free: LoopFreeServer) -> list[Any]:
    """Everything that is carried out from now on, connections apart."""
    seen: list[Any] = []
    sinks: dict[type[Any], Any] = {LogEvent: seen.append, FileWrite: seen.append}
    state, failures = loop_free.state, loop_free.failures
    loop_free.effects = Effects(
        *(state.outbox, state.events, loop_free.connections, sinks),
        lambda sink, error: failures.append(error),
    )
    return seen


def test_effect_of_a_late_answer_follows_the_rest_of_its_batch(
    loop_free: LoopFreeServer,
) -> None:
    seen = recorded_effects(loop_free)
    peer = loop_free.accept()
    # The request between them keeps the changes apart, which would join otherwise.
    peer.receive(put_kv("n", "k", "1"), get_kv("n", "k"), put_kv("n", "k", "2"))
    (write,) = seen
    seen.clear()
    write.done(None)
    behind = LogEvent(logging.INFO, "behind the answer", {})
    loop_free.state.outbox.put(behind)
    loop_free.effects.flush()
    assert len(peer.answers()) == 2
    (second,) = [effect for effect in seen if isinstance(effect, FileWrite)]
    assert seen.index(behind) < seen.index(second)


def test_failed_effect_does_not_block_the_next_flush(loop_free: LoopFreeServer) -> None:
    seen = recorded_effects(loop_free)
    loop_free.state.outbox.put(object())  # type: ignore[arg-type]
    try:
        loop_free.effects.flush()
    except KeyError:
        loop_free.state.outbox.info("next")
    loop_free.effects.flush()
    assert [effect.event for effect in seen] == ["next"]


def test_event_comes_between_the_effects_around_it(loop_free: LoopFreeServer) -> None:
    seen = recorded_effects(loop_free)
    state = loop_free.state
    state.events.add(seen.append)
    around = [LogEvent(logging.INFO, text, {}) for text in ("before", "behind")]
    event = KvChanged(5, Cause(CauseKind.REQUEST), "n", "k", False)
    state.outbox.put(around[0])
    state.events.put(event)
    state.outbox.put(around[1])
    loop_free.effects.flush()
    assert seen == [around[0], event, around[1]]


def test_sink_that_raises_is_reported_and_costs_no_effect(
    loop_free: LoopFreeServer,
) -> None:
    seen = recorded_effects(loop_free)

    def fail(event: Event) -> None:
        raise KeyError("broken")

    loop_free.state.events.add(fail)
    loop_free.state.events.add(seen.append)
    event = KvChanged(5, Cause(CauseKind.REQUEST), "n", "k", False)
    behind = LogEvent(logging.INFO, "behind", {})
    loop_free.state.events.put(event)
    loop_free.state.outbox.put(behind)
    loop_free.effects.flush()
    assert seen == [event, behind]
    assert [repr(error) for error in loop_free.failures] == ["KeyError('broken')"]
