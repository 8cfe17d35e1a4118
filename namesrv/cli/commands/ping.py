"""`ping`: whether each NameServer answers lookups, for people and for probes."""

from __future__ import annotations

import os
from time import perf_counter

from namesrv.cli.commands.outcomes import REFUSED, UNREACHABLE
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import addresses, terms
from namesrv.cli.commands.text import Table
from namesrv.cli.commands.words import Call
from namesrv.client.addresses import Address
from namesrv.client.nameservers import NameServers
from namesrv.client.questions import Questions
from namesrv.client.terms import Terms
from namesrv.errors import NameServerUnreachable, RequestRefused


def ping(call: Call) -> Result:
    """Ask each server once; the exit code is that of the worst answer."""
    known = terms(call, os.environ, bounds_diagnosis=True)
    pings = [_ping(server, known) for server in addresses(call, os.environ)]
    value = [
        {"server": str(server), "millis": millis, "failure": failure}
        for server, millis, failure, _ in pings
    ]
    rows = [
        (str(server), "answered" if failure is None else "failed", f"{millis:.2f} ms")
        for server, millis, failure, _ in pings
    ]
    return Result(
        value,
        [Table(["SERVER", "STATE", "TIME"], rows)],
        [failure for _, _, failure, _ in pings if failure is not None],
        max(code for _, _, _, code in pings),
    )


def _ping(server: Address, known: Terms) -> tuple[Address, float, str | None, int]:
    failure, code = None, 0
    began = perf_counter()
    with Questions(NameServers([server], known)) as asked:
        try:
            asked.ping()
        except RequestRefused as error:
            failure, code = str(error), REFUSED
        except NameServerUnreachable as error:
            failure, code = str(error), UNREACHABLE
    return server, round((perf_counter() - began) * 1000, 3), failure, code
