"""Whole servers, on both loops: they answer, watch brokers and tell them."""

import json
import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from namesrv.codes import FLAG_ONEWAY, RequestCode
from namesrv.hot_path import LARGE_REGISTRATION_BYTES
from namesrv.server.connections.protocol import NamesrvProtocol
from namesrv.testing.peer import (
    WAIT_SECONDS,
    Address,
    Broker,
    get_kv,
    lookup,
    put_kv,
    request,
    wait_until,
)
from tests.server.long_routes import long_routes
from tests.server.server_thread import Serve, ServerThread, local_options

SUCCESS, NO_ROUTE, NOT_FOUND = 0, 17, 22
TOPICS = {"t": 4, "u": 4}
ACTING = {"enableActingMaster": "true"}


def protocols(server: ServerThread) -> list[NamesrvProtocol]:
    """The server's ends of its connections."""
    table = server.server._connections._by_connection
    return [p for p in table.values() if isinstance(p, NamesrvProtocol)]


class TestConnections:
    def test_probe_is_silent_below_debug(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lines: list[tuple[int, str]] = []
        monkeypatch.setattr(
            "namesrv.server.logs.events.EventLog.log_event",
            lambda self, level, event, fields, **_: lines.append((level, event)),
        )
        server = serve(lookup_lanes=0)
        lines.clear()
        for _ in range(3):
            server.peer().socket.close()
            server.peer().reset()
        wait_until(lambda: lines.count((logging.DEBUG, "connection closed")) == 6)
        assert {level for level, _ in lines} == {logging.DEBUG}

    def test_silent_connection_is_closed(self, serve: Serve) -> None:
        with serve(server_channel_max_idle_time_seconds=1).peer() as peer:
            peer.ask(lookup("t"))
            assert peer.read_to_end() == b""

    def test_request_before_fin_is_answered(self, serve: Serve) -> None:
        with serve().peer() as peer:
            peer.send(lookup("t", 1), put_kv("n", "k", "v", 2), get_kv("n", "k", 3))
            peer.finish()
            codes = [(a.opaque, a.code) for a in peer.read_answers(3)]
            assert codes == [(1, NO_ROUTE), (2, SUCCESS), (3, SUCCESS)]
            assert peer.read_to_end() == b""

    def test_frames_before_a_bad_one_are_answered(self, serve: Serve) -> None:
        server = serve()
        with server.peer() as peer:
            broker = Broker(addr="127.0.0.1:1").registration(TOPICS)
            peer.send(lookup("t", 1), put_kv("n", "k", "v", 2), b"\0\0\0\3", broker)
            assert [answer.opaque for answer in peer.read_answers(2)] == [1, 2]
            assert peer.read_to_end() == b""
        with server.peer() as peer:
            assert peer.ask(lookup("t")).code == NO_ROUTE

    def test_slow_reader_gets_everything_in_order(self, serve: Serve) -> None:
        server = serve()
        with server.peer() as broker, server.peer() as peer:
            for registration in long_routes(TOPICS, 100_000):
                broker.ask(registration)
            peer.send(*(lookup("t", n) for n in range(200)), put_kv("n", "k", "v", 200))

            def is_full() -> bool:
                ends = server.on_loop(lambda: protocols(server))
                return any(end.transport.get_write_buffer_size() for end in ends)

            wait_until(is_full)
            opaques = [answer.opaque for answer in peer.read_answers(201)]
            assert opaques == list(range(201))


class TestLiveness:
    def test_broker_goes_with_its_connection(self, serve: Serve) -> None:
        server = serve()
        with server.peer() as peer:
            with server.peer() as connection:
                for number in (1, 2):
                    broker = Broker(f"broker-{number}", addr=f"127.0.0.1:{number}")
                    connection.ask(broker.registration(TOPICS))
                route = json.loads(peer.ask(lookup("t")).body)
                assert len(route["brokerDatas"]) == 2
            wait_until(lambda: peer.ask(lookup("t")).code == NO_ROUTE)

    def test_late_close_does_not_remove_who_registered_anew(self, serve: Serve) -> None:
        server = serve()
        with server.peer() as old, server.peer() as new:
            for connection in (old, new):
                broker = Broker(addr="127.0.0.1:1")
                assert connection.ask(broker.registration(TOPICS)).code == SUCCESS
            old.socket.close()
            wait_until(lambda: len(server.on_loop(lambda: protocols(server))) == 1)
            assert new.ask(lookup("t")).code == SUCCESS

    def test_silent_broker_expires_and_its_connection_is_closed(
        self, serve: Serve
    ) -> None:
        server = serve(scan_not_active_broker_interval=20)
        with server.peer() as broker, server.peer() as peer:
            mortal = Broker(addr="127.0.0.1:1", timeout_millis=100)
            assert broker.ask(mortal.registration(TOPICS)).code == SUCCESS
            assert broker.read_to_end() == b""
            assert peer.ask(lookup("t")).code == NO_ROUTE

    def test_heartbeats_keep_a_broker(self, serve: Serve) -> None:
        server = serve(scan_not_active_broker_interval=20)
        beat = request(
            RequestCode.BROKER_HEARTBEAT,
            {"clusterName": "DefaultCluster", "brokerAddr": "127.0.0.1:1"},
        )
        with server.peer() as peer:
            kept = Broker("kept", addr="127.0.0.1:1", timeout_millis=3000)
            lost = Broker("lost", addr="127.0.0.1:2", timeout_millis=200)
            peer.ask(kept.registration(TOPICS))
            peer.ask(lost.registration(TOPICS))

            def names() -> list[str]:
                assert peer.ask(beat).code == SUCCESS
                route = json.loads(peer.ask(lookup("t")).body)
                return [data["brokerName"] for data in route["brokerDatas"]]

            wait_until(lambda: names() == ["kept"])


class TestNotifications:
    @staticmethod
    def next_header(connection: socket.socket) -> dict[str, Any]:
        """The header of the next frame, which has no body."""
        connection.settimeout(WAIT_SECONDS)
        length = connection.recv(4, socket.MSG_WAITALL)
        data = connection.recv(int.from_bytes(length), socket.MSG_WAITALL)
        header: dict[str, Any] = json.loads(data[4:])
        return header

    def test_brokers_hear_of_a_new_lowest_id(self, serve: Serve) -> None:
        server = serve(notify_min_broker_id_changed=True)
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            server.peer() as slave_side,
            server.peer() as master_side,
        ):
            slave = Broker(addr=address_text(listener.getsockname()), id=1)
            slave_side.ask(slave.registration(TOPICS, ext=ACTING))
            master = Broker(addr="127.0.0.1:1", id=0)
            master_side.ask(master.registration(TOPICS, ext=ACTING))
            listener.settimeout(WAIT_SECONDS)
            connection, _ = listener.accept()
            with connection:
                headers = [self.next_header(connection)]
                master_side.socket.close()
                headers.append(self.next_header(connection))
        assert {header["code"] for header in headers} == {905}
        assert {header["flag"] for header in headers} == {FLAG_ONEWAY}
        assert [h["extFields"]["minBrokerId"] for h in headers] == ["0", "1"]
        assert headers[1]["extFields"]["offlineBrokerAddr"] == master.addr

    def test_without_the_option_nobody_is_called(self, serve: Serve) -> None:
        server = serve()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with server.peer() as peer:
                slave = Broker(addr=address_text(listener.getsockname()), id=1)
                peer.ask(slave.registration(TOPICS, ext=ACTING))
                master = Broker(addr="127.0.0.1:1", id=0)
                peer.ask(master.registration(TOPICS, ext=ACTING))
            server.stop()
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.accept()


