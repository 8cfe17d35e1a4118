"""Where options come from, which source wins, and what is wrong with them."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from namesrv.cli.sources import variable
from namesrv.errors import OptionsInvalid
from namesrv.misspellings import JAVA_KEYS
from namesrv.options import BY_NAME, OPTIONS, Options
from tests.cli.server_stand_in import Capture, Server, refused, served


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

    @pytest.mark.parametrize(
        ("data", "damage"),
        [
            (b"", "is empty, as after a crash"),
            (b" \r\n", "is empty, as after a crash"),
            (b"\0\0\0", "has NUL bytes, as after a crash"),
            (b"supportActingMaster=true\n\0\0", "has NUL bytes, as after a crash"),
        ],
    )
    def test_kept_updates_that_a_crash_damaged_are_a_warning(
        self, server: Server, tmp_path: Path, capsys: Capture, data: bytes, damage: str
    ) -> None:
        store = tmp_path / "namesrv.properties"
        store.write_bytes(data)
        options = served(server, "--data-dir", str(tmp_path))
        assert not options.support_acting_master
        assert capsys.readouterr().err == (
            f"namesrv: warning: file {store} {damage}, so the options that were changed"
            f" remotely are not known any more; put a copy of it there, such as {store}"
            ".bak, which the Java server writes, or change them again\n"
        )
        assert store.read_bytes() == data

    @pytest.mark.parametrize(
        "make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")]
    )
    def test_what_is_no_file_of_kept_updates_is_a_mistake(
        self,
        server: Server,
        tmp_path: Path,
        capsys: Capture,
        make: Callable[[Path], None],
    ) -> None:
        make(tmp_path / "namesrv.properties")
        (mistake,) = refused(capsys, "--data-dir", str(tmp_path))
        assert mistake.startswith(
            f"cannot read {tmp_path / 'namesrv.properties'}: it is"
        )

    @pytest.mark.parametrize("flag", ["--data-dir", "--log-file", "--audit-log", "-c"])
    def test_path_below_a_working_directory_that_is_gone_is_a_mistake(
        self,
        server: Server,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: Capture,
        flag: str,
    ) -> None:
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        for words in ([flag, "name"], ["--check-config", flag, "name"]):
            assert refused(capsys, *words)[-1] == (
                "name is relative to the working directory, which is gone; change to a"
                " directory that exists, or give an absolute path"
            )
        is_log = flag in ("--log-file", "--audit-log")
        absolute = str(tmp_path / "log") if is_log else "/dev/null"
        assert served(server, flag, absolute) is not None

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

    def test_keys_of_java_and_of_others_are_kept(
        self, server: Server, tmp_path: Path, capsys: Capture
    ) -> None:
        others = ["brokerName", "rocketmqHomeX", "com.rocketmq.remoting.frameMaxLength"]
        keys = sorted([*JAVA_KEYS, *others])
        file = tmp_path / "ns.properties"
        file.write_text("".join(f"{key}=1\n" for key in keys))
        assert served(server, "-c", str(file)).extra == dict.fromkeys(keys, "1")
        assert capsys.readouterr().err == ""

    def test_byte_order_mark_is_left_out(self, server: Server, tmp_path: Path) -> None:
        file = tmp_path / "ns.properties"
        file.write_bytes(b"\xef\xbb\xbfadminAccess=off\n")
        options = served(server, "-c", str(file))
        assert (options.admin_access, options.extra) == ("off", {})

    def test_value_that_a_later_line_replaces_is_a_warning(
        self, server: Server, tmp_path: Path, capsys: Capture
    ) -> None:
        file = tmp_path / "ns.properties"
        file.write_text("adminAccess=off\nfoo=1\nfoo=1\nadminAccess=open\n")
        assert served(server, "-c", str(file)).admin_access == "open"
        assert capsys.readouterr().err == (
            f"namesrv: warning: file {file}, line 4: 'adminAccess' stands in line 1"
            " with another value, which has no effect\n"
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
            "there is no flag '--nope'; namesrv serve --help lists all flags",
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
            "dataDir is '~nobody-has-this-name/x', whose home directory is not known,"
            " expected a path without ~"
        ]

    @pytest.mark.parametrize(
        "flag", ["--audit-log", "--access-keys-file", "--log-file", "--tls-config-file"]
    )
    def test_every_path_with_a_home_that_is_not_known_is_refused(
        self, capsys: Capture, flag: str
    ) -> None:
        mistakes = refused(capsys, flag, "~nobody-has-this-name/x")
        assert "whose home directory is not known" in mistakes[-1]

    @pytest.mark.parametrize(
        ("data", "line", "reason"),
        [
            (
                "adminAccess=off".encode("utf-16"),
                1,
                "it is UTF-16; write the file as ASCII or ISO-8859-1",
            ),
            (
                b"a=b\n" + "adminAccess=off".encode("utf-16-le"),
                2,
                "it has a NUL byte, so it is damaged or UTF-16; write the file as"
                " ASCII or ISO-8859-1",
            ),
        ],
    )
    @pytest.mark.parametrize("flag", ["-c", "--tls-config-file"])
    def test_file_in_utf_16_is_refused(
        self,
        tmp_path: Path,
        capsys: Capture,
        flag: str,
        data: bytes,
        line: int,
        reason: str,
    ) -> None:
        file = tmp_path / "ns.properties"
        file.write_bytes(data)
        assert refused(capsys, flag, str(file)) == [
            f"file {file}, line {line}: {reason}"
        ]

    def test_file_without_an_end_is_refused(self, capsys: Capture) -> None:
        assert refused(capsys, "-c", "/dev/zero") == [
            "file /dev/zero is longer than 1048576 bytes"
        ]

    @pytest.mark.parametrize(
        ("key", "meant"),
        [
            ("adminacces", "adminAccess"),
            ("AdminAccess", "adminAccess"),
            ("admin.access", "adminAccess"),
            ("bindAdress", "bindAddress"),
            ("acessKeyFile", "accessKeysFile"),
            ("listen-port", "listenPort"),
            ("auditLgo", "auditLog"),
            ("TLS.server.mode", "tlsServerMode"),
            ("tlsServerAuthCleint", "tlsServerAuthClient"),
            ("lop", "loop"),
        ],
    )
    def test_key_that_is_nearly_an_option_is_refused(
        self, tmp_path: Path, capsys: Capture, key: str, meant: str
    ) -> None:
        file = tmp_path / "ns.properties"
        file.write_text(f"{key}=off\n")
        for words in ([], ["--check-config"], ["-p"]):
            assert refused(capsys, *words, "-c", str(file)) == [
                f"file {file}, line 1: there is no option {key!r};"
                f" did you mean {meant}?"
            ]

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("NAMESRV_ADMIN_ACCESS", "NAMESRV_OPT_ADMIN_ACCESS"),
            ("NAMESRV_OPTS_ADMIN_ACCESS", "NAMESRV_OPT_ADMIN_ACCESS"),
            ("namesrv_opt_admin_access", "NAMESRV_OPT_ADMIN_ACCESS"),
            ("NAMESRV_OP_BIND_ADRESS", "NAMESRV_OPT_BIND_ADDRESS"),
            ("NAMESRV_REQUIRE_EXTENSION", "NAMESRV_REQUIRE_EXTENSIONS"),
        ],
    )
    def test_variable_that_is_nearly_one_of_ours_is_refused(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: Capture,
        name: str,
        meant: str,
    ) -> None:
        monkeypatch.setenv(name, "off")
        assert refused(capsys) == [
            f"environment, {name}: it has no effect; did you mean {meant}?"
        ]

    def test_switch_with_an_empty_value_is_refused(self, capsys: Capture) -> None:
        assert refused(capsys, "--tls-test-mode-enable=") == [
            "command line, --tls-test-mode-enable: tlsTestModeEnable is '', expected"
            " true or false"
        ]

    def test_second_file_is_refused(self, tmp_path: Path, capsys: Capture) -> None:
        file = tmp_path / "ns.properties"
        file.touch()
        assert refused(capsys, "-c", str(file), "--config-file", str(file)) == [
            "--config-file is given twice, expected one file"
        ]

    @pytest.mark.parametrize(
        ("flags", "mistake"),
        [
            (("--audit-log", "--log-file"), "logFile is the auditLog"),
            (("--kv-config-path", "--log-file"), "logFile is the kvConfigPath"),
            (("--access-keys-file", "--audit-log"), "auditLog is the accessKeysFile"),
            (
                ("--tls-server-cert-path", "--config-store-path"),
                "configStorePath is the tlsServerCertPath",
            ),
        ],
    )
    def test_file_that_would_be_written_over_another_is_refused(
        self, capsys: Capture, flags: tuple[str, str], mistake: str
    ) -> None:
        words = [flags[0], "/nowhere/file", flags[1], "/nowhere/./file"]
        assert refused(capsys, *words) == [
            f"command line, {flags[1]}: {mistake}, expected a file of its own"
        ]

    @pytest.mark.parametrize(
        ("entry", "hint"),
        [
            ("enableTopicLst", "did you mean enableTopicList?"),
            ("orderMessageEnable,enableTopicList", "names are joined by ;"),
        ],
    )
    def test_black_list_that_forbids_nothing_is_refused(
        self, capsys: Capture, entry: str, hint: str
    ) -> None:
        assert refused(capsys, "--config-black-list", f"{entry}; listenPort;") == [
            "command line, --config-black-list: configBlackList has"
            f" {entry!r}, which forbids nothing; {hint}"
        ]

    @pytest.mark.parametrize(
        "address", ["host", "host:", "host:0", "host:65536", "a:1,b:1", "http://a:1"]
    )
    def test_address_of_the_other_cluster_that_is_none_is_refused(
        self, capsys: Capture, address: str
    ) -> None:
        words = ["--cluster-test", "--product-namesrv-addr", f"[::1]:1;{address}"]
        assert refused(capsys, *words) == [
            f"command line, --product-namesrv-addr: productNamesrvAddr has {address!r},"
            " expected host:port, and ; between several"
        ]

    def test_advertised_address_that_is_none_is_refused(self, capsys: Capture) -> None:
        assert refused(capsys, "--advertise", "ns1:9876;ns2") == [
            "command line, --advertise: advertise has 'ns2', expected host:port, and ;"
            " between several"
        ]

    def test_peers_that_are_none_or_too_many_are_refused(self, capsys: Capture) -> None:
        assert refused(capsys, "--peers", "ns1:9876;ns2") == [
            "command line, --peers: peers has 'ns2', expected host:port, and ; between"
            " several"
        ]
        many = ";".join(f"ns{number}:9876" for number in range(17))
        assert refused(capsys, "--peers", many) == [
            "command line, --peers: peers has 17 addresses, the limit is 16"
        ]


@pytest.mark.parametrize(
    ("flag", "text"),
    [("-c", b"adminAccess=off\n"), ("--tls-config-file", b"tls.protocols=TLSv1.3\n")],
)
def test_pipe_is_not_read_again(server: Server, flag: str, text: bytes) -> None:
    """It is empty by then, and all that it had narrowed would be wide open."""
    read_end, write_end = os.pipe()
    os.write(write_end, text)
    os.close(write_end)
    path = f"/dev/fd/{read_end}"
    try:
        options = served(server, flag, path)
        assert (options.admin_access == "off") is (flag == "-c")
        assert (options.tls_protocols == "TLSv1.3") is (flag != "-c")
        with pytest.raises(OptionsInvalid) as caught:
            server.read_options()
    finally:
        os.close(read_end)
    assert str(caught.value) == (
        f"file {path} is no regular file, and was read already; start anew to change"
        " options"
    )
