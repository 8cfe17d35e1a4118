"""Prometheus' own tool judges the metrics of a server."""

import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from harness.fetch import FetchFailed, find_tool
from namesrv import Options, serving
from namesrv.admin.companion import HttpCompanion
from namesrv.testing.peer import Broker, Peer, lookup, registration, request

CHECK_SECONDS = 60.0


@pytest.fixture(scope="module")
def promtool() -> str:
    try:
        return find_tool("promtool")
    except FetchFailed as failure:
        pytest.exit(f"interop: {failure}", returncode=1)


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[bytes]:
    """The text of a server with brokers, requests of each kind, and a fault."""
    options = Options(bind_address="127.0.0.1", listen_port=0, data_dir=str(tmp_path))
    with serving(options, companions=[HttpCompanion()]) as server:
        address = server.addresses[0]
        with Peer(address) as peer:
            for number in range(100):
                broker = Broker(name=f"b{number}", addr=f"10.0.0.1:{number}")
                assert peer.ask(registration(broker)).code == 0
            for frame in (
                lookup("T"),
                request(106, {}),
                request(904, broker.ext_fields),
            ):
                peer.ask(frame)
            with Peer(address) as faulty:
                faulty.send(b"\xff" * 64)
                assert faulty.read_to_end() == b""
            yield _get(address)


def _get(address: tuple[str, int]) -> bytes:
    client = HTTPConnection(*address)
    client.request("GET", "/metrics")
    answer = client.getresponse()
    body = answer.read()
    client.close()
    assert answer.status == 200
    return body


def test_promtool_finds_no_fault(promtool: str, scraped: bytes) -> None:
    assert scraped.count(b"broker_last_heard_seconds{") == 100
    assert b'connection_faults_total{fault="' in scraped
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=scraped,
        capture_output=True,
        timeout=CHECK_SECONDS,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
