"""Who may do what, over real sockets: addresses, signatures, the audit log, secrets."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import StartFailed
from namesrv.testing.peer import (
    Broker,
    Peer,
    lookup,
    put_kv,
    registration_body,
    request,
    signed,
)
from tests.server.server_process import ServerProcess
from tests.server.server_thread import LOOPS, ServerThread, local_options

REFUSED = 16
SECRET = "S3CRET-of-ops"
V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
BROKER = {
    "brokerName": "broker-a",
    "brokerAddr": "10.0.0.1:10911",
    "clusterName": "c1",
    "brokerId": "0",
}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A file with one key."""
    path = tmp_path / "access.keys"
    path.touch(0o600)
    path.write_text(f"ops={SECRET}\n")
    return path


def code_after(address: tuple[str, int], first: bytes) -> int:
    """The code of an admin's request that comes after `first`."""
    with Peer(address) as peer:
        peer.send(first)
        return peer.ask(put_kv("n", "k", "v")).code


@pytest.mark.parametrize("loop_name", LOOPS)
def test_loopback_is_the_sockets_and_the_proxys_word(
    tmp_path: Path, loop_name: str
) -> None:
    options = local_options(tmp_path, admin_access="loopback")
    with ServerThread(options, loop_name) as server:
        for first, allowed in (
            (b"", True),
            (b"PROXY TCP4 127.0.0.1 10.0.0.2 4321 9876\r\n", True),
            (b"PROXY TCP6 ::1 ::2 4321 9876\r\n", True),
            (b"PROXY TCP6 ::ffff:127.0.0.1 ::2 4321 9876\r\n", True),
            (b"PROXY TCP4 192.0.2.7 10.0.0.2 4321 9876\r\n", False),
            (b"PROXY TCP6 2001:db8::7 ::2 4321 9876\r\n", False),
            # A proxy that names no client does not make it one of this machine.
            (b"PROXY UNKNOWN\r\n", False),
            (b"PROXY UNKNOWN 127.0.0.1 127.0.0.1 1 2\r\n", False),
            (V2_SIGNATURE + b"\x20\x00\x00\x00", False),
            (V2_SIGNATURE + b"\x21\x00\x00\x00", False),
            (V2_SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216), False),
            (V2_SIGNATURE + b"\x20\x11\x00\x0c" + b"\x7f\0\0\1" + bytes(8), False),
            (
                V2_SIGNATURE + b"\x21\x11\x00\x0c" + bytes([192, 0, 2, 7]) + bytes(8),
                False,
            ),
        ):
            code = code_after(server.address, first)
            assert code == (0 if allowed else REFUSED), first


def test_ipv6_loopback(tmp_path: Path) -> None:
    options = local_options(tmp_path, admin_access="loopback", bind_address="::1")
    with ServerThread(options) as server:
        assert code_after(server.address, b"") == 0


def test_signed_server_serves_who_signs(tmp_path: Path, keys: Path) -> None:
    options = local_options(
        tmp_path,
        admin_access="signed",
        broker_access="signed",
        access_keys_file=str(keys),
    )
    body = registration_body()
    right = request(103, signed(BROKER, body, secret=SECRET), body)
    with ServerThread(options) as server, server.peer() as peer:
        unsigned = Broker(addr="10.0.0.1:10911").registration({"T1": 4, "T2": 4})
        assert peer.ask(unsigned).code == REFUSED
        assert peer.ask(lookup("T1")).code == 17
        assert peer.ask(right).code == 0
        assert peer.ask(lookup("T1")).code == 0
        assert peer.ask(request(904, BROKER)).code == REFUSED
        assert peer.ask(request(904, signed(BROKER, secret=SECRET))).code == 0
        keys.write_text("ops=another\n")
        server.on_loop(lambda: server.server.reload(lambda: options))
        assert peer.ask(right).code == REFUSED
        assert peer.ask(lookup("T1")).code == 0


def test_server_without_its_keys_does_not_start(tmp_path: Path) -> None:
    options = local_options(tmp_path, access_keys_file=str(tmp_path / "none"))
    with pytest.raises(StartFailed, match="^cannot read the access keys of .*/none: "):
        with ServerThread(options):
            pass


def test_server_without_its_audit_log_does_not_start(tmp_path: Path) -> None:
    options = local_options(tmp_path / "data", audit_log=str(tmp_path))
    with pytest.raises(StartFailed, match="^cannot open the audit log .*a directory;"):
        with ServerThread(options):
            pass


