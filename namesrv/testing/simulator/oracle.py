"""Decides which answers are legal (docs/promises.md, P1 to P4).

The model knows the requests; the oracle adds time: for each broker the earliest time it
may be gone, and the latest time. Between the two the server decides, and the oracle
follows its answers.
"""

from collections.abc import Callable
from itertools import islice, permutations
from typing import Any, Final

from namesrv.testing.peer import Answer, json_text, read_answers
from namesrv.testing.simulator.deadlines import Deadlines
from namesrv.testing.simulator.disagreement import disagreement
from namesrv.testing.simulator.history import CLUSTERS, TOPICS, Setting
from namesrv.testing.simulator.keeping import Keeper, Leases
from namesrv.testing.simulator.leftovers import Leftover, Leftovers
from namesrv.testing.simulator.model import Key, Live, Model, Refused
from namesrv.testing.simulator.pauses import GRACE_MILLIS
from namesrv.testing.simulator.questions import Questions
from namesrv.testing.simulator.requests import (
    AskRoute,
    DeleteTopic,
    Heartbeat,
    PeerRequest,
    QueryVersion,
    Register,
    RegisterTopic,
    SetWritable,
    Unregister,
    version_json,
)

_MOST_ORDERS: Final = 120

SIGNS_OF_LIFE: Final = (Register, Heartbeat, QueryVersion)

Removal = Callable[[Model], None]
Expected = tuple[int, dict[str, str] | None, bytes]
"""Code, extFields and body of an answer."""


class Violation(Exception):
    """A broken promise, with the expected and the actual answers.

    The text begins with the promise and a colon, or with "answer" for a wrong answer.
    """


