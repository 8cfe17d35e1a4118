"""Examples of the pages: commands in fenced blocks, and curl's requests."""

import json
import re
import shlex
import ssl
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from namesrv.testing.peer import WAIT_SECONDS, Address

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"(?ms)^ *```\n(.*?)^ *```$")
FORM = "application/x-www-form-urlencoded"


class Example(NamedTuple):
    """One command of a page, and the lines behind it up to the next one."""

    text: str
    output: str


class Answered(NamedTuple):
    """The answer to a request of curl."""

    status: int
    body: str


def page(name: str, start: str = "", end: str | None = None) -> str:
    """A page, from `start` up to `end`."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = text[text.index(start) :]
    return text if end is None else text[: text.index(end)]


def examples(text: str, *programs: str) -> list[Example]:
    """The commands of these programs in the blocks of a page without a language."""
    found = []
    for block in BLOCK.findall(text):
        lines = dedent(block).replace("\\\n", " ").splitlines()
        while lines:
            line = lines.pop(0).removeprefix("$ ")
            if not line.startswith(programs):
                continue
            while not is_whole(line):
                line += "\n" + lines.pop(0)
            output: list[str] = []
            while lines and not lines[0].startswith(("$ ", *programs)):
                output.append(lines.pop(0))
            found.append(Example(line, "\n".join(output)))
    return found


def is_whole(command: str) -> bool:
    """Whether every quotation of a command has its end."""
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


@dataclass
class Curl:
    """The request that curl makes of these words. Raises ValueError for a flag that
    the pages do not use."""

    words: list[str]
    method: str = ""
    url: str = ""
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    checks_certificate: bool = True

    def __post_init__(self) -> None:
        rest = self.words[1:]
        while rest:
            self._read(rest.pop(0), rest)
        self.method = self.method or ("GET" if self.body is None else "POST")

    def _read(self, word: str, rest: list[str]) -> None:
        if word == "-X":
            self.method = rest.pop(0)
        elif word == "-H":
            name, _, value = rest.pop(0).partition(": ")
            self.headers[name.lower()] = value
        elif word == "-d":
            self.body = rest.pop(0)
            self.headers.setdefault("content-type", FORM)
        elif word == "-k":
            self.checks_certificate = False
        elif word.startswith("http"):
            self.url = word
        else:
            raise ValueError(word)

    def ask(self, address: Address) -> Answered:
        """The answer of the server at `address`, in place of the one in the URL."""
        url = urlsplit(self.url)
        client = self._client(url.scheme, address)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = {"host": url.netloc, "accept": "*/*", **self.headers}
        client.request(self.method, target, self.body, headers)
        answer = client.getresponse()
        body = answer.read().decode()
        client.close()
        return Answered(answer.status, body)

    def _client(self, scheme: str, address: Address) -> HTTPConnection:
        if scheme == "http":
            return HTTPConnection(*address, timeout=WAIT_SECONDS)
        assert not self.checks_certificate, "a throw-away certificate needs -k"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return HTTPSConnection(*address, timeout=WAIT_SECONDS, context=context)


def compared(shown: str, body: str) -> dict[str, str]:
    """Compare the output of a page with an answer: members and types if it is cut with
    `...`, else everything. The texts that the page has in place of others."""
    if "..." not in shown:
        assert json.loads(shown) == json.loads(body)
        return {}
    given = json.loads(body)
    cut = json.loads(shown.replace(",...", ""))
    assert has_shape(cut, given), (cut, given)
    return {text: given[name] for name, text in cut.items() if isinstance(text, str)}


def has_shape(shown: Any, given: Any) -> bool:
    """Whether each shown member is given with its type."""
    if isinstance(shown, dict):
        return isinstance(given, dict) and all(
            name in given and has_shape(value, given[name])
            for name, value in shown.items()
        )
    return type(shown) is type(given)
