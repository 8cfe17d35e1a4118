"""Looks at a server all the time, as clients do, and remembers what was missing."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Self

from namesrv.codes import RequestCode
from namesrv.testing.peer import (
    WAIT_SECONDS,
    Address,
    Peer,
    lookup,
    read_route,
    request,
    wait_until,
)
from tests.server.fleet import TOPICS

_PAUSE_SECONDS = 0.005


def broker_names(peer: Peer) -> set[str]:
    """Who is there."""
    answer = peer.ask(request(RequestCode.GET_BROKER_CLUSTER_INFO))
    # Java writes ids without quotes.
    body = re.sub(rb"([{,])(\d+):", rb'\1"\2":', answer.body)
    return set(json.loads(body)["brokerAddrTable"])


class Watcher:
    """Asks for the cluster (106) and for a route (105), in turn, while it is open.

    `expected` gives the brokers that must be in every answer; `lost` are those that
    were missing in any. `failed` counts lookups that were answered with something else
    than the whole route, and those that a connection's end cut off; `forgives_ends`
    tells that such an end is expected, because the server itself is being ended.
    """

    def __init__(
        self,
        find_address: Callable[[], Address],
        expected: Callable[[], Iterable[str]],
        *,
        forgives_ends: bool = False,
    ) -> None:
        self.lost: set[str] = set()
        self.lookups = 0
        self.failed = 0
        self.longest_wait = 0.0
        self._find_address = find_address
        self._expected = expected
        self._forgives_ends = forgives_ends
        self._good: list[tuple[float, float]] = []
        self._wanted = True
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._wanted = False
        self._thread.join(WAIT_SECONDS)
        if self._error is not None:
            raise self._error

    def seconds_until_good(self, since: float) -> float:
        """Seconds from `since` (monotonic) to the first good answer that was asked for
        after it, which must come."""
        wait_until(lambda: self._first_good(since) or self._error)
        return (self._first_good(since) or since) - since

    def _first_good(self, since: float) -> float | None:
        # The latest is looked at first: most often it is too old already.
        if not self._good or self._good[-1][0] < since:
            return None
        return next(ended for began, ended in self._good if began >= since)

    def _run(self) -> None:
        try:
            while self._wanted:
                try:
                    self._watch()
                except OSError:
                    if not self._forgives_ends:
                        self.failed += 1
                    time.sleep(_PAUSE_SECONDS)
        except BaseException as error:
            self._error = error

    def _watch(self) -> None:
        with Peer(self._find_address()) as peer:
            while self._wanted:
                began = time.monotonic()
                expected = set(self._expected())
                missing = expected - broker_names(peer)
                self.lost |= missing
                asked = time.monotonic()
                is_whole = self._look_up(peer, expected)
                ended = time.monotonic()
                self.longest_wait = max(self.longest_wait, asked - began, ended - asked)
                if is_whole and not missing:
                    self._good.append((began, ended))
                time.sleep(_PAUSE_SECONDS)

    def _look_up(self, peer: Peer, expected: set[str]) -> bool:
        answer = peer.ask(lookup(next(iter(TOPICS))))
        self.lookups += 1
        found: set[str] = set()
        if answer.code == 0:
            route = read_route(answer.body)
            found = route.addresses.keys() & route.queues.keys()
        self.lost |= expected - found
        is_whole = expected <= found
        self.failed += not is_whole
        return is_whole
