"""A gate over files that a test replaces, and what it logs."""

from typing import Any

from cryptography import x509

from namesrv.options import Options
from namesrv.server.tls.gate import CHECK_MILLIS, TlsGate
from namesrv.server.tls.layer import TlsLayer
from tests.server.loop_free_server import RecordedLog
from tests.server.tls.tls_peer import Identity, TlsClient, client_context

LOADED = "TLS certificate loaded"
REPLACED = "TLS certificate reloaded"
REFUSED = "cannot load the TLS files, TLS connections are refused"
KEPT = "cannot reload the TLS files, the old certificate stays in use"


class Files:
    """A gate over files that the test replaces, and a clock that it moves."""

    def __init__(self, identity: Identity, **options: Any) -> None:
        self.identity = identity
        self.log = RecordedLog()
        self.options = Options(
            tls_server_cert_path=identity.cert_path,
            tls_server_key_path=identity.key_path,
            tls_server_key_password=identity.password,
            **options,
        )
        self.gate = TlsGate(self.options, self.log)
        self.now_ms = 0

    def check(self, times: int = 2) -> None:
        """As the tick does."""
        for _ in range(times):
            self.now_ms += CHECK_MILLIS
            self.gate.check_files(self.now_ms)

    def shown(self) -> int:
        """The serial number of the certificate that a new connection gets."""
        return shown_by(self.gate)

    def events(self) -> list[str]:
        """What was logged."""
        return [line.event for line in self.log.lines]


def shown_by(gate: TlsGate) -> int:
    """The serial number of the certificate that a new connection gets."""
    layer = TlsLayer(gate.admit_tls())
    client = TlsClient(client_context())
    layer.receive(client.start())
    to_send, _ = client.receive(layer.take_output())
    layer.receive(to_send)
    client.receive(layer.take_output())
    shown = client.object.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number
