"""A client that asks for a topic whose answer is ready, as most lookups are.

With a lookup lane it waits for nothing that the loop does. It is the generator's probe
(bench/load/probe.c): a request every 1.5 ms. It shares a core with the client that
sends the row, and goes before it, so that it waits for the server alone.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.driver.client import OPAQUE, Client
from bench.driver.frame_file import write_frames
from bench.driver.places import CACHE
from namesrv.testing.peer import lookup

_END_SECONDS = 150.0


@dataclass
class Ready:
    """The waits of the probe: 99% of them, and the longest."""

    p99_millis: float | None = None
    max_millis: float | None = None


class ReadyTopic:
    """A topic of the server on a port; its frame file goes into a folder."""

    def __init__(self, port: int, topic: str, folder: Path) -> None:
        self._port = port
        self._topic = topic
        self._path = folder / "ready-topic"
        frame = lookup(topic, OPAQUE)
        with Client(port) as client:
            write_frames(self._path, [(frame, client.ask_for(0, frame).frame)])

    @contextmanager
    def probed(self) -> Iterator[Ready]:
        """Ask during the block; the figures are there at its end, unless the row made
        the topic's answer another one."""
        words = [str(CACHE / "probe"), "--port", str(self._port)]
        words += ["--requests", str(self._path), "--loose"]
        found = Ready()
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as probe:
            # Without the right to it, some of its waits are for the core.
            with suppress(PermissionError):
                os.sched_setscheduler(probe.pid, os.SCHED_FIFO, os.sched_param(1))
            try:
                yield found
                probe.send_signal(signal.SIGTERM)
                output, _ = probe.communicate(timeout=_END_SECONDS)
                if probe.returncode == 0:
                    figures = json.loads(output)
                    found.p99_millis = figures["p99_ms"]
                    found.max_millis = figures["max_ms"]
            finally:
                probe.kill()
