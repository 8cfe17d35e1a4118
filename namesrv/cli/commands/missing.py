"""`topic missing`: topics that clients ask for and that have no route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from namesrv.cli.commands.history import camel, time_text
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import http_questions, read_count
from namesrv.cli.commands.text import Table, numbered
from namesrv.cli.commands.words import Call

_COLUMNS: Final = ("TOPIC", "LOOKUPS", "FIRST", "LAST", "CLIENTS", "SIMILAR TOPIC")
_FEW: Final = 50
_MOST: Final = 500


def list_missing(call: Call) -> Result:
    """The topics with the most lookups first."""
    query = {"limit": str(read_count(call, "limit", _FEW, _MOST))}
    prefix = call.flag("prefix")
    if prefix is not None:
        query["prefix"] = prefix
    asked = http_questions(call)
    found = asked.get("/v1/missing", query)
    complaints = []
    if not found["topics"]:
        such = "a topic" if prefix is None else f"a topic that begins with {prefix!r}"
        complaints.append(f"{asked.address}: no client asked for {such} in vain")
    elif found["left_out"]:
        left_out = numbered(found["left_out"], "more topic")
        complaints.append(f"{asked.address} had no room for {left_out} since its start")
    rows = [_row(one) for one in found["topics"]]
    return Result(camel(found), [Table(_COLUMNS, rows)], complaints)


def _row(one: Mapping[str, Any]) -> tuple[str | int, ...]:
    return (
        one["topic"],
        one["count"],
        time_text(one["first_millis"]),
        time_text(one["last_millis"]),
        _clients(one["askers"]),
        one["nearest"] or "-",
    )


def _clients(askers: list[Mapping[str, Any]]) -> str:
    """The last client, and how many others there are."""
    last = askers[0]
    language = last["language"] or "unknown language"
    text = f"{last['address']} ({language}, version {last['version']})"
    others = len(askers) - 1
    return f"{text} and {numbered(others, 'other')}" if others else text
