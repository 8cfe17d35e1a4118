"""The command line: its words, the sources of options, what is printed, exit codes."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import namesrv
from namesrv.cli import main
from namesrv.cli.help_text import help_text
from namesrv.cli.sources import variable
from namesrv.cli.words import read_words
from namesrv.errors import StartFailed
from namesrv.options import BY_NAME, OPTIONS, Options, kebab
from namesrv.server.snapshots import WarmStart
from tests.test_options import JAVA_TEXT

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def empty_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("NAMESRV_", "ROCKETMQ_")):
            monkeypatch.delenv(name)
    # Set, so that what --pure sets is taken back at the end.
    monkeypatch.setenv("NAMESRV_NO_EXTENSIONS", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    yield
    for name in ("namesrv", "asyncio"):
        logger = logging.getLogger(name)
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


class Server:
    """Stands in for the server module: keeps the options that it is run with."""

    def __init__(self) -> None:
        self.options: Options | None = None
        self.addresses = [("127.0.0.1", 9876)]
        self.loop_name = "asyncio"
        self.warm_start: WarmStart | None = None
        self.failure: BaseException | None = None

    def run(
        self,
        options: Options,
        on_started: Callable[[object], None],
        read_options: Callable[[], Options],
    ) -> None:
        self.options = options
        self.read_options = read_options
        if self.failure is not None:
            raise self.failure
        about = {"addresses": self.addresses, "loop_name": self.loop_name}
        on_started(SimpleNamespace(**about, warm_start=self.warm_start))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that `main` runs instead of the real one."""
    fake = Server()
    module = ModuleType("namesrv.server.nameserver")
    monkeypatch.setattr(module, "run", fake.run, raising=False)
    monkeypatch.setitem(sys.modules, "namesrv.server.nameserver", module)
    return fake


def served(server: Server, *words: str) -> Options:
    """The options that the server is run with."""
    server.options = None
    assert main(words) == 0
    assert server.options is not None
    return server.options


def refused(capsys: Capture, *words: str) -> list[str]:
    """The mistakes that are reported."""
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines: list[str] = captured.err.splitlines()
    assert all(line.startswith("namesrv: ") for line in lines)
    return [line.removeprefix("namesrv: ") for line in lines]


