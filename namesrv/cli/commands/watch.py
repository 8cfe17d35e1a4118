"""`watch`: prints each change of clusters, brokers, topics and routes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from namesrv.cli.commands.changes import Change, View, changes
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import questions, read_seconds
from namesrv.cli.commands.words import Call
from namesrv.cli.printing import say, shown, shown_json
from namesrv.client.questions import Questions
from namesrv.errors import NamesrvError, RequestRefused

_DEFAULT_SECONDS: Final = 1.0


def watch(call: Call, wait: Callable[[float], None] = time.sleep) -> Result:
    """Compare the NameServer with itself every second, until Ctrl-C.

    Raises NameServerUnreachable if it does not answer at the beginning.
    """
    seconds = read_seconds(call, "every", _DEFAULT_SECONDS)
    asked, topics = questions(call), call.arguments
    printer = _Printer(is_json=call.has("json"))
    try:
        before = view(asked, topics)
        server = str(asked.servers.addresses[0])
        printer.print([Change("server", server, beginning(before))])
        failure = ""
        while printer.is_open:
            wait(seconds)
            try:
                after = view(asked, topics)
            except NamesrvError as error:
                if not failure:
                    failure = str(error).replace("\n", "; ")
                    printer.print([Change("server", server, failure)])
                continue
            if failure:
                failure = ""
                server = str(asked.servers.addresses[0])
                printer.print([Change("server", server, "answers again")])
            printer.print(changes(before, after))
            before = after
    except KeyboardInterrupt:
        pass
    return Result(None, [])


def view(asked: Questions, topics: Sequence[str]) -> View:
    """The view of the first server that answers: of some topics, or of everything."""
    if topics:
        return View(None, [], {topic: asked.route(topic) for topic in topics})
    info = asked.clusters()
    try:
        names = asked.topics()
    except RequestRefused:
        # The list of topics is switched off there.
        names = []
    return View(info, names, {})


def beginning(found: View) -> str:
    """The first line: the numbers of things that are watched."""
    if found.info is None:
        known = sum(route is not None for route in found.routes.values())
        return f"watching {len(found.routes)} topics, {known} of them known"
    brokers = sum(len(group.addresses) for group in found.info.brokers.values())
    return (
        f"watching {len(found.info.clusters)} clusters, {brokers} brokers and"
        f" {len(found.topics)} topics"
    )


class _Printer:
    """Prints each change with the time; `is_open` is false once nobody reads."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self.is_open = True

    def print(self, found: Iterable[Change]) -> None:
        now = time.localtime()
        for change in found:
            if self.is_open:
                self.is_open = say(self._line(change, now))

    def _line(self, change: Change, now: time.struct_time) -> str:
        if not self._is_json:
            return f"{time.strftime('%H:%M:%S', now)}  {shown(str(change))}"
        date = time.strftime("%Y-%m-%dT%H:%M:%S%z", now)
        value = {"time": date, **change._asdict()}
        return shown_json(json.dumps(value, ensure_ascii=False))
