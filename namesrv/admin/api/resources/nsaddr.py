"""`/rocketmq/nsaddr`: the addresses of NameServers, for clients that ask HTTP for them.

Source: `TopAddressing#fetchNSAddr`, protocol.md section 7.2.
"""

from ipaddress import ip_address
from typing import Annotated, Final

from msgspec import Meta, Struct

from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.http.messages import Access, HttpAnswer
from namesrv.errors import HttpRefused
from namesrv.options import Options

_TEXT: Final = "text/plain"


class AddressParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """The query of a client."""

    nofix: Annotated[
        str, Meta(description="clients with a unit send 1; it has no effect")
    ] = ""


class UnitParameters(AddressParameters, kw_only=True):
    """The unit of a client."""

    unit: Annotated[
        str, Meta(description="unit of the client; the addresses are the same")
    ]


def get_addresses(call: Call) -> HttpAnswer:
    """The addresses as `host:port;host:port`. A client that gets no 200 keeps those
    that it has."""
    addresses = _advertised(call.inside.options)
    if not addresses:
        raise HttpRefused(
            404,
            "this server does not know the address under which clients reach it: set"
            " advertise=host:port;host:port",
        )
    if call.inside.state.draining:
        # The first address is that of this server.
        addresses = addresses[1:]
    if not addresses:
        raise HttpRefused(503, "this server is shutting down and knows no other one")
    body = ";".join(addresses).encode("utf-8", "replace")
    return HttpAnswer(200, body, _TEXT)


def _advertised(options: Options) -> list[str]:
    """The addresses of the option; without it those that the server is bound to, if
    they and the port are fixed."""
    parts = (part.strip() for part in options.advertise.split(";"))
    advertised = [part for part in parts if part]
    if advertised or not options.listen_port:
        return advertised
    hosts = [_host(address) for address in options.bind_addresses]
    if not all(hosts):
        return []
    return [f"{host}:{options.listen_port}" for host in hosts]


def _host(address: str) -> str:
    """A bound address as a client writes it; empty for one that means all."""
    try:
        host = ip_address(address)
    except ValueError:
        return ""
    if host.is_unspecified:
        return ""
    return f"[{host}]" if host.version == 6 else str(host)


ENDPOINTS = tuple(
    Endpoint(
        "GET",
        path,
        "Addresses of NameServers, as clients of RocketMQ ask for them",
        get_addresses,
        access=Access.HEALTH,
        parameters=parameters,
        errors=(404, 503),
        produces=_TEXT,
    )
    for path, parameters in (
        ("/rocketmq/nsaddr", AddressParameters),
        ("/rocketmq/nsaddr-{unit}", UnitParameters),
    )
)
