"""Listening sockets, and the one sentence when there cannot be one."""

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import PlaceInUse, StartFailed
from namesrv.server.connections.listeners import (
    address_of,
    open_http_listeners,
    open_listeners,
)
from tests.server.connections.backlog import backlog
from tests.server.server_thread import local_options


def names(tmp_path: Path, bind_address: str, **values: int) -> list[tuple[str, int]]:
    """Where sockets listen for that bindAddress; they are closed again."""
    listeners = open_listeners(
        local_options(tmp_path, bind_address=bind_address, **values)
    )
    found = [listener.getsockname()[:2] for listener in listeners]
    for listener in listeners:
        listener.close()
    return found


def failure(tmp_path: Path, bind_address: str, port: int = 0) -> str:
    """The sentence that it fails with."""
    with pytest.raises(StartFailed) as caught:
        names(tmp_path, bind_address, listen_port=port)
    return str(caught.value)


class TestAddresses:
    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "[::1]"])
    def test_port_0_is_a_free_one(self, tmp_path: Path, address: str) -> None:
        ((host, port),) = names(tmp_path, address)
        assert host == address.strip("[]")
        assert port > 0

    @pytest.mark.parametrize(
        ("bind_address", "hosts"),
        [
            ("127.0.0.1,::1", ["127.0.0.1", "::1"]),
            ("::1; 127.0.0.1", ["::1", "127.0.0.1"]),
            ("::,0.0.0.0", ["::", "0.0.0.0"]),
            ("ipv4,ipv6", ["0.0.0.0", "::"]),
            ("ipv4", ["0.0.0.0"]),
            ("ipv6", ["::"]),
        ],
    )
    def test_several_addresses_share_the_port(
        self, tmp_path: Path, bind_address: str, hosts: list[str]
    ) -> None:
        found = names(tmp_path, bind_address)
        assert [host for host, _ in found] == hosts
        assert len({port for _, port in found}) == 1

    def test_port_is_the_one_that_was_asked_for(self, tmp_path: Path) -> None:
        ((_, port),) = names(tmp_path, "127.0.0.1")
        assert names(tmp_path, "127.0.0.1", listen_port=port) == [("127.0.0.1", port)]

    def test_all_of_ipv6_alone_takes_ipv4_too(self, tmp_path: Path) -> None:
        (listener,) = open_listeners(local_options(tmp_path, bind_address="::"))
        with listener:
            port = listener.getsockname()[1]
            socket.create_connection(("127.0.0.1", port), 30).close()
            socket.create_connection(("::1", port), 30).close()

    def test_port_in_time_wait_is_no_obstacle(self, tmp_path: Path) -> None:
        (listener,) = open_listeners(local_options(tmp_path))
        with listener:
            address = listener.getsockname()
            client = socket.create_connection(address, 30)
            accepted, _ = listener.accept()
            accepted.close()
            client.recv(1)
            client.close()
        names(tmp_path, "127.0.0.1", listen_port=address[1])

    def test_backlog_is_the_option(self, tmp_path: Path) -> None:
        options = local_options(tmp_path, server_socket_backlog=77)
        (listener,) = open_listeners(options)
        with listener:
            assert backlog(listener) == 77

    def test_free_port_of_one_address_may_be_taken_on_another(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another process may have it there; all addresses get another port then."""
        tried: list[int] = []

        def bind(listener: socket.socket, name: tuple[str, int]) -> None:
            if name[0] == "127.0.0.1":
                tried.append(name[1])
                if len(tried) < 3:
                    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            real_bind(listener, name)

        real_bind = socket.socket.bind
        monkeypatch.setattr(socket.socket, "bind", bind)
        found = names(tmp_path, "::1,127.0.0.1")
        assert {port for _, port in found} == {tried[2]}
        assert len(set(tried)) > 1

    def test_buffer_sizes_are_the_options(self, tmp_path: Path) -> None:
        options = local_options(
            tmp_path,
            server_socket_snd_buf_size=20_000,
            server_socket_rcv_buf_size=30_000,
        )
        (listener,) = open_listeners(options)
        with listener:
            sizes = [
                listener.getsockopt(socket.SOL_SOCKET, name)
                for name in (socket.SO_SNDBUF, socket.SO_RCVBUF)
            ]
        # Linux doubles them, for its own book-keeping.
        assert sizes in ([20_000, 30_000], [40_000, 60_000])


class TestAllAddresses:
    """0.0.0.0 alone, which is the default."""

    def test_one_socket_takes_both_kinds(self, tmp_path: Path) -> None:
        options = local_options(tmp_path, bind_address="0.0.0.0")
        (listener,) = open_listeners(options)
        with listener:
            host, port = address_of(listener, options)
            assert host == "0.0.0.0"
            for address in ("127.0.0.1", "::1"):
                socket.create_connection((address, port), 30).close()

    def test_machine_without_ipv4(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class OnlyIPv6(socket.socket):
            def __init__(self, family: int, kind: int, protocol: int) -> None:
                if family != socket.AF_INET6:
                    raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
                super().__init__(family, kind, protocol)

        monkeypatch.setattr(socket, "socket", OnlyIPv6)
        (listener,) = open_listeners(local_options(tmp_path, bind_address="0.0.0.0"))
        with listener:
            assert listener.getsockname()[0] == "::"

    @pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
    def test_machine_without_ipv6(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        class OnlyIPv4(socket.socket):
            def bind(self, address: Any) -> None:
                if self.family != socket.AF_INET:
                    raise OSError(number, os.strerror(number))
                super().bind(address)

        monkeypatch.setattr(socket, "socket", OnlyIPv4)
        (listener,) = open_listeners(local_options(tmp_path, bind_address="0.0.0.0"))
        with listener:
            assert listener.getsockname()[0] == "0.0.0.0"
            port = listener.getsockname()[1]
            socket.create_connection(("127.0.0.1", port), 30).close()

    @pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
    def test_port_in_use_of_either_kind(self, tmp_path: Path, taken: str) -> None:
        family = socket.AF_INET6 if ":" in taken else socket.AF_INET
        with socket.create_server((taken, 0), family=family) as other:
            port = other.getsockname()[1]
            assert f"port {port} of 0.0.0.0 is in use" in failure(
                tmp_path, "0.0.0.0", port
            )

    @pytest.mark.parametrize(
        ("bind_address", "reached"), [("ipv4", "127.0.0.1"), ("ipv6", "::1")]
    )
    def test_word_for_one_kind_leaves_the_other_free(
        self, tmp_path: Path, bind_address: str, reached: str
    ) -> None:
        options = local_options(tmp_path, bind_address=bind_address)
        (listener,) = open_listeners(options)
        with listener:
            port = listener.getsockname()[1]
            socket.create_connection((reached, port), 30).close()
            (other,) = {"127.0.0.1", "::1"} - {reached}
            assert names(tmp_path, other, listen_port=port) == [(other, port)]


class TestFailures:
    def test_port_in_use(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            assert failure(tmp_path, "127.0.0.1", port) == (
                f"port {port} of 127.0.0.1 is in use: stop the program that listens"
                " there, or choose another port with --port"
            )

    @pytest.mark.parametrize(
        ("twice", "both"),
        [
            ("127.0.0.1,127.0.0.1", "127.0.0.1"),
            ("::1,[::1]", "::1"),
            ("ipv4,127.0.0.1", "ipv4 and 127.0.0.1"),
            ("127.0.0.1,0.0.0.0", "127.0.0.1 and 0.0.0.0"),
            ("ipv6,::1", "ipv6 and ::1"),
        ],
    )
    def test_address_that_is_named_twice(
        self, tmp_path: Path, twice: str, both: str
    ) -> None:
        assert failure(tmp_path, twice) == (
            f"bindAddress names one address twice ({both}): name each once with --bind"
        )

    @pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
    def test_address_of_another_machine(self, tmp_path: Path, address: str) -> None:
        assert failure(tmp_path, address) == (
            f"{address} is not an address of this machine: choose one that is with"
            " --bind"
        )

    @pytest.mark.parametrize("address", ["1.2.3.4.5", "a b", "x" * 300, "ä..b"])
    def test_no_address_at_all(self, tmp_path: Path, address: str) -> None:
        sentence = failure(tmp_path, address)
        assert sentence.startswith(f"bindAddress {address!r} is not an address that")
        assert sentence.endswith("): check --bind")
        assert "\n" not in sentence

    @pytest.mark.parametrize(
        ("number", "sentence"),
        [
            (
                errno.EACCES,
                "no permission to listen on port 80 of 127.0.0.1: choose a port above"
                " 1023 with --port, or give this user the right",
            ),
            (
                errno.EPERM,
                "no permission to listen on port 80 of 127.0.0.1: choose a port above"
                " 1023 with --port, or give this user the right",
            ),
            (
                errno.ENOMEM,
                "cannot listen on port 80 of 127.0.0.1: Cannot allocate memory",
            ),
        ],
    )
    def test_what_the_system_refuses(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        number: int,
        sentence: str,
    ) -> None:
        class Refused(socket.socket):
            def bind(self, address: object) -> None:
                raise OSError(number, os.strerror(number))

        monkeypatch.setattr(socket, "socket", Refused)
        assert failure(tmp_path, "127.0.0.1", 80) == sentence

    def test_sockets_before_the_failure_are_closed(self, tmp_path: Path) -> None:
        ((_, port),) = names(tmp_path, "127.0.0.1")
        sentence = failure(tmp_path, "127.0.0.1,192.0.2.1", port)
        assert sentence.startswith("192.0.2.1 is not an address")
        assert names(tmp_path, "127.0.0.1", listen_port=port) == [("127.0.0.1", port)]


class TestHttp:
    def test_each_address_has_its_port(self, tmp_path: Path) -> None:
        options = local_options(tmp_path, http_bind="127.0.0.1:0, [::1]:0")
        listeners = open_http_listeners(options)
        hosts = [listener.getsockname()[0] for listener in listeners]
        for listener in listeners:
            listener.close()
        assert hosts == ["127.0.0.1", "::1"]

    def test_there_is_none_by_default(self, tmp_path: Path) -> None:
        assert open_http_listeners(local_options(tmp_path)) == []

    def test_failure_closes_all_sockets(self, tmp_path: Path) -> None:
        beside = open_listeners(local_options(tmp_path))
        options = local_options(tmp_path, http_bind="127.0.0.1:0,192.0.2.1:0")
        with pytest.raises(StartFailed, match=r"^192\.0\.2\.1 is not an address"):
            open_http_listeners(options, beside=beside)
        assert [listener.fileno() for listener in beside] == [-1]

    def test_port_in_use_is_one_of_http(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            options = local_options(tmp_path, http_bind=f"127.0.0.1:{port}")
            with pytest.raises(PlaceInUse) as caught:
                open_http_listeners(options)
        assert str(caught.value) == (
            f"port {port} of 127.0.0.1 is in use: stop the program that listens there,"
            " or choose another port with --http-bind"
        )

    def test_address_is_not_named_twice(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        both = f"127.0.0.1:{port},127.0.0.1:{port}"
        with pytest.raises(StartFailed, match="this server listens already"):
            open_http_listeners(local_options(tmp_path, http_bind=both))

    def test_unknown_name_is_one_sentence(self, tmp_path: Path) -> None:
        options = local_options(tmp_path, http_bind="a b:0")
        with pytest.raises(StartFailed, match="^httpBind 'a b' is not an address"):
            open_http_listeners(options)
