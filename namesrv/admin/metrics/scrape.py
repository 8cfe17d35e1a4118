"""The text of all metrics, in steps of less than a millisecond.

The client library is imported by a thread at the first scrape: it takes longer than a
turn of the loop, and a server that nobody scrapes does without it.
"""

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


class _Writer:
    """The module that needs the client library, once it is there."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._thread: threading.Thread | None = None
        self._module: Any = None
        self._error: BaseException | None = None

    def get(self) -> Steps[Any]:
        """The module, after a wait for the thread that imports it."""
        if self._module is None:
            thread = self._begin()
            while thread.is_alive():
                # Without this wait the loop would keep the thread from its work.
                thread.join(_WAIT_SECONDS)
                yield WAIT
            if self._error is not None:
                self._thread = None
                raise self._error
        return self._module

    def _begin(self) -> threading.Thread:
        if self._thread is None:
            self._error = None
            self._thread = threading.Thread(target=self._run, name="namesrv-metrics")
            self._thread.daemon = True
            self._thread.start()
        return self._thread

    def _run(self) -> None:
        try:
            self._module = self._load()
        except BaseException as error:
            self._error = error


_writer: Final = _Writer(lambda: import_module(_WRITER))


def scrape(inside: Inside, accepted: str, now_ms: int) -> Steps[HttpAnswer]:
    """All metrics in the format that `accepted`, an Accept header, prefers."""
    exposition = yield from _writer.get()
    readings = yield from read(inside)
    view = View(inside, readings, now_ms)
    content_type, body = yield from exposition.write(view, accepted)
    return HttpAnswer(200, body, content_type)
