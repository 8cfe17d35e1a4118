"""A warning about a server on whose port everybody can change routes."""

from collections.abc import Sequence
from ipaddress import ip_address

from namesrv.options import Options
from namesrv.server.logs.life import address_texts


def exposure_warning(
    options: Options, addresses: Sequence[tuple[str, int]]
) -> str | None:
    """The warning; None if access is narrowed or only this machine reaches the port."""
    public = [item for item in addresses if not ip_address(item[0]).is_loopback]
    is_open = "open" in (options.admin_access, options.broker_access)
    if not public or not is_open or _needs_certificate(options):
        return None
    return (
        f"bound to {', '.join(address_texts(public))}: everybody who reaches this port"
        " can change routes; adminAccess and brokerAccess, bindAddress (--bind"
        " 127.0.0.1), a firewall or a network policy narrow who does"
    )


def _needs_certificate(options: Options) -> bool:
    """Whether only peers with a certificate that is checked can connect."""
    return (
        options.tls_server_mode == "enforcing"
        and options.tls_server_need_client_auth == "require"
    )
