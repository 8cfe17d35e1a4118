"""`namesrv demo-broker` against a real server, and without one."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from namesrv.cli import demo_broker, main
from namesrv.cli.demo_broker import DemoBroker, read_address
from namesrv.errors import OptionsInvalid, StartFailed
from namesrv.testing.peer import frame, lookup
from tests.cli.server_stand_in import Capture, refused
from tests.server.server_thread import ServerThread, local_options


@pytest.fixture
def real_server(tmp_path: Path) -> Iterator[ServerThread]:
    with ServerThread(local_options(tmp_path / "data"), "asyncio") as running:
        yield running


def route_code(server: ServerThread) -> int:
    """The code of the answer to a lookup of Hello."""
    with server.peer() as peer:
        return int(peer.ask(lookup("Hello")).code)


def played(server: ServerThread, *steps: Callable[[], None]) -> list[str]:
    """The command's output when each wait carries out a step and the last is Ctrl-C."""
    rest = iter(steps)

    def wait(seconds: float) -> None:
        step = next(rest, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    printed: list[str] = []
    host, port = server.address
    assert demo_broker.run(["-n", f"{host}:{port}"], printed.append, wait) == 0
    return printed


def test_demo_broker_is_seen_by_lookups_until_it_ends(
    real_server: ServerThread,
) -> None:
    codes: list[int] = []
    printed = played(real_server, lambda: codes.append(route_code(real_server)))
    assert codes == [0]
    assert route_code(real_server) == 17
    assert printed[-1] == "unregistered demo-broker"


def test_demo_broker_prints_its_route_and_what_to_try_next(
    real_server: ServerThread,
) -> None:
    host, port = real_server.address
    first, route, advice, _ = played(real_server)
    assert first == f"registered demo-broker at {host}:{port}; topics: Hello, Orders"
    assert '"0": "127.0.0.1:10911"' in route
    assert f"namesrv topic route Hello -n {host}:{port}" in advice


def test_demo_broker_reports_a_lost_server_once_and_that_it_is_back(
    tmp_path: Path,
) -> None:
    first = ServerThread(local_options(tmp_path / "data"), "asyncio")
    with first:
        port = first.address[1]
        again = local_options(tmp_path / "data", listen_port=port)
        second = ServerThread(again, "asyncio")

        def nothing() -> None:
            pass

        def restart() -> None:
            second.__enter__()

        printed = played(first, first.stop, nothing, restart, nothing, second.stop)
    lost = [line for line in printed if "Retrying every 5 s." in line]
    back = [line for line in printed if line.endswith(" again")]
    assert (len(lost), len(back)) == (2, 1)
    assert printed[-1].startswith(
        "demo-broker could not be unregistered: no NameServer"
    )


def test_demo_broker_registers_on_a_new_connection_after_a_restart(
    tmp_path: Path,
) -> None:
    first = ServerThread(local_options(tmp_path / "data"), "asyncio")
    with first:
        port = first.address[1]
        again = local_options(tmp_path / "data", listen_port=port)
        second = ServerThread(again, "asyncio")

        def restart() -> None:
            first.stop()
            second.__enter__()

        printed = played(first, restart)
        second.stop()
    assert printed[-2].endswith(f"at 127.0.0.1:{port} again")
    assert printed[-1] == "unregistered demo-broker"


def test_demo_broker_reads_answers_with_binary_headers(tmp_path: Path) -> None:
    options = local_options(tmp_path / "data", serialize_type="ROCKETMQ")
    with ServerThread(options, "asyncio") as server:
        _, route, *_ = played(server)
    assert "demo-broker" in route


def test_demo_broker_reports_the_remark_of_a_refusal(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("alice=secret\n")
    options = local_options(
        tmp_path / "data", broker_access="signed", access_keys_file=str(keys)
    )
    with ServerThread(options, "asyncio") as server:
        broker = DemoBroker(*server.address)
        with pytest.raises(
            StartFailed, match=r"refused the registration with code 16: "
        ):
            broker.register()


def test_demo_broker_without_a_server_prints_one_sentence(capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert main(["demo-broker", "-n", f"127.0.0.1:{port}"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"namesrv: no NameServer answers at 127.0.0.1:{port} (Connection refused);"
        " start one with namesrv, or name its address with -n HOST:PORT\n"
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "closed without an answer"),
        (b"HTTP/1.1 400 Bad Request\r\n", "another protocol"),
        (frame(b"[]"), "list indices"),
        (frame(b"{}"), "code"),
        (frame(b"\xff"), "decode"),
        (b"\0\0\0\1\0", "Expecting value"),
    ],
)
def test_demo_broker_reports_answers_of_other_programs_in_one_sentence(
    answer: bytes, reason: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reply() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(StartFailed, match=f"no NameServer answers.*{reason}"):
            DemoBroker(*listener.getsockname()).register()
        thread.join()


def test_address_defaults_to_the_port_of_a_nameserver() -> None:
    assert read_address([]) == ("127.0.0.1", 9876)


@pytest.mark.parametrize(
    ("words", "address"),
    [
        (["-n", "ns:1"], ("ns", 1)),
        (["--namesrv-addr=10.0.0.1:9876"], ("10.0.0.1", 9876)),
        (["-n", "[::1]:9876"], ("::1", 9876)),
    ],
)
def test_address_is_read_as_host_and_port(
    words: list[str], address: tuple[str, int]
) -> None:
    assert read_address(words) == address


@pytest.mark.parametrize("text", ["", "ns", ":1", "ns:", "ns:0", "ns:65536", "ns:²"])
def test_address_without_host_or_port_is_a_mistake(text: str) -> None:
    with pytest.raises(OptionsInvalid, match="expected HOST:PORT"):
        read_address(["-n", text])


@pytest.mark.parametrize("text", ["A:1;B:2", "A:1,B:2"])
def test_list_of_addresses_is_a_mistake(text: str) -> None:
    with pytest.raises(OptionsInvalid) as caught:
        read_address(["-n", text])
    assert caught.value.mistakes == (
        f"demo-broker -n is {text!r}, expected one address: the demo broker registers"
        " at one NameServer",
    )


def test_address_that_is_given_twice_is_a_mistake() -> None:
    with pytest.raises(OptionsInvalid, match="-n is given twice, expected one address"):
        read_address(["-n", "ns:1", "--namesrv-addr=ns:1"])


def test_unknown_word_is_a_mistake(capsys: Capture) -> None:
    (line,) = refused(capsys, "demo-broker", "--port", "1")
    assert line == ("demo-broker has no flag '--port'; expected -n HOST:PORT or --help")


def test_help_of_demo_broker_names_its_flag(capsys: Capture) -> None:
    assert main(["demo-broker", "--help"]) == 0
    assert capsys.readouterr().out.startswith(
        "Usage: namesrv demo-broker [-n HOST:PORT]"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_unregisters_the_demo_broker_and_ends_with_0(
    real_server: ServerThread, number: int
) -> None:
    host, port = real_server.address
    process = subprocess.Popen(
        [sys.executable, "-m", "namesrv", "demo-broker", "-n", f"{host}:{port}"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            if "Ctrl-C unregisters it" in line:
                os.kill(process.pid, number)
                break
        assert lines.read() == "unregistered demo-broker\n"
    assert process.wait(30) == 0
    assert route_code(real_server) == 17
