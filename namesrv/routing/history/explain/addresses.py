"""Addresses that other machines cannot reach, by the host in them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Final

_BRIDGES: Final = IPv4Network("172.17.0.0/16")
"""The network of Docker's default bridge."""
_SHARED_NAMES: Final = frozenset(("localhost", "localhost.localdomain"))

_LONGEST_IP: Final = 45
"""Characters of the longest IPv6 address."""

Host = IPv4Address | IPv6Address


def host_of(address: str) -> str:
    """The host of `host:port`; an IPv6 address may stand in brackets."""
    host = address.rpartition(":")[0] if ":" in address else address
    return host.removeprefix("[").removesuffix("]").partition("%")[0]


def flaw(address: str) -> str:
    """The reason for which other machines cannot reach an address; empty for none:
    "loopback", "unspecified", "link-local", "bridge", or "nothing" without a host."""
    host = host_of(address)
    if not host or ":" not in address:
        return "nothing"
    if host.lower() in _SHARED_NAMES:
        return "loopback"
    ip = _ip(host)
    if ip is None:
        return ""
    if ip.is_loopback:
        return "loopback"
    if ip.is_unspecified:
        return "unspecified"
    if ip.is_link_local:
        return "link-local"
    if isinstance(ip, IPv4Address) and ip in _BRIDGES:
        return "bridge"
    return ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    ip = _ip(host)
    return ip is not None and ip.is_loopback


def differs(address: str, peer_host: str) -> bool:
    """Whether a broker announces another address than it connects from. One that
    connects from this machine may have any address of it."""
    announced, seen = _ip(host_of(address)), _ip(peer_host)
    if announced is None or seen is None or seen.is_loopback:
        return False
    return announced != seen


def _ip(host: str) -> Host | None:
    """The address without a name; an IPv4 address may be inside an IPv6 address."""
    if len(host) > _LONGEST_IP:
        return None
    try:
        ip = ip_address(host)
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return mapped or ip
