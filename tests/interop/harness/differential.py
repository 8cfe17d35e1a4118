"""Plays a history to two servers and compares every answer, then everything they know.

Explained differences are those of docs/protocol.md chapter 9; `explained` names them.
"""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Self

from harness.answers import difference
from harness.histories import History, Step
from harness.nameserver import HOST, NameServer
from harness.reads import ORDER_NAMESPACE, UNKNOWN, Names, read_requests
from harness.remoting import Connection
from namesrv.testing.peer import Answer, Request, frame

SETTLE_SECONDS = 5.0
POLL_SECONDS = 0.02
# Those of the histories are of 2023 (`DrawnBodies.data_version`).
TODAY = re.compile(rb'"timestamp":(?!17000)\d{13}')
THROWN_AT = re.compile(r"\(\w+\.java(:\d+)?\)$|\(Unknown Source\)$|\(Native Method\)$")


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
    names.keys = {
        ORDER_NAMESPACE: set(history.topics),
        history.namespace: set(history.keys),
    }
    return names


def reads_of(history: History) -> list[Request]:
    """Everything that a history can change, live entries included."""
    live = [
        Request(322, identity.ext_fields)
        for identity in history.identities
        if identity.address not in history.displaced
    ]
    return [*live, *read_requests(names_of(history))]


def play(history: History, ours: NameServer, java: NameServer) -> list[str]:
    """Play it to both and forget it again; a text for each unexplained difference."""
    reads = reads_of(history)
    with Player(ours) as our_player, Player(java) as java_player:
        found: list[str] = []
        for number, step in enumerate(history.steps):
            texts = _step(step, number, our_player, java_player)
            if step.settles and not texts:
                texts = _settled(reads, our_player, java_player)
            found += [f"history {history.seed}, step {number}: {t}" for t in texts]
            if found:
                break
        if not found:
            texts = _settled(reads, our_player, java_player)
            found = [f"history {history.seed}, at its end: {t}" for t in texts]
        for step in history.clean_up():
            our_player.play(step)
            java_player.play(step)
            if step.settles and not found:
                _settled([Request(106)], our_player, java_player)
        if not found:
            texts = _settled(reads, our_player, java_player)
            found = [f"history {history.seed}, cleaned up: {t}" for t in texts]
    return found


def _step(step: Step, number: int, ours: Player, java: Player) -> list[str]:
    answers = ours.play(step), java.play(step)
    text = _difference(step.request, *answers)
    if text is None or not step.is_compared or explained(*answers):
        return []
    return [text]


def _difference(request: Request, ours: Answer, java: Answer) -> str | None:
    return difference(request, _without_date(ours), _without_date(java))


def _without_date(answer: Answer) -> Answer:
    """Versions that no sender dated are dated by the server's clock."""
    body = TODAY.sub(b'"timestamp":0', answer.body)
    return Answer(frame(answer.header_bytes, body, answer.serialize_type))


def explained(ours: Answer, java: Answer) -> str | None:
    """The number in chapter 9 of what is different on purpose, None for nothing."""
    our_fields, java_fields = dict(ours.header), dict(java.header)
    if is_exception(java_fields.pop("remark", "")) and our_fields.pop("remark", ""):
        same = (ours.serialize_type, our_fields, ours.body) == (
            java.serialize_type,
            java_fields,
            java.body,
        )
        return "9.6" if same else None  # the remark is our own
    return None


def is_exception(remark: str) -> bool:
    """Java's remark names an exception and where it was thrown (protocol.md 2.0)."""
    return THROWN_AT.search(remark) is not None


def _settled(reads: list[Request], ours: Player, java: Player) -> list[str]:
    """Differences that are left when Java has had time to carry out what it queued."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while texts := list(_differences(reads, ours, java)):
        if time.monotonic() > deadline:
            return texts
        time.sleep(POLL_SECONDS)
    return []


def _differences(reads: list[Request], ours: Player, java: Player) -> Iterator[str]:
    for request in reads:
        step = Step("reader", request)
        text = _difference(request, ours.play(step), java.play(step))
        if text is not None:
            yield text
