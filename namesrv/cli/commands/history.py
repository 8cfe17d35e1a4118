"""`history`: the last events of a server, and the routes of a moment."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import http_questions, read_count
from namesrv.cli.commands.text import Table
from namesrv.cli.commands.words import Call
from namesrv.client.event_sentences import Facts, sentence_of, subject_of
from namesrv.client.http import HttpQuestions
from namesrv.errors import MomentInvalid, OptionsInvalid

_EVENTS: Final = ("TIME", "NUMBER", "NAME", "EVENT")
_FEW_EVENTS: Final = 50
_MOST_EVENTS: Final = 1_000_000
_OF_A_PAGE: Final = 500


def history(call: Call) -> Result:
    """Events, the newest last, as in a log."""
    limit = read_count(call, "limit", _FEW_EVENTS, _MOST_EVENTS)
    asked = http_questions(call)
    page, events = _events(asked, _filters(call), limit)
    complaints = []
    if not events:
        complaints.append(_nothing(page, asked))
    value = {name: page[name] for name in ("run", "first", "last")}
    return Result(
        camel({**value, "events": events}),
        [Table(_EVENTS, [_row(facts) for facts in events])],
        complaints,
    )


def _filters(call: Call) -> dict[str, str]:
    flags = {name: call.flag(name) for name in ("topic", "broker", "type", "since")}
    found = {name: value for name, value in flags.items() if value is not None}
    if "since" in found:
        found["since"] = moment_for_server("since", found["since"])
    return found


def moment_for_server(flag: str, text: str) -> str:
    """An age as it is, a date of this machine's zone as milliseconds.

    Raises OptionsInvalid.
    """
    from namesrv.client.moments import is_age, read_moment  # noqa: PLC0415

    if is_age(text):
        return text
    now_millis = time.time_ns() // 1_000_000
    try:
        return str(read_moment(text, now_millis, is_local=True))
    except MomentInvalid as error:
        raise OptionsInvalid([f"--{flag} is wrong: {error}"]) from None


def _events(
    asked: HttpQuestions, filters: Mapping[str, str], limit: int
) -> tuple[dict[str, Any], list[Facts]]:
    """The first page, and the last events that the filters let pass, oldest first."""
    query = {**filters, "limit": str(min(limit, _OF_A_PAGE))}
    first: dict[str, Any] | None = None
    events: list[Facts] = []
    for page in asked.pages("/v1/history", query):
        first = first or page
        events += page["events"]
        if len(events) >= limit:
            break
    assert first is not None
    return first, events[:limit][::-1]


def _nothing(page: Mapping[str, Any], asked: HttpQuestions) -> str:
    if not page["last"]:
        return f"{asked.address} has had no event since its start"
    if page["first"] > page["last"]:
        return f"{asked.address} keeps no events: its option historyBytes is 0"
    return (
        f"no such event among the last {page['last'] - page['first'] + 1} of"
        f" {asked.address}"
    )


def _row(facts: Facts) -> tuple[str | int, ...]:
    return (
        time_text(facts["at_millis"]),
        facts["number"],
        subject_of(facts),
        sentence_of(facts),
    )


def time_text(millis: int) -> str:
    """A moment in the zone of this machine; its number if no calendar has it."""
    try:
        local = time.localtime(millis // 1000)
    except (OverflowError, ValueError, OSError):
        return str(millis)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', local)}.{millis % 1000:03d}"


def camel(value: Any) -> Any:
    """The same value with members in camelCase, as all commands have them."""
    if isinstance(value, Mapping):
        return {_camel_name(name): camel(item) for name, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [camel(item) for item in value]
    return value


def _camel_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
