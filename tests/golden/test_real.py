"""The traffic of real brokers and mqadmin (RocketMQ 5.3.3), replayed in order.

The recordings come from three Java NameServers; each of the three sessions goes to one
fresh server, over the same connections. Every request has its recorded answer, and all
of them are compared: registrations, heartbeats, routes, lists, KV and configuration.
What cannot be compared:

* answers before the first registration of a session whose beginning was not recorded;
* the order of unordered containers, and the lines of 319 that say where a server ran;
* the documented differences, which are in the table of `documented.py`.

One-way requests have no answer; that none comes is seen at the end of a session.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from namesrv.codes import RequestCode
from namesrv.wire.registration_digest import registration_digest
from tests.golden.json_text import normalized, parse_json
from tests.golden.player import Player
from tests.golden.recording import Exchange, Session, read_sessions
from tests.golden.server_options import server_options
from tests.golden.verdict import complaint
from tests.routing.world import World
from tests.server.server_thread import LOOPS, ServerThread

SESSIONS: Final = read_sessions()
PROPERTIES: Final = {"acting-master-start": {"supportActingMaster": "true"}}
"""How the recorded servers were started, by the name of their session."""
TIME_OF_SENDING: Final = (
    "topicConfigSerializeWrapper",
    "mappingDataVersion",
    "timestamp",
)


def is_registration(exchange: Exchange) -> bool:
    return exchange.code == RequestCode.REGISTER_BROKER


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.name)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_session_is_answered_as_recorded(
    loop: str, session: Session, tmp_path: Path
) -> None:
    options = server_options(tmp_path, PROPERTIES.get(session.name, {}))
    complaints: list[str | None] = []
    has_broker = False
    with ServerThread(options, loop) as server, Player(server.address) as player:
        for exchange in session.exchanges:
            got = player.play(exchange.step)
            assert got is not None
            has_broker = has_broker or is_registration(exchange)
            if has_broker:
                complaints.append(complaint(exchange.file, exchange.step, got))
        complaints += [f"came without being due: {f!r}" for f in player.leftovers()]
    assert not any(complaints), "\n" + "\n".join(filter(None, complaints))


def test_the_recordings_are_three_sessions_with_nothing_left_out() -> None:
    files = {exchange.file for session in SESSIONS for exchange in session.exchanges}
    assert len(SESSIONS) == 3
    assert len(files) == 41


def of_file(file: str, code: int) -> Exchange:
    """The first request with this code in this recording."""
    return next(
        exchange
        for session in SESSIONS
        for exchange in session.exchanges
        if (exchange.file, exchange.code) == (file, code)
    )


def digest(exchange: Exchange) -> bytes:
    header = exchange.header
    return registration_digest(header["version"], header["extFields"], exchange.body)


class TestUnchangedRegistrations:
    """A broker registers all its topics every 30 s; its body is never the same twice,
    because it holds the time of sending."""

    def pairs(self) -> Iterator[tuple[Exchange, Exchange]]:
        """Registrations of one broker that follow each other."""
        for session in SESSIONS:
            last: dict[str, Exchange] = {}
            for exchange in filter(is_registration, session.exchanges):
                peer = exchange.step.peer
                if peer in last:
                    yield last[peer], exchange
                last[peer] = exchange

    def meaning(self, exchange: Exchange) -> Any:
        """All that a NameServer uses of it."""
        ext_fields: dict[str, str] = exchange.header["extFields"]
        kept = {key: ext_fields[key] for key in ext_fields if key != "bodyCrc32"}
        if exchange.body[:1] != b"{":
            return kept, exchange.body
        body = parse_json(exchange.body.decode())
        return kept, normalized(body, (), (TIME_OF_SENDING,), ())

    def test_have_the_digest_of_the_first(self) -> None:
        first = of_file("broker-start", RequestCode.REGISTER_BROKER)
        second = of_file("broker-periodic", RequestCode.REGISTER_BROKER)
        assert first.body != second.body
        assert digest(first) == digest(second)

    def test_are_told_from_changed_ones_in_all_recordings(self) -> None:
        unchanged = 0
        changed = 0
        for one, other in self.pairs():
            if self.meaning(one) == self.meaning(other):
                assert digest(one) == digest(other), (one.file, other.file)
                unchanged += one.body != other.body
            else:
                assert digest(one) != digest(other), (one.file, other.file)
                changed += 1
        assert (unchanged, changed) == (27, 12)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b'"perm":6', b'"perm":4'),
            (b'"writeQueueNums":8', b'"writeQueueNums":9'),
            (b'"dataVersion":{"counter":0', b'"dataVersion":{"counter":1'),
            (b'"filterServerList":[]', b'"filterServerList":["a:1"]'),
            (b'"topicName":"TBW102"', b'"topicName":"TBW103"'),
        ],
    )
    def test_have_another_digest_once_a_value_is_another(
        self, old: bytes, new: bytes
    ) -> None:
        first = of_file("broker-start", RequestCode.REGISTER_BROKER)
        assert old in first.body
        ext_fields = first.header["extFields"]
        changed = first.body.replace(old, new, 1)
        assert registration_digest(479, ext_fields, changed) != digest(first)

    def test_are_answered_by_the_hot_path(self) -> None:
        world = World()
        first = of_file("broker-start", RequestCode.REGISTER_BROKER)
        again = of_file("broker-periodic", RequestCode.REGISTER_BROKER)
        changed = of_file(
            "mqadmin-updateTopic-c-t-MqT1-r-4-w-4", RequestCode.REGISTER_BROKER
        )
        cold_calls = []
        for exchange in (first, again, changed):
            assert (
                world.send(exchange.step.request)
                == exchange.step.right_answers[0].frames[0]
            )
            cold_calls.append(world.processor.cold_calls)
        assert cold_calls == [1, 1, 2]
