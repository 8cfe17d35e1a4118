"""Sentences about servers that do not answer: the finding and the remedy."""

from __future__ import annotations

import errno
import math
import os
import socket
from time import monotonic
from typing import TYPE_CHECKING, Final

from namesrv.client.foreign import HTTP, foreign_protocol

if TYPE_CHECKING:
    from namesrv.client.addresses import Address
    from namesrv.client.terms import Terms

_PROBE_SECONDS: Final = 0.5
_FIRST_BYTES: Final = 2048
_HTTP_REQUEST: Final = b"GET / HTTP/1.0\r\n\r\n"


def connect_sentence(address: Address, error: Exception, seconds: float) -> str:
    """About a connection that could not be opened."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return (
            f"the host name {address.host} cannot be resolved; check its spelling, or"
            " give an IP address"
        )
    if isinstance(error, TimeoutError):
        return (
            f"{address} does not accept a connection within {seconds:g} s; check host,"
            " port and firewall, or wait longer with --timeout"
        )
    if isinstance(error, ConnectionRefusedError):
        return (
            f"nothing listens at {address} (connection refused); start a NameServer"
            " there, or name another address with -n HOST:PORT"
        )
    return (
        f"{address} cannot be reached: {_reason(error)}; check host, port and network"
    )


def tls_sentence(address: Address, error: Exception) -> str:
    """About a TLS handshake that failed."""
    import ssl  # noqa: PLC0415

    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {address} is not trusted ({error.verify_message});"
            " name its authority with --tls-ca FILE and its host with --tls-name, or"
            " accept any certificate with --tls-insecure"
        )
    if isinstance(error, ssl.SSLError) and error.reason:
        reason = error.reason.lower().replace("_", " ")
        return (
            f"{address} does not speak TLS, or not with this client ({reason});"
            " try without --tls"
        )
    if isinstance(error, TimeoutError):
        return f"{address} does not finish a TLS handshake in time; try without --tls"
    if isinstance(error, ValueError):
        return f"{address} has no host name that TLS can check; give --tls-name NAME"
    return f"{address} refuses TLS ({_reason(error)}); try without --tls"


def silence_sentence(
    address: Address, error: Exception, terms: Terms, deadline: float
) -> str:
    """About a connection that was open and gave no answer.

    `deadline` is that of the request, in seconds of the monotonic clock.
    """
    if isinstance(error, TimeoutError):
        found = f"{address} accepted the connection and did not answer"
        found += f" within {terms.timeout_seconds:g} s"
        advice = "check the server, or wait longer with --timeout"
    else:
        found = f"{address} closed the connection without an answer"
        advice = "it may be shutting down, full or speak another protocol"
    if terms.tls is not None:
        return f"{found}; {advice}"
    spoken = _probed(address, deadline if terms.bounds_diagnosis else math.inf)
    if spoken == "TLS":
        return f"{found}; it speaks TLS there: try --tls"
    if spoken is not None:
        return f"{found}; it speaks {spoken} there: check the port"
    return f"{found}; {advice}"


def _probed(address: Address, deadline: float) -> str | None:
    """The protocol that is spoken there if it is HTTP or TLS.

    It takes up to two seconds, and ends at the deadline.
    """
    first = _first_answer(address, deadline)
    if first is not None and foreign_protocol(first) == HTTP:
        # A NameServer of this project speaks both protocols on its port.
        return None if b"namesrv" in first.lower() else HTTP
    return "TLS" if _has_tls(address, deadline) else None


def _probe_seconds(deadline: float) -> float:
    """Half of the time that is left: a probe waits twice. Raises TimeoutError."""
    seconds = (deadline - monotonic()) / 2
    if seconds <= 0:
        raise TimeoutError
    return min(seconds, _PROBE_SECONDS)


def _first_answer(address: Address, deadline: float) -> bytes | None:
    try:
        with socket.create_connection(address, _probe_seconds(deadline)) as probe:
            probe.sendall(_HTTP_REQUEST)
            return probe.recv(_FIRST_BYTES) or None
    except OSError:
        return None


def _has_tls(address: Address, deadline: float) -> bool:
    try:
        with socket.create_connection(address, _probe_seconds(deadline)) as probe:
            return _shakes_hands(probe)
    except (OSError, ValueError):
        return False


def _shakes_hands(probe: socket.socket) -> bool:
    """Whether TLS begins there. Raises OSError and ValueError if it does not."""
    import ssl  # noqa: PLC0415

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(probe):
        return True


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number in errno.errorcode:
        return os.strerror(number).lower()
    return str(error) or "no reason is known"
