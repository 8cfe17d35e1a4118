"""Plays a history to two servers and compares every answer, then everything they know.

Explained differences are those of docs/protocol.md chapter 9; `explained` names them.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Self

from harness.answers import difference
from harness.histories import History, Step
from harness.nameserver import HOST, NameServer
from harness.reads import ORDER_NAMESPACE, UNKNOWN, Names, read_requests
from harness.remoting import Answer, Connection

SETTLE_SECONDS = 5.0
POLL_SECONDS = 0.02


class Player:
    """One server's connections in one history."""

    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._connections: dict[str, Connection] = {}
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._ends.close()

    def play(self, step: Step) -> Answer:
        """Send a step's request over its connection; the answer."""
        if step.connection not in self._connections:
            connection = Connection(HOST, self._server.port)
            self._ends.callback(connection.close)
            self._connections[step.connection] = connection
        return self._connections[step.connection].ask(step.request)


def names_of(history: History) -> Names:
    """The names that the reads after a history ask for."""
    names = Names()
    names.topics = {UNKNOWN, *history.topics}
    names.clusters = {identity.cluster for identity in history.identities}
    names.brokers = {identity.name for identity in history.identities}
    names.keys = {ORDER_NAMESPACE: set(history.topics)}
    return names


def play(history: History, ours: NameServer, java: NameServer) -> list[str]:
    """Play it to both and forget it again; a text for each unexplained difference."""
    names = names_of(history)
    with Player(ours) as our_player, Player(java) as java_player:
        found: list[str] = []
        for number, step in enumerate(history.steps):
            texts = _step(step, number, our_player, java_player)
            if step.settles and not texts:
                texts = _settled(names, our_player, java_player)
            found += [f"history {history.seed}, step {number}: {t}" for t in texts]
            if found:
                break
        if not found:
            texts = _settled(names, our_player, java_player)
            found = [f"history {history.seed}, at its end: {t}" for t in texts]
        for step in history.clean_up():
            our_player.play(step)
            java_player.play(step)
        _settled(names, our_player, java_player)
    return found


def _step(step: Step, number: int, ours: Player, java: Player) -> list[str]:
    answers = ours.play(step), java.play(step)
    if not step.is_compared or explained(step, *answers):
        return []
    text = difference(step.request, *answers)
    return [] if text is None else [text]


def explained(step: Step, ours: Answer, java: Answer) -> str | None:
    """The number in chapter 9 of what is different on purpose, None for nothing."""
    if ours.code == java.code == 1 and java.code != 0:
        return "9.6"  # the remark is our own
    return None


def _settled(names: Names, ours: Player, java: Player) -> list[str]:
    """Differences that are left when Java has had time to carry out what it queued."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while texts := list(_differences(names, ours, java)):
        if time.monotonic() > deadline:
            return texts
        time.sleep(POLL_SECONDS)
    return []


def _differences(names: Names, ours: Player, java: Player) -> Iterator[str]:
    for request in read_requests(names):
        step = Step("reader", request)
        text = difference(request, ours.play(step), java.play(step))
        if text is not None:
            yield text
