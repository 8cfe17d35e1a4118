"""TLS clients of the tests, and the certificates that they and the servers show."""

import datetime
import socket
import ssl
from pathlib import Path
from typing import NamedTuple, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from namesrv.testing.peer import Address, Peer

PrivateKey = EllipticCurvePrivateKey | RSAPrivateKey

_BEGIN = datetime.datetime(2020, 1, 1)
_END = datetime.datetime(2120, 1, 1)


class Identity(NamedTuple):
    """A certificate and its key, in PEM files; `password` opens the key."""

    cert_path: str
    key_path: str
    password: str = ""

    @property
    def serial_number(self) -> int:
        """What tells it from others."""
        text = Path(self.cert_path).read_bytes()
        return x509.load_pem_x509_certificate(text).serial_number

    def replace_by(self, other: "Identity") -> None:
        """Write another's files over these, each at once."""
        for mine, its in zip(self[:2], other[:2], strict=True):
            replace(mine, Path(its).read_bytes())


class Authority:
    """Signs certificates; `cert_path` is its own, for those who trust it."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(name, self._key, True)
        self.cert_path = str(folder / f"{name}.pem")
        Path(self.cert_path).write_bytes(_pem(certificate))

    def identity(
        self, name: str, password: str = "", *, is_weak: bool = False
    ) -> Identity:
        """A new key, and a certificate of it; a weak one is what OpenSSL refuses."""
        key: PrivateKey = ec.generate_private_key(ec.SECP256R1())
        if is_weak:
            key = rsa.generate_private_key(65537, 1024)
        cert_path = self._folder / f"{self._name}-{name}.pem"
        key_path = self._folder / f"{self._name}-{name}.key"
        cert_path.write_bytes(_pem(self._certificate(name, key, False)))
        key_path.write_bytes(_key_pem(key, password))
        return Identity(str(cert_path), str(key_path), password)

    def _certificate(
        self, name: str, key: PrivateKey, is_authority: bool
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(self._name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_BEGIN)
            .not_valid_after(_END)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey, password: str) -> bytes:
    encryption: serialization.KeySerializationEncryption
    encryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password.encode())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def replace(path: str, content: bytes) -> None:
    """Replace a file as deployment tools do."""
    temporary = Path(path + ".new")
    temporary.write_bytes(content)
    temporary.rename(path)


def client_context(
    trusted: str = "",
    identity: Identity | None = None,
    version: ssl.TLSVersion | None = None,
) -> ssl.SSLContext:
    """A client's side; it trusts everybody unless `trusted` is a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusted:
        context.load_verify_locations(trusted)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if identity is not None:
        context.load_cert_chain(identity.cert_path, identity.key_path)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


class TlsClient:
    """The client's side of TLS as a layer of bytes: it can be cut everywhere."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname="localhost"
        )
        self.is_open = False
        self.is_finished = False

    def start(self) -> bytes:
        """The hello."""
        return self.receive(b"")[0]

    def receive(self, data: bytes) -> tuple[bytes, bytes]:
        """What to send on what was received, and what could be decrypted of it."""
        self._incoming.write(data)
        plain = b""
        try:
            if not self.is_open:
                self.object.do_handshake()
                self.is_open = True
            while not self.is_finished:
                piece = self.object.read(1 << 16)
                self.is_finished = not piece
                plain += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.is_finished = True
        return self._outgoing.read(), plain

    def send(self, data: bytes) -> bytes:
        """Encrypt."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.object.write(rest) :]
        return self._outgoing.read()

    def finish(self) -> bytes:
        """close_notify."""
        try:
            self.object.unwrap()
        except ssl.SSLError:
            pass
        return self._outgoing.read()


class TlsSocket:
    """What the tests use of a socket, through TLS; SHUT_WR is close_notify."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        self.plain = plain
        self.client = TlsClient(context)
        self._received = b""
        plain.sendall(self.client.start())
        while not self.client.is_open:
            self._fill()

    def sendall(self, data: bytes) -> None:
        """As a socket's."""
        self.plain.sendall(self.client.send(data))

    def recv(self, size: int) -> bytes:
        """As a socket's; the end is close_notify, and its lack an error."""
        while not self._received and not self.client.is_finished:
            self._fill()
        data, self._received = self._received[:size], self._received[size:]
        return data

    def shutdown(self, how: int) -> None:
        """As a socket's, for SHUT_WR."""
        assert how == socket.SHUT_WR
        self.plain.sendall(self.client.finish())

    def _fill(self) -> None:
        data = self.plain.recv(1 << 16)
        if not data:
            raise ConnectionResetError("the stream ends without close_notify")
        to_send, plain = self.client.receive(data)
        self._received += plain
        if to_send:
            self.plain.sendall(to_send)

    def __getattr__(self, name: str) -> object:
        return getattr(self.plain, name)


class TlsPeer(Peer):
    """A peer that speaks TLS, after a `prefix` that is not encrypted."""

    def __init__(
        self,
        address: Address,
        context: ssl.SSLContext | None = None,
        prefix: bytes = b"",
    ) -> None:
        super().__init__(address)
        if prefix:
            self.socket.sendall(prefix)
        self.plain = self.socket
        try:
            wrapped = TlsSocket(self.plain, context or client_context())
        except BaseException:
            self.plain.close()
            raise
        self.client = wrapped.client
        # It has all that a peer uses of a socket.
        self.socket = cast(socket.socket, wrapped)

    @property
    def serial_number(self) -> int:
        """Which certificate the server shows."""
        shown = self.client.object.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown).serial_number
