"""The orphan guard: clients ask here while brokers register at the peers only.

Such a server looks healthy, and answers every client that a topic does not exist.
"""

from collections.abc import Mapping
from typing import Final

_ASKED_SPANS: Final = 3
"""So many spans with lookups make an orphan. Clients of RocketMQ ask every 30 s; a
person who asks once is none."""
_LAST_SPANS: Final = 5


class OrphanGuard:
    """Decides it by numbers. `lasting_millis` is a span of time: an orphan is a server
    that clients asked in three of the last five spans, without a broker.

    Once a server is an orphan it stays one until a broker registers with it or no peer
    that answers has brokers any more: a balancer that heeds /readyz takes the clients
    away, and their absence must not bring them back.
    """

    def __init__(self, lasting_millis: int) -> None:
        self._lasting_millis = lasting_millis
        self._since_ms: int | None = None
        self._lookups_then = self._lookups = 0
        self._asked_ms: list[int] = []
        self._is_orphan = False
        self._sentence: str | None = None

    def note(
        self,
        live_brokers: int,
        at_peers: Mapping[str, int | None],
        lookups: int,
        now_ms: int,
    ) -> str | None:
        """The sentence about an orphan, None if this server is none.

        `at_peers` has the number of brokers at each peer, None for one that is down;
        `lookups` are those of clients that were answered here so far.
        """
        known = {peer: n for peer, n in at_peers.items() if n is not None}
        if live_brokers or (known and not any(known.values())):
            self._is_orphan, self._sentence = False, None
        if live_brokers or not any(known.values()):
            self._since_ms = None
            return self._sentence
        if self._since_ms is None:
            self._since_ms, self._lookups_then = now_ms, lookups
            self._lookups, self._asked_ms = lookups, []
        asked = lookups - self._lookups_then
        if lookups > self._lookups:
            self._lookups = lookups
            self._note_asked(now_ms)
        self._is_orphan = self._is_orphan or len(self._asked_ms) >= _ASKED_SPANS
        if not self._is_orphan:
            return None
        seconds = (now_ms - self._since_ms) // 1000
        noun = "lookup" if asked == 1 else "lookups"
        self._sentence = (
            f"clients ask this server ({asked} {noun} in {seconds} s), and no broker"
            f" registers with it, while {_place(known)}; put this server"
            " into namesrvAddr of the brokers, or take it out of that of the clients"
        )
        return self._sentence

    def _note_asked(self, now_ms: int) -> None:
        """Lookups count once for a span; those of the last spans are kept."""
        first_ms = now_ms - _LAST_SPANS * self._lasting_millis
        self._asked_ms = [one for one in self._asked_ms if one >= first_ms]
        if not self._asked_ms or now_ms - self._asked_ms[-1] >= self._lasting_millis:
            self._asked_ms.append(now_ms)


def _place(known: Mapping[str, int]) -> str:
    address, brokers = max(known.items(), key=lambda one: one[1])
    return f"{address} has {brokers} broker{'' if brokers == 1 else 's'}"
