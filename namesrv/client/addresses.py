"""Addresses of NameServers, as `-n` and NAMESRV_ADDR have them: `host:port;...`."""

from typing import Final, NamedTuple

from namesrv.errors import OptionsInvalid

DEFAULT_PORT: Final = 9876
DEFAULT_ADDRESSES: Final = f"127.0.0.1:{DEFAULT_PORT}"
MOST_ADDRESSES: Final = 100


class Address(NamedTuple):
    """Host (a name or an IP address without brackets) and port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def read_addresses(text: str, source: str) -> list[Address]:
    """The addresses of a list that semicolons or commas separate, each once.

    A missing port is 9876. Raises OptionsInvalid; `source` is the flag or the variable
    that has the text.
    """
    parts = [part.strip() for part in text.replace(",", ";").split(";")]
    found = [_address(part, source) for part in parts if part]
    if not found:
        raise OptionsInvalid(
            [f"{source} is empty, expected HOST:PORT such as 127.0.0.1:9876"]
        )
    if len(found) > MOST_ADDRESSES:
        raise OptionsInvalid(
            [f"{source} has {len(found)} addresses, the limit is {MOST_ADDRESSES}"]
        )
    return list(dict.fromkeys(found))


def _address(text: str, source: str) -> Address:
    host, port = _split(text)
    is_port = port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536
    is_host = host and not any(char in host for char in "/@[] ") and host.isprintable()
    if not is_port or not is_host:
        raise OptionsInvalid(
            [f"{source} has {text!r}, expected HOST:PORT such as 127.0.0.1:9876"]
        )
    return Address(host, int(port))


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not port:
            return host if bracket else "", str(DEFAULT_PORT)
        return host, port.removeprefix(":") if port.startswith(":") else ""
    if text.count(":") > 1:
        # An IPv6 address without brackets has no port.
        return text, str(DEFAULT_PORT)
    host, colon, port = text.partition(":")
    return host, port if colon else str(DEFAULT_PORT)