class TestFairness:
    def test_large_registrations_leave_room_for_others(self, serve: Serve) -> None:
        server = serve()
        with server.peer() as greedy, server.peer() as modest:
            for opaque in range(100):
                large = Broker(addr="127.0.0.1:1").registration(
                    TOPICS | {f"t{opaque}": 1},
                    opaque,
                    padding_bytes=LARGE_REGISTRATION_BYTES,
                )
                greedy.send(large)
            # The order of their turns is tested with a loop that turns when it is told.
            wait_until(lambda: modest.ask(lookup("t99")).code == SUCCESS)
            opaques = [answer.opaque for answer in greedy.read_answers(100)]
            assert opaques == list(range(100))


def address_text(address: Address) -> str:
    """host:port."""
    return f"{address[0]}:{address[1]}"


@pytest.mark.parametrize(
    "part",
    [
        "namesrv.routing.brokers.liveness.Liveness.tick",
        "namesrv.server.warm_start.schedule.Snapshots.tick",
        "namesrv.server.tls.gate.TlsGate.check_files",
        "namesrv.server.connections.registry.Connections.sweep",
    ],
)
def test_part_of_a_tick_that_fails_stops_neither_the_others_nor_the_next(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    part: str,
) -> None:
    calls: list[object] = []

    def fail(*args: object) -> None:
        calls.append(args)
        raise RuntimeError("a mistake")

    options = local_options(
        tmp_path,
        scan_not_active_broker_interval=20,
        server_channel_max_idle_time_seconds=1,
    )
    with monkeypatch.context() as patch, ServerThread(options) as server:
        patch.setattr(part, fail)
        wait_until(lambda: len(calls) >= 3)
        patch.undo()
        with server.peer() as broker:
            mortal = Broker(addr="127.0.0.1:1", timeout_millis=100)
            assert broker.ask(mortal.registration(TOPICS)).code == SUCCESS
            assert broker.read_to_end() == b""
    (line, *_) = [r for r in caplog.records if "a part of a tick failed" in r.message]
    assert "a mistake" in vars(line)["fields"]["error"]


def test_routes_that_cannot_be_packed_do_not_keep_a_server_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("namesrv.routing.warm_start.draft.pack_group", fail)
    with ServerThread(local_options(tmp_path)) as server, server.peer() as peer:
        assert peer.ask(Broker(addr="127.0.0.1:1").registration(TOPICS)).code == SUCCESS
        server.stop()
        assert peer.read_to_end() == b""
    assert "cannot save the routes" in caplog.text
    assert "a mistake" in caplog.text or any(
        "a mistake" in str(vars(r).get("fields")) for r in caplog.records
    )
