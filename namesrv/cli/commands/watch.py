"""`watch`: prints each change of clusters, brokers, topics and routes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Final

from namesrv.cli.commands.changes import Change, View, changes
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import questions, read_seconds
from namesrv.cli.commands.text import numbered
from namesrv.cli.commands.words import Call
from namesrv.cli.printing import say, shown, shown_json
from namesrv.client.addresses import Address
from namesrv.client.questions import Questions
from namesrv.errors import NamesrvError, OptionsInvalid, RequestRefused

if TYPE_CHECKING:
    from namesrv.cli.commands.hook import Hook
    from namesrv.client.http import HttpReply

_DEFAULT_SECONDS: Final = 1.0
_TOPICS_SECONDS: Final = 10.0


def watch(call: Call, wait: Callable[[float], None] | None = None) -> Result:
    """Compare the NameServer with itself every second, or when it reports that a route
    has changed, until Ctrl-C.

    Raises NameServerUnreachable if it does not answer at the beginning.
    """
    seconds = read_seconds(call, "every", _DEFAULT_SECONDS)
    _check_command(call)
    _check_token(call)
    asked = questions(call)
    viewer = Viewer(asked, call.arguments)
    printer = _Printer(is_json=call.has("json"))
    hook = _hook(call, printer)
    try:
        before = viewer.view()
        server = str(asked.servers.addresses[0])
        printer.print([Change("server", server, beginning(before))])
        # This imports modules. Python ends by SIGINT if a signal comes meanwhile, and
        # once the command runs signals may come.
        wait = wait or _wait(call, asked, printer, seconds)
        _run_hook(hook, server, before)
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
            found = list(changes(before, after))
            printer.print(found)
            _run_hook(hook, str(asked.servers.addresses[0]), after, found)
            before = after
    except KeyboardInterrupt:
        pass
    finally:
        if hook is not None:
            hook.close()
    return Result(None, [])


def _wait(
    call: Call, asked: Questions, printer: _Printer, seconds: float
) -> Callable[[float], None]:
    """The wait between two views: for a change of the few routes that are watched, if
    the server reports it, and for some time otherwise."""
    from namesrv.cli.commands.session import http_questions  # noqa: PLC0415
    from namesrv.cli.commands.waker import MOST_TOPICS, WAIT_SECONDS, Waker  # noqa: PLC0415
    from namesrv.client.http import UNAUTHORIZED  # noqa: PLC0415

    if not 0 < len(call.arguments) <= MOST_TOPICS:
        return time.sleep

    is_reported = Lock()

    def ask(target: str) -> HttpReply:
        # Another server may have other routes.
        server = asked.servers.addresses[:1]
        http = http_questions(call, only=server, more_seconds=WAIT_SECONDS)
        reply = http.ask(target)
        # Each topic has a thread, and one line is enough.
        if reply.status == UNAUTHORIZED and is_reported.acquire(blocking=False):
            reason = "the token is wrong" if http.has_token else "no token"
            text = f"{reason}: asking every {_every(seconds)}"
            printer.print([Change("server", str(server[0]), text)])
        return reply

    waker = Waker(call.arguments, ask)
    waker.begin()
    return waker.wait


def _every(seconds: float) -> str:
    return "second" if seconds == 1 else f"{seconds:g} s"


def _check_token(call: Call) -> None:
    """Raises OptionsInvalid for a file without a token: threads read it later."""
    if call.has("token-file"):
        from namesrv.cli.commands.session import http_questions  # noqa: PLC0415

        http_questions(call)


def _check_command(call: Call) -> None:
    """Raises OptionsInvalid for --exec without a command or topics."""
    command = call.flag("exec")
    if command is None:
        return
    if not command.strip():
        raise OptionsInvalid(["--exec is empty, expected a command line"])
    if not call.arguments:
        raise OptionsInvalid(["--exec needs topics: namesrv watch TOPIC --exec CMD"])


def _hook(call: Call, printer: _Printer) -> Hook | None:
    """The command of --exec, which ends with this process."""
    command = call.flag("exec")
    if command is None:
        return None
    import signal  # noqa: PLC0415

    from namesrv.cli.commands.hook import Hook  # noqa: PLC0415

    # As Ctrl-C, so that a stopped container or a closed terminal stops the command.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    # Standard output has one object on each line.
    output = sys.stderr.fileno() if call.has("json") else None

    def report(topic: str, text: str) -> None:
        printer.print([Change("command", topic, text)])

    return Hook(command, report, output)


def _run_hook(
    hook: Hook | None, server: str, view: View, found: Sequence[Change] | None = None
) -> None:
    """Run the command for each topic that changed; without a list for each topic."""
    if hook is None:
        return
    from namesrv.cli.commands.hook import Occasion  # noqa: PLC0415

    for topic, route in view.routes.items():
        texts = [change.text for change in found or () if change.name == topic]
        if found is not None and not texts:
            continue
        brokers = route.brokers if route is not None else []
        masters = [one.addresses[0] for one in brokers if 0 in one.addresses]
        reason = "start" if found is None else "change"
        value = None if route is None else route.value
        hook.put(Occasion(topic, server, reason, texts, value, masters))


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
    """Prints each change with the time; `is_open` is false once nobody reads. Any
    thread may print."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self._lock = Lock()
        self.is_open = True

    def print(self, found: Iterable[Change]) -> None:
        now = time.localtime()
        with self._lock:
            for change in found:
                if self.is_open:
                    self.is_open = say(self._line(change, now))

    def _line(self, change: Change, now: time.struct_time) -> str:
        if not self._is_json:
            return f"{time.strftime('%H:%M:%S', now)}  {shown(str(change))}"
        date = time.strftime("%Y-%m-%dT%H:%M:%S%z", now)
        value = {"time": date, **change._asdict()}
        return shown_json(json.dumps(value, ensure_ascii=False))
