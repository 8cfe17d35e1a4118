"""Clients that ask for topics which are not here."""

from heapq import nlargest
from typing import Final

from namesrv.admin.api.endpoint import Call
from namesrv.admin.console.finding import Finding, counted, listed, run, short
from namesrv.routing.history.missing import MissingTopic
from namesrv.work import Cost, Steps, batches

_WINDOW_MILLIS: Final = 5 * 60 * 1000
_FEW: Final = 3


def client_problems(call: Call) -> Steps[list[Finding]]:
    """One finding for all topics that were asked for in the last minutes."""
    state = call.inside.state
    recent: list[MissingTopic] = []
    for some in batches(list(state.missing), Cost.GROUP):
        recent += [
            missing
            for missing in some
            if call.now_ms - missing.last_ms < _WINDOW_MILLIS
            and missing.topic not in state.tables.topic_queue_table
        ]
        yield len(some) * Cost.GROUP
    if not recent:
        return []
    first = nlargest(_FEW, recent, key=_count)
    names = [missing.topic for missing in first]
    if len(recent) == 1:
        words = f"Clients ask for the topic {short(names[0])}, which is not here."
        step = run("explain", "--topic", names[0])
        return [Finding("missing", "warning", "topic", names[0], words, step)]
    topics = counted(len(recent), "topic")
    words = f"Clients ask for {topics} that are not here: {listed(names, len(recent))}."
    return [
        Finding("missing", "warning", "missing", None, words, run("topic", "missing"))
    ]


def _count(missing: MissingTopic) -> float:
    return missing.count
