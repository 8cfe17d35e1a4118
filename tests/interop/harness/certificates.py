"""Certificates that the openssl command makes: an authority and its clients."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.fetch import Peers

DAYS = "2"
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


@dataclass(frozen=True)
class Identity:
    """PEM files; the key is as Java wants it, PKCS#8."""

    certificate: Path
    key: Path
    password: str = ""


class Authority:
    """Signs certificates with a key that dies with the test's folder."""

    def __init__(self, folder: Path, peers: Peers, name: str) -> None:
        self._folder = folder
        self._openssl = peers.openssl
        self._name = name
        self.certificate = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        self._run(
            *("req", "-x509", *NEW_KEY, "-nodes", "-days", DAYS),
            *("-subj", f"/CN={name}"),
            *("-keyout", str(self._key), "-out", str(self.certificate)),
        )

    def identity(self, name: str, password: str = "") -> Identity:
        """A new key, encrypted if there is a password, and its certificate."""
        certificate = self._folder / f"{self._name}-{name}.pem"
        key = self._folder / f"{self._name}-{name}.key"
        request = self._folder / f"{self._name}-{name}.csr"
        self._run(
            *("req", "-new", *NEW_KEY, "-subj", f"/CN={name}"),
            *(("-passout", f"pass:{password}") if password else ("-nodes",)),
            *("-keyout", str(key), "-out", str(request)),
        )
        self._run(
            *("x509", "-req", "-in", str(request), "-days", DAYS),
            *("-CA", str(self.certificate), "-CAkey", str(self._key)),
            *("-CAcreateserial", "-out", str(certificate)),
        )
        return Identity(certificate, key, password)

    def _run(self, *words: str) -> None:
        subprocess.run([self._openssl, *words], check=True, capture_output=True)
