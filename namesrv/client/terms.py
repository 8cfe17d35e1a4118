"""The terms of a client: its time limits, its identity and its use of TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from namesrv.errors import OptionsInvalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext

    from namesrv.client.credentials import Credentials

TIMEOUT_SECONDS: Final = 5.0
_NO_PASS: Final = ""
"""Without it OpenSSL would ask for the password of a key on the terminal."""


class Tls:
    """How the certificate of a server is checked.

    `ca_file` holds the trusted authorities (the system's without it); `name` is the
    expected host name if it is not that of the address; `is_trusting` accepts every
    certificate. `own_file` has the client's own certificate, with its key there or in
    `key_file`.
    """

    __slots__ = ("_context", "ca_file", "is_trusting", "key_file", "name", "own_file")

    def __init__(
        self,
        ca_file: str | None = None,
        name: str | None = None,
        own_file: str | None = None,
        key_file: str | None = None,
        *,
        trusting: bool = False,
    ) -> None:
        self.ca_file = ca_file
        self.name = name
        self.own_file = own_file
        self.key_file = key_file
        self.is_trusting = trusting
        self._context: SSLContext | None = None

    def context(self) -> SSLContext:
        """The context, made once. Raises OptionsInvalid if a file cannot be used."""
        if self._context is None:
            self._context = self._made()
        return self._context

    def _made(self) -> SSLContext:
        import ssl  # noqa: PLC0415

        context = ssl.create_default_context()
        if self.ca_file is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            _load(
                f"--tls-ca {self.ca_file}", context.load_verify_locations, self.ca_file
            )
        if self.own_file is not None:
            name = f"--tls-cert {self.own_file}"
            _load(name, context.load_cert_chain, self.own_file, self.key_file, _NO_PASS)
        if self.is_trusting:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _load(name: str, load: Callable[..., None], *arguments: object) -> None:
    """Load a file of PEM. Raises OptionsInvalid."""
    import ssl  # noqa: PLC0415

    try:
        load(*arguments)
    except ssl.SSLError:
        reason = "expected PEM, and a certificate with its own key"
    except OSError as error:
        reason = error.strerror or "no reason is known"
    else:
        return
    raise OptionsInvalid([f"{name} cannot be used: {reason}"])


class Terms:
    """How long a request may take, its signature, and TLS (None: without).

    With `bounds_diagnosis` the time-out bounds also the question which other protocol
    is spoken at a server that gives no answer.
    """

    __slots__ = ("bounds_diagnosis", "credentials", "timeout_seconds", "tls")

    def __init__(
        self,
        timeout_seconds: float = TIMEOUT_SECONDS,
        credentials: Credentials | None = None,
        tls: Tls | None = None,
        *,
        bounds_diagnosis: bool = False,
    ) -> None:
        self.bounds_diagnosis = bounds_diagnosis
        self.timeout_seconds = timeout_seconds
        self.credentials = credentials
        self.tls = tls
