"""Commands that print and end."""

import os
import re
from pathlib import Path

import pytest

from namesrv.cli import main
from namesrv.cli.commands.help import overview
from namesrv.cli.help_text import help_text
from namesrv.option import kebab
from namesrv.options import OPTIONS
from tests.cli.server_stand_in import Capture, Server, served
from tests.test_options_remote import JAVA_TEXT

SHORT_FLAGS = {"bindAddress": "--bind", "listenPort": "--port", "recordDir": "--record"}


class TestCommands:
    @pytest.mark.parametrize("flag", ["-h", "--help"])
    def test_help(
        self, flag: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        assert main(["serve", flag, "--nonsense"]) == 0
        assert capsys.readouterr().out == help_text(80) + "\n"
        assert main(["--port", "0", flag]) == 0
        assert capsys.readouterr().out == help_text(80) + "\n"

    @pytest.mark.parametrize("flag", ["-h", "--help"])
    def test_help_without_a_command_lists_the_commands(
        self, flag: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        assert main([flag]) == 0
        assert capsys.readouterr().out == overview(80) + "\n"

    @pytest.mark.parametrize("columns", [0, 60, 72, 80, 100, 1000])
    def test_help_names_every_flag_and_fits(self, columns: int) -> None:
        text = help_text(columns)
        width = max(60, min(columns, 100))
        too_wide = [line for line in text.splitlines() if len(line) > width]
        # Only what cannot be broken: one word, or a flag with its placeholder.
        assert all(len(line.split()) <= 2 for line in too_wide)
        for option in OPTIONS:
            flag = SHORT_FLAGS.get(option.name, f"--{kebab(option.name)}")
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
        monkeypatch.setattr("namesrv.cli.version.sys.path", ["/nowhere"])
        monkeypatch.setenv("NAMESRV_NO_EXTENSIONS", "1")
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
