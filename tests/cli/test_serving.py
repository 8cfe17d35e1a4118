"""What is said when a server starts, or cannot."""

import json
import re
import sys
import threading
from pathlib import Path

import pytest

import namesrv
from namesrv.cli import main
from namesrv.errors import StartFailed
from namesrv.server.warm_start.schedule import WarmStart
from tests.cli.server_stand_in import Capture, Server, served


class TestServing:
    def test_start_is_told_in_javas_words(
        self, server: Server, capsys: Capture
    ) -> None:
        served(server, "--bind", "127.0.0.1")
        captured = capsys.readouterr()
        assert re.fullmatch(
            "The Name Server boot success. serializeType=JSON, address 127.0.0.1:9876,"
            " implementation (pure|fast), loop asyncio,"
            f" version {namesrv.__version__}, start cold\n",
            captured.out,
        )
        assert captured.err == ""

    def test_warm_start_is_told_with_what_it_took_over(
        self, server: Server, capsys: Capture
    ) -> None:
        server.warm_start = WarmStart(age_millis=8400, brokers=3, topics=1200)
        served(server, "--bind", "127.0.0.1")
        assert capsys.readouterr().out.endswith(
            ", start warm from 8 s ago, 3 brokers, 1200 topics\n"
        )

    def test_config_file_is_told_first(
        self, server: Server, tmp_path: Path, capsys: Capture
    ) -> None:
        file = tmp_path / "ns.properties"
        file.write_text("")
        served(server, "-c", str(file))
        first, second = capsys.readouterr().out.splitlines()
        assert first == f"load config properties file OK, {file}"
        assert second.startswith("The Name Server boot success.")

    def test_all_addresses_are_told_with_their_real_ports(
        self, server: Server, capsys: Capture
    ) -> None:
        server.addresses = [("127.0.0.1", 40001), ("::1", 40002)]
        served(server, "--port", "0", "--serialize-type", "rocketmq")
        captured = capsys.readouterr()
        assert "serializeType=ROCKETMQ, address 127.0.0.1:40001, [::1]:40002," in (
            captured.out
        )
        assert captured.err == ""

    def test_more_than_loopback_is_a_warning_that_names_what_narrows_it(
        self, server: Server, capsys: Capture
    ) -> None:
        server.addresses = [("127.0.0.1", 1), ("0.0.0.0", 2), ("::", 3)]
        served(server)
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith(
            "WARN  bound to 0.0.0.0:2, [::]:3: everybody who reaches this port can"
            " change routes; adminAccess and brokerAccess, bindAddress (--bind"
            " 127.0.0.1), a firewall or a network policy narrow who does"
        )

    @pytest.mark.parametrize(
        ("mode", "wanted", "is_warned"),
        [
            ("enforcing", "require", False),
            ("enforcing", "optional", True),
            ("permissive", "require", True),
        ],
    )
    def test_nobody_is_warned_where_all_clients_show_a_certificate(
        self, server: Server, capsys: Capture, mode: str, wanted: str, is_warned: bool
    ) -> None:
        server.addresses = [("0.0.0.0", 2)]
        words = ["--tls-server-mode", mode, "--tls-server-need-client-auth", wanted]
        words += ["--tls-server-auth-client", "--tls-server-trust-cert-path", "/store"]
        served(server, *words)
        assert ("bound to" in capsys.readouterr().err) is is_warned

    @pytest.mark.parametrize(
        ("admin", "broker", "is_warned"),
        [
            ("open", "signed", True),
            ("loopback", "open", True),
            ("off", "signed", False),
            ("loopback", "signed", False),
            ("signed", "signed", False),
        ],
    )
    def test_who_narrowed_both_is_not_warned(
        self, server: Server, capsys: Capture, admin: str, broker: str, is_warned: bool
    ) -> None:
        server.addresses = [("0.0.0.0", 2)]
        access = ["--admin-access", admin, "--broker-access", broker]
        served(server, *access, "--access-keys-file", "keys")
        assert ("everybody" in capsys.readouterr().err) == is_warned

    def test_warning_is_seen_on_the_terminal_too_when_logs_go_to_a_file(
        self, server: Server, tmp_path: Path, capsys: Capture
    ) -> None:
        server.addresses = [("10.0.0.1", 9876)]
        log = tmp_path / "namesrv.log"
        served(server, "--log-file", str(log))
        assert "bound to 10.0.0.1:9876" in log.read_text()
        assert capsys.readouterr().err.startswith("namesrv: warning: bound to 10.0.0.1")

    def test_start_that_fails_is_one_sentence_and_exit_code_1(
        self, server: Server, capsys: Capture
    ) -> None:
        server.failure = StartFailed("port 9876 is in use")
        assert main([]) == 1
        captured = capsys.readouterr()
        assert (captured.out, captured.err) == ("", "namesrv: port 9876 is in use\n")

    def test_log_file_that_cannot_be_opened_is_one_sentence(
        self, server: Server, tmp_path: Path, capsys: Capture
    ) -> None:
        assert main(["--log-file", str(tmp_path)]) == 1
        assert capsys.readouterr().err.startswith("namesrv: cannot open the log file")
        assert server.options is None

    def test_hot_path_that_cannot_be_loaded_is_one_sentence(
        self, server: Server, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "namesrv._impl", None)
        assert main([]) == 1
        error = capsys.readouterr().err
        assert error.startswith("namesrv: the compiled hot path cannot be loaded (")
        assert error.endswith("); build it again, or run without it: --pure\n")

    def test_start_that_fails_is_in_the_log_file_too(
        self, server: Server, tmp_path: Path, capsys: Capture
    ) -> None:
        server.failure = StartFailed("port 9876 is in use")
        log = tmp_path / "namesrv.log"
        assert main(["--log-file", str(log), "--log-format", "json"]) == 1
        assert capsys.readouterr().err == "namesrv: port 9876 is in use\n"
        (line,) = log.read_text().splitlines()
        members = json.loads(line)
        assert members["level"] == "ERROR"
        assert members["event"] == "the server cannot start"
        assert members["reason"] == "port 9876 is in use"

    def test_mistake_of_ours_is_a_traceback_in_the_log(
        self, server: Server, tmp_path: Path, capsys: Capture
    ) -> None:
        server.failure = ZeroDivisionError("odd")
        log = tmp_path / "namesrv.log"
        assert main(["--log-file", str(log)]) == 1
        assert capsys.readouterr().err == (
            "namesrv: the server broke down, its log says why\n"
        )
        first, *_, last = log.read_text().splitlines()
        assert first.endswith("ERROR the server broke down")
        assert last == "    | ZeroDivisionError: odd"

    def test_thread_that_breaks_down_is_in_the_log(
        self,
        server: Server,
        tmp_path: Path,
        capsys: Capture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def break_down() -> None:
            raise ZeroDivisionError("odd")

        def run(*_: object, **more: object) -> None:
            thread = threading.Thread(target=break_down)
            thread.start()
            thread.join()

        monkeypatch.setattr("namesrv.cli.serve.run", run)
        before = threading.excepthook
        log = tmp_path / "namesrv.log"
        assert main(["--log-file", str(log)]) == 0
        assert threading.excepthook is before
        first, *_, last = log.read_text().splitlines()
        assert first.endswith("ERROR unhandled exception in a thread")
        assert last == "    | ZeroDivisionError: odd"
        assert capsys.readouterr().err == ""

    def test_ctrl_c_is_no_traceback(self, server: Server, capsys: Capture) -> None:
        server.failure = KeyboardInterrupt()
        assert main([]) == 130
        assert capsys.readouterr().err == ""
