"""Rules about other NameServers, as this one last saw them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namesrv.routing.history.explain.rule import CERTAIN, LIKELY, POSSIBLE, Finding
from namesrv.routing.history.explain.words import (
    argument,
    command,
    listed,
)

if TYPE_CHECKING:
    from namesrv.routing.history.explain.evidence import Evidence


def at_peer(evidence: Evidence) -> Finding | None:
    """A peer of this server has it."""
    found = evidence.server.at_peers
    if evidence.exists or not found:
        return None
    return Finding(
        f"The NameServer at {listed(found)} has it, and this one has not: its brokers"
        " register there and not here.",
        CERTAIN,
        _ask(evidence, found[0]),
    )


def peer_differs(evidence: Evidence) -> Finding | None:
    """A peer has other entries of it, and has had them for long."""
    found = evidence.server.differences
    if not evidence.exists or not found:
        return None
    return Finding(
        "Clients of another NameServer get another route:"
        f" {listed([sentence for _, sentence in found])}.",
        POSSIBLE,
        _ask(evidence, found[0][0]),
    )


def orphan(evidence: Evidence) -> Finding | None:
    """Clients ask here, and brokers register at the peers only."""
    sentence = evidence.server.orphan
    if evidence.exists or not sentence:
        return None
    return Finding(
        f"{sentence[0].upper()}{sentence[1:].rstrip('.')}.",
        LIKELY,
        command("namesrv", "broker", "list"),
    )


def _ask(evidence: Evidence, peer: str) -> str:
    return command(
        *("namesrv", "explain", "-n", peer, f"--{evidence.kind}"),
        *argument(evidence.name),
    )
