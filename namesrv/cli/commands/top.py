"""`top`: a screen that is drawn anew every few seconds, with rich."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple

from namesrv.cli.commands.changes import View, changes
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.roles import master_of
from namesrv.cli.commands.session import addresses, read_seconds, terms
from namesrv.cli.commands.watch import Viewer
from namesrv.cli.commands.words import Call
from namesrv.cli.printing import shown
from namesrv.client.addresses import Address
from namesrv.client.nameservers import NameServers
from namesrv.client.questions import Questions
from namesrv.client.terms import Terms
from namesrv.errors import NamesrvError, OptionsInvalid

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_DEFAULT_SECONDS: Final = 2.0
_KEPT_CHANGES: Final = 100
_SHOWN_CHANGES: Final = 8
_FRAME_LINES: Final = 10
"""Lines of headings and gaps around the tables."""


class State(NamedTuple):
    """One server at one time; `found` is None if it did not answer."""

    server: Address
    millis: float
    found: View | None
    failure: str


class Monitor:
    """Asks each server by itself, and keeps the latest states and changes."""

    def __init__(self, servers: Sequence[Address], known: Terms) -> None:
        self._viewers = [
            Viewer(Questions(NameServers([server], known))) for server in servers
        ]
        self.states: list[State] = []
        self.changes: deque[str] = deque(maxlen=_KEPT_CHANGES)

    def close(self) -> None:
        """Close the connections."""
        for viewer in self._viewers:
            viewer.asked.servers.close()

    def ask(self) -> None:
        """Ask all servers, and note the differences."""
        before = self.states
        self.states = [_state(viewer) for viewer in self._viewers]
        now = time.strftime("%H:%M:%S")
        for old, new in zip(before, self.states, strict=False):
            for text in _differences(old, new):
                where = f"{new.server} " if len(self.states) > 1 else ""
                self.changes.append(shown(f"{now}  {where}{text}"))

    @property
    def first(self) -> View | None:
        """The view of the first server that answered."""
        found = [state.found for state in self.states if state.found is not None]
        return found[0] if found else None


def _state(viewer: Viewer) -> State:
    server = viewer.asked.servers.addresses[0]
    began = perf_counter()
    try:
        viewer.asked.ping()
        millis = (perf_counter() - began) * 1000
        return State(server, millis, viewer.view(), "")
    except NamesrvError as failure:
        return State(server, 0.0, None, str(failure))


def _differences(old: State, new: State) -> list[str]:
    if new.found is None:
        return [f"server: {new.failure}"] if old.found is not None else []
    if old.found is None:
        return ["server: answers again"]
    return [str(change) for change in changes(old.found, new.found)]


def top(call: Call, wait: Callable[[float], None] = time.sleep) -> Result:
    """Draw the screen until Ctrl-C. Raises OptionsInvalid without rich or terminal."""
    seconds = read_seconds(call, "every", _DEFAULT_SECONDS)
    monitor = Monitor(addresses(call, os.environ), terms(call, os.environ))
    try:
        from rich.live import Live  # noqa: PLC0415
    except ImportError:
        raise OptionsInvalid(
            ["top needs the Python package rich: install rich, or use watch"]
        ) from None
    if not sys.stdout.isatty():
        raise OptionsInvalid(["top needs a terminal; use watch, or --watch of a list"])
    try:
        with Live(screen=True, auto_refresh=False) as live:
            while True:
                monitor.ask()
                lines = live.console.size.height
                live.update(screen(monitor, seconds, lines), refresh=True)
                wait(seconds)
    except KeyboardInterrupt:
        pass
    finally:
        monitor.close()
    return Result(None, [])


def screen(monitor: Monitor, seconds: float, lines: int) -> RenderableType:
    """Everything that fits on a terminal with so many lines."""
    from rich.console import Group  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    heading = (
        f"namesrv top  {time.strftime('%H:%M:%S')}  every {seconds:g} s, Ctrl-C ends"
    )
    shown_changes = list(monitor.changes)[-_SHOWN_CHANGES:]
    room = lines - _FRAME_LINES - len(monitor.states) - len(shown_changes)
    return Group(
        Text(heading, style="bold", no_wrap=True),
        Text(),
        _servers(monitor.states),
        Text(),
        _brokers(monitor.first, max(room, 1)),
        Text(),
        Text("CHANGES", style="bold"),
        *(Text(text, no_wrap=True, overflow="ellipsis") for text in shown_changes),
    )


def _servers(states: Sequence[State]) -> Table:
    table = _table("SERVER", "STATE", ">LOOKUP", ">CLUSTERS", ">BROKERS", ">TOPICS")
    for state in states:
        found = state.found
        if found is None or found.info is None:
            row = [str(state.server), "down", "", "", "", ""]
        else:
            groups = found.info.brokers.values()
            row = [
                str(state.server),
                "answers",
                f"{state.millis:.2f} ms",
                str(len(found.info.clusters)),
                str(sum(len(group.addresses) for group in groups)),
                str(len(found.topics)),
            ]
        _add(table, row, style="" if found is not None else "red")
    return table


def _brokers(found: View | None, room: int) -> Table:
    """Broker groups; those without a master first, because they need attention."""
    table = _table("CLUSTER", "BROKER", "MASTER", ">SLAVES", "ZONE")
    if found is None or found.info is None:
        return table
    groups = sorted(
        found.info.brokers.values(),
        key=lambda group: (master_of(group) is not None, group.cluster, group.name),
    )
    for group in groups[:room]:
        master = master_of(group)
        slaves = len(group.addresses) - (master is not None)
        row = [group.cluster, group.name, master or "none", str(slaves), group.zone]
        _add(table, row, style="" if master is not None else "yellow")
    if len(groups) > room:
        _add(table, [f"and {len(groups) - room} more", "", "", "", ""], style="dim")
    return table


def _table(*headings: str) -> Table:
    """A table without lines; a heading with > belongs to a column of numbers."""
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        to_right = heading.startswith(">")
        table.add_column(
            heading.lstrip(">"),
            justify="right" if to_right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def _add(table: Table, row: Sequence[str], style: str) -> None:
    from rich.text import Text  # noqa: PLC0415

    # A Text has no markup: names come from a server.
    table.add_row(*(Text(shown(cell)) for cell in row), style=style)
