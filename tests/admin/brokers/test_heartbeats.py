"""Heartbeats over HTTP: as 904, and the same bytes need one look-up only."""

from typing import Any

import pytest

from namesrv.admin.brokers import heartbeats as heartbeats_module
from namesrv.admin.brokers.heartbeats import LONGEST_TARGET, Heartbeats
from namesrv.admin.http.conversation import HttpConversation
from namesrv.testing.peer import Broker
from tests.admin.brokers.asking import ADDR, BROKER, HttpPeer, request
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


def test_broker_of_a_connection_is_heard_over_http(
    known: HttpPeer, world: World
) -> None:
    """As 904 from any connection; it is the connection that ends it."""
    world.register(Broker("h", 0, ADDR))
    assert known.send(BEAT).startswith(b"HTTP/1.1 204 ")
    world.close()
    assert known.send(BEAT).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "change", [{"brokerAccess": "off"}, {"httpAccess": "off"}], ids=str
)
def test_same_bytes_lose_their_right_with_the_option(
    known: HttpPeer, world: World, change: dict[str, Any]
) -> None:
    world.state.configuration.apply(change, RELOAD)
    world.now_ms += 700
    assert known.send(BEAT).startswith(b"HTTP/1.1 403 ")
    assert heard_ms(world) == 0


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
