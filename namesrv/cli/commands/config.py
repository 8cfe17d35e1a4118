"""`config get` and `config set`: the options of each NameServer."""

from __future__ import annotations

from collections.abc import Iterable

from namesrv.cli.commands import outcomes
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import questions
from namesrv.cli.commands.similar import hint
from namesrv.cli.commands.text import Table, Value
from namesrv.cli.commands.words import Call
from namesrv.client.nameservers import Outcome
from namesrv.errors import NotFound, OptionsInvalid


def get_options(call: Call) -> Result:
    """All options of each server, or those that are named."""
    wanted = call.arguments
    found = questions(call).configurations()
    answers = [one for one, _ in found]
    known = {name for _, options in found for name in options}
    if known:
        _check_known(wanted, known)
    value = [
        {"server": str(one.server), "options": _chosen(options, wanted)}
        for one, options in found
        if one.failure is None
    ]
    code = max(map(outcomes.exit_code, answers))
    is_one = len(found) == 1
    if is_one and len(wanted) == 1 and known:
        blocks: list[Table | Value] = [Value(found[0][1][wanted[0]])]
    else:
        rows = [
            ([] if is_one else [str(one.server)]) + [name, text]
            for one, options in found
            for name, text in _chosen(options, wanted).items()
        ]
        headings = ([] if is_one else ["SERVER"]) + ["OPTION", "VALUE"]
        blocks = [Table(headings, rows)]
    return Result(value, blocks, outcomes.complaints(answers), code)


def set_options(call: Call) -> Result:
    """Change options at every server, and check that they did change."""
    wanted = _pairs(call.arguments)
    asked = questions(call)
    answers = asked.set_options(wanted)
    result = outcomes.result(answers, lambda answer: "accepted")
    unchanged = list(_unchanged(asked.configurations(), answers, wanted))
    code = max(result.exit_code, outcomes.REFUSED if unchanged else 0)
    return Result(result.value, result.blocks, [*result.complaints, *unchanged], code)


def _pairs(words: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise OptionsInvalid([f"{word!r} is no OPTION=VALUE"])
        pairs[name] = text
    return pairs


def _unchanged(
    found: Iterable[tuple[Outcome, dict[str, str]]],
    answers: Iterable[Outcome],
    wanted: dict[str, str],
) -> Iterable[str]:
    """A Java server answers success and ignores a name that it does not know."""
    accepted = {one.server for one in answers if one.failure is None}
    for outcome, options in found:
        if outcome.server not in accepted or outcome.failure is not None:
            continue
        for name, text in wanted.items():
            if name not in options:
                similar = hint(name, list(options))
                yield f"{outcome.server} has no option {name!r}{similar}"
            elif options[name] != text and options[name].strip("*"):
                yield f"{outcome.server} still has {name}={options[name]}"


def _check_known(wanted: Iterable[str], known: Iterable[str]) -> None:
    names = sorted(known)
    for name in wanted:
        if name not in names:
            raise NotFound(f"no server shows an option {name!r}{hint(name, names)}")


def _chosen(options: dict[str, str], wanted: list[str]) -> dict[str, str]:
    if not wanted:
        return options
    return {name: options[name] for name in wanted if name in options}
