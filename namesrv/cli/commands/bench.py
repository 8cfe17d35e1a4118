"""`bench`: a short load of lookups, with the times of the answers.

The client is Python: on a fast server the figures show the client's limit, and the
last line names its share of a core.
"""

from __future__ import annotations

import os
import threading
from array import array
from collections.abc import Sequence
from time import monotonic, perf_counter, process_time
from typing import Final

from namesrv.cli.commands.result import Result
from namesrv.cli.commands.session import addresses, terms
from namesrv.cli.commands.text import Facts
from namesrv.cli.commands.words import Call
from namesrv.client.addresses import Address
from namesrv.client.connection import Connection
from namesrv.client.frames import Request
from namesrv.client.nameservers import NameServers
from namesrv.client.questions import Questions
from namesrv.client.terms import Terms
from namesrv.codes import PING_TOPIC, RequestCode, ResponseCode
from namesrv.errors import NameServerUnreachable, OptionsInvalid, RequestRefused

_SECONDS: Final = 3
_MOST_SECONDS: Final = 30
_CONNECTIONS: Final = 4
_MOST_CONNECTIONS: Final = 32
_MOST_DEPTH: Final = 64
_MOST_TOPICS: Final = 1000
_PERCENTS: Final = (50.0, 90.0, 99.0, 99.9)


def bench(call: Call) -> Result:
    """Ask for routes for some seconds, over several connections.

    Raises OptionsInvalid, NameServerUnreachable and RequestRefused.
    """
    if call.flag("namesrv-addr") is None:
        # A variable may point at production; a load is asked for in words.
        raise OptionsInvalid(["bench needs -n HOST:PORT, the server to load"])
    server, known = addresses(call, os.environ)[0], terms(call, os.environ)
    seconds = _number(call, "seconds", _SECONDS, _MOST_SECONDS)
    connections = _number(call, "connections", _CONNECTIONS, _MOST_CONNECTIONS)
    depth = _number(call, "depth", 1, _MOST_DEPTH)
    topics = call.arguments or _topics(server, known)
    load = Load(server, known, topics, depth)
    load.run(connections, seconds)
    if load.failures and not load.times:
        raise load.failures[0]
    return _result(load, server, connections, depth)


def _number(call: Call, flag: str, default: int, most: int) -> int:
    text = call.flag(flag)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= most):
        raise OptionsInvalid(
            [f"--{flag} is {text!r}, expected a whole number from 1 to {most}"]
        )
    return int(text)


def _topics(server: Address, known: Terms) -> Sequence[str]:
    """Topics that the server has; one that it has not if it lists none."""
    with Questions(NameServers([server], known)) as asked:
        try:
            return asked.topics()[:_MOST_TOPICS] or [PING_TOPIC]
        except RequestRefused:
            return [PING_TOPIC]


class Load:
    """Threads that ask for routes; `times` has the seconds of each answer."""

    def __init__(
        self, server: Address, known: Terms, topics: Sequence[str], depth: int
    ) -> None:
        self._server = server
        self._terms = known
        self._depth = depth
        code = RequestCode.GET_ROUTEINFO_BY_TOPIC
        self._requests = [Request(code, {"topic": topic}) for topic in topics]
        self.times = array("d")
        self.codes: dict[int, int] = {}
        self.failures: list[NameServerUnreachable] = []
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self._lock = threading.Lock()

    def run(self, connections: int, seconds: float) -> None:
        """Ask until the time is over."""
        end = monotonic() + seconds
        threads = [
            threading.Thread(target=self._ask, args=(number, end), daemon=True)
            for number in range(connections)
        ]
        began, cpu = perf_counter(), process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.seconds = perf_counter() - began
        self.cpu_seconds = process_time() - cpu

    def _ask(self, number: int, end: float) -> None:
        connection = Connection(self._server, self._terms)
        times = array("d")
        codes: dict[int, int] = {}
        at = number
        try:
            while monotonic() < end:
                batch = [
                    self._requests[(at + offset) % len(self._requests)]
                    for offset in range(self._depth)
                ]
                at += self._depth
                began = perf_counter()
                answers = connection.ask_many(batch)
                taken = perf_counter() - began
                for answer in answers:
                    times.append(taken)
                    codes[answer.code] = codes.get(answer.code, 0) + 1
        except NameServerUnreachable as failure:
            with self._lock:
                self.failures.append(failure)
        finally:
            connection.close()
        with self._lock:
            self.times += times
            for code, count in codes.items():
                self.codes[code] = self.codes.get(code, 0) + count


def percentile(times: Sequence[float], percent: float) -> float:
    """The time that so many percent of the sorted `times` do not exceed."""
    return times[min(len(times) - 1, int(len(times) * percent / 100))]


def _result(load: Load, server: Address, connections: int, depth: int) -> Result:
    times = sorted(load.times)
    marks = {
        **{f"p{percent:g}": percentile(times, percent) for percent in _PERCENTS},
        "max": times[-1],
    }
    value = {
        "server": str(server),
        "connections": connections,
        "depth": depth,
        "seconds": round(load.seconds, 3),
        "answers": len(times),
        "perSecond": round(len(times) / load.seconds, 1),
        "codes": {str(code): count for code, count in sorted(load.codes.items())},
        "millis": {name: round(taken * 1000, 4) for name, taken in marks.items()},
        "clientCpuShare": round(load.cpu_seconds / load.seconds, 2),
        "failures": len(load.failures),
    }
    facts: list[tuple[str, str | int]] = [
        ("answers", len(times)),
        ("answers a second", round(len(times) / load.seconds)),
        *((name, f"{taken * 1000:.3f} ms") for name, taken in marks.items()),
        ("codes", _codes(load.codes)),
        ("CPU of the client", f"{load.cpu_seconds / load.seconds:.0%} of a core"),
    ]
    complaints = [str(failure) for failure in load.failures[:1]]
    return Result(value, [Facts(facts)], complaints, 3 if load.failures else 0)


def _codes(codes: dict[int, int]) -> str:
    names: dict[int, str] = {
        ResponseCode.SUCCESS: "known",
        ResponseCode.TOPIC_NOT_EXIST: "unknown",
    }
    return ", ".join(
        f"{count} {names.get(code, f'with code {code}')}"
        for code, count in sorted(codes.items())
    )
