"""`namesrv demo-broker`: a broker for a first session, which carries no messages.

It registers two topics at a running server, asks for the route of one of them as a
client does, and stays registered until Ctrl-C. Its requests come from the peer kit.
"""

import json
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from namesrv.errors import OptionsInvalid, StartFailed
from namesrv.testing.peer import (
    Answer,
    Broker,
    data_version,
    lookup,
    registration,
    registration_body,
    request,
    topic_config,
)

USAGE: Final = """\
Usage: namesrv demo-broker [-n HOST:PORT]

Registers a broker with two topics at the NameServer of that address, by default
127.0.0.1:9876, and keeps it registered until Ctrl-C. It carries no messages."""

BROKER: Final = Broker(
    "demo-broker", 0, "127.0.0.1:10911", "DefaultCluster", timeout_millis=120_000
)
TOPICS: Final = {"Hello": 4, "Orders": 8}
"""Numbers of queues."""
_UNREGISTER_BROKER: Final = 104
_FLAGS: Final = ("-n", "--namesrvAddr", "--namesrv-addr")
_DEFAULT_ADDRESS: Final = "127.0.0.1:9876"
_WAIT_SECONDS: Final = 5.0
_NEXT: Final = """\
To try next:
* Check the server's log: it has a line "new broker registered".
* Stop the server and start it again: it knows the broker at once (warm start).
* Ask for the route: namesrv topic route Hello -n {address}
* Print each change: namesrv watch -n {address}
This broker carries no messages. Ctrl-C unregisters it."""


_FAILURES: Final = (OSError, ValueError, LookupError, TypeError, struct.error)


def run(
    words: Sequence[str],
    say: Callable[[str], object],
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Keep a broker registered until Ctrl-C or SIGTERM; the exit code.

    `words` follow `demo-broker` on the command line; `say` prints one text and `wait`
    waits a number of seconds. Raises OptionsInvalid for wrong words, and StartFailed
    if the first registration fails.
    """
    if "-h" in words or "--help" in words:
        say(USAGE)
        return 0
    broker = DemoBroker(*read_address(words))
    broker.register()
    try:
        _greet(broker, say)
        _keep_registered(broker, say, wait)
    except (KeyboardInterrupt, SystemExit):
        pass
    say(broker.unregister())
    return 0


def _greet(broker: "DemoBroker", say: Callable[[str], object]) -> None:
    say(f"registered {BROKER.name} at {broker.server}; topics: {', '.join(TOPICS)}")
    say(f"A client that asks for the route of Hello gets:\n{broker.route('Hello')}")
    say(_NEXT.format(address=broker.server))


def _keep_registered(
    broker: "DemoBroker", say: Callable[[str], object], wait: Callable[[float], None]
) -> None:
    """Register again and again; report the first failure and each new connection."""
    is_lost = False
    while True:
        wait(_WAIT_SECONDS)
        before = broker.connections
        try:
            broker.register()
        except StartFailed as failure:
            if not is_lost:
                say(f"{failure}. Retrying every {_WAIT_SECONDS:.0f} s.")
            is_lost = True
            continue
        if broker.connections != before:
            say(f"registered {BROKER.name} at {broker.server} again")
        is_lost = False


def read_address(words: Sequence[str]) -> tuple[str, int]:
    """Host and port of the server. Raises OptionsInvalid for wrong words."""
    texts = list(_addresses(words)) or [_DEFAULT_ADDRESS]
    if len(texts) > 1:
        raise OptionsInvalid(["demo-broker: -n is given twice, expected one address"])
    text = texts[0]
    if ";" in text or "," in text:
        raise _wrong(text, "one address: the demo broker registers at one NameServer")
    host, _, port = text.rpartition(":")
    is_port = port.isascii() and port.isdecimal() and 0 < int(port) < 65536
    if not host or not is_port:
        raise _wrong(text, "HOST:PORT such as 127.0.0.1:9876")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _addresses(words: Sequence[str]) -> Iterator[str]:
    """The value of each -n. Raises OptionsInvalid for another flag."""
    rest = list(words)
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        if flag not in _FLAGS:
            raise OptionsInvalid(
                [f"demo-broker has no flag {flag!r}; expected -n HOST:PORT or --help"]
            )
        if not equals:
            value = rest.pop(0) if rest else ""
        yield value


def _wrong(text: str, expected: str) -> OptionsInvalid:
    return OptionsInvalid([f"demo-broker -n is {text!r}, expected {expected}"])


class DemoBroker:
    """A broker on one connection; after a failure it opens another.

    `connections` counts them.
    """

    def __init__(self, host: str, port: int) -> None:
        self.server = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._address = host, port
        self._socket: socket.socket | None = None
        self.connections = 0
        self._started_millis = _now_millis()

    def register(self) -> None:
        """Register, or repeat the registration. Raises StartFailed."""
        body = registration_body(
            {topic: topic_config(topic, queues) for topic, queues in TOPICS.items()},
            version=data_version(1, self._started_millis),
            sent_at=_now_millis(),
        )
        answer = self._ask(registration(BROKER, body))
        if answer.code != 0:
            self._close()
            raise StartFailed(
                f"the NameServer at {self.server} refused the registration with code"
                f" {answer.code}: {answer.remark}"
            )

    def route(self, topic: str) -> str:
        """The topic's route as indented JSON. Raises StartFailed."""
        answer = self._ask(lookup(topic))
        if answer.code != 0:
            return f"code {answer.code}: {answer.remark}"
        return json.dumps(json.loads(answer.body), indent=2)

    def unregister(self) -> str:
        """Unregister and close; one sentence about the result."""
        try:
            code = self._ask(request(_UNREGISTER_BROKER, BROKER.ext_fields)).code
        except StartFailed as failure:
            return f"{BROKER.name} could not be unregistered: {failure}"
        self._close()
        if code != 0:
            return f"the NameServer refused to unregister {BROKER.name}: code {code}"
        return f"unregistered {BROKER.name}"

    def _ask(self, frame: bytes) -> Answer:
        is_kept = self._socket is not None
        try:
            peer = self._connected()
            peer.sendall(frame)
            return _read_answer(peer)
        except _FAILURES as error:
            self._close()
            if is_kept:
                # The server may have restarted: it does not know this connection.
                return self._ask(frame)
            raise StartFailed(
                f"no NameServer answers at {self.server} ({_reason(error)}); start one"
                " with namesrv, or name its address with -n HOST:PORT"
            ) from error

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, _WAIT_SECONDS)
            self.connections += 1
        return self._socket

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _read_answer(peer: socket.socket) -> Answer:
    """The next answer. Raises ValueError if the bytes are no answer of a NameServer."""
    length = _read(peer, 4)
    if length > b"\1\0\0\0":
        raise ValueError("another protocol is spoken there")
    answer = Answer(length + _read(peer, int.from_bytes(length)))
    int(answer.code)  # raises if there is none
    return answer


def _read(peer: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = peer.recv(length - len(data))
        if not more:
            raise ConnectionError("the connection was closed without an answer")
        data += more
    return data


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error)


def _now_millis() -> int:
    return time.time_ns() // 1_000_000
