"""Moments of this run: the events until then, and the entries that changed since."""

from itertools import islice
from typing import Final

from namesrv.admin.api.endpoint import Call
from namesrv.client.moments import date_text
from namesrv.errors import HttpRefused
from namesrv.routing.history.touched import Touched
from namesrv.work import STEP_UNITS, Steps

_RECORDS_AT_ONCE: Final = 500
_RECORDS_OF_A_UNIT: Final = 4
_RECORD_UNITS: Final = 4
_BYTES_OF_A_UNIT: Final = 512


def number_at(call: Call, name: str, millis: int) -> Steps[int]:
    """The number of the last event that is not later than a moment.

    If the clock was set back, a date means two moments; this is the later one. Raises
    HttpRefused (404) for a moment that the ring does not reach; `name` is that of the
    parameter.
    """
    history = call.inside.state.history
    records = history.newest_first()
    first = history.last + 1
    oldest_millis = None
    while some := list(islice(records, _RECORDS_AT_ONCE)):
        for record in some:
            if record.wall_millis <= millis:
                return record.number
        first, oldest_millis = some[-1].number, some[-1].wall_millis
        yield len(some) // _RECORDS_OF_A_UNIT
    begin_millis = int(call.inside.state.run, 16)
    if first == 1 and millis >= begin_millis:
        return 0
    if first > 1:
        begin_millis = begin_millis if oldest_millis is None else oldest_millis
    raise _out_of_reach(name, millis, begin_millis, is_cut=first > 1)


def _out_of_reach(
    name: str, millis: int, begin_millis: int, *, is_cut: bool
) -> HttpRefused:
    reach = "the last events of this server begin" if is_cut else "this run began"
    return HttpRefused(
        404,
        f"the parameter {name} is {date_text(millis)}, and {reach} at"
        f" {date_text(begin_millis)}; a recorder (recordDir) keeps older ones",
    )


def add_events(call: Call, touched: Touched, last: int | None = None) -> Steps[None]:
    """Take all events after those that `touched` has, until one, or until now."""
    history = call.inside.state.history
    spent = 0
    while (last is None or touched.number < last) and (
        record := history.find(touched.number + 1)
    ):
        spent += _RECORD_UNITS + len(record.content) // _BYTES_OF_A_UNIT
        for units in touched.add(record.facts()):
            spent += units
            if spent >= STEP_UNITS:
                yield spent
                spent = 0
    if touched.number < (history.last if last is None else last):
        raise HttpRefused(503, "the events were dropped meanwhile; ask again")
    yield spent
