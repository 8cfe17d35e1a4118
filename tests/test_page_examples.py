"""The examples of README and docs/ work as they stand, against a real server."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from namesrv.server.files.http_tokens import read_http_tokens
from namesrv.server.running.serving import ServingThread
from namesrv.testing.peer import WAIT_SECONDS
from tests.admin.served import serving_http
from tests.page_examples import Curl, Example, compared, examples, page

TOKEN = "write-token-of-the-examples"
NAMESRV = ".venv/bin/namesrv "
SESSIONS = {
    "README.md": ("## Try it", "cd rocketmq"),
    "docs/first-session.md": ("## Without Java", "## With a real broker"),
}
ENDLESS = ("demo-broker", "watch")
POD = "namesrv-0.namesrv.default.svc:9876"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServingThread]:
    """A server with a file of tokens."""
    tokens = tmp_path / "tokens"
    tokens.touch(0o600)
    tokens.write_text(f"write={TOKEN}\n")
    with serving_http(tmp_path / "data", http_token_file=str(tokens)) as serving:
        yield serving


def curl(text: str) -> Curl:
    return Curl(shlex.split(text.replace("$token", TOKEN)))


def test_examples_of_the_http_page_work(server: ServingThread) -> None:
    found = examples(page("docs/http.md"), "curl ")
    assert len(found) >= 10
    in_place_of: dict[str, str] = {}
    for example in found:
        text = example.text
        for shown, given in in_place_of.items():
            text = text.replace(shown, given)
        status, body = curl(text).ask(server.addresses[0])
        assert status in (200, 204), (example.text, status, body)
        if example.output:
            in_place_of |= compared(example.output, body)
    assert in_place_of


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (
            "curl -X PUT http://a:1/v1/kv/n/k -d '{}'"
            " -H 'Authorization: Bearer $token'",
            415,
        ),
        (
            "curl -X PUT http://a:1/v1/kv/n/k -H 'Content-Type: application/json'"
            ' -d \'{"value": "v"}\'',
            401,
        ),
        ("curl -X DELETE http://a:1/v1/kv/n/k -H 'Authorization: Bearer $token'", 404),
    ],
)
def test_example_without_its_headers_is_refused(
    server: ServingThread, text: str, status: int
) -> None:
    assert curl(text).ask(server.addresses[0]).status == status


def test_file_of_tokens_of_the_http_page_is_accepted(tmp_path: Path) -> None:
    (text,) = re.findall(
        r"(?m)^```\n(# dashboards\n(?:.+\n)+?)```$", page("docs/http.md")
    )
    path = tmp_path / "tokens"
    path.touch(0o600)
    path.write_text(text)
    tokens = read_http_tokens(str(path))
    assert (len(tokens.readers), len(tokens.writers)) == (1, 1)


def test_commands_and_their_output_are_found_in_a_page() -> None:
    text = (
        "```\n$ curl a \\\n  b 'c\nd'\n{}\n$ other\ncurl e\n```\n```yaml\ncurl f\n```\n"
    )
    assert examples(text, "curl ") == [
        Example("curl a    b 'c\nd'", "{}"),
        Example("curl e", ""),
    ]


class Session:
    """The commands of a page, in processes of their own."""

    def __init__(self, server: ServingThread, stack: ExitStack) -> None:
        self._server = server
        self._stack = stack
        address = "{}:{}".format(*server.addresses[0])
        self._environment = {**os.environ, "NAMESRV_ADDR": address}
        self.printed: dict[str, str] = {}

    def play(self, text: str) -> None:
        """Run one command; those that do not end run until the session does."""
        words = shlex.split(text)
        if words[0] == "curl":
            answered = Curl(words).ask(self._server.addresses[0])
            assert answered.status == 200, (text, answered)
            self.printed[text] = answered.body
        elif words[1] in ENDLESS:
            self._begin(words[1:])
        else:
            ran = subprocess.run(
                self._command(words[1:]),
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=WAIT_SECONDS,
            )
            assert (ran.returncode, ran.stderr) == (0, ""), text
            self.printed[text.removeprefix(NAMESRV)] = ran.stdout

    def _command(self, words: list[str]) -> list[str]:
        address = self._environment["NAMESRV_ADDR"]
        more = ["-n", address] if words == ["demo-broker"] else []
        return [sys.executable, "-u", "-m", "namesrv", *words, *more]

    def _begin(self, words: list[str]) -> None:
        process = self._stack.enter_context(
            subprocess.Popen(
                self._command(words), env=self._environment, stdout=subprocess.PIPE
            )
        )
        self._stack.callback(interrupt, process)
        assert process.stdout is not None
        assert process.stdout.readline(), f"{words} printed nothing"


def interrupt(process: "subprocess.Popen[bytes]") -> None:
    """End a command as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    assert process.wait(WAIT_SECONDS) == 0


@pytest.mark.parametrize("name", SESSIONS)
def test_session_without_java_works(server: ServingThread, name: str) -> None:
    start, end = SESSIONS[name]
    text = page(name, start, end)
    with ExitStack() as stack:
        session = Session(server, stack)
        for example in examples(text, NAMESRV, "curl "):
            session.play(example.text)
    assert session.printed["topic list"].split() == ["Hello", "Orders"]
    route = session.printed["topic route Hello"]
    for other in ("docs/first-session.md", "docs/command-line.md"):
        lines = [line.strip() for line in page(other).splitlines()]
        assert set(route.splitlines()) <= set(lines)


@pytest.mark.parametrize("mode", ["permissive", "enforcing"])
def test_probes_of_the_operations_page_pass(tmp_path: Path, mode: str) -> None:
    found = re.findall(
        r"httpGet: {path: (\S+), port: 9876}", page("docs/operations.md")
    )
    assert found == ["/healthz", "/readyz"]
    scheme, flag = ("https", "-k ") if mode == "enforcing" else ("http", "")
    options: dict[str, Any] = {"http_access": "loopback", "tls_server_mode": mode}
    with serving_http(tmp_path, **options) as server:
        for path in found:
            probe = Curl(shlex.split(f"curl {flag}{scheme}://{POD}{path}"))
            assert probe.ask(server.addresses[0]).status == 200
