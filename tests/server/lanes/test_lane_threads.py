"""Cores and heaps of lanes and of their loop.

These tests need lanes (conftest.py).
"""

import ctypes
import os
import platform
import re
import select
import struct
import subprocess
import sys
import threading

import pytest

from namesrv.codes import RequestCode, ResponseCode
from namesrv.testing.peer import lookup, request, wait_until
from tests.server.lanes import heap_growth, heap_return
from tests.server.lanes.conftest import Serve
from tests.server.lanes.laned_server import LanedServer, thread_names

LANE_NANOS = 100_000
LOOP_NANOS = 20_000_000
_GET_ATTRIBUTES = 315 if platform.machine() == "x86_64" else 275
_ATTRIBUTES = struct.Struct("IIQiIQQQ")
_RUNTIME = 5


def slice_nanos(thread: int) -> int:
    """The slice that a thread has, 0 before Linux 6.12."""
    room = ctypes.create_string_buffer(_ATTRIBUTES.size)
    failed = ctypes.CDLL(None).syscall(
        _GET_ATTRIBUTES, thread, room, _ATTRIBUTES.size, 0
    )
    assert not failed
    return int(_ATTRIBUTES.unpack(room.raw)[_RUNTIME])


def expected(nanos: int) -> int:
    """A slice as this Linux gives it."""
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    assert found
    return nanos if (int(found[1]), int(found[2])) >= (6, 12) else 0


def lane_threads() -> list[int]:
    """The threads of lanes in this process."""
    names = thread_names().items()
    return [thread for thread, name in names if name.startswith("lookup-lane")]


def slice_of_new_thread() -> int:
    """The slice of a thread that this one starts."""
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(slice_nanos(0)))
    thread.start()
    thread.join()
    return found[0]


def loop_slice(server: LanedServer) -> int:
    """The slice of the server's loop."""
    return server.on_loop(lambda: slice_nanos(0))


def test_lanes_go_before_the_loop(serve: Serve) -> None:
    ordinary = slice_nanos(0)
    server = serve(2)
    lanes = lane_threads()
    assert len(lanes) == 2
    # Each takes it when it begins to run.
    wait_until(lambda: {slice_nanos(lane) for lane in lanes} == {expected(LANE_NANOS)})
    assert loop_slice(server) == expected(LOOP_NANOS)
    # As those that write files and logs.
    assert server.on_loop(slice_of_new_thread) == expected(LOOP_NANOS)
    server.on_loop(server.lanes.stop)
    assert loop_slice(server) == ordinary


def test_loop_without_lanes_has_an_ordinary_slice(serve: Serve) -> None:
    assert loop_slice(serve(0)) == slice_nanos(0)


def is_called(server: LanedServer) -> bool:
    """Whether lanes call the loop."""
    assert server.lanes._lanes is not None
    called, _, _ = select.select([server.lanes._lanes.fileno()], [], [], 0)
    return bool(called)


def test_lanes_do_not_call_the_loop_for_samples(serve: Serve) -> None:
    # The loop may take the core of the lane that calls it.
    server = serve()
    with server.peer() as peer:
        with server.stopped_loop():
            assert peer.ask(lookup("Nobody")).code == ResponseCode.TOPIC_NOT_EXIST
            # A lane that called would do so before it reads again.
            assert peer.ask(lookup("Nobody")).code == ResponseCode.TOPIC_NOT_EXIST
            assert not is_called(server)
            peer.send(request(RequestCode.GET_BROKER_CLUSTER_INFO))
            wait_until(lambda: is_called(server))
        missing = server.server.inside.state.missing
        wait_until(lambda: missing.find("Nobody") is not None)


def test_each_lookup_in_vain_counts(serve: Serve) -> None:
    # Each tick wants 8 samples: those of lanes must not be taken for the next eight.
    server = serve()
    ticks, missing = server.server._ticks, server.server.inside.state.missing
    with server.peer() as peer:
        for _ in range(20):
            for _ in range(8):
                assert peer.ask(lookup("Nobody")).code == ResponseCode.TOPIC_NOT_EXIST
            server.on_loop(ticks.tick)
    found = missing.find("Nobody")
    assert found is not None
    assert found.count == pytest.approx(160)


def test_lanes_have_a_heap_of_their_own() -> None:
    # They would wait for the loop, which gives memory back for milliseconds.
    main, *others = printed_by(heap_growth.__name__)
    kept = heap_growth.KEPT * heap_growth.PART_BYTES
    assert max(others) >= kept
    assert main < kept // 4


def test_memory_that_the_start_freed_goes_back_when_lanes_start() -> None:
    freed, given_back = printed_by(heap_return.__name__)
    assert given_back > freed * 0.9


def printed_by(module: str) -> list[int]:
    """The numbers that a module prints in a process of its own, with ordinary heaps."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("GLIBC_TUNABLES", "LD_PRELOAD", "PYTHONMALLOC")
        and not name.startswith("MALLOC_")
    }
    run = subprocess.run(
        [sys.executable, "-m", module],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    return [int(number) for number in run.stdout.split()]
