"""The words of the command line."""

import pytest

from namesrv.cli.words import read_words
from namesrv.option import kebab
from namesrv.options import OPTIONS


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
            (["-x"], "there is no flag '-x'; namesrv serve --help lists all flags"),
            (
                ["--port"],
                "--port has no value, expected a whole number from 0 to 65535",
            ),
            (["-c"], "-c has no value, expected the name of a file"),
            (["-n"], "-n has no value, expected addresses"),
            (["start"], "'start' is not a flag; namesrv serve --help lists all flags"),
            (["--pure=1"], "--pure is followed by '1', expected no value"),
            (
                ["--no-cluster-test=1"],
                "--no-cluster-test is followed by '1', expected no value",
            ),
        ],
    )
    def test_mistake(self, argv: list[str], mistake: str) -> None:
        assert read_words(argv).mistakes[0] == mistake
