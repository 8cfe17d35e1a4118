"""Free ports of loopback, below the range that the kernel hands out by itself."""

import random
import socket

LOWEST, HIGHEST = 20_000, 32_000

_taken: set[int] = set()


def free_port(offsets: tuple[int, ...] = (0,)) -> int:
    """A port P where every P + offset is free, and not given away before.

    A broker needs (-2, 0, 1): its fast port, its port and its HA port.
    """
    while True:
        port = random.randrange(LOWEST, HIGHEST)
        wanted = {port + offset for offset in offsets}
        if not wanted & _taken and all(map(_is_free, wanted)):
            _taken.update(wanted)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
