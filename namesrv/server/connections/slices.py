"""Long answers go to the kernel in slices.

A call that sends 2 MB keeps its core for more than a millisecond. Many kernels let no
other thread have the core before the call ends, not even a lookup lane, which needs it
for microseconds. Between two calls they do.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

# Half as long ones cost a quarter more CPU, for waits that are as short.
SLICE_BYTES: Final = 256 * 1024


def write_slices(transport: "asyncio.WriteTransport", data: bytes) -> None:
    """Send bytes in calls of SLICE_BYTES at most.

    A transport sends at once as much as the socket takes, and keeps the rest.
    """
    view = memoryview(data)
    for start in range(0, len(data), SLICE_BYTES):
        if transport.is_closing():
            return  # a slice before met a broken connection
        transport.write(view[start : start + SLICE_BYTES])
