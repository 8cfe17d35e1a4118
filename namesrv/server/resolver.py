"""Host names to addresses, in threads that hold nobody up.

The event loops have resolvers of their own, which are waited for when the process ends:
one broker with a name that no DNS server answers would take ten seconds of it.
"""

import asyncio
import contextlib
import socket
import threading
from ipaddress import ip_address


async def resolve(host: str, port: int) -> str:
    """The first address of `host`, which may be one already.

    Raises OSError and ValueError, as `getaddrinfo` does.
    """
    with contextlib.suppress(ValueError):
        return str(ip_address(host))
    loop = asyncio.get_running_loop()
    found: asyncio.Future[str] = loop.create_future()

    def tell(address: str, error: Exception | None) -> None:
        if found.done():
            return
        if error is None:
            found.set_result(address)
        else:
            found.set_exception(error)

    def look_up() -> None:
        address, failed = "", None
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            address = str(infos[0][4][0])
        except Exception as error:
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, address, failed)

    try:
        threading.Thread(target=look_up, name="namesrv-resolver", daemon=True).start()
    except RuntimeError as error:  # there are as many threads as may be
        raise OSError(str(error)) from None
    return await found
