"""Which event loop runs the server: the option `loop`."""

import asyncio
from collections.abc import Callable
from typing import Any

from namesrv.errors import StartFailed


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Makes the loop; auto is uvloop where it is installed. Raises StartFailed."""
    if name == "asyncio":
        return asyncio.new_event_loop
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        if name == "uvloop":
            raise StartFailed(
                "loop is uvloop, which is not installed: install it, or choose "
                "--loop asyncio"
            ) from None
        return asyncio.new_event_loop
    factory: Callable[[], Any] = uvloop.new_event_loop
    return factory
