"""`kv list`, `kv get`, `kv put` and `kv delete`."""

from __future__ import annotations

from namesrv.cli.commands import outcomes
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import questions
from namesrv.cli.commands.similar import hint
from namesrv.cli.commands.text import Table, Value
from namesrv.cli.commands.words import Call
from namesrv.client.questions import Questions
from namesrv.errors import NotFound


def list_keys(call: Call) -> Result:
    """The keys and values of a namespace."""
    asked, namespace = questions(call), call.arguments[0]
    table = _table(asked, namespace)
    return Result(table, [Table(["KEY", "VALUE"], list(table.items()))])


def get_value(call: Call) -> Result:
    """The value of a key, alone on its line."""
    asked = questions(call)
    namespace, key = call.arguments
    value = asked.kv_value(namespace, key)
    if value is None:
        raise _no_key(asked, namespace, key)
    return Result(value, [Value(value)])


def put_value(call: Call) -> Result:
    """Set a key at every server."""
    namespace, key, value = call.arguments
    answers = questions(call).put_kv(namespace, key, value)
    return outcomes.result(answers, lambda answer: "put")


def delete_key(call: Call) -> Result:
    """Delete a key at every server."""
    asked = questions(call)
    namespace, key = call.arguments
    if outcomes.all_lack(asked.kv_value_at_all(namespace, key)):
        raise _no_key(asked, namespace, key)
    answers = asked.delete_kv(namespace, key)
    return outcomes.result(answers, lambda answer: "deleted")


def _no_key(asked: Questions, namespace: str, key: str) -> NotFound:
    table = _table(asked, namespace)
    server = asked.servers.addresses[0]
    similar = hint(key, list(table))
    return NotFound(f"{server} has no key {key!r} in namespace {namespace!r}{similar}")


def _table(asked: Questions, namespace: str) -> dict[str, str]:
    table = asked.kv_table(namespace)
    if table is None:
        server = asked.servers.addresses[0]
        raise NotFound(f"{server} has no namespace {namespace!r}")
    return table
