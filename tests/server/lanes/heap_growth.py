"""How much each heap of the process grows while a lane keeps parts of frames: run by
itself, as `python -m tests.server.lanes.heap_growth`. Prints the bytes, those of the
heap of the main thread first.
"""

import ctypes
import re
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

from namesrv._impl import Lanes
from namesrv.testing.peer import Peer, lookup, wait_until
from namesrv.testing.twins import load_twin
from tests.hot_path import lone_connection

KEPT = 400
PART_BYTES = 1500
_LARGE_BYTES = 4096
"""Too much for the memory that Python keeps for small objects."""
_COUNTS = re.compile(
    r'<heap nr="\d+">.*?<total type="fast" count="\d+" size="(\d+)"/>'
    r'\s*<total type="rest" count="\d+" size="(\d+)"/>'
    r'\s*<system type="current" size="(\d+)"/>',
    re.DOTALL,
)


def used_bytes() -> list[int]:
    """Bytes in use of each heap of the C library, which is glibc."""
    library = ctypes.CDLL(None)
    library.fopen.restype = ctypes.c_void_p
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "heaps.xml"
        file = ctypes.c_void_p(library.fopen(str(path).encode(), b"w"))
        library.malloc_info(0, file)
        library.fclose(file)
        found = _COUNTS.findall(path.read_text())
    return [int(now) - int(fast) - int(rest) for fast, rest, now in found]


def keep_a_heap(has_memory: threading.Event, end: threading.Event) -> None:
    """Have memory, as threads that write files: the heap of this one is not free."""
    kept = bytearray(_LARGE_BYTES)
    has_memory.set()
    end.wait()
    kept.clear()


def main() -> None:
    """Keep, and print."""
    has_memory, end = threading.Event(), threading.Event()
    events = has_memory, end
    threading.Thread(target=keep_a_heap, args=events, daemon=True).start()
    has_memory.wait()
    assert Lanes is not None
    lanes = Lanes(lone_connection.Peer(load_twin("fast")).path, 1)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    lanes.start([listener.fileno()])
    part = lookup("T" * PART_BYTES)[:PART_BYTES]
    before = used_bytes()
    peers = [Peer(listener.getsockname()) for _ in range(KEPT)]
    for peer in peers:
        peer.send(part)
    wait_until(lambda: given_parts(lanes) == KEPT)
    after = used_bytes()
    lanes.stop()
    end.set()
    before += [0] * (len(after) - len(before))
    print(*(now - then for now, then in zip(after, before, strict=True)))


def given_parts(lanes: Any) -> int:
    """Connections of which a lane has kept a part of a frame, the ones included that it
    gave to the loop after a second."""
    census = lanes.census()
    kept = sum(bool(facts[2]) for _, facts in census.rows(0, len(census)))
    return kept + int(lanes.counts()[1])


if __name__ == "__main__":
    main()
