"""All peers of one server: each asked by itself, their views and the orphan guard."""

import asyncio
import logging
import secrets
from traceback import format_exc
from typing import Final

from namesrv.admin.peers.orphan import OrphanGuard
from namesrv.admin.peers.own_tables import OwnTables
from namesrv.admin.peers.peer import Pace, Peer
from namesrv.client.addresses import read_addresses
from namesrv.routing.history.peer_views import PeerState, PeerView
from namesrv.server.inside import Inside
from namesrv.server.outbound.resolver import Resolver

_WARN_MILLIS: Final = 60_000
_FAILED: Final = "the comparison with a peer failed"


async def watch(inside: Inside, pace: Pace) -> None:
    """Compare with all peers until it is cancelled."""
    inside.state.peer_views.mark = secrets.token_hex(8)
    watched = _Watched(inside, pace)
    try:
        await asyncio.gather(*(watched.follow(peer) for peer in watched.peers))
    finally:
        for peer in watched.peers:
            peer.close()


def _brokers(view: PeerView) -> int | None:
    is_known = view.state in (
        PeerState.AGREES,
        PeerState.SETTLING,
        PeerState.DISAGREES,
    )
    return view.brokers if is_known else None


class _Watched:
    """The peers of a server, and the orphan guard over all of them."""

    def __init__(self, inside: Inside, pace: Pace) -> None:
        self._inside = inside
        self._own = OwnTables(inside)
        self._guard = OrphanGuard(pace.lasting_millis)
        self._warned_ms: int | None = None
        resolver = Resolver()
        self.peers = [
            Peer(address, inside, self._own, resolver, pace)
            for address in read_addresses(inside.options.peers, "peers")
        ]
        self._publish()

    async def follow(self, peer: Peer) -> None:
        """Ask one peer again and again."""
        while not peer.is_itself:
            try:
                await peer.round()
            except Exception:
                fields = {"peer": peer.view.address, "error": format_exc()}
                self._inside.log.log_damped(logging.ERROR, _FAILED, fields)
            self._publish()
            self._guard_orphan()
            await asyncio.sleep(peer.pause_seconds)

    def _publish(self) -> None:
        views = tuple(peer.view for peer in self.peers)
        self._inside.state.peer_views.views = views

    def _guard_orphan(self) -> None:
        views = self._inside.state.peer_views
        now_ms = self._inside.clock.monotonic_millis()
        at_peers = {view.address: _brokers(view) for view in views.views}
        views.orphan = self._guard.note(
            self._own.live_brokers, at_peers, self._own.lookups, now_ms
        )
        if views.orphan is None:
            self._warned_ms = None
        elif self._warned_ms is None or now_ms - self._warned_ms >= _WARN_MILLIS:
            self._warned_ms = now_ms
            fields = {"reason": views.orphan}
            self._inside.log.log_own(
                logging.WARNING, "clients ask here, brokers register elsewhere", fields
            )
