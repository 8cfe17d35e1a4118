"""Effects are carried out in the order in which the state put them."""

import logging
from typing import Any

from namesrv.routing.outbox import FileWrite, LogEvent
from namesrv.server.effects import Effects
from namesrv.testing.peer import put_kv
from tests.server.stage import Stage


def recorded_effects(stage: Stage) -> list[Any]:
    """Everything that is carried out from now on, connections apart."""
    seen: list[Any] = []
    sinks = {LogEvent: seen.append, FileWrite: seen.append}
    stage.effects = Effects(stage.state.outbox, stage.connections, sinks)
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
