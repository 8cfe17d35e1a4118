"""The result of a change at every NameServer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from namesrv.cli.commands.result import Result
from namesrv.cli.commands.text import Table
from namesrv.client.frames import Answer
from namesrv.client.nameservers import Outcome
from namesrv.codes import ResponseCode
from namesrv.errors import NameServerUnreachable, RequestRefused

REFUSED: Final = 1
UNREACHABLE: Final = 3


def result(outcomes: Sequence[Outcome], done: Callable[[Answer], str]) -> Result:
    """One line for each server; `done` describes a success in a few words.

    The exit code is that of the worst outcome.
    """
    value = [
        {
            "server": str(one.server),
            "done": one.answer is not None,
            "failure": None if one.failure is None else str(one.failure),
        }
        for one in outcomes
    ]
    rows = [
        (str(one.server), "failed" if one.answer is None else done(one.answer))
        for one in outcomes
    ]
    return Result(
        value,
        [Table(["SERVER", "RESULT"], rows)],
        complaints(outcomes),
        max(map(exit_code, outcomes)),
    )


def complaints(outcomes: Sequence[Outcome]) -> list[str]:
    """The sentences of all failures."""
    return [str(one.failure) for one in outcomes if one.failure is not None]


def exit_code(outcome: Outcome) -> int:
    """0 for a success."""
    if outcome.failure is None:
        return 0
    is_silent = isinstance(outcome.failure, NameServerUnreachable)
    return UNREACHABLE if is_silent else REFUSED


def all_lack(outcomes: Sequence[Outcome]) -> bool:
    """Whether every server answered that it does not have the thing."""
    not_found = (ResponseCode.TOPIC_NOT_EXIST, ResponseCode.QUERY_NOT_FOUND)
    return all(
        isinstance(one.failure, RequestRefused) and one.failure.code in not_found
        for one in outcomes
    )