class Oracle:
    """Follows one history. All times are those of the simulation."""

    def __init__(
        self, setting: Setting, keeper: Keeper, is_live: Callable[[Key], bool]
    ) -> None:
        self._keeper = keeper
        self._is_live = is_live
        # The server uses the time of its last tick.
        self._lag_millis = setting.tick_millis
        self._deadlines = Deadlines(self._lag_millis)
        self._asleep_millis = 0
        self._begin(setting)

    def _begin(self, setting: Setting) -> None:
        self.questions = Questions(
            TOPICS, CLUSTERS, acting_master=setting.acting_master
        )
        self.model = Model(delete_missing=setting.delete_missing)
        self._leftovers = Leftovers(self._lag_millis)
        self._registered: dict[int, set[Key]] = {}
        self._seen_changes = 0
        self._expected: bytes | None = None

    # --- events -----------------------------------------------------------------------

    def handle(self, request: PeerRequest, link: int, now_ms: int) -> Expected | None:
        """The server handled a request; the expected answer, None if any is legal."""
        answer = self._answer(request, link, now_ms)
        self._note(now_ms)
        return answer

    def can_wait(self, request: PeerRequest) -> bool:
        """Whether a request may be read and wait. The first request of a broker after a
        warm start may not: the end of its lease would be invisible."""
        live = self._meant(request)
        return live is None or not live.is_leased

    def read(self, request: PeerRequest, link: int, now_ms: int) -> None:
        """The server read a request, which waits: a sign of life counts (P3)."""
        for live in self.model.lives.values():
            if live.link == link:
                self._deadlines.may_be_heard(live, now_ms)
        meant = self._meant(request)
        if meant is None or not isinstance(request, SIGNS_OF_LIFE):
            return
        if meant.name == request.broker.name:
            self._deadlines.heard(meant, now_ms)
        else:
            self._deadlines.may_be_heard(meant, now_ms)

    def ended(self, link: int, now_ms: int) -> None:
        """The server noticed the end of a link: remove its brokers, or hold the end."""
        self._end(link, now_ms)
        self._note(now_ms)

    def closed(self, link: int, now_ms: int) -> None:
        """The server closed a link itself."""
        self._end(link, now_ms)
        self._note_late(now_ms, now_ms)

    def idle(self, link: int) -> None:
        """The server closed an idle link, perhaps after brokers expired."""
        for live in self.model.lives.values():
            if live.link == link:
                live.closing_ms = self._deadlines.hold_until_ms

    def owns_live(self, link: int, now_ms: int) -> Key | None:
        """A broker of this link that must be present, or None."""
        for key, live in self.model.lives.items():
            if live.link == link and not self._deadlines.may_be_gone(live, now_ms):
                return key
        return None

    def stalled(self, start_ms: int, wake_ms: int, own_millis: int) -> None:
        """The process stalled, in part because of its own work."""
        length = wake_ms - start_ms
        self._asleep_millis += length
        lives = self.model.lives.values()
        self._deadlines.stalled(lives, start_ms, wake_ms, own_millis)
        self._leftovers.stalled(length + self._lag_millis + GRACE_MILLIS)

    def killed(self, now_ms: int) -> None:
        """Changes that are old enough must be in the file."""
        self._deadlines.killed(now_ms)
        age_millis = self._keeper.missing_millis(self._awake_ms(now_ms))
        if age_millis is not None:
            raise Violation(
                f"P3: a change is {age_millis} ms old at a kill, and no snapshot has it"
            )

    def stopped(self, now_ms: int) -> None:
        """All changes must be in the file."""
        self._deadlines.stopped(now_ms)
        if self._keeper.is_behind:
            raise Violation("P3: a clean end has saved the routes without a change")

    def restarted(self, now_ms: int, setting: Setting, *, warm: bool) -> None:
        """A new process serves, with the routes of the file or without any."""
        self._begin(setting)
        if not warm:
            self._keeper.lose()
        leases = self._keeper.restore(self.model)
        self._deadlines.started(self.model.lives, leases, now_ms)
        # Leases granted now are not in the file.
        self._seen_changes = self.model.changes - bool(self.model.lives)
        self._note(now_ms)

    def leases(self, now_ms: int) -> Leases:
        """The rest of the leases of brokers not heard of since the last warm start."""
        return self._deadlines.leases(self.model.lives, now_ms)

    # --- answers ----------------------------------------------------------------------

    def is_unsure(self, now_ms: int) -> bool:
        """Whether a broker may be gone already."""
        lives = self.model.lives.values()
        if any(self._deadlines.may_be_gone(live, now_ms) for live in lives):
            return True
        return bool(self._leftovers.unsure(self._leftovers.present, now_ms))

    def check(self, now_ms: int, data: bytes) -> None:
        """Check the answers to the questions. Raises Violation."""
        self._remove_overdue(now_ms)
        if self.is_unsure(now_ms):
            self._go_along(now_ms, data)
        if data == self._expectation():
            return
        live = {
            (v.name, addr): self._state_of(v, now_ms)
            for (_, addr), v in self.model.lives.items()
        }
        questions = self.questions.asked
        raise Violation(disagreement(questions, self._expectation(), data, live))

    def check_answer(
        self, expected: Expected, answer: Answer, request: PeerRequest
    ) -> None:
        """Check the answer to a request. Raises Violation."""
        code, ext, body = expected
        if (answer.code, answer.ext_fields, answer.body) != (code, ext, body):
            raise Violation(
                f"answer: {request} is to be answered with code {code}, {ext},"
                f" {body!r}, and was with code {answer.code}, {answer.ext_fields},"
                f" {answer.body!r}"
            )

    # --- inside -----------------------------------------------------------------------

    def _answer(self, request: PeerRequest, link: int, now_ms: int) -> Expected | None:
        model = self.model
        match request:
            case AskRoute(topic, standard):
                body = self.questions.route(model, topic, standard=standard)
                return (17, None, b"") if body is None else (0, None, body.encode())
            case Register(broker):
                return self._register(request, link, now_ms)
            case Heartbeat(broker):
                self._heard((broker.cluster, broker.addr), now_ms)
            case QueryVersion(broker):
                return self._query_version(request, now_ms)
            case Unregister(broker):
                key = broker.cluster, broker.addr
                if not self._is_superseded(key, broker.name, link):
                    model.unregister(request, link)
                    self._registered.get(link, set()).discard(key)
            case DeleteTopic():
                model.delete_topic(request)
            case RegisterTopic():
                model.register_topic(request)
            case SetWritable(_, writable):
                name = "addTopicCount" if writable else "wipeTopicCount"
                return 0, {name: str(model.set_writable(request))}, b""
        return 0, None, b""

    def _meant(self, request: PeerRequest) -> Live | None:
        """The live broker with the cluster and address of a broker's request."""
        if not isinstance(request, (*SIGNS_OF_LIFE, Unregister)):
            return None
        broker = request.broker
        return self.model.lives.get((broker.cluster, broker.addr))

    def _register(self, request: Register, link: int, now_ms: int) -> Expected:
        key = request.broker.cluster, request.broker.addr
        try:
            ext = self.model.register(request, link)
        except Refused:
            return 1, {}, b""
        live = self.model.lives.get(key)
        if live is not None and live.name == request.broker.name:
            self._registered.setdefault(link, set()).add(key)
            self._heard(key, now_ms)
        return 0, ext, b""

    def _query_version(self, request: QueryVersion, now_ms: int) -> Expected | None:
        key = request.broker.cluster, request.broker.addr
        live = self.model.lives.get(key)
        if live is None:
            return 0, {"changed": "true"}, b""
        self._heard(key, now_ms)
        if not self.model.is_shown(key):
            return None
        changed = "false" if live.version == request.version else "true"
        body = json_text(version_json(live.version)).encode()
        return 0, {"changed": changed}, body

    def _is_superseded(self, key: Key, name: str, link: int) -> bool:
        """P1: another connection has registered the broker since this one did."""
        live = self.model.lives.get(key)
        registered = self._registered.get(link, set())
        if live is None or live.name != name:
            return False
        return key in registered and live.link != link

    def _heard(self, key: Key, now_ms: int) -> None:
        live = self.model.lives.get(key)
        if live is not None:
            self.model.confirm(live)
            self._deadlines.heard(live, now_ms)

    def _end(self, link: int, now_ms: int) -> None:
        owned = sorted(k for k, v in self.model.lives.items() if v.link == link)
        closing_ms = self._deadlines.closing_ms(now_ms)
        for key in owned:
            if closing_ms is None:
                self.model.expire(key)
            else:
                self.model.lives[key].closing_ms = closing_ms

    def _note(self, now_ms: int) -> None:
        """A change may have happened now."""
        if self.model.changes != self._seen_changes:
            self._keeper.changed(self._awake_ms(now_ms))
        self._note_late(now_ms, now_ms)

    def _note_late(self, since_ms: int, now_ms: int) -> None:
        """An answer shows a change that happened at `since_ms` or later."""
        self._expected = None
        self._seen_changes = self.model.changes
        present = self.model.leftovers()
        self._leftovers.update(present, since_ms, now_ms, self._deadlines.hold_until_ms)

    def _awake_ms(self, now_ms: int) -> int:
        return now_ms - self._asleep_millis

    def _expectation(self) -> bytes:
        if self._expected is None:
            self._expected = self.questions.expected(self.model)
        return self._expected

    def _remove_overdue(self, now_ms: int) -> None:
        """P4: no broker that nobody sees is overdue; overdue leftovers leave the model.

        Brokers leave it in `_go_along`, because their order shows in their leftovers.
        """
        for key, live in self.model.lives.items():
            if not self._deadlines.has_to_be_gone(live, now_ms):
                continue
            if not self.model.is_visible(key) and self._is_live(key):
                raise Violation(f"P4: {live.name} at {key} is still live")
        left = self._leftovers.overdue(now_ms)
        for name, what in left:
            self.model.remove_leftover(name, what)
        if left:
            self._note_late(now_ms, now_ms)

    def _go_along(self, now_ms: int, data: bytes) -> None:
        """Remove brokers that may be gone and are missing in the answers."""
        info = read_answers(data)[0].json
        lives = self.model.lives
        gone = [key for key in sorted(lives) if self._is_gone(key, now_ms, info)]
        left = self._gone_leftovers(now_ms, info)
        if gone or left:
            moments = [
                now_ms,
                *(self._deadlines.soonest_ms(lives[key]) for key in gone),
            ]
            moments += map(self._leftovers.soonest_ms, left)
            removals = [*map(_expiry, gone), *(_cleaning(*what) for what in left)]
            self._remove_in_some_order(removals, now_ms, info, data)
            self._note_late(min(moments), now_ms)

    def _gone_leftovers(self, now_ms: int, info: Any) -> list[Leftover]:
        unsure = self._leftovers.unsure(self.model.leftovers(), now_ms)
        return [what for what in unsure if not _shows_leftover(info, *what)]

    def _is_gone(self, key: Key, now_ms: int, info: Any) -> bool:
        live = self.model.lives[key]
        if not self._deadlines.may_be_gone(live, now_ms):
            return False
        if not self.model.is_visible(key):
            return not self._is_live(key)
        return self._deadlines.has_to_be_gone(live, now_ms) or not _shows(
            info, live.name, key[1]
        )

    def _remove_in_some_order(
        self, removals: list[Removal], now_ms: int, info: Any, data: bytes
    ) -> None:
        """Find the order of removals, which shows in their leftovers."""
        before = self.model
        first: Model | None = None
        for order in islice(permutations(removals), _MOST_ORDERS):
            self.model = before.copy()
            for remove in order:
                remove(self.model)
            # Their leftovers may be some that the server knows from before.
            for what in self._gone_leftovers(now_ms, info):
                self.model.remove_leftover(*what)
            if len(removals) == 1 or self.questions.expected(self.model) == data:
                return
            first = first or self.model
        assert first is not None
        self.model = first

    def _state_of(self, live: Live, now_ms: int) -> str:
        """The reason why a broker must or may be present."""
        text = f"last heard of {now_ms - live.heard_ms} ms ago,"
        text += f" timeout {live.timeout_millis} ms"
        if live.link is None:
            return f"{text}, of the last run and not registered since"
        has_ended = live.closing_ms is not None
        return f"{text}, its connection {'has ended' if has_ended else 'is open'}"


def _expiry(key: Key) -> Removal:
    return lambda model: model.expire(key) if key in model.lives else None


def _cleaning(name: str, what: str | int | None) -> Removal:
    return lambda model: model.remove_leftover(name, what)


def _shows(info: Any, name: str, addr: str) -> bool:
    """Whether a cluster info has an address in a group."""
    group = info["brokerAddrTable"].get(name)
    return group is not None and addr in group["brokerAddrs"].values()


def _shows_leftover(info: Any, name: str, what: str | int | None) -> bool:
    if isinstance(what, str):
        return name in info["clusterAddrTable"].get(what, ())
    group = info["brokerAddrTable"].get(name)
    return group is not None and (what is None or str(what) in group["brokerAddrs"])
