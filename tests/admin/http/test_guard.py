"""Rights over HTTP: loopback, tokens, Origin and Host."""

import logging
from pathlib import Path
from typing import Any

import pytest

from namesrv._impl import Connection
from namesrv.admin.http.guard import HttpGuard
from namesrv.admin.http.messages import Access, HttpAnswer, HttpRequest
from namesrv.options import Options
from namesrv.routing.outbox import AuditEvent, LogEvent
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.server.files.http_tokens import HttpTokenFile
from tests.server.loop_free_server import RecordedLog

READ, WRITE = "read-token-0123456789", "write-token-0123456789"
NEAR, FAR = "127.0.0.1:5000", "10.0.0.1:5000"


class Guarded:
    """A guard with its options, tokens and log."""

    def __init__(
        self, folder: Path, *, has_tokens: bool = True, **options: Any
    ) -> None:
        path = folder / "tokens"
        path.touch(0o600)
        path.write_text(f"# ours\nread={READ}\nwrite = {WRITE}\n")
        self.options = Options(**options)
        if has_tokens:
            self.options.http_token_file = str(path)
        self.state = RequestProcessor(self.options, lambda: 0, 0).state
        file = HttpTokenFile(self.options, RecordedLog())
        file.load()
        self.guard = HttpGuard(self.options, self.state, file)

    def connection(self, address: str = FAR, named: str = "") -> Connection:
        connection = Connection(self.state.hot, address)
        if named:
            connection.name_peer(named)
        return connection

    def answer(
        self,
        access: Access,
        token: str | None = None,
        address: str = FAR,
        now_ms: int = 0,
        named: str = "",
    ) -> HttpAnswer | None:
        headers = {"host": "10.0.0.2:9876"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        request = HttpRequest("GET", "/", headers=headers)
        connection = self.connection(address, named)
        return self.guard.refusal(request, access, connection, now_ms)

    def status(self, *args: Any, **named: Any) -> int:
        """The status of the refusal, 200 for none."""
        answer = self.answer(*args, **named)
        return 200 if answer is None else answer.status

    def logged(self) -> list[str]:
        lines = [e for e in self.state.outbox.take() if isinstance(e, LogEvent)]
        assert all(line.level == logging.WARNING for line in lines)
        return [str(line.fields["reason"]) for line in lines]

    def refused(self, access: Access, **headers: str) -> int:
        """The status of the refusal of a local peer with a token, 200 for none."""
        headers["authorization"] = f"Bearer {WRITE}"
        request = HttpRequest("GET", "/", headers=headers)
        connection = self.connection("127.0.0.1:40000")
        answer = self.guard.refusal(request, access, connection, 0)
        return 200 if answer is None else answer.status

    def turned_away(self, **headers: str) -> int:
        request = HttpRequest("GET", "/", headers=headers)
        answer = self.guard.turned_away(request, self.connection())
        return 200 if answer is None else answer.status


class TestReads:
    def test_open_to_all(self, tmp_path: Path) -> None:
        guarded = Guarded(tmp_path)
        assert guarded.status(Access.READ) == 200
        assert guarded.status(Access.READ, "wrong-token-0123456789") == 200

    @pytest.mark.parametrize(
        ("address", "named", "status"),
        [(NEAR, "", 200), (FAR, "", 403), (NEAR, FAR, 403), (FAR, NEAR, 403)],
    )
    def test_loopback_is_of_socket_and_proxy_header(
        self, tmp_path: Path, address: str, named: str, status: int
    ) -> None:
        guarded = Guarded(tmp_path, http_access="loopback")
        found = guarded.status(Access.READ, address=address, named=named)
        assert found == status
        assert guarded.status(Access.PAGE, address=address, named=named) == status
        assert guarded.status(Access.HEALTH, address=address, named=named) == 200
        assert guarded.status(Access.WRITE, WRITE, address=address, named=named) == (
            status
        )

    @pytest.mark.parametrize(
        ("token", "status"),
        [(READ, 200), (WRITE, 200), (READ[:-1], 401), (READ + "0", 401), ("", 401)],
    )
    def test_token_is_needed(self, tmp_path: Path, token: str, status: int) -> None:
        guarded = Guarded(tmp_path, http_access="token")
        assert guarded.status(Access.READ, token) == status
        assert guarded.status(Access.HEALTH) == 200
        assert guarded.status(Access.PAGE) == 200
        answer = guarded.answer(Access.READ)
        assert answer is not None and answer.status == 401
        assert dict(answer.headers)["WWW-Authenticate"] == 'Bearer realm="namesrv"'


class TestChanges:
    @pytest.mark.parametrize("mode", ["open", "token"])
    @pytest.mark.parametrize(
        ("token", "status", "error"),
        [
            (WRITE, 200, ""),
            (READ, 403, "insufficient_scope"),
            ("wrong-token-0123456789", 401, "invalid_token"),
            (None, 401, ""),
        ],
    )
    def test_need_a_write_token(
        self, tmp_path: Path, mode: str, token: str | None, status: int, error: str
    ) -> None:
        answer = Guarded(tmp_path, http_access=mode).answer(Access.WRITE, token)
        assert (200 if answer is None else answer.status) == status
        if answer is not None:
            assert error in dict(answer.headers)["WWW-Authenticate"]

    @pytest.mark.parametrize("address", [NEAR, FAR])
    def test_are_refused_without_a_file(self, tmp_path: Path, address: str) -> None:
        guarded = Guarded(tmp_path, has_tokens=False)
        assert guarded.status(Access.WRITE, WRITE, address=address) == 403

    def test_follow_admin_access_too(self, tmp_path: Path) -> None:
        off = Guarded(tmp_path, admin_access="off")
        assert off.status(Access.WRITE, WRITE, address=NEAR) == 403
        near = Guarded(tmp_path, admin_access="loopback")
        assert near.status(Access.WRITE, WRITE, address=NEAR) == 200
        assert near.status(Access.WRITE, WRITE, address=FAR) == 403

    def test_brokers_follow_broker_access(self, tmp_path: Path) -> None:
        assert Guarded(tmp_path, http_access="token").status(Access.BROKER) == 200
        signed = Guarded(tmp_path, broker_access="signed")
        assert signed.status(Access.BROKER) == 401
        assert signed.status(Access.BROKER, READ) == 403
        assert signed.status(Access.BROKER, WRITE) == 200


class TestAudit:
    def test_has_refused_changes(self, tmp_path: Path) -> None:
        guarded = Guarded(tmp_path, audit_log="audit", broker_access="signed")
        guarded.status(Access.WRITE, "wrong-token-0123456789", named="192.0.2.7:1")
        guarded.status(Access.BROKER)
        guarded.status(Access.WRITE, WRITE)
        guarded.status(Access.READ)
        first, second = (
            e for e in guarded.state.outbox.take() if isinstance(e, AuditEvent)
        )
        assert (first.event, first.is_done) == ("HTTP", False)
        assert first.fields == {
            "remote": "192.0.2.7:1",
            "via": FAR,
            "protocol": "HTTP",
            "request": "GET /",
            "result": 16,
            "remark": "Unauthorized",
        }
        assert "via" not in second.fields

    def test_is_off_by_default(self, tmp_path: Path) -> None:
        guarded = Guarded(tmp_path)
        guarded.status(Access.WRITE)
        assert list(guarded.state.outbox.take()) == []


class TestLog:
    def test_has_a_wrong_token_once_a_minute_for_each_host(
        self, tmp_path: Path
    ) -> None:
        guarded = Guarded(tmp_path, http_access="token")
        for _ in range(3):
            guarded.status(Access.READ, "wrong-token-0123456789")
            guarded.status(Access.READ, "wrong-token-0123456789", "10.0.0.9:1")
        assert guarded.logged() == ["token is wrong"] * 2
        guarded.status(Access.READ, "wrong-token-0123456789", now_ms=59_999)
        assert guarded.logged() == []
        guarded.status(Access.READ, "wrong-token-0123456789", now_ms=60_000)
        assert guarded.logged() == ["token is wrong"]

    def test_remembers_a_limited_number_of_hosts(self, tmp_path: Path) -> None:
        guarded = Guarded(tmp_path, http_access="token")
        for number in range(3000):
            address = f"10.0.{number // 250}.{number % 250}:1"
            guarded.status(Access.READ, "wrong-token-0123456789", address)
        assert len(guarded.guard._logged_ms) == 1024

    def test_never_has_a_token(self, tmp_path: Path) -> None:
        guarded = Guarded(tmp_path, http_access="token")
        guarded.status(Access.READ, "wrong-token-0123456789")
        guarded.status(Access.WRITE, READ)
        text = repr(list(guarded.state.outbox.take()))
        assert "wrong-token" not in text and READ not in text


class TestBrowsers:
    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("http://ns:9876", 200),
            ("https://NS:9876", 200),
            ("http://ns", 403),
            ("http://ns:9876.evil.example", 403),
            ("http://evil.example", 403),
            ("file://ns:9876", 403),
            ("null", 403),
            ("", 403),
        ],
    )
    def test_origin_has_to_be_the_host(
        self, tmp_path: Path, origin: str, status: int
    ) -> None:
        guarded = Guarded(tmp_path)
        assert guarded.turned_away(host="ns:9876", origin=origin) == status

    def test_origin_without_host_is_foreign(self, tmp_path: Path) -> None:
        assert Guarded(tmp_path).turned_away(origin="http://ns") == 403

    @pytest.mark.parametrize("mode", ["loopback", "token"])
    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("127.0.0.1:9876", 200),
            ("10.9.8.7", 200),
            ("[::1]:9876", 200),
            ("LocalHost:9876", 200),
            ("localhost.", 200),
            ("ns.example:9876", 200),
            ("ns2.example", 200),
            ("evil.example:9876", 403),
            ("127.0.0.1.evil.example", 403),
            ("localhost.evil.example", 403),
            ("", 403),
        ],
    )
    def test_host_has_to_be_ours(
        self, tmp_path: Path, mode: str, host: str, status: int
    ) -> None:
        names = "NS.example, ns2.example,"
        guarded = Guarded(tmp_path, http_access=mode, http_hosts=names)
        for access in (Access.READ, Access.WRITE, Access.BROKER):
            assert guarded.refused(access, host=host) == status
        assert guarded.refused(Access.HEALTH, host=host) == 200

    def test_any_host_will_do_when_open(self, tmp_path: Path) -> None:
        for access in Access:
            assert Guarded(tmp_path).refused(access, host="any.example") == 200

    @pytest.mark.parametrize(
        ("host", "status"), [("evil.example:9876", 403), ("10.0.0.2:9876", 200)]
    )
    def test_a_page_of_a_name_with_our_address_changes_nothing_when_open(
        self, tmp_path: Path, host: str, status: int
    ) -> None:
        """DNS rebinding: its origin is the host, and the host is no name of ours."""
        guarded = Guarded(tmp_path)
        headers = {"host": host, "origin": f"http://{host}"}
        assert guarded.refused(Access.BROKER, **headers) == status
        assert guarded.refused(Access.WRITE, **headers) == status
        assert guarded.refused(Access.READ, **headers) == 200

    def test_nobody_is_served_when_off(self, tmp_path: Path) -> None:
        guarded = Guarded(tmp_path, http_access="off")
        assert guarded.turned_away(host="127.0.0.1") == 403
