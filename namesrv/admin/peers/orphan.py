"""The orphan guard: clients ask here while brokers register at the peers only.

Such a server looks healthy, and answers every client that a topic does not exist.
"""

from collections.abc import Mapping


class OrphanGuard:
    """Decides it by numbers. `lasting_millis` is how long it has to last.

    Once a server is an orphan it stays one until a broker registers with it or no peer
    that answers has brokers any more: a balancer that heeds /readyz takes the clients
    away, and their absence must not bring them back.
    """

    def __init__(self, lasting_millis: int) -> None:
        self._lasting_millis = lasting_millis
        self._since_ms: int | None = None
        self._lookups_then = 0
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
        `lookups` are those that were answered here so far.
        """
        known = {peer: n for peer, n in at_peers.items() if n is not None}
        if live_brokers or (known and not any(known.values())):
            self._is_orphan, self._sentence = False, None
        if live_brokers or not any(known.values()):
            self._since_ms = None
            return self._sentence
        if self._since_ms is None:
            self._since_ms, self._lookups_then = now_ms, lookups
        asked = lookups - self._lookups_then
        has_lasted = now_ms - self._since_ms >= self._lasting_millis
        self._is_orphan = self._is_orphan or (has_lasted and asked > 0)
        if not self._is_orphan:
            return None
        seconds = (now_ms - self._since_ms) // 1000
        self._sentence = (
            f"clients ask this server ({asked} lookups in {seconds} s), and no broker"
            f" registers with it, while {_place(known)}; put this server"
            " into namesrvAddr of the brokers, or take it out of that of the clients"
        )
        return self._sentence


def _place(known: Mapping[str, int]) -> str:
    address, brokers = max(known.items(), key=lambda one: one[1])
    return f"{address} has {brokers} broker{'' if brokers == 1 else 's'}"
