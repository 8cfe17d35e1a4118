"""`history`: the last events of a server, and the routes of a moment."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import http_questions, read_count
from namesrv.cli.commands.text import Table
from namesrv.cli.commands.words import Call
from namesrv.client.event_sentences import Facts, sentence_of, subject_of
from namesrv.client.http import HttpQuestions
from namesrv.errors import HttpRejected, MomentInvalid, OptionsInvalid

_EVENTS: Final = ("TIME", "NUMBER", "NAME", "EVENT")
_ADDRESSES: Final = ("BROKER", "CLUSTER", "ID", "ADDRESS")
_TOPICS: Final = ("TOPIC", "BROKERS")
_DIFFERENCES: Final = ("NAME", "CHANGE")
_FEW_EVENTS: Final = 50
_MOST_EVENTS: Final = 1_000_000
_OF_A_PAGE: Final = 500
_PARAMETER: Final = re.compile(r"the parameter (?:time|from|to)\b")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_INCOMPLETE: Final = "some events had no room for all names, so that names are missing"


class Source(Protocol):
    """Where a history comes from: a server, or a directory of a recorder."""

    @property
    def complaints(self) -> list[str]:
        """Sentences about parts that cannot be read."""

    def events(
        self, filters: Mapping[str, str], limit: int
    ) -> tuple[Sequence[Facts], dict[str, Any], str]:
        """Events, oldest first; the facts of the whole; a sentence if there is none."""

    def at(self, moment: str, topic: str | None) -> dict[str, Any]:
        """Topics and brokers of a moment."""

    def between(self, begin: str, end: str) -> dict[str, Any]:
        """Topics and brokers that differ."""


def history(call: Call) -> Result:
    """Events, the newest last, as in a log, or the routes of a moment."""
    at, between = call.flag("at"), call.flag("between")
    _check_flags(call)
    source = _source(call)
    if at is not None:
        return _result_at(source, moment_for("at", at), call.flag("topic"))
    if between is not None:
        begin, _, end = between.partition(",")
        found = source.between(
            moment_for("between", begin), moment_for("between", end or "0s")
        )
        rows = list(_difference_rows(found))
        complaints = source.complaints + _incomplete(found)
        complaints += [] if rows else ["nothing differs"]
        return Result(camel(found), [Table(_DIFFERENCES, rows)], complaints)
    limit = read_count(call, "limit", _FEW_EVENTS, _MOST_EVENTS)
    events, whole, nothing = source.events(_filters(call), limit)
    return Result(
        camel({**whole, "events": events}),
        [Table(_EVENTS, list(_rows(events)))],
        source.complaints + ([] if events else [nothing]),
    )


def _result_at(source: Source, moment: str, topic: str | None) -> Result:
    """The routes of a moment; the exit code is 1 for a topic without a route then."""
    found = source.at(moment, topic)
    complaints = source.complaints + _incomplete(found)
    is_missing = not found["topics"] and not found["brokers"]
    if is_missing:
        then = f"at {time_text(found['at_millis'])}"
        complaints.append(
            f"{then} there was no broker and no topic"
            if topic is None
            else f"{then} topic {topic} had no route"
        )
    code = 1 if is_missing and topic is not None else 0
    return Result(camel(found), list(_tables_at(found)), complaints, code)


def _source(call: Call) -> Source:
    path = call.flag("directory")
    if path is None:
        return ServerHistory(http_questions(call))
    # It reads MessagePack, and other commands need nothing of it.
    from namesrv.cli.commands.recording import Recording  # noqa: PLC0415

    return Recording(path)


def _check_flags(call: Call) -> None:
    """Raises OptionsInvalid for flags that do not go together."""
    chosen = [name for name in ("at", "between") if call.has(name)]
    if len(chosen) == 2:
        raise OptionsInvalid(["--at and --between do not go together; leave one out"])
    if call.has("directory") and call.has("namesrv-addr"):
        raise OptionsInvalid(["-n and --directory do not go together; leave one out"])
    useless = [name for name in ("broker", "type", "since", "limit") if call.has(name)]
    if call.has("between") and call.has("topic"):
        useless.append("topic")
    if chosen and useless:
        raise OptionsInvalid(
            [f"--{useless[0]} does not go with --{chosen[0]}; leave one out"]
        )


def _filters(call: Call) -> dict[str, str]:
    flags = {name: call.flag(name) for name in ("topic", "broker", "type", "since")}
    found = {name: value for name, value in flags.items() if value is not None}
    if "since" in found:
        found["since"] = moment_for("since", found["since"])
    return found


def moment_for(flag: str, text: str) -> str:
    """An age as it is, a date of this machine's zone or a time of today as
    milliseconds.

    Raises OptionsInvalid.
    """
    from namesrv.client.moments import is_age, read_moment  # noqa: PLC0415

    text = text.strip()
    if is_age(text):
        return text
    if _is_time_of_day(text):
        text = f"{time.strftime('%Y-%m-%d')} {text}"
    now_millis = time.time_ns() // 1_000_000
    try:
        return str(read_moment(text, now_millis, is_local=True))
    except MomentInvalid as error:
        raise OptionsInvalid([f"--{flag} is wrong: {error}"]) from None


def _is_time_of_day(text: str) -> bool:
    """Whether a text is a time such as 16:21 or 16:21:30."""
    parts = text.split(":")
    return len(parts) in (2, 3) and all(
        part.isascii() and part.isdecimal() and len(part) == 2 for part in parts
    )


class ServerHistory:
    """The history of the first server that answers."""

    def __init__(self, asked: HttpQuestions) -> None:
        self._asked = asked

    @property
    def complaints(self) -> list[str]:
        """None: a server has all or refuses."""
        return []

    def events(
        self, filters: Mapping[str, str], limit: int
    ) -> tuple[list[Facts], dict[str, Any], str]:
        """Events of the last pages."""
        query = {**filters, "limit": str(min(limit, _OF_A_PAGE))}
        whole: dict[str, Any] = {}
        events: list[Facts] = []
        for page in self._asked.pages("/v1/history", query):
            whole = whole or {name: page[name] for name in ("run", "first", "last")}
            events += page["events"]
            if len(events) >= limit:
                break
        return events[:limit][::-1], whole, self._nothing(whole)

    def _nothing(self, whole: Mapping[str, Any]) -> str:
        address = self._asked.address
        if not whole["last"]:
            return f"{address} has had no event since its start"
        count = whole["last"] - whole["first"] + 1
        if not count:
            return f"{address} keeps no events: its option historyBytes is 0"
        return f"no such event among the last {count} of {address}"

    def at(self, moment: str, topic: str | None) -> dict[str, Any]:
        """One topic with its brokers, or all pages of both."""
        query = {"time": moment}
        if topic is not None:
            query["topic"] = topic
            with _in_own_words("at"):
                return dict(self._asked.get("/v1/history/at", query))
        with _in_own_words("at"):
            return self._both("/v1/history/at", query)

    def between(self, begin: str, end: str) -> dict[str, Any]:
        """All pages of both."""
        with _in_own_words("between"):
            return self._both("/v1/history/between", {"from": begin, "to": end})

    def _both(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind in ("brokers", "topics"):
            asked = {**query, "kind": kind, "limit": str(_OF_A_PAGE)}
            for page in self._asked.pages(path, asked):
                found = {**page, **found}
                found["is_complete"] &= page["is_complete"]
                found.setdefault("listed", {}).setdefault(kind, []).extend(page[kind])
        found.pop("next", None)
        return {**found, **found.pop("listed")}


@contextmanager
def _in_own_words(flag: str) -> Iterator[None]:
    """A refusal names the flag, and dates of this machine's zone, in place of the
    parameters of HTTP and UTC."""
    try:
        yield
    except HttpRejected as error:
        detail = _PARAMETER.sub(f"--{flag}", error.detail)
        detail = _DATE.sub(lambda match: _local(match[0]), detail)
        raise HttpRejected(error.server, error.status, detail) from None


def _local(date: str) -> str:
    from namesrv.client.moments import read_moment  # noqa: PLC0415

    try:
        return time_text(read_moment(date, 0))
    except MomentInvalid:
        return date


def _incomplete(found: Mapping[str, Any]) -> list[str]:
    return [] if found["is_complete"] else [_INCOMPLETE]


def _tables_at(found: Mapping[str, Any]) -> Iterator[Table]:
    rows = [
        (group["broker"], group["cluster"] or "", int(broker_id), address)
        for group in found["brokers"]
        for broker_id, address in group["addresses"].items()
    ]
    yield Table(_ADDRESSES, rows)
    topics = [(one["topic"], ", ".join(one["brokers"])) for one in found["topics"]]
    yield Table(_TOPICS, topics)


def _difference_rows(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for group in found["brokers"]:
        before, after = group["before"], group["after"]
        for broker_id in sorted({*before, *after}, key=int):
            was, now = before.get(broker_id), after.get(broker_id)
            yield group["broker"], f"id {broker_id} {_moved(was, now)}"
    for topic in found["topics"]:
        phrases = [
            f"{phrase} {_some(topic[member])}"
            for member, phrase in (
                ("added_on", "new on"),
                ("changed_on", "changed on"),
                ("removed_from", "gone from"),
            )
            if topic[member]
        ]
        yield topic["topic"], "; ".join(phrases)


def _moved(was: str | None, now: str | None) -> str:
    if now is None:
        return f"has no address any more, it was {was}"
    return f"is new at {now}" if was is None else f"is {now}, it was {was}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - 5
    return ", ".join(names[:5]) + (f" and {more} more" if more > 0 else "")


def _rows(events: Sequence[Facts]) -> Iterator[tuple[str | int, ...]]:
    """A row for each event, and one between two runs, because numbers begin again."""
    last: object = None
    for facts in events:
        run = facts.get("run")
        if last is not None and run != last:
            yield _run_start(str(run)), "", "-", f"run {run} started"
        last = run
        yield _row(facts)


def _run_start(run: str) -> str:
    """The start of a run, which its name is: milliseconds in base 16."""
    try:
        return time_text(int(run, 16))
    except ValueError:
        return "-"


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
