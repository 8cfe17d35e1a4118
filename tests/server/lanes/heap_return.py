"""How much memory that the process has freed is still its own after lanes have started:
run by itself, as `python -m tests.server.lanes.heap_return`. Prints the bytes that it
freed, and by how many its memory shrank when lanes started.
"""

import socket
from pathlib import Path

from namesrv._impl import Lanes
from namesrv.testing.twins import load_twin
from tests.hot_path import lone_connection

_BLOCKS = 1000
_BLOCK_BYTES = 20_000
"""Too little for the C library to map it by itself."""


def anonymous_bytes() -> int:
    """Memory of the process that is no file's."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("Linux does not say how much memory is anonymous")


def main() -> None:
    """Free, start, and print."""
    assert Lanes is not None
    lanes = Lanes(lone_connection.Peer(load_twin("fast")).path, 1)
    blocks = [bytearray(_BLOCK_BYTES) for _ in range(_BLOCKS)]
    # The last one keeps the end of the heap where it is.
    del blocks[:-1]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        before = anonymous_bytes()
        lanes.start([listener.fileno()])
        after = anonymous_bytes()
        lanes.stop()
    print((_BLOCKS - 1) * _BLOCK_BYTES, before - after)


if __name__ == "__main__":
    main()