class TestWords:
    @pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
    def test_every_option_has_a_flag(self, option: object) -> None:
        assert isinstance(option, type(OPTIONS[0]))
        flag = f"--{kebab(option.name)}"
        for argv in ([flag, "value"], [f"{flag}=value"]):
            words = read_words(argv)
            assert words.given == [(option.name, "value", flag)]
            assert words.mistakes == []

    @pytest.mark.parametrize(
        ("argv", "given"),
        [
            (["--support-acting-master"], "true"),
            (["--support-acting-master", "false"], "false"),
            (["--support-acting-master=false"], "false"),
            (["--no-support-acting-master"], "false"),
            (["--support-acting-master", "--pure"], "true"),
            (["--support-acting-master", "-p"], "true"),
        ],
    )
    def test_boolean_needs_no_value(self, argv: list[str], given: str) -> None:
        words = read_words(argv)
        assert [item.text for item in words.given] == [given]
        assert words.mistakes == []

    def test_aliases(self) -> None:
        words = read_words(["--port", "1", "--bind", "127.0.0.1", "--bind=::1"])
        assert words.given == [
            ("listenPort", "1", "--port"),
            ("bindAddress", "127.0.0.1", "--bind"),
            ("bindAddress", "127.0.0.1,::1", "--bind"),
        ]

    def test_value_may_begin_with_a_dash_but_not_be_a_flag(self) -> None:
        words = read_words(
            ["--wait-seconds-for-service", "-5", "--log-file", "-c", "x"]
        )
        assert words.given == [
            ("waitSecondsForService", "-5", "--wait-seconds-for-service")
        ]
        assert words.config_file == "x"
        assert words.mistakes == [
            "--log-file has no value, expected a text without control characters"
        ]

    @pytest.mark.parametrize("flag", ["-c", "--configFile", "--config-file"])
    def test_config_file(self, flag: str) -> None:
        assert read_words([flag, "a.properties"]).config_file == "a.properties"

    @pytest.mark.parametrize("flag", ["-n", "--namesrvAddr", "--namesrv-addr"])
    def test_addresses_of_name_servers_are_accepted(self, flag: str) -> None:
        assert read_words([flag, "10.0.0.1:9876"]) == read_words([])

    @pytest.mark.parametrize(
        ("argv", "action"),
        [
            ([], "serve"),
            (["-p"], "print"),
            (["--printConfigItem"], "print"),
            (["-p", "--check-config"], "check"),
            (["--version", "-p"], "version"),
            (["--version", "--help", "--check-config"], "help"),
            (["-h"], "help"),
        ],
    )
    def test_action(self, argv: list[str], action: str) -> None:
        assert read_words(argv).action == action

    @pytest.mark.parametrize(
        ("argv", "mistake"),
        [
            (
                ["--lisen-port", "1"],
                "there is no flag '--lisen-port'; did you mean --listen-port?",
            ),
            (
                ["--listenPort=1"],
                "there is no flag '--listenPort'; did you mean --listen-port?",
            ),
            (["-x"], "there is no flag '-x'; namesrv --help lists all flags"),
            (
                ["--port"],
                "--port has no value, expected a whole number from 0 to 65535",
            ),
            (["-c"], "-c has no value, expected the name of a file"),
            (["-n"], "-n has no value, expected addresses"),
            (["start"], "'start' is not a flag; namesrv --help lists all flags"),
            (["--pure=1"], "--pure is followed by '1', expected no value"),
            (
                ["--no-cluster-test=1"],
                "--no-cluster-test is followed by '1', expected no value",
            ),
        ],
    )
    def test_mistake(self, argv: list[str], mistake: str) -> None:
        assert read_words(argv).mistakes[0] == mistake


