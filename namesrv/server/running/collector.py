"""The garbage collector of a process that is one server."""

import asyncio
import gc
import sys
from typing import Final

_LOOK_SECONDS: Final = 0.1
_FULL_SECONDS: Final = 60.0
_YOUNG: Final = 2000, 20
"""Thresholds of the two young generations."""
_NEVER: Final = 1 << 30
_FEW_BLOCKS: Final = 50_000


class Collector:
    """Keeps CPython's garbage collector from stopping the loop.

    The tables are millions of objects that reference counting frees, and a collection
    of the oldest generation visits them all: 200 ms on a large server, when it has
    grown by a quarter. Here that generation is collected while it is small, and its
    survivors are not visited again. Transports of asyncio's own loop end as cycles;
    so everything is visited when much more is allocated than the last time, at most
    once a minute.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        gc.set_threshold(*_YOUNG, _NEVER)
        gc.freeze()
        self._blocks = sys.getallocatedblocks()
        self._next_full = loop.time() + _FULL_SECONDS
        self._look_again()

    def _look(self) -> None:
        _, _, young_collections = gc.get_count()
        if young_collections:
            gc.collect()
            gc.freeze()
        if self._loop.time() >= self._next_full:
            self._next_full = self._loop.time() + _FULL_SECONDS
            self._collect_all_if_grown()
        self._look_again()

    def _look_again(self) -> None:
        self._loop.call_later(_LOOK_SECONDS, self._look)

    def _collect_all_if_grown(self) -> None:
        if sys.getallocatedblocks() <= self._blocks + self._blocks // 4 + _FEW_BLOCKS:
            return
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._blocks = sys.getallocatedblocks()
