"""Does an installed namesrv work? `python -I wheels/smoke.py fast` (or `pure`).

It says which twin must be in use. Run it isolated (-I), so that no checkout can take
the place of what was installed. Needs nothing besides namesrv.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

import namesrv
from namesrv._impl import IMPLEMENTATION, Connection

WAIT_SECONDS = 30
REGISTER_BROKER = 103
GET_ROUTEINFO_BY_TOPIC = 105
READ_AND_WRITE = 6
NAMESRV = [sys.executable, "-I", "-m", "namesrv"]


def frame(code: int, ext_fields: dict[str, str], body: bytes = b"") -> bytes:
    """A request as a Java client sends it."""
    members = {"code": code, "extFields": ext_fields, "flag": 0, "language": "JAVA"}
    members |= {"opaque": 7, "serializeTypeCurrentRPC": "JSON", "version": 479}
    header = json.dumps(members).encode()
    length = 4 + len(header) + len(body)
    return length.to_bytes(4) + len(header).to_bytes(4) + header + body


def registration() -> bytes:
    """A broker with the topic Smoke, and one more: with a single one it is refused."""
    version = {"counter": 1, "stateVersion": 0, "timestamp": 1}
    topics = {
        name: {
            "perm": READ_AND_WRITE,
            "readQueueNums": 4,
            "topicFilterType": "SINGLE_TAG",
            "topicName": name,
            "writeQueueNums": 4,
        }
        for name in ("Smoke", "Fire")
    }
    wrapper = {"dataVersion": version, "topicConfigTable": topics}
    body = {"filterServerList": [], "topicConfigSerializeWrapper": wrapper}
    data = json.dumps(body).encode()
    ext_fields = {
        "bodyCrc32": str(zlib.crc32(data) & 0x7FFFFFFF),
        "brokerAddr": "127.0.0.1:10911",
        "brokerId": "0",
        "brokerName": "smoke",
        "clusterName": "SmokeCluster",
        "compressed": "false",
        "haServerAddr": "127.0.0.1:10912",
    }
    return frame(REGISTER_BROKER, ext_fields, data)


def lookup() -> bytes:
    """Who has the topic Smoke?"""
    return frame(GET_ROUTEINFO_BY_TOPIC, {"topic": "Smoke"})


def check_decoding(expected: str) -> None:
    """The twin that was chosen is the one asked for, and cuts a stream into frames."""
    assert expected == IMPLEMENTATION, f"{IMPLEMENTATION}, expected {expected}"
    assert f"_{expected}." in Connection.__module__, Connection.__module__
    decoder = import_module(f"namesrv._{expected}.frame").FrameDecoder(1 << 20)
    decoder.feed(lookup()[:11])
    assert decoder.next_frame() is None
    decoder.feed(lookup()[11:])
    serialize_type, header, body = decoder.next_frame()
    assert (serialize_type, json.loads(header)["code"], body) == (0, 105, None)


def check_version(twin: str, *words: str) -> None:
    """`namesrv --version` names the version and the twin."""
    for command in ([*NAMESRV], [str(Path(sys.executable).parent / "namesrv")]):
        ran = subprocess.run(
            [*command, *words, "--version"],
            check=True,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
        )
        start = f"namesrv {namesrv.__version__} ({twin}, "
        assert ran.stdout.startswith(start), ran.stdout


def check_demo_broker() -> None:
    """The wheel has the peer kit, which the demo broker needs."""
    ran = subprocess.run(
        [*NAMESRV, "demo-broker", "--help"],
        check=True,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert ran.stdout.startswith("Usage: namesrv demo-broker "), ran.stdout


def check_round_trip(twin: str, *words: str) -> None:
    """Start a server on a free port, register a broker, ask for its route, stop."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*NAMESRV, "--bind", "127.0.0.1", "--port", "0"]
        command += ["--data-dir", folder, *words]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            started = server.stdout.readline()
            assert f"implementation {twin}" in started, started
            found = re.search(r"127\.0\.0\.1:([0-9]+)", started)
            assert found, started
            check_route(int(found[1]))
            server.terminate()
            assert server.wait(WAIT_SECONDS) == 0, server.returncode
        finally:
            server.kill()
            server.communicate()


def check_route(port: int) -> None:
    """Two lookups: the second is answered from ready bytes, the same."""
    address = ("127.0.0.1", port)
    with socket.create_connection(address, WAIT_SECONDS) as peer:
        peer.sendall(registration())
        header, _ = read_answer(peer)
        assert header["code"] == 0, header
        bodies = []
        for _ in range(2):
            peer.sendall(lookup())
            header, body = read_answer(peer)
            assert (header["code"], header["opaque"]) == (0, 7), header
            bodies.append(body)
        assert bodies[0] == bodies[1]
        route = json.loads(bodies[0])
        assert route["brokerDatas"][0]["brokerAddrs"] == {"0": "127.0.0.1:10911"}
        assert route["queueDatas"][0]["readQueueNums"] == 4


def read_answer(peer: socket.socket) -> tuple[Any, bytes]:
    """Header and body of the next answer."""
    data = read_exactly(peer, int.from_bytes(read_exactly(peer, 4)))
    end = 4 + int.from_bytes(data[1:4])
    return json.loads(data[4:end]), data[end:]


def read_exactly(peer: socket.socket, size: int) -> bytes:
    """So many bytes, or an AssertionError when the peer closes."""
    data = b""
    while len(data) < size:
        more = peer.recv(size - len(data))
        assert more, "the server closed the connection"
        data += more
    return data


def main() -> None:
    """Check what is installed; an AssertionError says what is wrong with it."""
    if sys.argv[1:] not in (["fast"], ["pure"]) or not sys.flags.isolated:
        sys.exit("usage: python -I wheels/smoke.py fast|pure")
    expected = sys.argv[1]
    for switch in ("NAMESRV_NO_EXTENSIONS", "NAMESRV_REQUIRE_EXTENSIONS"):
        assert switch not in os.environ, f"{switch} is set"
    check_decoding(expected)
    check_demo_broker()
    for twin, words in ((expected, ()), ("pure", ("--pure",))):
        check_version(twin, *words)
        check_round_trip(twin, *words)
    print(f"smoke: {expected}, {Path(namesrv.__file__).parent}, all well")


main()
