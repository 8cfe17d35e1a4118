"""Who keeps whom alive, and what happens to memory when Python code runs where no code
is expected."""

import gc
import weakref
from typing import Any

import pytest

from namesrv.errors import HeaderInvalid
from namesrv.testing.peer import frame, request
from tests.parity.twins import TWINS, both, plain, same

twins = pytest.mark.parametrize("hot", TWINS, ids=lambda hot: hot.name)


def server(hot: Any, cold_path: Any = lambda *arguments: b"cold") -> Any:
    made = hot.HotPath(
        hot.RouteAnswers(1000), hot.BrokerLiveTable(), cold_path, 1 << 20
    )
    made.hot_codes = 7
    return made


@twins
def test_a_connection_that_broke_the_rules_goes_with_its_last_reference(
    hot: Any,
) -> None:
    def refuse(*arguments: object) -> bytes:
        raise HeaderInvalid("it was not liked")

    path = server(hot, refuse)
    for bad in (b"\0\0\0\0", request(1, {})):
        peer = hot.Connection(path, "peer")
        peer.receive(bad, 1)
        assert peer.fault is not None
        end = weakref.ref(peer)
        gc.disable()
        try:
            del peer
            assert end() is None
        finally:
            gc.enable()


@twins
def test_servers_that_hold_themselves_are_collected(hot: Any) -> None:
    """hot path -> live table -> broker -> owner -> hot path."""
    ends = []
    for way in ("owner", "cold path", "both"):
        path = server(hot)
        peer = hot.Connection(path, "peer")
        if way != "owner":
            path.cold_path = peer.receive
        if way != "cold path":
            info = hot.BrokerLiveInfo("c", "a", "b", 1, None, None, peer)
            path.live_table.put(info, 1)
        ends.append(weakref.ref(peer))
        del path, peer
        info = None
    gc.collect()
    assert [end() for end in ends] == [None] * 3


class Meddler:
    """An owner that does something to the table when nobody holds it any more."""

    def __init__(self, act: Any) -> None:
        self.act = act

    def __del__(self) -> None:
        self.act()


@pytest.mark.parametrize("count", [3, 10, 11, 40])
def test_a_table_that_is_changed_while_it_changes(count: int) -> None:
    """The last reference to an entry goes in `put`, `renew` and `remove`."""
    tables = both("BrokerLiveTable")
    for hot in TWINS:
        table = getattr(tables, hot.name)

        def meddle(hot: Any = hot, table: Any = table) -> None:
            for number in range(count):
                table.remove("c", f"other {number}")
                new = hot.BrokerLiveInfo("c", f"new {number}", "b", 1, None, None, 0)
                table.put(new, 2)

        def add(
            name: str, hot: Any = hot, table: Any = table, meddle: Any = meddle
        ) -> None:
            owner = Meddler(meddle)
            table.put(hot.BrokerLiveInfo("c", name, "b", 1, None, None, owner), 1)

        for number in range(count):
            other = hot.BrokerLiveInfo("c", f"other {number}", "b", 1, None, None, 0)
            table.put(other, 1)
        for name in ("replaced", "renewed", "removed"):
            add(name)
        table.put(hot.BrokerLiveInfo("c", "replaced", "b", 1, None, None, 0), 3)
        table.renew(table.get("c", "renewed"), 0, 4)
        table.remove("c", "removed")
    same(tables, len)
    same(tables, lambda table: table)
    for number in range(count):
        same(tables, "get", "c", f"new {number}")
        same(tables, "get", "c", f"other {number}")


def test_tables_that_a_handler_empties_under_the_hot_path() -> None:
    """What was found for one request is gone before the next of the same read."""
    read = request(105, {"topic": "t"}) + request(
        904, {"clusterName": "c", "brokerAddr": "a"}
    )

    def play(hot: Any) -> Any:
        def empty(*arguments: object) -> bytes:
            path.route_answers.remove("t")
            path.live_table.remove("c", "a")
            for number in range(100):
                path.route_answers.mark(f"{number}")
            return b"emptied"

        path = server(hot, empty)
        path.route_answers.mark("t")
        path.route_answers.put("t", True, b"body" * 10)
        info = hot.BrokerLiveInfo("c", "a", "b", 1, None, None, Meddler(list))
        path.live_table.put(info, 1)
        del info
        peer = hot.Connection(path, "peer")
        output = [peer.receive((read * 3 + request(1, {})) * 3, now) for now in (1, 2)]
        return output, len(path.route_answers), len(path.live_table)

    results = both(play)
    assert plain(results.fast) == plain(results.pure)


@twins
def test_a_connection_that_a_handler_initialises_anew_does_no_harm(hot: Any) -> None:
    def again(
        serialize_type: int, header: bytes, body: bytes, peer: Any, now_ms: int
    ) -> bytes:
        peer.__init__(path, "again")
        path.route_answers.__init__(10)
        path.live_table.__init__()
        return b"again"

    path = server(hot, again)
    peer = hot.Connection(path, "peer")
    for data in (request(1, {}) * 3, request(1, {})[:9], request(1, {})[9:] * 2):
        peer.receive(data, 1)
    assert peer.remote_address == "again"


def test_a_handler_that_fails_leaves_both_connections_as_usable() -> None:
    """What it had answered is lost, what it had not read is kept, on both."""

    def play(hot: Any) -> Any:
        def fail(
            serialize_type: int, header: bytes, body: bytes, peer: Any, now_ms: int
        ) -> bytes:
            if b'"code":2' in header:
                raise KeyError("a bug")
            return header * 1000

        path = server(hot, fail)
        peer, other = hot.Connection(path, "peer"), hot.Connection(path, "other")
        seen = []
        one, two = request(1, {}), request(2, {})
        for data in (one + two + one + one[:7], one[7:], two[:5], two[5:] + one):
            try:
                seen.append(peer.receive(data, 1))
            except KeyError as error:
                seen.append(error.args)
            seen.append((peer.buffered_bytes, peer.has_side_effects, peer.fault))
            seen.append(other.receive(one, 2))
        return seen

    results = both(play)
    assert plain(results.fast) == plain(results.pure)


@twins
def test_input_is_not_written_to(hot: Any) -> None:
    """The compiled decoder reads where the bytes are."""
    path = server(hot)
    data = b"".join([frame(b"%d" % n, bytes([n])) for n in range(50)])
    copy = bytes(bytearray(data))
    hot.Connection(path, "peer").receive(data, 1)
    assert data == copy
