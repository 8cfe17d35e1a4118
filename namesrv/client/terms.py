"""The terms of a client: how long it waits, who it is, and whether it uses TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from namesrv.errors import OptionsInvalid

if TYPE_CHECKING:
    from ssl import SSLContext

    from namesrv.client.credentials import Credentials

TIMEOUT_SECONDS: Final = 5.0


class Tls:
    """How the certificate of a server is checked.

    `ca_file` holds the authorities that count (the system's without it); `name` is the
    expected host name if it is not that of the address; `is_trusting` accepts every
    certificate.
    """

    __slots__ = ("_context", "ca_file", "is_trusting", "name")

    def __init__(
        self, ca_file: str | None = None, name: str | None = None, *, trusting: bool
    ) -> None:
        self.ca_file = ca_file
        self.name = name
        self.is_trusting = trusting
        self._context: SSLContext | None = None

    def context(self) -> SSLContext:
        """The context, made once. Raises OptionsInvalid if the file cannot be used."""
        if self._context is None:
            self._context = self._made()
        return self._context

    def _made(self) -> SSLContext:
        import ssl  # noqa: PLC0415

        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror or "it is no file of PEM certificates"
            if isinstance(error, ssl.SSLError):
                reason = "it is no file of PEM certificates"
            raise OptionsInvalid(
                [f"--tls-ca {self.ca_file} cannot be used: {reason}"]
            ) from None
        if self.is_trusting:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Terms:
    """How long a request may take, its signature, and TLS (None: without)."""

    __slots__ = ("credentials", "timeout_seconds", "tls")

    def __init__(
        self,
        timeout_seconds: float = TIMEOUT_SECONDS,
        credentials: Credentials | None = None,
        tls: Tls | None = None,
    ) -> None:
        self.timeout_seconds = timeout_seconds
        self.credentials = credentials
        self.tls = tls
