"""The table of options, and what reads values into it."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import OptionsInvalid
from namesrv.option import GROUPS, Option, kebab, value_text
from namesrv.option_sources import Given, Source, build, checked, parse_value
from namesrv.options import BY_NAME, OPTIONS, PATHS, REMOTE_KEYS, Options

# All that a remote update may change (protocol.md section 9.4).
ALLOW_LIST = """orderMessageEnable returnOrderTopicConfigToBroker supportActingMaster
    enableAllTopicList enableTopicList notifyMinBrokerIdChanged needWaitForService
    waitSecondsForService deleteTopicWithBrokerRegistration
    scanNotActiveBrokerInterval serverChannelMaxIdleTimeSeconds"""


def source(name: str, **items: str) -> Source:
    given = [
        Given(key, text, f"line {n}") for n, (key, text) in enumerate(items.items())
    ]
    return Source(name, given)


def mistakes(*sources: Source) -> tuple[str, ...]:
    with pytest.raises(OptionsInvalid) as caught:
        build(sources)
    return caught.value.mistakes


class TestTable:
    def test_every_attribute_is_an_option_and_every_option_an_attribute(self) -> None:
        attributes = {entry.name for entry in dataclasses.fields(Options)} - {"extra"}
        assert attributes == {option.attribute for option in OPTIONS}
        assert len(OPTIONS) == len(BY_NAME) > 90

    @pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
    def test_type_default_and_attribute_agree(self, option: Option) -> None:
        assert getattr(Options(), option.attribute) == option.default
        if option.default is None:
            assert option.name == "rocketmqHome"
        else:
            assert type(option.default) is option.type
            assert parse_value(option, value_text(option.default)) == option.default

    @pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
    def test_entry_is_fit_to_be_shown(self, option: Option) -> None:
        assert option.group in GROUPS
        assert option.meaning and "\n" not in option.meaning
        assert not option.meaning.endswith(".")

    def test_remote_keys_are_the_allow_list(self) -> None:
        assert set(ALLOW_LIST.split()) == REMOTE_KEYS
        assert all(BY_NAME[name].live for name in REMOTE_KEYS)

    def test_only_the_password_is_secret(self) -> None:
        assert [option.name for option in OPTIONS if option.secret] == [
            "tlsServerKeyPassword"
        ]

    def test_every_option_named_path_or_file_is_a_path(self) -> None:
        named = {name for name in BY_NAME if re.search("(Path|File|Dir)$", name)}
        assert named | {"auditLog"} == {option.name for option in PATHS}

    def test_files_that_the_server_writes_are_marked(self) -> None:
        written = {option.name for option in OPTIONS if option.written}
        assert written == {"kvConfigPath", "configStorePath", "logFile", "auditLog"}

    def test_options_of_the_jvm_are_marked(self) -> None:
        marked = {option.name for option in OPTIONS if option.jvm_only}
        assert "clientRequestThreadPoolNums" in marked
        assert "useEpollNativeSelector" in marked
        assert not marked & REMOTE_KEYS
        assert not marked & {"listenPort", "serverSocketSndBufSize", "dataDir"}

    def test_kebab_of_every_name_is_its_attribute(self) -> None:
        assert kebab("unRegisterBrokerQueueCapacity") == (
            "un-register-broker-queue-capacity"
        )
        assert all(re.fullmatch("[a-z]+(-[a-z]+)*", kebab(name)) for name in BY_NAME)


class TestOptions:
    def test_files_lie_in_the_data_directory_unless_they_are_named(self) -> None:
        below = Options(data_dir="/data")
        assert below.kv_config_path == "/data/kvConfig.json"
        assert below.config_store_path == "/data/namesrv.properties"
        assert Options(data_dir="/data", kv_config_path="/kv").kv_config_path == "/kv"

    @pytest.mark.parametrize(
        ("text", "addresses"),
        [
            ("0.0.0.0", ("0.0.0.0",)),
            ("127.0.0.1,::1", ("127.0.0.1", "::1")),
            ("127.0.0.1; [::1] ;", ("127.0.0.1", "::1")),
            (" , ;", ()),
        ],
    )
    def test_bind_addresses(self, text: str, addresses: tuple[str, ...]) -> None:
        assert Options(bind_address=text).bind_addresses == addresses

    def test_black_list_is_split_at_semicolons(self) -> None:
        assert Options(config_black_list="a;b").black_list == {"a", "b"}


class TestParseValue:
    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("clusterTest", "true", True),
            ("clusterTest", "False", False),
            ("clusterTest", " TRUE ", True),
            ("listenPort", "0", 0),
            ("listenPort", "+65535", 65535),
            ("listenPort", "9876 ", 9876),
            ("serverWorkerThreads", "-1", -1),
            ("productEnvName", " center\t", "center"),
            ("productEnvName", "中 é", "中 é"),
            ("serializeType", "rocketmq", "ROCKETMQ"),
            ("loop", "UVLOOP", "uvloop"),
        ],
    )
    def test_reads(self, name: str, text: str, value: object) -> None:
        read = parse_value(BY_NAME[name], text)
        assert read == value
        assert type(read) is type(value)

    @pytest.mark.parametrize(
        ("name", "text", "sentence"),
        [
            ("clusterTest", "yes", "clusterTest is 'yes', expected true or false"),
            ("clusterTest", "", "clusterTest is '', expected true or false"),
            (
                "listenPort",
                "98x",
                "listenPort is '98x', expected a whole number from 0 to 65535",
            ),
            (
                "listenPort",
                "65536",
                "listenPort is '65536', expected a whole number from 0 to 65535",
            ),
            (
                "waitSecondsForService",
                "-1",
                "waitSecondsForService is '-1',"
                " expected a whole number from 0 to 2147483647",
            ),
            (
                "scanNotActiveBrokerInterval",
                "9",
                "scanNotActiveBrokerInterval is '9',"
                " expected a whole number from 10 to 86400000",
            ),
            (
                "serializeType",
                "XML",
                "serializeType is 'XML', expected one of JSON, ROCKETMQ",
            ),
            (
                "productEnvName",
                "a\nb",
                "productEnvName is 'a\\nb', expected a text without control characters",
            ),
        ],
    )
    def test_refuses_in_one_sentence(self, name: str, text: str, sentence: str) -> None:
        with pytest.raises(OptionsInvalid) as caught:
            parse_value(BY_NAME[name], text)
        assert caught.value.mistakes == (sentence,)

    @pytest.mark.parametrize(
        "text", ["1_000", "٥", "0x10", "1e3", "5L", "", "+", "1.0"]
    )
    def test_numbers_are_ascii_digits(self, text: str) -> None:
        with pytest.raises(OptionsInvalid):
            parse_value(BY_NAME["serverWorkerThreads"], text)

    def test_long_value_is_cut_in_the_sentence(self) -> None:
        with pytest.raises(OptionsInvalid) as caught:
            parse_value(BY_NAME["listenPort"], "7" * 100_000)
        assert len(str(caught.value)) < 200
        assert f"'{'7' * 100}'..." in str(caught.value)


class TestBuild:
    def test_without_sources_gives_the_defaults(self) -> None:
        assert build([]) == Options()

    def test_later_source_wins(self) -> None:
        options = build(
            [
                source("file a", listenPort="1", productEnvName="x"),
                source("environment", listenPort="2"),
                source("command line", listenPort="3"),
            ]
        )
        assert (options.listen_port, options.product_env_name) == (3, "x")

    def test_last_of_repeated_keys_wins(self) -> None:
        twice = [Given("listenPort", "1", "line 1"), Given("listenPort", "2", "line 2")]
        assert build([Source("file a", twice)]).listen_port == 2

    def test_unknown_key_is_kept_where_java_keeps_it(self) -> None:
        keeping = Source(
            "file a", [Given("foo", " bar ", "line 1")], keeps_unknown=True
        )
        assert build([keeping]).extra == {"foo": " bar "}

    def test_unknown_key_is_a_mistake_elsewhere_with_the_nearest_one(self) -> None:
        assert mistakes(source("command line", listenPrt="1", zzz="1")) == (
            "command line, line 0: there is no option 'listenPrt';"
            " did you mean listenPort?",
            "command line, line 1: there is no option 'zzz'",
        )

    def test_source_spells_keys_its_own_way(self) -> None:
        def shout(option: Option) -> str:
            return option.name.upper()

        given = [Given("LISTENPORT", "1", "here"), Given("LISTENPROT", "1", "there")]
        assert build([Source("e", given[:1], spell=shout)]).listen_port == 1
        assert mistakes(Source("e", given, spell=shout)) == (
            "e, there: there is no option 'LISTENPROT'; did you mean LISTENPORT?",
        )

    def test_all_mistakes_of_all_sources_are_reported(self) -> None:
        assert mistakes(
            source("file ns.properties", listenPort="x", clusterTest="1"),
            source("environment", loop="x"),
        ) == (
            "file ns.properties, line 0: listenPort is 'x',"
            " expected a whole number from 0 to 65535",
            "file ns.properties, line 1: clusterTest is '1', expected true or false",
            "environment, line 0: loop is 'x', expected one of auto, uvloop, asyncio",
        )

    def test_mistake_counts_even_if_a_later_source_is_right(self) -> None:
        wrong, right = source("a", listenPort="x"), source("b", listenPort="1")
        assert len(mistakes(wrong, right)) == 1

    @pytest.mark.parametrize(
        ("items", "mistake"),
        [
            (
                {"enableControllerInNamesrv": "true"},
                "f, line 0: enableControllerInNamesrv is true, expected false, because"
                " this server has no controller inside; run RocketMQ's controller as a"
                " process of its own",
            ),
            (
                {"logFile": "a.log", "auditLog": "a.log"},
                "f, line 0: logFile is the auditLog, expected a file of its own",
            ),
            (
                {"logFile": "./keys", "accessKeysFile": "keys"},
                "f, line 0: logFile is the accessKeysFile, expected a file of its own",
            ),
            (
                {"adminAccess": "Signed"},
                "f, line 0: adminAccess is signed, expected accessKeysFile to name the"
                " file of keys",
            ),
            (
                {"brokerAccess": "signed"},
                "f, line 0: brokerAccess is signed, expected accessKeysFile to name"
                " the file of keys",
            ),
            (
                {"writeBufferHighWaterMark": "5", "writeBufferLowWaterMark": "6"},
                "f, line 1: writeBufferLowWaterMark is 6, expected at most"
                " writeBufferHighWaterMark, which is 5",
            ),
            (
                {"frameMaxLength": "4096", "inputBudgetBytes": "4095"},
                "f, line 1: inputBudgetBytes is 4095, expected at least"
                " frameMaxLength, which is 4096",
            ),
            (
                {"bindAddress": ","},
                "f, line 0: bindAddress is empty, expected at least one address",
            ),
            (
                {"dataDir": ""},
                "f, line 0: dataDir is empty, expected the path of a directory",
            ),
        ],
    )
    def test_contradiction_is_a_mistake(
        self, items: dict[str, str], mistake: str
    ) -> None:
        assert mistakes(source("f", **items)) == (mistake,)

    def test_water_mark_that_is_not_used_contradicts_nothing(self) -> None:
        assert build([source("f", writeBufferLowWaterMark="6")])


def refused(options: Options) -> tuple[str, ...]:
    with pytest.raises(OptionsInvalid) as caught:
        checked(options)
    return caught.value.mistakes


def test_checked_options_are_an_equal_copy() -> None:
    options = Options(data_dir="d", extra={"a": "b"})
    copy = checked(options)
    assert copy == options
    assert copy is not options and copy.extra is not options.extra


def test_checked_options_have_values_of_the_right_type(tmp_path: Path) -> None:
    values: dict[str, Any] = {"data_dir": tmp_path, "listen_port": "1"}
    options = checked(Options(**values, log_format="JSON"))
    assert options.data_dir == str(tmp_path)
    assert (options.listen_port, options.log_format) == (1, "json")


@pytest.mark.parametrize(
    ("values", "mistake"),
    [
        ({"admin_access": "lopback"}, "adminAccess is 'lopback', expected one of open"),
        ({"listen_port": True}, "listenPort is 'true', expected a whole number from 0"),
        ({"log_file": None}, "logFile is None, expected a text"),
        ({"broker_access": "signed"}, "brokerAccess is signed, expected accessKeys"),
        ({"http_access": "token"}, "httpAccess is token, expected httpTokenFile to"),
        ({"http_bind": ","}, "httpBind is ',', expected host:port in it"),
        ({"http_bind": "a:1,b"}, "httpBind has 'b', expected host:port, and a comma"),
        ({"http_bind": "a:70000"}, "httpBind has 'a:70000', expected host:port"),
        (
            {"http_bind": "a:1", "http_access": "off"},
            "httpBind is given, expected an httpAccess other than off",
        ),
    ],
)
def test_checking_refuses_a_wrong_value(values: dict[str, Any], mistake: str) -> None:
    (found,) = refused(Options(**values))
    assert found.startswith(mistake)


def test_checking_names_every_wrong_value() -> None:
    assert len(refused(Options(listen_port=-1, frame_max_length=1))) == 2
