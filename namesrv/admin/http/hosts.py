"""The names under which this server may be addressed in a Host header.

A page of a foreign site can have a browser connect here under the site's own name
(DNS rebinding), and then read the answers. It cannot do so under an address or one of
our names.
"""

import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

_AUTHORITY: Final = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._~-]+)?\]|[A-Za-z0-9._~-]*)"
    r"(?::(?P<port>[0-9]{0,5}))?"
)
_THIS_MACHINE: Final = "localhost"


@lru_cache(maxsize=64)
def is_authority(text: str) -> bool:
    """Whether a text can be a host with or without a port."""
    return _AUTHORITY.fullmatch(text) is not None


def host_of(authority: str) -> str:
    """The host of an authority, in lower case, without brackets or a dot at its end."""
    match = _AUTHORITY.fullmatch(authority)
    host = "" if match is None else match["host"]
    return host.strip("[]").lower().removesuffix(".")


def own_names() -> frozenset[str]:
    """The names of this machine; nobody is asked for them."""
    name = socket.gethostname().lower()
    return frozenset((_THIS_MACHINE, name, name.partition(".")[0]))


def names_in(option: str) -> frozenset[str]:
    """The names of `httpHosts`."""
    return frozenset(map(host_of, map(str.strip, option.split(",")))) - {""}


def is_ours(authority: str, *names: Iterable[str]) -> bool:
    """Whether it is an address, or among our names."""
    host = host_of(authority)
    if any(host in known for known in names):
        return True
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
