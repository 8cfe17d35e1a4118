"""Options from texts: of a file, the environment, the command line, a peer, a program.

No I/O: the texts come in as a `Source`. See protocol.md sections 4.2, 4.3 and 9.4.
"""

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final, NamedTuple

from namesrv.codes import ResponseCode
from namesrv.contradictions import contradictions
from namesrv.errors import OptionsInvalid, RequestFailed
from namesrv.misspellings import JAVA_KEYS, meant_name, similar_names
from namesrv.option import Option, Value, value_text
from namesrv.options import BY_NAME, OPTIONS, Options

QUOTE_LENGTH: Final = 100


class Given(NamedTuple):
    """One option as a source gives it; `location` is a line, a variable or a flag."""

    key: str
    text: str
    location: str


class Source(NamedTuple):
    """Where options come from; `spell` is how it writes the key of an option."""

    name: str
    items: Sequence[Given]
    keeps_unknown: bool = False
    spell: Callable[[Option], str] = attrgetter("name")


def parse_value(option: Option, text: str) -> Value:
    """The value of `text`; blanks around it are ignored.

    Raises `OptionsInvalid` with one sentence: key, value and the expected values.
    """
    word = text.strip(" \t\r\n\f")
    if option.type is bool and word.lower() in ("true", "false"):
        return word.lower() == "true"
    if option.type is int and re.fullmatch("[+-]?[0-9]{1,20}", word):
        if option.minimum <= int(word) <= option.maximum:
            return int(word)
    if option.type is str:
        if option.choices:
            for choice in option.choices:
                if choice.lower() == word.lower():
                    return choice
        elif not re.search("[\x00-\x1f\x7f]", word):
            return word
    shown = "not valid" if option.secret else _quote(text)
    mistake = f"{option.name} is {shown}, expected {option.expected}"
    raise OptionsInvalid([mistake])


def build(sources: Sequence[Source]) -> Options:
    """Options from `sources` in rising order; a later one wins.

    Raises `OptionsInvalid` with all mistakes of all sources, one sentence each.
    """
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    extra: dict[str, str] = {}
    origins: dict[str, str] = {}
    for source in sources:
        spelled = {source.spell(option): option for option in OPTIONS}
        for item in source.items:
            origin = f"{source.name}, {item.location}: "
            option = spelled.get(item.key)
            if option is not None:
                try:
                    values[option.attribute] = parse_value(option, item.text)
                    origins[option.name] = origin
                except OptionsInvalid as error:
                    mistakes.append(origin + error.mistakes[0])
            elif source.keeps_unknown and not _is_misspelt(item.key, spelled):
                extra[item.key] = item.text
            else:
                mistakes.append(origin + _unknown(item.key, spelled))
    options = Options(**values, extra=extra)
    for name, mistake in contradictions(options):
        mistakes.append(origins.get(name, "") + mistake)
    if mistakes:
        raise OptionsInvalid(mistakes)
    return options


def checked(options: Options) -> Options:
    """A copy of options that a program has set, each value checked and converted.

    A value may be given as text or as a path, too. Raises `OptionsInvalid` with all
    mistakes, one sentence each.
    """
    found = replace(options, extra=dict(options.extra))
    mistakes: list[str] = []
    for option in OPTIONS:
        value = getattr(options, option.attribute)
        if value is None and option.default is None:
            continue
        if value is None:
            mistakes.append(f"{option.name} is None, expected {option.expected}")
            continue
        try:
            setattr(found, option.attribute, parse_value(option, value_text(value)))
        except OptionsInvalid as error:
            mistakes += error.mistakes
    if not mistakes:
        mistakes += [mistake for _, mistake in contradictions(found)]
    if mistakes:
        raise OptionsInvalid(mistakes)
    return found


def parse_remote(name: str, text: str, black_list: Container[str] = ()) -> Value:
    """The new value of an option in a remote update (318, protocol.md section 9.4).

    `black_list` has the keys that the operator forbids. Raises `RequestFailed`:
    code 16 for a key that may not be changed, code 1 for a value of the wrong type.
    """
    option = BY_NAME.get(name)
    if option is None or not option.remote:
        remark = f"config {_quote(name)} can not be updated remotely"
        raise RequestFailed(remark, ResponseCode.NO_PERMISSION)
    if name in black_list:
        remark = "Can not update config in black list."
        raise RequestFailed(remark, ResponseCode.NO_PERMISSION)
    try:
        return parse_value(option, text)
    except OptionsInvalid as error:
        raise RequestFailed(f"config {error.mistakes[0]}") from None


def _quote(text: str) -> str:
    return f"{text[:QUOTE_LENGTH]!r}{'...' if len(text) > QUOTE_LENGTH else ''}"


def _is_misspelt(key: str, spelled: Mapping[str, Option]) -> bool:
    """Whether a key is nearly an option that has an effect."""
    effective = [word for word, option in spelled.items() if not option.jvm_only]
    return key not in JAVA_KEYS and meant_name(key, effective) is not None


def _unknown(key: str, spelled: Mapping[str, Option]) -> str:
    near = meant_name(key, spelled) or next(iter(similar_names(key, spelled)), None)
    hint = f"; did you mean {near}?" if near else ""
    return f"there is no option {_quote(key)}{hint}"
