"""Topics that nobody can send to or receive from, counted over the whole table.

A scan of many topics takes its time. Its result is kept while the tables stay as they
are, and for some seconds in any case, however many pages ask.
"""

from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from namesrv.admin.api.endpoint import Call
from namesrv.admin.api.resources.topics import Counted, TopicProblem
from namesrv.admin.api.states import tables_state
from namesrv.admin.console.finding import Finding, listed, run, short
from namesrv.routing.state import RoutingState
from namesrv.work import Steps, batches

_KEPT_MILLIS: Final = 5000
_FEW_NAMES: Final = 3
_TOPIC_UNITS: Final = 2
_GROUPS_OF_A_UNIT: Final = 2


class _Scan(NamedTuple):
    """The numbers of one scan, and the first names of each problem."""

    tables: tuple[object, ...]
    at_ms: int
    numbers: dict[TopicProblem, int]
    names: dict[TopicProblem, list[str]]


_SCANS: Final[WeakKeyDictionary[RoutingState, _Scan]] = WeakKeyDictionary()
"""The last scan of each server."""
_TEXTS: Final[dict[TopicProblem, tuple[str, str]]] = {
    "not_writable": (
        "No client can send to",
        "It ends when a master registers it with the write permission.",
    ),
    "not_readable": (
        "No client can receive from",
        "It ends when a broker registers it with the read permission.",
    ),
}


def topic_problems(call: Call) -> Steps[list[Finding]]:
    """One finding for each kind."""
    scan = yield from _scan(call)
    found: list[Finding] = []
    for problem, (words, after) in _TEXTS.items():
        number, names = scan.numbers[problem], scan.names[problem]
        if number:
            found.append(_finding(problem, f"{words} ", after, names, number))
    return found


def _finding(
    problem: TopicProblem, words: str, after: str, names: list[str], number: int
) -> Finding:
    if number == 1:
        words += f"the topic {short(names[0])}."
        step = run("explain", "--topic", names[0])
        return Finding(problem, "error", "topic", names[0], words, step)
    words += f"{number:,} topics: {listed(names, number)}."
    return Finding(problem, "error", "topics", None, words, after)


def _scan(call: Call) -> Steps[_Scan]:
    state, tables = call.inside.state, tables_state(call)
    kept = _SCANS.get(state)
    if kept is not None:
        if kept.tables == tables or call.now_ms - kept.at_ms < _KEPT_MILLIS:
            return kept
    scan = _Scan(tables, call.now_ms, dict.fromkeys(_TEXTS, 0), {p: [] for p in _TEXTS})
    table = state.tables.topic_queue_table
    for topics in batches(list(table), _TOPIC_UNITS):
        groups = 0
        for topic in topics:
            entry = table.get(topic)
            if entry is None:
                continue
            queues = Counted()
            queues.add(state, entry.queues.items())
            groups += len(entry.queues)
            for problem in queues.problems():
                if problem in _TEXTS:
                    scan.numbers[problem] += 1
                    if len(scan.names[problem]) < _FEW_NAMES:
                        scan.names[problem].append(topic)
        yield len(topics) * _TOPIC_UNITS + groups // _GROUPS_OF_A_UNIT
    _SCANS[state] = scan
    return scan
