"""Peers that ask for much and read nothing."""

import time

from namesrv.testing.peer import lookup
from tests.chaos.outcome import Outcome
from tests.chaos.trial import Plan, demand, populated

FAULT = "slow readers"
PEERS = 40
LOOKUPS = 2000
_MOST_MIB_EACH = 3.0
_SECONDS = 3.0


def run(plan: Plan) -> Outcome:
    """Each asks for some 20 MB of routes; the server keeps a little, and goes on."""
    with populated(plan) as trial:
        before = trial.server.rss_mib()
        peers = [trial.server.peer() for _ in range(PEERS)]
        for peer in peers:
            peer.send(*(lookup("everywhere", number) for number in range(LOOKUPS)))
        time.sleep(_SECONDS)
        held = trial.server.rss_mib() - before
        demand(held < _MOST_MIB_EACH * PEERS, f"the server holds {held:.0f} MiB")
        opaques = [answer.opaque for answer in peers[0].read_answers(LOOKUPS)]
        demand(opaques == list(range(LOOKUPS)), "an answer is missing")
        ended = time.monotonic()
        for peer in peers:
            peer.reset()
        size = len(trial.peer().ask(lookup("everywhere")).body)
        what = (
            f"{PEERS} peers asked for {LOOKUPS * size >> 20} MiB each and read nothing:"
            f" {held:.0f} MiB held in all; one read at last, and all was there"
        )
        return trial.outcome(FAULT, what, ended)
