"""A throw-away certificate for test mode, signed by its own key.

Source: `TlsHelper#buildSslContext`, which has Netty make one. Nothing else needs the
library `cryptography`, so that it is imported when a certificate is asked for.
"""

import datetime
import os
import ssl
import tempfile
from ipaddress import ip_address
from typing import Final

_HOST: Final = "localhost"
_ADDRESSES: Final = ("127.0.0.1", "::1")
_FIRST_DAY: Final = datetime.datetime(2000, 1, 1)
_LAST_DAY: Final = datetime.datetime(9999, 12, 31)


def load_throw_away_certificate(context: ssl.SSLContext) -> None:
    """Make a key and a certificate of it, and have `context` use them.

    Raises ImportError without `cryptography`, and OSError when there is no place for
    the file through which OpenSSL takes them; it is gone afterwards.
    """
    pem = make_throw_away_certificate()
    descriptor, path = tempfile.mkstemp(prefix="namesrv-", suffix=".pem")
    try:
        with open(descriptor, "wb") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)


def make_throw_away_certificate() -> bytes:
    """A new private key and its certificate, in PEM. Raises ImportError."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _HOST)])
    names = [x509.DNSName(_HOST), *map(x509.IPAddress, map(ip_address, _ADDRESSES))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FIRST_DAY)
        .not_valid_after(_LAST_DAY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
