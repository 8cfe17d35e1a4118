"""CPU microseconds for a unit of work (`namesrv.work.Cost`), kind by kind.

`python -m bench.units` prints, for each kind, how many units its steps yielded and what
one took. A unit is meant to be about a microsecond on the machine of bench/README.md;
the weights were chosen so that none takes more than two.
"""

import time
from collections.abc import Callable
from functools import partial

from namesrv.options import Options
from namesrv.routing.events import Cause, CauseKind, EventStream, TopicChanges
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.routing.state import RoutingState
from namesrv.routing.tables import topics
from namesrv.routing.tables.queue_steps import set_queues
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.routing.turns.turn import request_units
from namesrv.wire.bodies import QueueData
from namesrv.wire.command import decode_command
from namesrv.work import Steps, finish

TOPICS = 50_000
FEW_TOPICS = 2000
GROUPS = 500
NAME = "group"


def main() -> None:
    """Fill a table, change all of it in every way, empty it."""
    state = RequestProcessor(Options(data_dir="nowhere"), lambda: 0, 0).state
    tables = state.tables
    data = tables.add_group("cluster", NAME)
    queues = data.shared(6, 4, 0, 4)
    changes = TopicChanges()
    names, given = [f"topic-{number}" for number in range(TOPICS)], [queues] * TOPICS
    _show("topics put in", partial(set_queues, tables, data, names, given, changes))
    _show("permission wiped", lambda: _wipe(tables, state.events))
    for entry in data.topics():
        tables.marks.answered(entry, True, b"body")
    _show("ready answers marked", lambda: tables.group_changed(data))
    _show("topics taken out", lambda: tables.remove_group(NAME, TopicChanges(), 0))
    _show_kinds(state)
    usual = b'{"code":105,"extFields":{"topic":"abc"},"opaque":3,"version":479}'
    values = b"{'code':9,'x':[" + b",".join([b"0"] * 900) + b"]}"
    escapes = b"{'code':9,'x':'" + b"\\'" * 10_000 + b"'}"
    comments = b"{'code':9" + b"/**/" * 4000 + b"}"
    for kind, header in {
        "usual header": usual,
        "values": values,
        "escapes": escapes,
        "comments": comments,
    }.items():
        _show(f"header: {kind}", partial(_read, header))


def _show_kinds(state: RoutingState) -> None:
    """Topics that do not change alike, also with many groups, whose sets are copied."""
    tables = state.tables
    named = [str(number) for number in range(FEW_TOPICS)]
    for count in (1, GROUPS):
        names = [f"group-{number}" for number in range(count)]
        for name in names:
            data = tables.add_group("cluster", name)
            shared = data.shared(6, 4, 0, 4)
            given = [shared] * FEW_TOPICS
            finish(set_queues(tables, data, named, given, TopicChanges()))
        data = tables.add_group("cluster", "other")
        given = [QueueData("other", 6, n) for n in range(FEW_TOPICS)]
        kind = f"all different, {count} groups"
        _show(kind, partial(set_queues, tables, data, named, given, TopicChanges()))
        for name in (*names, "other"):
            finish(tables.remove_group(name, TopicChanges(), 0))


def _wipe(tables: RouteTables, events: EventStream) -> Steps[int]:
    cause = Cause(CauseKind.REQUEST)
    return topics.change_write_perm(tables, events, cause, NAME, is_writable=False)


def _read(header: bytes) -> Steps[None]:
    for _ in range(100):
        decode_command(0, header, None)
        yield request_units(0, header, None)


def _show(kind: str, begin: Callable[[], Steps[object]]) -> None:
    began = time.process_time()
    units = sum(begin())
    micros = (time.process_time() - began) * 1e6
    print(f"{kind:24} {units:9,} units {micros / units:6.2f} microseconds each")


if __name__ == "__main__":
    main()