class TestSources:
    def test_without_any_words_the_defaults_lie_below_the_home(
        self, server: Server, tmp_path: Path
    ) -> None:
        options = served(server)
        assert options == Options(data_dir=str(tmp_path / "home" / "namesrv"))
        assert options.kv_config_path == str(tmp_path / "home/namesrv/kvConfig.json")

    def test_later_source_wins(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "home" / "namesrv").mkdir(parents=True)
        file = tmp_path / "ns.properties"
        store = tmp_path / "home" / "namesrv" / "namesrv.properties"
        file.write_text("waitSecondsForService=1\nlistenPort=1\n")
        words = ["-c", str(file)]
        assert served(server, *words).wait_seconds_for_service == 1
        store.write_text("waitSecondsForService=2\nlistenPort=2\n")
        assert served(server, *words).wait_seconds_for_service == 2
        monkeypatch.setenv("NAMESRV_OPT_WAIT_SECONDS_FOR_SERVICE", "3")
        assert served(server, *words).wait_seconds_for_service == 3
        words += ["--wait-seconds-for-service", "4"]
        assert served(server, *words).wait_seconds_for_service == 4
        assert served(server, *words).listen_port == 1

    def test_kept_updates_count_only_as_far_as_they_are_allowed_now(
        self, server: Server, tmp_path: Path
    ) -> None:
        (tmp_path / "namesrv.properties").write_text(
            "orderMessageEnable=true\nsupportActingMaster=true\n"
            "kvConfigPath=/etc/passwd\nunknown=1\n"
        )
        words = [
            "--data-dir",
            str(tmp_path),
            "--config-black-list",
            "orderMessageEnable",
        ]
        options = served(server, *words)
        assert options.support_acting_master
        assert not options.order_message_enable
        assert options.kv_config_path == str(tmp_path / "kvConfig.json")
        assert options.extra == {}

    def test_kept_updates_are_read_from_where_they_are_kept(
        self, server: Server, tmp_path: Path
    ) -> None:
        store = tmp_path / "elsewhere.properties"
        store.write_text("supportActingMaster=true\n")
        options = served(server, "--config-store-path", str(store))
        assert options.support_acting_master
        assert options.config_store_path == str(store)

    def test_config_file_that_java_made_its_store_is_not_ours(
        self, server: Server, tmp_path: Path, capsys: Capture
    ) -> None:
        file = tmp_path / "ns.properties"
        file.write_text(f"configStorePath={file}\nlistenPort=1\n")
        options = served(server, "-c", str(file), "--data-dir", str(tmp_path / "data"))
        assert options.config_store_path == str(tmp_path / "data/namesrv.properties")
        assert (
            "namesrv: warning: configStorePath is the -c file, which is never written;"
            f" remote updates are kept in {options.config_store_path}\n"
        ) in capsys.readouterr().err

    def test_config_file_is_java_properties_in_latin_1(
        self, server: Server, tmp_path: Path
    ) -> None:
        file = tmp_path / "ns.properties"
        file.write_bytes(
            b"# comment\r\nproductEnvName : caf\xe9 \\u4e2d\r\nfoo = a\\\n   b \n"
        )
        options = served(server, "-c", str(file))
        assert options.product_env_name == "café 中"
        assert options.extra == {"foo": "ab "}

    def test_extra_key_that_looks_like_an_option_is_a_warning(
        self, server: Server, tmp_path: Path, capsys: Capture
    ) -> None:
        file = tmp_path / "ns.properties"
        file.write_text("listen-port=1\ncontrollerDLegerGroup=g\n")
        options = served(server, "-c", str(file))
        assert options.extra == {"listen-port": "1", "controllerDLegerGroup": "g"}
        assert capsys.readouterr().err == (
            f"namesrv: warning: file {file}: there is no option 'listen-port',"
            " so it has no effect; did you mean listenPort?\n"
        )

    def test_javas_variables_set_defaults(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ROCKETMQ_HOME", "/opt/rocketmq")
        monkeypatch.setenv("ROCKETMQ_SERIALIZE_TYPE", "ROCKETMQ")
        options = served(server)
        assert (options.rocketmq_home, options.serialize_type) == (
            "/opt/rocketmq",
            "ROCKETMQ",
        )
        file = tmp_path / "ns.properties"
        file.write_text("rocketmqHome=/srv\nserializeType=json\n")
        options = served(server, "-c", str(file))
        assert (options.rocketmq_home, options.serialize_type) == ("/srv", "JSON")

    def test_variables_of_kubernetes_and_clients_are_left_alone(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NAMESRV_PORT", "tcp://10.0.0.1:9876")
        monkeypatch.setenv("NAMESRV_ADDR", "10.0.0.1:9876")
        assert served(server).listen_port == 9876

    @pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
    def test_every_option_has_a_variable(self, option: object) -> None:
        assert isinstance(option, type(OPTIONS[0]))
        assert re.fullmatch("NAMESRV_OPT_[A-Z]+(_[A-Z]+)*", variable(option))
        assert variable(BY_NAME["listenPort"]) == "NAMESRV_OPT_LISTEN_PORT"

    def test_tilde_is_the_home_in_every_path(
        self, server: Server, tmp_path: Path
    ) -> None:
        options = served(server, "--kv-config-path", "~/kv.json", "--log-file", "~/log")
        assert options.kv_config_path == str(tmp_path / "home" / "kv.json")
        assert options.log_file == str(tmp_path / "home" / "log")


class TestMistakes:
    def test_every_mistake_of_every_source_is_reported(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        file = tmp_path / "ns.properties"
        file.write_text("# mine\nlistenPort=98x6\nfoo=bar\nclusterTest=1\n")
        monkeypatch.setenv("NAMESRV_OPT_LISTEN_PROT", "1")
        monkeypatch.setenv("NAMESRV_OPT_LOG_LEVEL", "LOUD")
        monkeypatch.setenv("ROCKETMQ_SERIALIZE_TYPE", "XML")
        words = ["--check-config", "-c", str(file), "--loop", "x", "--nope"]
        assert refused(capsys, *words) == [
            "there is no flag '--nope'; namesrv --help lists all flags",
            "environment, ROCKETMQ_SERIALIZE_TYPE: serializeType is 'XML',"
            " expected one of JSON, ROCKETMQ",
            f"file {file}, line 2: listenPort is '98x6',"
            " expected a whole number from 0 to 65535",
            f"file {file}, line 4: clusterTest is '1', expected true or false",
            "environment, NAMESRV_OPT_LISTEN_PROT: there is no option"
            " 'NAMESRV_OPT_LISTEN_PROT'; did you mean NAMESRV_OPT_LISTEN_PORT?",
            "environment, NAMESRV_OPT_LOG_LEVEL: logLevel is 'LOUD',"
            " expected one of DEBUG, INFO, WARN, ERROR",
            "command line, --loop: loop is 'x', expected one of auto, uvloop, asyncio",
        ]

    def test_nothing_is_served_with_a_mistake(
        self, server: Server, capsys: Capture
    ) -> None:
        assert refused(capsys, "--port", "http") == [
            "command line, --port: listenPort is 'http',"
            " expected a whole number from 0 to 65535"
        ]
        assert server.options is None

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("missing", "No such file or directory"),
            ("", "Is a directory"),
        ],
    )
    def test_unreadable_file(
        self, tmp_path: Path, capsys: Capture, name: str, reason: str
    ) -> None:
        path = f"{tmp_path}/{name}"
        assert refused(capsys, "-c", path) == [f"file {path} cannot be read: {reason}"]

    def test_file_with_a_malformed_escape(
        self, tmp_path: Path, capsys: Capture
    ) -> None:
        file = tmp_path / "ns.properties"
        file.write_text("listenPort=1\n\nproductEnvName=\\u12\n")
        (mistake,) = refused(capsys, "-c", str(file))
        assert mistake.startswith(f"file {file}, line 3: ")

    def test_damaged_kept_updates_are_named(
        self, tmp_path: Path, capsys: Capture
    ) -> None:
        store = tmp_path / "namesrv.properties"
        store.write_text("waitSecondsForService=soon\n")
        assert refused(capsys, "--data-dir", str(tmp_path)) == [
            f"file {store}, line 1: waitSecondsForService is 'soon',"
            " expected a whole number from 0 to 2147483647"
        ]

    def test_controller_inside_is_refused(
        self, tmp_path: Path, capsys: Capture
    ) -> None:
        file = tmp_path / "ns.properties"
        file.write_text("enableControllerInNamesrv=true\n")
        (mistake,) = refused(capsys, "-c", str(file))
        assert mistake.startswith(
            f"file {file}, line 1: enableControllerInNamesrv is true, expected false,"
        )

    def test_home_that_is_not_known_is_one_sentence(self, capsys: Capture) -> None:
        assert refused(capsys, "--data-dir", "~nobody-has-this-name/x") == [
            "~nobody-has-this-name/x cannot be found, because its home directory is not"
            " known; give --data-dir a path without ~"
        ]


class TestCommands:
    @pytest.mark.parametrize("flag", ["-h", "--help"])
    def test_help(
        self, flag: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        assert main([flag, "--nonsense"]) == 0
        assert capsys.readouterr().out == help_text(80) + "\n"

    @pytest.mark.parametrize("columns", [0, 60, 72, 80, 100, 1000])
    def test_help_names_every_flag_and_fits(self, columns: int) -> None:
        text = help_text(columns)
        width = max(60, min(columns, 100))
        too_wide = [line for line in text.splitlines() if len(line) > width]
        # Only what cannot be broken: one word, or a flag with its placeholder.
        assert all(len(line.split()) <= 2 for line in too_wide)
        for option in OPTIONS:
            flag = {"bindAddress": "--bind", "listenPort": "--port"}.get(
                option.name, f"--{kebab(option.name)}"
            )
            assert re.search(rf"(?m)^ +{flag}\b", text)
        assert "Of the JVM" in text

    def test_version_is_one_line(self, capsys: Capture) -> None:
        assert main(["--version"]) == 0
        assert re.fullmatch(
            r"namesrv \S+ \((pure|fast), \w+ \d+\.\d+\.\S+, (uvloop \S+|no uvloop)\)\n",
            capsys.readouterr().out,
        )

    def test_version_without_uvloop(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(name: str) -> str:
            raise metadata.PackageNotFoundError(name)

        from importlib import metadata  # noqa: PLC0415

        monkeypatch.setattr(metadata, "version", missing)
        assert main(["--version"]) == 0
        assert capsys.readouterr().out.endswith(", no uvloop)\n")

    def test_check_config_says_ok(self, server: Server, capsys: Capture) -> None:
        assert main(["--check-config", "--port", "0"]) == 0
        assert capsys.readouterr().out == "namesrv: OK, all options are understood\n"
        assert server.options is None

    @pytest.mark.parametrize("flag", ["-p", "--printConfigItem"])
    def test_print_config_item(
        self, flag: str, server: Server, tmp_path: Path, capsys: Capture
    ) -> None:
        file = tmp_path / "ns.properties"
        file.write_text("foo=bar\n")
        assert main([flag, "-c", str(file), "--rocketmq-home", "/opt/rocketmq"]) == 0
        lines = capsys.readouterr().out.splitlines()
        home = str(tmp_path / "home")
        expected = JAVA_TEXT.replace("=~", f"={home}").splitlines()
        assert sorted(lines[:41]) == sorted([*expected, "foo=bar"])
        ours = [option.name for option in OPTIONS if not option.java]
        assert [line.partition("=")[0] for line in lines[41:]] == ours
        assert f"dataDir={home}/namesrv" in lines
        assert server.options is None

    def test_pure_is_set_before_the_hot_path_is_chosen(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        served(server, "--pure")
        assert os.environ["NAMESRV_NO_EXTENSIONS"] == "1"


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

    def test_ctrl_c_is_no_traceback(self, server: Server, capsys: Capture) -> None:
        server.failure = KeyboardInterrupt()
        assert main([]) == 130
        assert capsys.readouterr().err == ""


def run(*words: str, code: str | None = None) -> "subprocess.CompletedProcess[str]":
    command = ["-m", "namesrv"] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, "-W", "error", *command, *words],
        capture_output=True,
        text=True,
        timeout=60,
    )


class TestProcess:
    def test_module_is_the_command(self) -> None:
        ran = run("--version")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.startswith(f"namesrv {namesrv.__version__} (")

    def test_mistake_is_exit_code_2_without_a_traceback(self) -> None:
        ran = run("--port", "x")
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr.startswith("namesrv: command line, --port: ")
        assert ran.stderr.count("\n") == 1

    @pytest.mark.parametrize("word", ["--help", "--version", "--check-config"])
    def test_light_commands_import_neither_a_loop_nor_the_server(
        self, word: str
    ) -> None:
        ran = run(
            code="import sys; from namesrv.cli import main\n"
            f"assert main([{word!r}]) == 0\n"
            "print(sorted({'asyncio', 'uvloop', 'namesrv.server.nameserver'}"
            ".intersection(sys.modules)))"
        )
        assert ran.stderr == ""
        assert ran.stdout.splitlines()[-1] == "[]"

    def test_reader_who_leaves_early_is_no_traceback(self) -> None:
        read_end, write_end = os.pipe()
        os.close(read_end)
        try:
            ran = subprocess.run(
                [sys.executable, "-m", "namesrv", "--help"],
                stdout=write_end,
                stderr=subprocess.PIPE,
                timeout=60,
            )
        finally:
            os.close(write_end)
        assert (ran.returncode, ran.stderr) == (0, b"")

    def test_terminal_without_unicode_is_no_traceback(self) -> None:
        ran = subprocess.run(
            [sys.executable, "-m", "namesrv", "主"],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            timeout=60,
        )
        assert ran.returncode == 2
        assert rb"'\u4e3b' is not a flag" in ran.stderr
