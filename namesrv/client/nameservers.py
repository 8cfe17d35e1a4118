"""Several NameServers, which do not know of each other.

A question goes to the first server that answers. A change goes to every one, as in
mqadmin, because each keeps its own tables.
Source: `NettyRemotingClient#getAndCreateNameserverChannel`, and the callers of
`RemotingClient#getNameServerAddressList` in `MQClientAPIImpl`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from namesrv.client.connection import Connection
from namesrv.codes import ResponseCode
from namesrv.errors import (
    AnswerInvalid,
    NameServerUnreachable,
    NamesrvError,
    RequestRefused,
)

if TYPE_CHECKING:
    from namesrv.client.addresses import Address
    from namesrv.client.frames import Answer, Request
    from namesrv.client.terms import Terms

Result = TypeVar("Result")

_BATCH: Final = 64
"""Requests that are sent before the first answer is read."""


class Outcome(NamedTuple):
    """The answer of one server to a request for all, or the reason without one."""

    server: Address
    answer: Answer | None
    failure: NamesrvError | None


class NameServers:
    """Asks several servers, each on one connection."""

    def __init__(self, addresses: Sequence[Address], terms: Terms) -> None:
        self.terms = terms
        self._connections = [Connection(address, terms) for address in addresses]

    @property
    def addresses(self) -> list[Address]:
        """Their addresses; the server that answered last is the first."""
        return [connection.address for connection in self._connections]

    def ask(
        self,
        request: Request,
        read: Callable[[Answer], Result],
        not_found: int | None = None,
    ) -> Result | None:
        """The answer of the first server that gives one, as `read` understands it.

        None for an answer with the code `not_found`. `read` raises AnswerInvalid for
        an answer that it cannot read. Raises RequestRefused for other codes, and
        NameServerUnreachable if no server answers.
        """
        reasons = []
        for connection in list(self._connections):
            try:
                answer = _answer(connection, request, not_found)
                result = None if answer is None else read(answer)
            except NameServerUnreachable as failure:
                reasons.append(str(failure))
            except AnswerInvalid as failure:
                reasons.append(str(_invalid(connection, failure)))
            else:
                others = [one for one in self._connections if one is not connection]
                # At once, because another thread may want to know the first.
                self._connections = [connection, *others]
                return result
        raise NameServerUnreachable("\n".join(reasons))

    def ask_many(
        self,
        requests: Sequence[Request],
        read: Callable[[Answer], Result],
        not_found: int | None = None,
    ) -> Iterator[Result | None]:
        """The results of many requests, in order, from the first server.

        Raises RequestRefused and NameServerUnreachable.
        """
        connection = self._connections[0]
        for start in range(0, len(requests), _BATCH):
            batch = requests[start : start + _BATCH]
            try:
                for answer in connection.ask_many(batch):
                    found = _checked(connection, answer, not_found)
                    yield None if found is None else read(found)
            except AnswerInvalid as failure:
                raise _invalid(connection, failure) from None

    def ask_all(self, request: Request) -> list[Outcome]:
        """The outcome at each server; any code but success is a failure."""
        return [_outcome(connection, request) for connection in self._connections]

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()


def _invalid(connection: Connection, failure: AnswerInvalid) -> NameServerUnreachable:
    return NameServerUnreachable(f"{connection.address} answers wrongly: {failure}")


def _answer(
    connection: Connection, request: Request, not_found: int | None = None
) -> Answer | None:
    """The answer; None for the code `not_found`. Raises RequestRefused for others."""
    return _checked(connection, connection.ask(request), not_found)


def _checked(
    connection: Connection, answer: Answer, not_found: int | None
) -> Answer | None:
    if answer.code == ResponseCode.SUCCESS:
        return answer
    if answer.code == not_found:
        return None
    if answer.code == ResponseCode.GO_AWAY:
        raise NameServerUnreachable(
            f"{connection.address} is shutting down and sends its clients away; ask"
            " another NameServer, or this one later"
        )
    raise RequestRefused(str(connection.address), answer.code, answer.remark)


def _outcome(connection: Connection, request: Request) -> Outcome:
    try:
        return Outcome(connection.address, _answer(connection, request), None)
    except (NameServerUnreachable, RequestRefused) as failure:
        return Outcome(connection.address, None, failure)
