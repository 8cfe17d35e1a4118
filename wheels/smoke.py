"""Does an installed namesrv work? `python -I wheels/smoke.py fast` (or `pure`).

It says which twin must be in use. Run it isolated (-I), so that no checkout can take
the place of what was installed. Needs nothing besides namesrv.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import namesrv
from namesrv._impl import IMPLEMENTATION, Connection
from namesrv.testing.peer import Broker, Peer, lookup, read_route

WAIT_SECONDS = 30
BROKER = Broker("smoke", addr="127.0.0.1:10911", cluster="SmokeCluster")
# With a single topic a first registration would be refused.
REGISTRATION = BROKER.registration({"Smoke": 4, "Fire": 4})
LOOKUP = lookup("Smoke", 7)
NAMESRV = [sys.executable, "-I", "-m", "namesrv"]


def check_decoding(expected: str) -> None:
    """The twin that was chosen is the one asked for, and cuts a stream into frames."""
    assert expected == IMPLEMENTATION, f"{IMPLEMENTATION}, expected {expected}"
    assert f"_{expected}." in Connection.__module__, Connection.__module__
    decoder = import_module(f"namesrv._{expected}.frame").FrameDecoder(1 << 20)
    decoder.feed(LOOKUP[:11])
    assert decoder.next_frame() is None
    decoder.feed(LOOKUP[11:])
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
            check_command(found[0])
            server.terminate()
            assert server.wait(WAIT_SECONDS) == 0, server.returncode
        finally:
            server.kill()
            server.communicate()


def check_route(port: int) -> None:
    """Two lookups: the second is answered from ready bytes, the same."""
    with Peer(("127.0.0.1", port), WAIT_SECONDS) as peer:
        assert peer.ask(REGISTRATION).code == 0
        answers = [peer.ask(LOOKUP) for _ in range(2)]
    assert answers[0] == answers[1]
    assert (answers[0].code, answers[0].opaque) == (0, 7), answers[0].remark
    route = read_route(answers[0].body)
    assert route.addresses == {"smoke": {0: "127.0.0.1:10911"}}
    assert route.queues["smoke"]["readQueueNums"] == 4


def check_command(server: str) -> None:
    """The commands are in the wheel, and ask the server."""
    ran = subprocess.run(
        [*NAMESRV, "ping", "-n", server],
        check=True,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert f"{server}  answered" in ran.stdout, ran.stdout


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
