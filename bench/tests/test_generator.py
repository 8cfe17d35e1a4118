"""The load generator believes nothing: a wrong answer is a failure, not a fast one."""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.driver.client import HOST, OPAQUE
from bench.driver.frame_file import write_frames
from bench.driver.places import LOAD_SOURCES
from namesrv.testing.peer import Answer, frame, lookup, request, take_frame

Fault = Callable[[bytes], bytes]

BODY = b'{"brokerDatas":[]}'
REQUEST = lookup("Topic-00001", OPAQUE)
HEARTBEAT = request(904, {"brokerAddr": "10.0.0.1:10911"}, opaque=OPAQUE)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the compiled generators."""
    folder = tmp_path_factory.mktemp("programs")
    compile_all = ["make", "-s", "-C", str(LOAD_SOURCES), f"OUT={folder}"]
    subprocess.run(compile_all, check=True)
    return folder


def answer(opaque: int, code: int = 0, body: bytes = BODY) -> bytes:
    header = f'{{"code":{code},"flag":1,"opaque":{opaque},"version":479}}'.encode()
    return frame(header, body)


@contextmanager
def server(respond: Fault) -> Iterator[int]:
    """Answers each request with `respond(request)`, one write per read; its port."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=talk, args=(connection,)).start()
            except OSError:
                return

        def talk(connection: socket.socket) -> None:
            data = bytearray()
            with connection:
                while True:
                    try:
                        piece = connection.recv(1 << 16)
                    except OSError:
                        return
                    if not piece:
                        return
                    data += piece
                    output = take(data)
                    if output == b"":
                        continue
                    if b"close" in output:
                        return
                    connection.sendall(output)

        def take(data: bytearray) -> bytes:
            output = b""
            while (one := take_frame(data)) is not None:
                output += respond(one)
            return output

        threading.Thread(target=serve).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def opaque_of(request: bytes) -> int:
    return Answer(request).opaque


def run(programs: Path, port: int, frames: Path, *words: str) -> tuple[int, Any]:
    command = [str(programs / "load"), "--port", str(port), "--requests", str(frames)]
    command += ["--seconds", "0.2", "--sample", "1", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    path = tmp_path / "frames"
    write_frames(path, [(REQUEST, answer(OPAQUE))])
    return path


def test_right_answers_count(programs: Path, frames: Path) -> None:
    with server(lambda request: answer(opaque_of(request))) as port:
        sizes = ("--connections", "3", "--pipeline", "4")
        code, result = run(programs, port, frames, *sizes)
    assert code == 0 and result["failure"] is None
    assert result["requests"] > 0 and result["compared"] >= result["requests"]
    assert 0 < result["p50_us"] <= result["p99_us"] <= result["max_us"]


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        (lambda r: answer(opaque_of(r), code=1), "before the opaque"),
        (lambda r: answer(opaque_of(r), code=17), "another length"),
        (lambda r: answer(opaque_of(r), body=BODY[:-1] + b"!"), "after the opaque"),
        (lambda r: answer(opaque_of(r), body=b""), "another length"),
        (lambda r: answer(opaque_of(r) + 1), "nobody waits for"),
        (lambda r: answer(opaque_of(r)) * 2, "nobody waits for"),
        (lambda r: b"close", "closed a connection"),
    ],
)
def test_a_wrong_answer_is_a_failure(
    respond: Fault, reason: str, programs: Path, frames: Path
) -> None:
    with server(respond) as port:
        code, result = run(programs, port, frames, "--connections", "2")
    assert code == 1 and result["failures"] == 1
    assert reason in result["failure"]


def test_answers_may_come_in_another_order(programs: Path, frames: Path) -> None:
    kept: list[bytes] = []

    def respond(request: bytes) -> bytes:
        kept.append(answer(opaque_of(request)))
        if len(kept) < 4:
            return b""
        output = b"".join(reversed(kept))
        kept.clear()
        return output

    with server(respond) as port:
        code, result = run(programs, port, frames, "--pipeline", "64")
    assert code == 0 and result["failure"] is None
    assert result["requests"] > 0


def test_heartbeats_are_mixed_in(programs: Path, frames: Path, tmp_path: Path) -> None:
    seen: list[bool] = []

    def respond(request: bytes) -> bytes:
        seen.append(b'"code":904' in request)
        return answer(opaque_of(request))

    heartbeats = tmp_path / "heartbeats"
    write_frames(heartbeats, [(HEARTBEAT, answer(OPAQUE))])
    words = ("--heartbeats", str(heartbeats), "--heartbeat-percent", "25")
    with server(respond) as port:
        code, result = run(programs, port, frames, *words)
    assert code == 0 and result["heartbeats"] > 0
    assert abs(sum(seen) - len(seen) / 4) <= 1


def test_one_way_heartbeats_are_not_waited_for(
    programs: Path, frames: Path, tmp_path: Path
) -> None:
    def respond(request: bytes) -> bytes:
        return b"" if b'"code":904' in request else answer(opaque_of(request))

    heartbeats = tmp_path / "heartbeats"
    write_frames(heartbeats, [(HEARTBEAT, b"")])
    words = ("--heartbeats", str(heartbeats), "--heartbeat-percent", "50")
    with server(respond) as port:
        code, result = run(programs, port, frames, *words)
    assert code == 0 and result["requests"] > 0
    assert result["oneway"] == result["heartbeats"] > 0


def test_the_c_echo_is_right(programs: Path, frames: Path) -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    echo = subprocess.Popen([str(programs / "echo"), str(port), str(frames)])
    try:
        for _ in range(100):
            try:
                socket.create_connection((HOST, port)).close()
                break
            except OSError:
                os.sched_yield()
                threading.Event().wait(0.02)
        sizes = ("--connections", "5", "--pipeline", "16")
        code, result = run(programs, port, frames, *sizes)
    finally:
        echo.kill()
        echo.wait()
    assert code == 0 and result["requests"] > 0


def test_a_file_that_holds_no_frames_is_refused(programs: Path, tmp_path: Path) -> None:
    path = tmp_path / "frames"
    path.write_bytes(b"NSFRAME1" + (1).to_bytes(4, "little"))
    words = [str(programs / "load"), "--port", "1", "--requests", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "ends early" in done.stderr
