"""The text of all metrics, in steps of less than a millisecond.

The client library is imported by a thread at the first scrape: it takes longer than a
turn of the loop, and a server that nobody scrapes does without it.
"""

import asyncio
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from namesrv.admin.http.messages import HttpAnswer
from namesrv.admin.metrics.catalogue import View
from namesrv.admin.metrics.readings import read
from namesrv.server.inside import Inside
from namesrv.work import WAIT, Steps

_WAIT_SECONDS: Final = 0.0005
_WRITER: Final = "namesrv.admin.metrics.exposition"


class Writer:
    """The module that needs the client library, once it is there; `load` imports it.

    A failed import is repeated at the next scrape.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._module: Any = None
        self._import: _Import | None = None

    def get(self) -> Steps[Any]:
        """The module, after a wait for its import. Raises the error of a failed one."""
        if self._module is None:
            under_way = self._import = self._import or _Import(self._load)
            # Without a wait in each turn the loop would keep the thread from its work.
            while not under_way.is_done.wait(_WAIT_SECONDS):
                yield WAIT
            self._import = None
            if under_way.error is not None:
                raise under_way.error
            self._module = under_way.module
        return self._module


class _Import:
    """An import by another thread; `module` or `error` is there when `is_done`."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self.module: Any = None
        self.error: Exception | None = None
        self.is_done = threading.Event()
        _begin(self._run)

    def _run(self) -> None:
        try:
            self.module = self._load()
        except Exception as error:
            self.error = error
        finally:
            self.is_done.set()


def _begin(work: Callable[[], None]) -> None:
    """Begin work in another thread. That of the loop has imported HTTP, and has memory
    to spare: a new one takes another megabyte from the system."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        threading.Thread(target=work, name="namesrv-metrics", daemon=True).start()
    else:
        loop.run_in_executor(None, work)


_writer: Final = Writer(lambda: import_module(_WRITER))


def scrape(inside: Inside, accepted: str, now_ms: int) -> Steps[HttpAnswer]:
    """All metrics in the format that `accepted`, an Accept header, prefers."""
    exposition = yield from _writer.get()
    readings = yield from read(inside)
    view = View(inside, readings, now_ms)
    content_type, body = yield from exposition.write(view, accepted)
    return HttpAnswer(200, body, content_type)
