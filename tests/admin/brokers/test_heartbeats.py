"""Heartbeats over HTTP: as 904, and the same bytes need one look-up only."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.admin.brokers import heartbeats as heartbeats_module
from namesrv.admin.brokers.heartbeats import LONGEST_TARGET, Heartbeats
from namesrv.admin.http.conversation import HttpConversation
from namesrv.hot_path import HotCode
from namesrv.testing.peer import Broker
from tests.admin.brokers.asking import ADDR, BROKER, TOKEN, HttpPeer, request
from tests.routing.world import RELOAD, World

TARGET = f"{BROKER}/heartbeat?broker_addr={ADDR}"
BEAT = request("POST", TARGET)


@pytest.fixture
def known(http: HttpPeer) -> HttpPeer:
    """A peer whose broker has sent a heartbeat."""
    http.register()
    assert http.send(BEAT).startswith(b"HTTP/1.1 204 ")
    return http


def heard_ms(world: World) -> int:
    info = world.live.get("c1", ADDR)
    assert info is not None
    return info.last_update_timestamp


def forbid_reading(patch: pytest.MonkeyPatch) -> None:
    """From now on only bytes that need no reading are answered."""

    def fail(*about: Any) -> bytes:
        raise AssertionError("a heartbeat was read")

    patch.setattr(HttpConversation, "_run", fail)


def test_the_same_bytes_are_not_read_again(
    known: HttpPeer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = known.send(BEAT)
    forbid_reading(monkeypatch)
    world.now_ms += 700
    assert known.send(BEAT) == first
    assert heard_ms(world) == 700
    assert known.connection.last_active_ms == 700
    assert not known.connection.has_side_effects


def test_heartbeats_are_counted_however_they_are_answered(known: HttpPeer) -> None:
    counts = known.inside.connections.http_counts
    before = counts.answers[204], counts.received_bytes, counts.sent_bytes
    output = known.send(BEAT)
    after = counts.answers[204], counts.received_bytes, counts.sent_bytes
    differences = [new - old for new, old in zip(after, before, strict=True)]
    assert differences == [1, len(BEAT), len(output)]


def test_numbered_requests_are_not_read_again(
    http: HttpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    http.register()
    first, second = (request("POST", TARGET, Traceparent=f"00-{n}-01") for n in "12")
    assert http.send(first).startswith(b"HTTP/1.1 204 ")
    forbid_reading(monkeypatch)
    assert http.send(second).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize(
    "line",
    [
        b"X-Request-Id: 2\rX: y",
        b"X-Request-Id: 2\nX: y",
        b"X-Request-Id: a b",
        b"X-Request-Id: " + b"9" * 129,
        b"X-Request-Id: 2\r\nX-Request-Id: 3",
        b"X-Request-Id : 2",
        b"X-Other: 2",
        b"Authorization: 2",
        b"Transfer-Encoding: chunked",
    ],
)
def test_other_lines_are_read(
    http: HttpPeer, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    http.register()
    first = request("POST", TARGET, X_Request_Id="1")
    assert http.send(first).startswith(b"HTTP/1.1 204 ")
    forbid_reading(monkeypatch)
    with pytest.raises(AssertionError, match="was read"):
        http.send(first.replace(b"X-Request-Id: 1", line))


def test_other_bytes_are_read(known: HttpPeer, world: World) -> None:
    world.now_ms += 700
    assert known.ask("POST", TARGET, X_Request_Id="1").status == 204
    assert heard_ms(world) == 700


def test_heartbeats_sent_ahead_are_all_answered(known: HttpPeer) -> None:
    output = known.send(BEAT * 3 + BEAT[:20])
    assert output.count(b"HTTP/1.1 204 ") == 3
    assert known.send(BEAT[20:] + BEAT).count(b"HTTP/1.1 204 ") == 2


def test_heartbeat_with_a_body_is_refused(known: HttpPeer) -> None:
    said = known.ask("POST", TARGET, b"{}")
    assert said.status == 400 and "takes no body" in said.detail


@pytest.mark.parametrize(
    "target",
    [
        f"/v1/clusters/c2/brokers/h/0/heartbeat?broker_addr={ADDR}",
        f"/v1/clusters/c1/brokers/i/0/heartbeat?broker_addr={ADDR}",
        f"/v1/clusters/c1/brokers/h/1/heartbeat?broker_addr={ADDR}",
        f"{BROKER}/heartbeat?broker_addr=10.0.0.7:1",
    ],
)
def test_unknown_broker_has_to_register(known: HttpPeer, target: str) -> None:
    said = known.ask("POST", target)
    assert said.status == 404
    assert said.detail.endswith("is not registered; register it again")


def test_heartbeat_without_an_address_is_refused(known: HttpPeer) -> None:
    said = known.ask("POST", f"{BROKER}/heartbeat")
    assert said.status == 400 and "broker_addr" in said.detail


def test_encoded_names_are_those_of_the_broker(http: HttpPeer, world: World) -> None:
    path = "/v1/clusters/c%201/brokers/b%C3%BC/0"
    http.register(path)
    assert http.beat(path) == 204
    assert http.beat(path) == 204
    assert world.live_keys == {("c 1", ADDR)}
    assert http.ask("POST", f"{BROKER}/heartbeat?broker_addr=%FF:1").status == 400


def test_broker_that_is_gone_is_not_heard(known: HttpPeer, world: World) -> None:
    world.run(130_000)
    assert known.send(BEAT).startswith(b"HTTP/1.1 404 ")


def test_broker_that_moved_is_not_heard_under_its_old_id(
    known: HttpPeer, world: World
) -> None:
    known.register("/v1/clusters/c1/brokers/h/1")
    assert known.send(BEAT).startswith(b"HTTP/1.1 404 ")


def test_broker_of_a_connection_is_not_heard_over_http(
    known: HttpPeer, world: World
) -> None:
    world.register(Broker("h", 0, ADDR))
    for more in ({}, {"X_Request_Id": "1"}):
        world.now_ms += 700
        said = known.ask("POST", TARGET, **more)
        assert said.status == 409
        assert "is registered over a connection" in said.detail
        assert heard_ms(world) == 0
    known.register()
    assert known.send(BEAT).startswith(b"HTTP/1.1 204 ")
    world.register(Broker("h", 0, ADDR))
    world.close()
    assert known.send(BEAT).startswith(b"HTTP/1.1 404 ")


def test_http_keeps_no_silent_broker_of_a_connection(
    http: HttpPeer, world: World
) -> None:
    """P4 holds for all heartbeats."""
    world.state.configuration.apply({"maxTopicsPerRegistration": 1}, RELOAD)
    world.register(Broker("h", 0, ADDR))
    for _ in range(14):
        world.run(10_000)
        http.send(BEAT)
        http.put()
    assert world.live_keys == set()


@pytest.mark.parametrize(
    "change", [{"brokerAccess": "signed"}, {"httpAccess": "off"}], ids=str
)
def test_same_bytes_lose_their_right_with_the_option(
    known: HttpPeer, world: World, change: dict[str, Any]
) -> None:
    world.state.configuration.apply(change, RELOAD)
    world.now_ms += 700
    assert known.send(BEAT).startswith(b"HTTP/1.1 403 ")
    assert heard_ms(world) == 0


def test_signed_brokers_send_a_token_each_time() -> None:
    world = World(broker_access="signed", http_token_file="tokens")
    http = HttpPeer(world)
    body = {"broker_addr": ADDR}
    assert http.ask("PUT", BROKER, body).status == 401
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    registered = http.ask("PUT", BROKER, body, **bearer)
    assert registered.status == 200
    assert http.ask("POST", TARGET, **bearer).status == 204
    assert http.ask("POST", TARGET).status == 401
    target = f"{BROKER}?broker_addr={ADDR}&registration="
    target += registered.json["registration"]
    assert http.ask("DELETE", target).status == 401
    assert http.ask("DELETE", target, **bearer).status == 204
    assert world.ask(103, Broker("h", 0, ADDR).ext_fields).code == 16


def test_page_of_another_site_sends_no_heartbeat(known: HttpPeer) -> None:
    said = known.ask("POST", TARGET, Origin="http://evil.example")
    assert said.status == 403


def test_draining_server_ends_the_connection(known: HttpPeer, world: World) -> None:
    world.state.drain(world.now_ms)
    assert b"Connection: close\r\n" in known.send(BEAT)


def test_client_of_http_1_0_sees_the_end(known: HttpPeer) -> None:
    old = BEAT.replace(b"HTTP/1.1", b"HTTP/1.0")
    assert b"Connection: close\r\n" in known.send(old)


def test_targets_are_bounded(
    http: HttpPeer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats_module, "MOST_TARGETS", 3)
    http.register()
    kept = Heartbeats(world.tables)
    for spelling in ("c1", "%631", "c%31", "%63%31"):
        target = f"/v1/clusters/{spelling}/brokers/h/0/heartbeat?broker_addr={ADDR}"
        assert kept.beat(target, 0)
    assert len(kept) == 3
    assert kept.beat(TARGET, 0)


def test_long_target_is_not_kept(http: HttpPeer, world: World) -> None:
    name = "n" * LONGEST_TARGET
    http.register(f"/v1/clusters/c1/brokers/{name}/0")
    kept = Heartbeats(world.tables)
    target = f"/v1/clusters/c1/brokers/{name}/0/heartbeat?broker_addr={ADDR}"
    assert kept.beat(target, 0)
    assert len(kept) == 0


# --- any bytes ------------------------------------------------------------------------

lines = st.sampled_from(
    [
        b"X-Request-Id: 1",
        b"X-Request-Id: 2",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Origin: http://ns:9876",
        b"Origin: http://evil.example",
        b"Expect: 100-continue",
        b"Content-Length: 0",
        b"Content-Length: 2",
        b"Transfer-Encoding: chunked",
        b"X: \r\n y",
        b"X: \n",
    ]
)
heads = st.builds(
    lambda target, version, more: b"\r\n".join(
        [b"POST %b HTTP/%b" % (target, version), b"Host: ns:9876", *more, b"", b""]
    ),
    st.sampled_from([TARGET.encode(), TARGET.encode() + b"0"]),
    st.sampled_from([b"1.1", b"1.0"]),
    st.lists(lines, max_size=2),
)


@given(reads=st.lists(heads, min_size=1, max_size=5), is_live=st.booleans())
def test_remembered_heads_are_answered_as_if_they_were_read(
    reads: list[bytes], is_live: bool
) -> None:
    """Beside a peer whose connection remembers no heartbeat."""
    outputs = []
    for is_remembering in (True, False):
        world = World()
        peer = HttpPeer(world)
        if is_live:
            peer.register()
        if not is_remembering:
            peer.inside.state.hot.hot_codes &= ~int(HotCode.HEARTBEAT)
        output = [undated(peer.send(data)) for data in [*reads, *reads]]
        outputs.append((output, peer.conversation.buffered_bytes))
    assert outputs[0] == outputs[1]


def undated(output: bytes) -> bytes:
    """Without the date, which the real clock gives."""
    return re.sub(rb"Date: [^\r]*\r\n", b"", output)
