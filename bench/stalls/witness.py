"""Another client: asks for a topic that nobody has, and remembers its longest wait.

It waits for the loop: its first request is none that a lookup lane answers, so that its
connection is not on one.

A wait is counted by the clock or by the CPU time that the server used meanwhile, in all
its threads, whichever is less: other processes take the machine, too, and must not
count. The kernel notes CPU time at its ticks, so that a wait is right to some 4 ms.
"""

import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Self

from bench.driver.client import OPAQUE, Client
from bench.stalls.cpu import Cpu
from namesrv.testing.peer import lookup, request

_UNKNOWN_CODE = 9999
_PAUSE_SECONDS = 0.002
_PATIENCE_SECONDS = 300.0


class Witness:
    """A process of its own, so that sending a row does not delay its clock."""

    def __init__(self, port: int, cpu: Cpu) -> None:
        self._mine, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(
            target=_watch, args=(port, cpu, theirs), daemon=True
        )
        self._process.start()

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(self, *unused: object) -> None:
        self._process.kill()
        self._process.join()

    def take(self) -> float:
        """The longest wait since the last call, in milliseconds."""
        self._mine.send(None)
        if not self._mine.poll(_PATIENCE_SECONDS):
            return _PATIENCE_SECONDS * 1000
        longest: float = self._mine.recv()
        return longest


def _watch(port: int, cpu: Cpu, commands: Connection) -> None:
    frame = lookup("Topic-nobody-00000", OPAQUE)
    longest = 0.0
    with Client(port, _PATIENCE_SECONDS) as client:
        client.exchange(request(_UNKNOWN_CODE, opaque=OPAQUE))
        while True:
            used, began = cpu.seconds(), time.perf_counter()
            client.exchange(frame)
            waited = time.perf_counter() - began
            longest = max(longest, min(waited, cpu.seconds() - used) * 1000)
            if commands.poll(_PAUSE_SECONDS):
                commands.recv()
                commands.send(longest)
                longest = 0.0
