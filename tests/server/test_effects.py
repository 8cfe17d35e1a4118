"""Effects are carried out in the order in which the state put them."""

import logging
from typing import Any

from namesrv.routing.events import Cause, CauseKind, Event, KvChanged
from namesrv.routing.outbox import FileWrite, LogEvent
from namesrv.server.effects import Effects
from namesrv.testing.peer import put_kv
from tests.server.stage import Stage


def recorded_effects(stage: Stage) -> list[Any]:
    """Everything that is carried out from now on, connections apart."""
    seen: list[Any] = []
    sinks = {LogEvent: seen.append, FileWrite: seen.append}
    state, failures = stage.state, stage.failures
    stage.effects = Effects(
        *(state.outbox, state.events, stage.connections, sinks),
        lambda sink, error: failures.append(error),
    )
    return seen


def test_effect_of_a_late_answer_follows_the_rest_of_its_batch(stage: Stage) -> None:
    seen = recorded_effects(stage)
    actor = stage.accept()
    actor.receive(put_kv("n", "k", "1"), put_kv("n", "k", "2"))
    (write,) = seen
    seen.clear()
    write.done(None)
    behind = LogEvent(logging.INFO, "behind the answer", {})
    stage.state.outbox.put(behind)
    stage.effects.flush()
    assert len(actor.answers()) == 1
    (second,) = [effect for effect in seen if isinstance(effect, FileWrite)]
    assert seen.index(behind) < seen.index(second)


def test_failed_effect_does_not_block_the_next_flush(stage: Stage) -> None:
    seen = recorded_effects(stage)
    stage.state.outbox.put(object())  # type: ignore[arg-type]
    try:
        stage.effects.flush()
    except KeyError:
        stage.state.outbox.info("next")
    stage.effects.flush()
    assert [effect.event for effect in seen] == ["next"]


def test_event_comes_between_the_effects_around_it(stage: Stage) -> None:
    seen = recorded_effects(stage)
    state = stage.state
    state.events.add(seen.append)
    around = [LogEvent(logging.INFO, text, {}) for text in ("before", "behind")]
    event = KvChanged(5, Cause(CauseKind.REQUEST), "n", "k", False)
    state.outbox.put(around[0])
    state.events.put(event)
    state.outbox.put(around[1])
    stage.effects.flush()
    assert seen == [around[0], event, around[1]]


def test_sink_that_raises_is_reported_and_costs_no_effect(stage: Stage) -> None:
    seen = recorded_effects(stage)

    def fail(event: Event) -> None:
        raise KeyError("broken")

    stage.state.events.add(fail)
    stage.state.events.add(seen.append)
    event = KvChanged(5, Cause(CauseKind.REQUEST), "n", "k", False)
    behind = LogEvent(logging.INFO, "behind", {})
    stage.state.events.put(event)
    stage.state.outbox.put(behind)
    stage.effects.flush()
    assert seen == [event, behind]
    assert [repr(error) for error in stage.failures] == ["KeyError('broken')"]
