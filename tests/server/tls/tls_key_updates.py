"""KeyUpdate messages of TLS 1.3, which Python's ssl cannot send (RFC 8446, 4.6.3)."""

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_IV_BYTES = 12
_SECRET_BYTES = 48
_TAG_BYTES = 16
_MESSAGE = b"\x18\x00\x00\x01\x00"
"""KeyUpdate, without asking for one in return."""
_HANDSHAKE = b"\x16"


def client_secret(key_log: Path) -> bytes:
    """What a client with TLS_AES_256_GCM_SHA384 begins to encrypt data with."""
    for line in key_log.read_text().splitlines():
        if line.startswith("CLIENT_TRAFFIC_SECRET_0 "):
            secret = bytes.fromhex(line.split()[2])
            assert len(secret) == _SECRET_BYTES
            return secret
    raise AssertionError("the log has no secret of the client")


def key_updates(secret: bytes) -> Iterator[bytes]:
    """Records, each with a KeyUpdate, of a client that has sent no data before."""
    while True:
        key = _expand(secret, b"key", _KEY_BYTES)
        # The first record under a key has number 0, which leaves the IV as it is.
        nonce = _expand(secret, b"iv", _IV_BYTES)
        size = len(_MESSAGE) + len(_HANDSHAKE) + _TAG_BYTES
        header = b"\x17\x03\x03" + size.to_bytes(2)
        yield header + AESGCM(key).encrypt(nonce, _MESSAGE + _HANDSHAKE, header)
        secret = _expand(secret, b"traffic upd", _SECRET_BYTES)


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label with an empty context; one block is enough here."""
    label = b"tls13 " + label
    info = size.to_bytes(2) + bytes([len(label)]) + label + b"\x00"
    return hmac.digest(secret, info + b"\x01", hashlib.sha384)[:size]
