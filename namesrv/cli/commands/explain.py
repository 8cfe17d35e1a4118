"""`explain`: why a topic or a broker has no route, or not the expected one.

A namesrv is asked over HTTP. The answers of another server, or of one without HTTP,
are made into the same evidence here (`explain_answers`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from namesrv.cli.commands.history import camel, time_text
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.roles import permission
from namesrv.cli.commands.session import addresses, http_questions, questions
from namesrv.cli.commands.text import Table, numbered
from namesrv.cli.commands.words import Call
from namesrv.cli.printing import shown
from namesrv.client.addresses import Address
from namesrv.client.event_sentences import sentence_of
from namesrv.client.http import HttpQuestions, segment
from namesrv.errors import (
    HttpMissing,
    HttpRejected,
    NameServerUnreachable,
    OptionsInvalid,
)

_BROKERS: Final = (
    *("BROKER", "CLUSTER", "ID", "ADDRESS", "PERM", "REGISTERED", "LAST HEARD"),
)
_BROKERS_OF_GROUP: Final = tuple(name for name in _BROKERS if name != "PERM")
"""A permission is that of a topic."""
_EVENTS: Final = ("TIME", "NUMBER", "GROUP", "EVENT")
_MOST_EVENTS: Final = 10
_MOST_BROKERS: Final = 20
_MOST_VERSION: Final = 2**31 - 1
_NO_SUCH_PATH: Final = 404

Explanation = Mapping[str, Any]


def explain(call: Call) -> Result:
    """The likely causes, and the evidence for them, from the first server that
    answers."""
    _check(call)
    failures = []
    for address in addresses(call, os.environ):
        try:
            found, of = _explanation(call, address)
            if call.has("namesrv-addr"):
                found = _with_address(found, address)
            return _result(address, found, of)
        except NameServerUnreachable as failure:
            failures.append(str(failure))
        except (AttributeError, KeyError, TypeError):
            failures.append(f"{address} answers wrongly: it gives no explanation")
    raise NameServerUnreachable("\n".join(failures))


def _check(call: Call) -> None:
    if call.has("topic") and call.has("broker"):
        raise OptionsInvalid(["--topic and --broker exclude each other"])
    version = call.flag("client-version")
    if version is None:
        return
    if not version.isdecimal() or int(version) > _MOST_VERSION:
        raise OptionsInvalid(
            [
                f"--client-version is {version!r}, expected a remoting version from 0"
                f" to {_MOST_VERSION}, such as 479 for 5.3.3"
            ]
        )


def is_address(name: str) -> bool:
    """Whether a name is a host:port."""
    host, colon, port = name.rpartition(":")
    return bool(host and colon) and port.isdecimal()


def _explanation(call: Call, address: Address) -> tuple[Explanation, str]:
    """The explanation of one server, and the kind of the name in it."""
    try:
        return _over_http(call, http_questions(call, os.environ, [address]))
    except HttpMissing:
        pass
    except HttpRejected as failure:
        # A namesrv of an older version has no such path.
        if failure.status != _NO_SUCH_PATH:
            raise
    from namesrv.cli.commands.explain_answers import explained  # noqa: PLC0415

    return explained(questions(call, os.environ, [address]), call, _kind(call))


def _with_address(found: Explanation, server: Address) -> Explanation:
    """The explanation with commands that ask the same server."""
    causes = [
        {**cause, "next": _asking(cause["next"], server)} for cause in found["causes"]
    ]
    return {**found, "causes": causes}


def _asking(step: str, server: Address) -> str:
    """The next step with `-n`, if it is a command without one."""
    if not step.startswith("namesrv "):
        return step
    import shlex  # noqa: PLC0415

    words = shlex.split(step)
    # A name that begins with a hyphen stands behind "--", as no flag can.
    at = words.index("--") if "--" in words else len(words)
    if "-n" in words[:at]:
        return step
    words[at:at] = ["-n", str(server)]
    return shlex.join(words)


def _over_http(call: Call, asked: HttpQuestions) -> tuple[Explanation, str]:
    """By a kind that is not given the broker group is meant if there is or was one,
    because brokers announce a topic of their own name, too."""
    kind = _kind(call) or "broker"
    found = _asked_for(call, asked, kind)
    is_known = found["exists"] or found["evidence"]["gone"]
    if _kind(call) is None and not is_known:
        return _asked_for(call, asked, "topic"), "topic"
    return found, kind


def _asked_for(call: Call, asked: HttpQuestions, kind: str) -> Explanation:
    query = {"cluster": call.flag("cluster") or ""}
    if kind == "topic":
        query["zone"] = call.flag("zone") or ""
        query["version"] = call.flag("client-version") or ""
    known = {name: value for name, value in query.items() if value}
    found = asked.get(f"/v1/{kind}s/{segment(call.arguments[0])}/explain", known)
    if not isinstance(found, Mapping):
        raise NameServerUnreachable(f"{asked.address} answers wrongly")
    return found


def _kind(call: Call) -> str | None:
    """The kind of the name by a flag or by its form, None if it may be either."""
    if call.has("topic"):
        return "topic"
    is_broker = call.has("broker") or is_address(call.arguments[0])
    return "broker" if is_broker else None


def _result(server: Address, found: Explanation, of: str) -> Result:
    blocks: list[str | Table] = [_headline(server, found, of), _asked(found)]
    blocks.append(_causes(found))
    evidence = found["evidence"]
    brokers = evidence["brokers"]
    if brokers:
        rows = [_broker_row(broker, of) for broker in brokers[:_MOST_BROKERS]]
        blocks.append(Table(_BROKERS if of == "topic" else _BROKERS_OF_GROUP, rows))
    if len(brokers) > _MOST_BROKERS:
        blocks.append(f"and {len(brokers) - _MOST_BROKERS} more brokers")
    if evidence["gone"]:
        events = evidence["gone"][:_MOST_EVENTS][::-1]
        blocks.append(Table(_EVENTS, [_event_row(facts) for facts in events]))
    if found["unknown"]:
        lines = [f"  {shown(sentence)}" for sentence in found["unknown"]]
        blocks.append("\n".join(["Not known:", *lines]))
    return Result(camel(found), blocks, exit_code=0 if found["exists"] else 1)


def _headline(server: Address, found: Explanation, of: str) -> str:
    """Whether the name exists, and the answer that a client gets."""
    name, evidence = shown(found[of]), found["evidence"]
    if of == "broker":
        group = found.get("group")
        if not found["exists"]:
            return f"{server} has no broker {name}."
        other = "" if group in (None, found[of]) else f" It is in group {shown(group)}."
        return f"{server} has the broker {name}.{other}"
    verb = "has" if found["exists"] else "has no"
    answer = evidence["answer"]
    if answer is None or answer["code"] is None:
        return f"{server} {verb} {'the ' if found['exists'] else ''}topic {name}."
    text = f"{server} {verb} {'the ' if found['exists'] else ''}topic {name}. A client"
    if answer["code"]:
        remark = str(answer["remark"]).partition("\n")[0]
        return f"{text} gets code {answer['code']}: {shown(remark)}"
    groups = answer["broker_groups"]
    if groups is None:
        return f"{text} gets a route of {answer['bytes']} bytes."
    return f"{text} gets a route with {numbered(len(groups), 'broker group')}."


def _asked(found: Explanation) -> str:
    """The clients that ask for it in vain."""
    asked = found["evidence"].get("asked")
    if not asked:
        return ""
    text = f"{numbered(asked['count'], 'client lookup')} in vain since"
    text = f"{text} {time_text(asked['first_millis'])}"
    if asked["askers"]:
        last = asked["askers"][0]
        language = f"{last['language']}, " if last["language"] else ""
        text += f"; the last one by {last['address']} ({language}{last['version']})"
    return f"{shown(text)}."


def _causes(found: Explanation) -> str:
    causes: Sequence[Explanation] = found["causes"]
    if not causes:
        reason = "nothing is wrong with it" if found["exists"] else "no cause was found"
        return f"As far as this server knows, {reason}."
    lines = []
    for cause in causes:
        lines.append(f"{cause['confidence']}: {shown(cause['sentence'])}")
        if cause["next"]:
            lines.append(f"    next: {shown(cause['next'])}")
    return "\n".join(lines)


def _broker_row(broker: Explanation, of: str) -> tuple[str | int, ...]:
    since, heard = broker["since_millis"], broker["last_heard_millis"]
    perm = broker["perm"]
    permissions = ("" if perm is None else permission(perm),)
    unknown = "before this run" if broker.get("is_of_last_run") else ""
    return (
        broker["broker"],
        broker["cluster"],
        broker["broker_id"],
        broker["address"],
        *(permissions if of == "topic" else ()),
        unknown if since is None else time_text(since),
        "" if heard is None else time_text(heard),
    )


def _event_row(facts: Explanation) -> tuple[str | int, ...]:
    groups = facts.get("broker") or ", ".join(facts.get("brokers") or ())
    return time_text(facts["at_millis"]), facts["number"], groups, sentence_of(facts)
