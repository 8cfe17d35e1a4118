"""One peer: asked again and again, compared, and written into its view."""

import asyncio
import logging
import random
from contextlib import suppress
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from namesrv.admin.peers.comparison import Comparison
from namesrv.admin.peers.digest_over_http import TheirDigest, ask_digest
from namesrv.admin.peers.lasting import Beginning, Lasting
from namesrv.admin.peers.own_tables import OwnTables
from namesrv.admin.peers.remoting import RemotingConnection
from namesrv.client.addresses import Address
from namesrv.client.differences import BROKER, NONE, QUEUES, TOPIC, Difference
from namesrv.errors import AnswerInvalid, NameServerUnreachable, RequestRefused
from namesrv.routing.events import Cause, CauseKind, PeerAgreed, PeerDisagreed
from namesrv.routing.history.peer_views import (
    LONGEST_TEXT,
    MOST_DIFFERENCES,
    KeptDifference,
    PeerKind,
    PeerState,
    PeerView,
)
from namesrv.server.inside import Inside
from namesrv.server.logs.formats import escaped
from namesrv.server.outbound.resolver import Resolver

_HTTP_SECONDS: Final = 3.0
_ROUND_SECONDS: Final = 10.0
_HTTP_AGAIN_MILLIS: Final = 600_000
_MOST_BACKOFF: Final = 6
_JITTER: Final = 0.1
_SENTENCES_OF_EVENT: Final = 10
_THIS: Final = "this server"
_FAILURES: Final = (OSError, NameServerUnreachable, RequestRefused, ValueError)


class Pace(NamedTuple):
    """How often a peer is asked, and how long a difference has to last. Both are in
    milliseconds; brokers send their routes every 30 s."""

    every_millis: int = 5000
    lasting_millis: int = 60_000


class Itself(Exception):
    """The address of a peer is this server's own."""


class Found(NamedTuple):
    """The result of a round. `table` has both digests if they differ and no difference
    was found."""

    differences: list[Difference]
    table: str | None = None


