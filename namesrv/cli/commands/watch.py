"""`watch`: prints each change of clusters, brokers, topics and routes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from namesrv.cli.commands.changes import Change, View, changes
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import questions, read_seconds
from namesrv.cli.commands.text import numbered
from namesrv.cli.commands.words import Call
from namesrv.cli.printing import say, shown, shown_json
from namesrv.client.addresses import Address
from namesrv.client.questions import Questions
from namesrv.errors import NamesrvError, RequestRefused

_DEFAULT_SECONDS: Final = 1.0
_TOPICS_SECONDS: Final = 10.0


def watch(call: Call, wait: Callable[[float], None] = time.sleep) -> Result:
    """Compare the NameServer with itself every second, until Ctrl-C.

    Raises NameServerUnreachable if it does not answer at the beginning.
    """
    seconds = read_seconds(call, "every", _DEFAULT_SECONDS)
    asked = questions(call)
    viewer = Viewer(asked, call.arguments)
    printer = _Printer(is_json=call.has("json"))
    try:
        before = viewer.view()
        server = str(asked.servers.addresses[0])
        printer.print([Change("server", server, beginning(before))])
        failure = ""
        while printer.is_open:
            wait(seconds)
            try:
                after = viewer.view()
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


class Viewer:
    """Asks for views of the first server that answers: of some topics, or of all.

    A NameServer logs each question for the list of all topics, so that a view asks for
    it only if clusters or brokers changed, or after ten seconds.
    """

    def __init__(
        self,
        asked: Questions,
        topics: Sequence[str] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.asked = asked
        self._topics = topics
        self._now = now
        self._last: View | None = None
        self._server: Address | None = None
        self._listed_at = 0.0

    def view(self) -> View:
        """The view of now. Raises RequestRefused and NameServerUnreachable."""
        if self._topics:
            routes = {topic: self.asked.route(topic) for topic in self._topics}
            return View(None, [], routes)
        # After a failure everything is asked for.
        last, self._last = self._last, None
        found = View(self.asked.clusters(), last.topics if last else [], {})
        if last is None or not self._may_keep_topics(last, found):
            found = View(found.info, self._listed(), {})
        self._last = found
        return found

    def _may_keep_topics(self, last: View, found: View) -> bool:
        return (
            self._now() - self._listed_at < _TOPICS_SECONDS
            and self.asked.servers.addresses[0] == self._server
            and not any(changes(last, found))
        )

    def _listed(self) -> list[str]:
        self._listed_at = self._now()
        try:
            return self.asked.topics()
        except RequestRefused:
            # The list of topics is switched off there.
            return []
        finally:
            self._server = self.asked.servers.addresses[0]


def beginning(found: View) -> str:
    """The first line: the numbers of things that are watched."""
    if found.info is None:
        known = sum(route is not None for route in found.routes.values())
        return f"watching {numbered(len(found.routes), 'topic')}, {known} known"
    brokers = sum(len(group.addresses) for group in found.info.brokers.values())
    return (
        f"watching {numbered(len(found.info.clusters), 'cluster')},"
        f" {numbered(brokers, 'broker')} and {numbered(len(found.topics), 'topic')}"
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
