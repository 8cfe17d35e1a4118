"""The command line's words, read against the table of options."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from namesrv.misspellings import similar_names
from namesrv.option import Option, kebab
from namesrv.option_sources import Given
from namesrv.options import BY_NAME, OPTIONS

ACTIONS: Final = ("help", "version", "check", "print", "serve")
"""The actions; the first of those that are given is carried out."""

_ACTION_FLAGS: Final = {
    "-h": "help",
    "--help": "help",
    "--version": "version",
    "--check-config": "check",
    "-p": "print",
    "--printConfigItem": "print",
    "--print-config-item": "print",
}
_PURE: Final = "--pure"
_CONFIG_FILE: Final = ("-c", "--configFile", "--config-file")
_NAMESRV_ADDR: Final = ("-n", "--namesrvAddr", "--namesrv-addr")
_OPTION_FLAGS: Final = {
    "--port": BY_NAME["listenPort"],
    "--bind": BY_NAME["bindAddress"],
    "--record": BY_NAME["recordDir"],
    **{f"--{kebab(option.name)}": option for option in OPTIONS},
}
_NEGATIONS: Final = {
    f"--no-{kebab(option.name)}": option for option in OPTIONS if option.type is bool
}
_WITHOUT_VALUE: Final = (_PURE, *_ACTION_FLAGS, *_NEGATIONS)
_FLAGS: Final = (*_WITHOUT_VALUE, *_CONFIG_FILE, *_NAMESRV_ADDR, *_OPTION_FLAGS)


@dataclass(slots=True)
class Words:
    """The command line, read: an action, options and mistakes."""

    action: str = "serve"
    config_file: str | None = None
    pure: bool = False
    given: list[Given] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)


def read_words(argv: Sequence[str]) -> Words:
    """Read the words behind the program's name; the result has their mistakes."""
    reader = _Reader(argv)
    while reader.rest:
        reader.read_next()
    return reader.words


class _Reader:
    """Reads one flag with its value at a time."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.words = Words()
        self.rest = deque(argv)
        self.attached: str | None = None

    def read_next(self) -> None:
        word = self.rest.popleft()
        flag, equals, attached = word.partition("=")
        self.attached = attached if equals else None
        if flag not in _FLAGS:
            self.words.mistakes.append(_unknown(word, flag))
        elif flag in _WITHOUT_VALUE:
            self._read_switch(flag)
        elif flag in _OPTION_FLAGS:
            self._read_option(flag, _OPTION_FLAGS[flag])
        elif flag in _CONFIG_FILE:
            if self.words.config_file is not None:
                self.words.mistakes.append(f"{flag} is given twice, expected one file")
            self.words.config_file = self._needed_value(flag, "the name of a file")
        else:
            self._needed_value(flag, "addresses")

    def _read_switch(self, flag: str) -> None:
        if self.attached is not None:
            mistake = f"{flag} is followed by {self.attached!r}, expected no value"
            self.words.mistakes.append(mistake)
        elif flag == _PURE:
            self.words.pure = True
        elif flag in _NEGATIONS:
            self.words.given.append(Given(_NEGATIONS[flag].name, "false", flag))
        else:
            action = _ACTION_FLAGS[flag]
            self.words.action = min(self.words.action, action, key=ACTIONS.index)

    def _read_option(self, flag: str, option: Option) -> None:
        if option.type is bool:
            value = self._value()
            text = "true" if value is None else value
        else:
            value = self._needed_value(flag, option.expected)
            if value is None:
                return
            text = value
        if option.name == "bindAddress":
            earlier = [one.text for one in self.words.given if one.key == option.name]
            text = ",".join([*earlier[-1:], text])
        self.words.given.append(Given(option.name, text, flag))

    def _value(self) -> str | None:
        if self.attached is not None:
            return self.attached
        if not self.rest or self.rest[0].startswith("--") or self.rest[0] in _FLAGS:
            return None
        return self.rest.popleft()

    def _needed_value(self, flag: str, expected: str) -> str | None:
        value = self._value()
        if value is None:
            self.words.mistakes.append(f"{flag} has no value, expected {expected}")
        return value


def _unknown(word: str, flag: str) -> str:
    if not word.startswith("-"):
        return f"{word!r} is not a flag; namesrv serve --help lists all flags"
    known = [name[2:] for name in _FLAGS if name.startswith("--")]
    near = similar_names(flag.lstrip("-"), known)
    hint = (
        f"did you mean --{near[0]}?" if near else "namesrv serve --help lists all flags"
    )
    return f"there is no flag {flag!r}; {hint}"
