"""`diff`: the differences of several NameServers, once or until there are none."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import addresses, read_seconds, terms
from namesrv.cli.commands.text import Table, numbered
from namesrv.cli.commands.words import Call
from namesrv.cli.printing import say, shown, shown_json
from namesrv.client.addresses import Address, read_addresses
from namesrv.client.differences import Difference
from namesrv.client.nameservers import NameServers
from namesrv.client.picture import Picture, pictures_differ, read_picture
from namesrv.client.questions import Questions
from namesrv.errors import NamesrvError, OptionsInvalid

DIFFERENT: Final = 1
_EVERY_SECONDS: Final = 10.0
_FOR_SECONDS: Final = 600.0


class _Found(NamedTuple):
    """A difference of the first server to another one."""

    second: str
    difference: Difference

    def sentence(self, first: str) -> str:
        return self.difference.sentence(first, self.second)


class _Comparison(NamedTuple):
    """The result of one comparison; `refused` are sentences about questions that a
    server refused, `common` counts the things of the first server in words."""

    found: list[_Found]
    refused: list[str]
    common: str


class _Servers:
    """The servers of a call, each asked on a connection that stays open."""

    def __init__(self, call: Call) -> None:
        self._namespaces = (call.flag("namespaces") or "").replace(",", " ").split()
        self.addresses = _addresses(call)
        self._asked: list[Questions] = []
        for address in self.addresses:
            servers = NameServers([address], terms(call, os.environ))
            call.opened.append(servers)
            self._asked.append(Questions(servers))

    @property
    def first(self) -> str:
        """The server with which the others are compared."""
        return str(self.addresses[0])

    def compare(self) -> _Comparison:
        """Read all servers. Raises RequestRefused and NameServerUnreachable."""
        first, *others = [read_picture(one, self._namespaces) for one in self._asked]
        found = [
            _Found(str(address), difference)
            for address, other in zip(self.addresses[1:], others, strict=True)
            for difference in pictures_differ(first, other)
        ]
        refused = [sentence for one in (first, *others) for sentence in one.refused]
        return _Comparison(found, refused, _common(first))


def diff(call: Call, wait: Callable[[float], None] = time.sleep) -> Result:
    """Compare the first server with each other one; the exit code is 1 if they differ.

    Raises OptionsInvalid, RequestRefused and NameServerUnreachable.
    """
    servers = _Servers(call)
    if call.has("follow"):
        return _follow(call, servers, wait)
    compared = servers.compare()
    value = {
        "first": servers.first,
        "others": [str(address) for address in servers.addresses[1:]],
        "differences": [_value(one, servers.first) for one in compared.found],
        "notCompared": compared.refused,
    }
    refused = [f"not compared: {sentence}" for sentence in compared.refused]
    if not compared.found:
        text = f"no difference: {compared.common}"
        return Result(value, [text], refused)
    blocks: list[Table | str] = []
    for address in map(str, servers.addresses[1:]):
        rows = [
            (one.thing, *one.cells)
            for second, one in compared.found
            if second == address
        ]
        if rows:
            blocks.append(Table(["DIFFERENCE", servers.first, address], rows))
    return Result(value, blocks, refused, DIFFERENT)


def _follow(
    call: Call,
    servers: _Servers,
    wait: Callable[[float], None],
    now: Callable[[], float] = time.monotonic,
) -> Result:
    """Compare again and again, and print each difference that comes or goes, until
    there was none for some time."""
    every = read_seconds(call, "every", _EVERY_SECONDS)
    quiet_seconds = read_seconds(call, "for", _FOR_SECONDS)
    printer = _Printer(servers.first, is_json=call.has("json"))
    same_since: float | None = None
    try:
        while printer.is_open:
            if not printer.print(servers):
                same_since = None
            elif same_since is None:
                same_since = now()
            elif now() - same_since >= quiet_seconds:
                printer.say("end", f"no difference for {quiet_seconds:g} s")
                return Result(None, [])
            wait(every)
    except KeyboardInterrupt:
        pass
    return Result(None, [], exit_code=0 if printer.is_same else DIFFERENT)


class _Printer:
    """Prints differences that come and go, one on each line with the time; `is_open`
    is false once nobody reads."""

    def __init__(self, first: str, *, is_json: bool) -> None:
        self._first = first
        self._is_json = is_json
        self._known: dict[tuple[str, str, str, str], str] | None = None
        self._failure = ""
        self.is_open = True

    @property
    def is_same(self) -> bool:
        """Whether the last comparison had no difference."""
        return self._known is not None and not self._known and not self._failure

    def print(self, servers: _Servers) -> bool:
        """Compare, and print the changes; whether the servers are the same."""
        try:
            compared = servers.compare()
        except NamesrvError as error:
            failure = str(error).replace("\n", "; ")
            if failure != self._failure:
                self._failure = failure
                self.say("failure", failure)
            return False
        self._failure = ""
        found = {
            (one.second, *one.difference[:3]): one.sentence(self._first)
            for one in compared.found
        }
        known = self._known or {}
        if self._known is None:
            differences = numbered(len(found), "difference")
            self.say("begin", f"{differences}; {compared.common}")
        for key, sentence in found.items():
            if known.get(key) != sentence:
                self.say("new", sentence)
        for key, sentence in known.items():
            if key not in found:
                self.say("gone", sentence)
        self._known = found
        return not found

    def say(self, kind: str, sentence: str) -> None:
        """One line."""
        if not self.is_open:
            return
        if self._is_json:
            date = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            value = {"time": date, "kind": kind, "sentence": sentence}
            self.is_open = say(shown_json(json.dumps(value, ensure_ascii=False)))
        else:
            words = f"{kind:7}  {sentence}"
            self.is_open = say(f"{time.strftime('%H:%M:%S')}  {shown(words)}")


def _addresses(call: Call) -> list[Address]:
    """The words and then the list of -n; without words that of NAMESRV_ADDR, too."""
    found = read_addresses(";".join(call.arguments), "diff") if call.arguments else []
    if not found or call.has("namesrv-addr"):
        found += addresses(call, os.environ)
    if len(set(found)) < 2:
        raise OptionsInvalid(
            ["diff compares several servers: name two at least, as HOST:PORT HOST:PORT"]
        )
    return list(dict.fromkeys(found))


def _common(picture: Picture) -> str:
    brokers = sum(len(group.addresses) for group in picture.groups.values())
    topics = "" if picture.topics is None else f", {len(picture.topics)} topics"
    return f"{len(picture.groups)} broker groups, {brokers} brokers{topics}"


def _value(one: _Found, first: str) -> dict[str, str]:
    found = one.difference
    here, there = found.cells
    return {
        "kind": found.kind,
        "name": found.name,
        "part": found.part,
        "server": one.second,
        "first": here,
        "second": there,
        "sentence": one.sentence(first),
    }