def test_failed_start_ends_the_audit_log(tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    with ServerThread(local_options(tmp_path / "a")) as server:
        taken = local_options(
            tmp_path / "b", listen_port=server.address[1], audit_log=str(audit)
        )
        with pytest.raises(StartFailed), ServerThread(taken):
            pass
    assert audit.read_text() == ""


def audit_lines(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        del line["time"], line["level"]
    return lines


def test_audit_log_has_what_happened(tmp_path: Path, keys: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    options = local_options(
        tmp_path / "data",
        admin_access="signed",
        access_keys_file=str(keys),
        audit_log=str(audit),
    )
    fields = {"namespace": "n", "key": "k", "value": "v"}
    with ServerThread(options) as server:
        with server.peer() as peer:
            port = peer.socket.getsockname()[1]
            peer.send(b"PROXY TCP4 192.0.2.7 10.0.0.2 4321 9876\r\n")
            for frame in (
                lookup("T"),
                request(904, BROKER),
                request(100, fields),
                request(100, signed(fields, secret=SECRET)),
            ):
                peer.ask(frame)
    who = {"remote": "192.0.2.7:4321", "via": f"127.0.0.1:{port}"}
    what = {"event": "PUT_KV_CONFIG", "code": 100, "namespace": "n", "key": "k"}
    refused, done = audit_lines(audit)
    remark = refused.pop("remark")
    assert "PUT_KV_CONFIG" in remark and "signed" in remark
    assert refused == {**what, **who, "result": REFUSED}
    assert done == {**what, **who, "access_key": "ops", "result": 0, "remark": None}


@pytest.mark.parametrize("loop_name", LOOPS)
def test_audit_log_that_cannot_be_written_stops_nothing(
    tmp_path: Path, loop_name: str
) -> None:
    path = tmp_path / "audit.jsonl"
    options = local_options(tmp_path, audit_log=str(path))
    with ServerThread(options, loop_name) as server, server.peer() as peer:
        path.unlink()
        path.mkdir()
        for number in range(20):
            assert peer.ask(put_kv("n", str(number), "v")).code == 0


class TestSecrets:
    """A file of options and a file of keys full of secrets, and nothing shows one."""

    WORDS = ("--admin-access", "signed", "--broker-access", "signed")

    @pytest.fixture
    def config(self, tmp_path: Path, keys: Path) -> Path:
        config = tmp_path / "namesrv.conf"
        config.write_text(
            f"accessKeysFile={keys}\n"
            "tls.server.keyPassword=S3CRET-1\nsecretKey=S3CRET-2\nmy.TOKEN=S3CRET-3\n"
            "innerClientAuthenticationCredentials=S3CRET-4\naccessKey=S3CRET-5\n"
            "harmless=shown\n"
        )
        return config

    @pytest.mark.parametrize("action", ["--check-config", "-p", "--help", "--version"])
    def test_no_command_shows_one(self, config: Path, action: str) -> None:
        words = ["-c", str(config), *self.WORDS, action]
        ran = subprocess.run(
            [sys.executable, "-m", "namesrv", *words], capture_output=True, text=True
        )
        assert ran.returncode == 0
        assert "S3CRET" not in ran.stdout + ran.stderr
        assert ("harmless=shown" in ran.stdout) == (action == "-p")
        assert ("secretKey=******" in ran.stdout) == (action == "-p")

    @pytest.mark.parametrize("action", ["--check-config", "--log-level=INFO"])
    def test_no_error_shows_a_secret(
        self, config: Path, keys: Path, tmp_path: Path, action: str
    ) -> None:
        keys.write_text(f"ops={SECRET}\n{SECRET}\n")
        words = ["-c", str(config), *self.WORDS, "--data-dir", str(tmp_path), action]
        ran = subprocess.run(
            [sys.executable, "-m", "namesrv", *words], capture_output=True, text=True
        )
        assert ran.returncode == (2 if action == "--check-config" else 1)
        assert ran.stderr == (
            f"namesrv: cannot read the access keys of {keys}: line 2: expected"
            " accessKey=secretKey\n"
        )
        assert "S3CRET" not in ran.stdout

    def test_check_warns_of_open_files(self, config: Path, keys: Path) -> None:
        keys.chmod(0o644)
        words = ["-c", str(config), *self.WORDS, "--check-config"]
        ran = subprocess.run(
            [sys.executable, "-m", "namesrv", *words], capture_output=True, text=True
        )
        assert ran.returncode == 0
        assert "namesrv: warning: the access keys of " in ran.stderr
        assert "(mode 0644); chmod 600" in ran.stderr

    def test_no_answer_and_no_log_shows_one(self, config: Path, tmp_path: Path) -> None:
        audit = tmp_path / "audit.jsonl"
        words = (*self.WORDS, "-c", str(config), "--audit-log", str(audit))
        fields = {"namespace": "n", "key": "k", "value": "v"}
        with ServerProcess(tmp_path, *words, "--log-level", "DEBUG") as server:
            with server.peer() as peer:
                shown = peer.ask(request(319)).body.decode()
                assert "harmless=shown\n" in shown
                assert "keyPassword" not in shown
                assert "accessKeysFile" not in shown
                sent = [
                    request(100, signed(fields, secret=SECRET)),
                    request(100, signed(fields, secret="guessed")),
                    request(100, signed(fields, access_key="nobody", secret=SECRET)),
                    request(100, {**fields, "AccessKey": "ops", "Signature": SECRET}),
                ]
                answers = [peer.ask(frame) for frame in sent]
            assert [answer.code for answer in answers] == [0, 16, 16, 16]
            server.end()
            written = server.log() + audit.read_text()
        assert "request refused" in written and "PUT_KV_CONFIG" in written
        assert "S3CRET" not in shown + written + str(answers)
