"""A throw-away certificate for test mode, signed by its own key.

Source: `TlsHelper#buildSslContext`, where Netty makes one. Only this module needs the
library `cryptography`, so it imports it when a certificate is needed.
"""

import datetime
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Final

_HOST: Final = "localhost"
_ADDRESSES: Final = ("127.0.0.1", "::1")
_FIRST_DAY: Final = datetime.datetime(2000, 1, 1)
_LAST_DAY: Final = datetime.datetime(9999, 12, 31)


def load_throw_away_certificate(context: ssl.SSLContext) -> None:
    """Load a new key and its certificate into `context`.

    OpenSSL reads them from paths only. A pipe has a path and leaves no trace on a disk;
    key and certificate are far smaller than its buffer. Raises ImportError without
    `cryptography`, and OSError without /dev/fd.
    """
    key, certificate = make_throw_away_certificate()
    with _readable(certificate) as cert_path, _readable(key) as key_path:
        context.load_cert_chain(cert_path, key_path)


@contextmanager
def _readable(data: bytes) -> Iterator[str]:
    """A path from which `data` can be read once."""
    read_end, write_end = os.pipe()
    try:
        with open(write_end, "wb") as pipe:
            pipe.write(data)
        yield f"/dev/fd/{read_end}"
    finally:
        os.close(read_end)


def make_throw_away_certificate() -> tuple[bytes, bytes]:
    """A new private key and its certificate, each in PEM. Raises ImportError."""
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
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)
