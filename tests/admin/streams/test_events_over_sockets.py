"""`/v1/events` over sockets: live, resumed, filtered, ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from namesrv.server.running.serving import ServingThread
from namesrv.testing.peer import Broker, Peer
from tests.admin.served import asked, serving_http
from tests.admin.streams.conftest import Read

TOPICS = {"T": 1, "U": 1}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServingThread]:
    with serving_http(tmp_path, max_event_streams=12) as server:
        yield server


def test_a_stream_begins_with_a_picture_and_goes_on_live(
    server: ServingThread, read: Read
) -> None:
    reader = read(server.addresses[0])
    assert reader.status == 200
    assert "Content-Type: text/event-stream" in reader.head
    picture = reader.next()
    assert picture.type == "picture"
    assert picture.data["last"] == picture.data["topics"] == 0
    with Peer(server.addresses[0]) as peer:
        peer.ask(Broker("b").registration(TOPICS))
    event = reader.next()
    assert event.type == "BrokerRegistered"
    assert event.data["topics"] == {"added": [*TOPICS]}
    assert event.id == f"{picture.data['run']}-1"
    assert reader.next().type == "BrokerDisconnected"


def test_a_stream_is_resumed(server: ServingThread, read: Read) -> None:
    with Peer(server.addresses[0]) as peer:
        peer.ask(Broker("b").registration(TOPICS))
        reader = read(server.addresses[0])
        first = reader.next()
        reader.close()
        peer.ask(Broker("c", addr="10.0.0.2:1").registration(TOPICS))
        peer.ask(Broker("d", addr="10.0.0.3:1").registration(TOPICS))
        for again in (
            read(server.addresses[0], "", f"Last-Event-ID: {first.id}"),
            read(server.addresses[0], f"?after={first.id}"),
        ):
            assert [again.next().data["broker"] for _ in range(2)] == ["c", "d"]
            again.close()


def test_an_id_of_another_run_resets(server: ServingThread, read: Read) -> None:
    reader = read(server.addresses[0], "", "Last-Event-ID: abc-7")
    reset, picture = reader.next(), reader.next()
    assert (reset.type, picture.type) == ("reset", "picture")
    assert "another run" in reset.data["reason"]


def test_the_limit_of_streams(server: ServingThread, read: Read) -> None:
    readers = [read(server.addresses[0]) for _ in range(3)]
    status, body, answer = asked(server.addresses[0], "/v1/events")
    assert (status, answer.headers["Retry-After"]) == (503, "5")
    assert "maxEventStreams" in body["detail"]
    readers[0].close()
    while (reader := read(server.addresses[0])).status != 200:
        reader.close()
    assert reader.next().type == "picture"


def test_the_end_of_the_server_is_an_event(tmp_path: Path, read: Read) -> None:
    with serving_http(tmp_path) as server:
        reader = read(server.addresses[0])
        reader.next()
    assert [sent.type for sent in reader.rest()] == ["end"]
