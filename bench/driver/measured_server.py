"""A running server, filled with tables, and the frame files that are right for it."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Self

from bench.driver.client import OPAQUE, AskFailed, Client
from bench.driver.expected import right_pairs
from bench.driver.frame_file import first_pair, write_frames
from bench.driver.loads import Kind, Load
from bench.driver.process import ServerProcess
from bench.driver.progress import say
from bench.driver.servers import Server
from bench.driver.tables import Table
from namesrv.testing.peer import lookup

START_SECONDS = 60.0
FILL_SECONDS = 60.0
SLOW_SECONDS = 2.0


class MeasuredServer:
    """Starts `server` in homes below `folder`. An echo starts with its first load."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.process: ServerProcess
        self.start_seconds = 0.0
        self._folder = folder
        self._starts = 0
        self._frames: dict[tuple[Kind, Table, int], Path] = {}
        self._brokers: dict[Table, Client] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.stop()

    def start(self, echoed: Path | None = None) -> None:
        """Start it and wait for its first answer. Raises ServerFailed.

        `echoed` is the frame file that an echo returns.
        """
        self._starts += 1
        frame = lookup("Topic-nobody-00000", OPAQUE)
        if echoed is not None:
            frame, _ = first_pair(echoed)
        home = self._folder / f"{self.server.name}-{self._starts}"
        self.process = self.server.start(home, echoed)
        self.start_seconds = self.process.wait_for_answer(frame, START_SECONDS)

    def stop(self) -> None:
        """End it and its connections."""
        for client in self._brokers.values():
            client.close()
        self._brokers.clear()
        if self._starts:
            self.process.stop()

    def client(self) -> Client:
        """A new connection."""
        return Client(self.process.port)

    def table_for(self, table: Table) -> Table:
        """The table, with as many of its topics as the server is filled with."""
        most = self.server.most_routes // table.copies
        return table if table.topics <= most else replace(table, topics=most)

    def fill(self, table: Table) -> None:
        """Register every broker of a table. Raises AskFailed."""
        if self.server.is_echo or table in self._brokers:
            return
        began = time.monotonic()
        client = self._brokers[table] = Client(self.process.port, FILL_SECONDS)
        for number in range(table.brokers):
            client.ask_for(0, table.registration(number).frame(OPAQUE))
        seconds = time.monotonic() - began
        if seconds > SLOW_SECONDS:
            size = f"{table.topics:,} topics on {table.brokers} brokers"
            say(f"{self.server.name} was filled with {size} in {seconds:.1f} s")

    def check(self, table: Table) -> None:
        """A table must be there; it is filled again if it went with its connection.

        Raises AskFailed.
        """
        if table not in self._brokers:
            return
        try:
            self._brokers[table].ask_for(0, lookup(table.topic(0), OPAQUE))
        except AskFailed:
            self._brokers.pop(table).close()
            self.fill(table)

    def frames(self, load: Load, echoed: Path | None) -> Path:
        """The load's requests with this server's answers, which are looked at first.

        An echo is started with those of `echoed`. Raises AskFailed and ServerFailed.
        """
        if not self.server.is_echo:
            kind = Kind.LOOKUP if load.kind is Kind.MIXED else load.kind
            return self._written(kind, self.table_for(load.table), load.topics)
        if echoed is None:
            raise AskFailed("there is nothing to echo, because our own server failed")
        self.stop()
        path = self._folder / f"{self.server.name}-{load.name}.frames"
        write_frames(path, [first_pair(echoed)])
        self.start(path)
        return echoed if self.server.is_blind else path

    def heartbeat_frames(self, load: Load) -> Path:
        """Heartbeats of the brokers of a load's table, and their answers."""
        return self._written(Kind.HEARTBEAT, self.table_for(load.table), 0)

    def _written(self, kind: Kind, table: Table, topics: int) -> Path:
        key = kind, table, topics
        if key not in self._frames:
            if kind is not Kind.REGISTER:
                self.fill(table)
            path = self._folder / f"{self.server.name}-frames-{len(self._frames)}"
            with self.client() as client:
                write_frames(path, right_pairs(client, kind, table, topics))
            self._frames[key] = path
        return self._frames[key]
