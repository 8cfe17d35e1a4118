"""A server that records: its end, its death, its next run, and its disk."""

import os
import resource
import signal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from namesrv.cli.commands.recording import Recording
from namesrv.errors import StartFailed
from namesrv.testing.peer import Broker, lookup, wait_until
from tests.admin.served import serving_http
from tests.server.server_process import ServerProcess
from tests.server.server_thread import ServerThread, local_options

BROKER = Broker()
MANY = {f"a-topic-with-a-long-name-{n}": 1 for n in range(1000)}


def events(folder: Path) -> list[Any]:
    return Recording(str(folder)).events({}, 1000)[0]


def test_a_killed_server_has_recorded_what_it_answered(tmp_path: Path) -> None:
    folder = tmp_path / "history"
    with ServerProcess(tmp_path, "--record", str(folder)) as server:
        with server.peer() as peer:
            peer.ask(BROKER.registration(MANY))
            wait_until(lambda: bool(events(folder)))
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
    (event,) = events(folder)
    assert len(event["topics"]["added"]) == 1000


def test_routes_of_a_warm_start_are_in_its_first_picture(tmp_path: Path) -> None:
    folder = tmp_path / "history"
    for is_first in (True, False):
        options = local_options(tmp_path / "data", record_dir=str(folder))
        with ServerThread(options) as server, server.peer() as peer:
            if is_first:
                peer.ask(BROKER.registration(MANY))
            server.stop()
    found = Recording(str(folder)).at("0s", None)
    assert len(found["topics"]) == 1000
    assert found["number"] == 0
    assert found["is_complete"]


def test_a_full_disk_costs_events_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "history"
    limit = resource.RLIMIT_FSIZE, 20_000
    words = "--record", str(folder), "--no-warm-start"
    with ServerProcess(tmp_path, *words, limit=limit, is_plain=True) as server:
        with server.peer() as peer:
            assert peer.ask(BROKER.registration({"T": 1, "U": 1})).code == 0
            second = Broker("b2", 0, "10.0.0.2:10911")
            assert peer.ask(second.registration(MANY)).code == 0
            third = Broker("b3", 0, "10.0.0.3:10911")
            assert peer.ask(third.registration({"T": 1, "V": 1})).code == 0
            assert peer.ask(lookup("T")).code == 0
            wait_until(lambda: len(events(folder)) >= 2)
            failure = "cannot write the history"
            wait_until(lambda: failure in server.log_file.read_text())
    assert [event["broker"] for event in events(folder)][:2] == [BROKER.name, "b3"]


def test_the_metrics_of_a_recorder(tmp_path: Path) -> None:
    with serving_http(tmp_path / "data", record_dir=str(tmp_path / "h")) as server:
        text = scrape(server.addresses[0])
    assert "\nrocketmq_namesrv_recorder_lost_total 0.0" in text
    assert "\nrocketmq_namesrv_recorder_size_bytes " in text
    with serving_http(tmp_path / "data") as server:
        text = scrape(server.addresses[0])
    assert "\nrocketmq_namesrv_recorder_size_bytes " not in text


def scrape(address: tuple[str, int]) -> str:
    client = HTTPConnection(*address)
    client.request("GET", "/metrics")
    text = client.getresponse().read().decode()
    client.close()
    return text


def test_a_second_server_cannot_record_there(tmp_path: Path) -> None:
    folder = str(tmp_path / "h")
    with ServerThread(local_options(tmp_path / "one", record_dir=folder)):
        other = ServerThread(local_options(tmp_path / "two", record_dir=folder))
        with pytest.raises(StartFailed, match="is in use by another process"):
            other.__enter__()
    with ServerThread(local_options(tmp_path / "two", record_dir=folder)):
        assert os.listdir(folder)


def test_a_start_that_fails_gives_the_directory_back(tmp_path: Path) -> None:
    folder = str(tmp_path / "h")
    with ServerThread(local_options(tmp_path / "one")) as first:
        port = first.address[1]
        options = local_options(tmp_path / "two", record_dir=folder, listen_port=port)
        with pytest.raises(StartFailed, match="is in use"):
            ServerThread(options).__enter__()
    with ServerThread(local_options(tmp_path / "two", record_dir=folder)):
        assert os.listdir(folder)