class Peer:
    """Asks one peer. `view` is for readers; it is replaced, never changed."""

    def __init__(
        self,
        address: Address,
        inside: Inside,
        own: OwnTables,
        resolver: Resolver,
        pace: Pace,
    ) -> None:
        self.view = PeerView(str(address))
        self._address = address
        self._inside = inside
        self._own = own
        self._resolver = resolver
        self._pace = pace
        self._comparison = Comparison(own)
        self._lasting = Lasting()
        self._connection: RemotingConnection | None = None
        self._no_http_until_ms = 0
        self._failures = 0
        self._has_disagreed = False

    @property
    def is_itself(self) -> bool:
        """Whether it need not be asked again."""
        return self.view.state == PeerState.ITSELF

    @property
    def pause_seconds(self) -> float:
        """The time until the next round; longer for one that does not answer."""
        backoff = min(max(self._failures, 1), _MOST_BACKOFF)
        spread = random.uniform(1 - _JITTER, 1 + _JITTER)
        return self._pace.every_millis * backoff * spread / 1000

    def close(self) -> None:
        """Close its connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def round(self) -> None:
        """Ask once, and write the view."""
        try:
            async with asyncio.timeout(_ROUND_SECONDS):
                found = await self._compare()
        except Itself:
            self._is_itself()
        except TimeoutError:
            self._failed(PeerState.DOWN, "it does not answer in time")
        except AnswerInvalid as error:
            self._failed(PeerState.WRONG, str(error))
        except _FAILURES as error:
            self._failed(PeerState.DOWN, _reason(error))
        else:
            self._failures = 0
            self._compared(found)

    async def _compare(self) -> Found:
        digest = await self._digest()
        own = self._inside.state.peer_views.digest = await self._own.digest()
        if digest is None:
            return Found(await self._over_remoting())
        if digest.digest == own:
            self._comparison = Comparison(self._own)
            self.close()
            self._comparison.digest = own
            self._comparison.brokers = self._own.live_brokers
            return Found([])
        differences = await self._over_remoting()
        self._comparison.digest = digest.digest
        # Both may have changed between the two digests.
        table = None if differences else f"{own} {digest.digest}"
        return Found(differences, table)

    async def _digest(self) -> TheirDigest | None:
        """Its digest over HTTP; None if it has none for us."""
        now_ms = self._inside.clock.monotonic_millis()
        is_open = self._connection is not None and self._connection.is_open
        if self.view.kind == PeerKind.ROCKETMQ and is_open:
            if now_ms < self._no_http_until_ms:
                return None
        reader, writer = await self._connect()
        digest, was_late = None, True
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_HTTP_SECONDS):
                    digest = await ask_digest(reader, writer, self._host(writer))
                    was_late = False
        finally:
            writer.transport.abort()
        if digest is None:
            # A busy peer is no Java NameServer: it is asked again next time.
            wait_millis = 0 if was_late else _HTTP_AGAIN_MILLIS
            self._no_http_until_ms = now_ms + wait_millis
            return None
        if (
            digest.mark is not None
            and digest.mark == self._inside.state.peer_views.mark
        ):
            raise Itself
        self.view = replace(self.view, kind=PeerKind.NAMESRV)
        return digest

    async def _over_remoting(self) -> list[Difference]:
        connection, is_new = self._connection, False
        if connection is None or not connection.is_open:
            self.close()
            connection = RemotingConnection(
                str(self._address), *await self._connect(), self._own.most_answer_bytes
            )
            self._connection, is_new = connection, True
        now_ms = self._inside.clock.monotonic_millis()
        try:
            differences = await self._comparison.run(connection, now_ms)
        except BaseException:
            self.close()
            raise
        if is_new and self._own.has_connection(connection.local):
            self.close()
            raise Itself
        if self.view.kind != PeerKind.NAMESRV:
            self.view = replace(self.view, kind=PeerKind.ROCKETMQ)
        return differences

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(_HTTP_SECONDS):
            ip = await self._resolver.resolve(self._address.host)
            return await asyncio.open_connection(ip, self._address.port)

    def _host(self, writer: asyncio.StreamWriter) -> str:
        """The address for the head of a request: one that a server always admits."""
        host, port = writer.get_extra_info("peername")[:2]
        return str(Address(host, port))

    def _compared(self, found: Found) -> None:
        now_ms = self._inside.clock.monotonic_millis()
        wall_millis = self._inside.clock.wall_millis()
        keys = [_key(one) for one in found.differences]
        began = self._lasting.note(
            [*keys, *([found.table] if found.table else [])], wall_millis, now_ms
        )
        pairs = zip(found.differences, map(began.__getitem__, keys), strict=True)
        oldest = sorted(pairs, key=lambda pair: pair[1].since_millis)
        kept = [self._kept(*pair) for pair in oldest[:MOST_DIFFERENCES]]
        left_out = len(oldest) - len(kept)
        if found.table is not None:
            sentence = f"{_THIS} and {self.view.address} have other digests"
            since_millis = began[found.table].since_millis
            kept.append(KeptDifference("table", "", False, sentence, since_millis))
        longest = self._lasting.longest_millis(now_ms)
        if longest is None:
            state = PeerState.AGREES
        elif longest >= self._pace.lasting_millis:
            state = PeerState.DISAGREES
        else:
            state = PeerState.SETTLING
        self._set(
            state,
            reason=None,
            asked_millis=wall_millis,
            digest=self._comparison.digest,
            brokers=self._comparison.brokers,
            differences=tuple(kept),
            differences_left_out=left_out,
            topics_there=self._comparison.topics_there,
        )
        self._put_event(state)

    def _kept(self, one: Difference, began: Beginning) -> KeptDifference:
        is_topic = one.kind in (TOPIC, QUEUES)
        return KeptDifference(
            "topic" if is_topic else "broker",
            _short(one.name),
            one.first == NONE and one.kind in (TOPIC, BROKER),
            _readable(one.sentence(_THIS, self.view.address)),
            began.since_millis,
        )

    def _put_event(self, state: PeerState) -> None:
        """Report that a disagreement began or ended."""
        events, address = self._inside.state.events, self.view.address
        cause = Cause(CauseKind.COMPARISON)
        if state == PeerState.DISAGREES and not self._has_disagreed:
            self._has_disagreed = True
            sentences = [one.sentence for one in self.view.differences]
            events.put(
                PeerDisagreed(
                    events.wall_millis(),
                    cause,
                    address,
                    self.view.difference_count,
                    sentences[:_SENTENCES_OF_EVENT],
                )
            )
        elif state == PeerState.AGREES and self._has_disagreed:
            self._has_disagreed = False
            events.put(PeerAgreed(events.wall_millis(), cause, address))

    def _failed(self, state: PeerState, reason: str) -> None:
        self.close()
        self._failures += 1
        self._set(
            state,
            reason=_readable(reason),
            asked_millis=self._inside.clock.wall_millis(),
            differences=(),
            differences_left_out=0,
            topics_there=frozenset(),
        )

    def _is_itself(self) -> None:
        reason = "this address is the server's own; leave it out of the option peers"
        self._set(PeerState.ITSELF, reason=reason)

    def _set(self, state: PeerState, **facts: Any) -> None:
        """Write the view, and log a peer that begins or ends to be out of reach."""
        before = self.view
        if before.state != state:
            facts["since_millis"] = self._inside.clock.wall_millis()
        self.view = replace(before, state=state, **facts)
        if before.state == state:
            return
        log = self._inside.log
        fields = {"peer": before.address, "reason": self.view.reason}
        if state == PeerState.ITSELF:
            log.log_own(logging.WARNING, "a peer is this server itself", fields)
        elif state in (PeerState.DOWN, PeerState.WRONG):
            log.log_own(logging.WARNING, "a peer cannot be compared", fields)
        elif before.state in (PeerState.DOWN, PeerState.WRONG):
            log.log_own(logging.INFO, "a peer answers again", {"peer": before.address})


def _key(one: Difference) -> tuple[str, str, str]:
    return one.kind, one.name, one.part


def _short(text: str) -> str:
    """A text with names of a peer, which may be long, as a kept one."""
    most = LONGEST_TEXT
    return text if len(text) <= most else text[: most - 1] + "…"


def _readable(text: str) -> str:
    """A short text for people, whose terminals carry out control characters."""
    return _short(escaped(_short(text)))


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be reached: {error.strerror.lower()}"
    return str(error) or type(error).__name__
