"""JSON as Java servers and brokers write it."""

import json
import re
from typing import Any, Final

Json = Any

_BARE_KEY: Final = re.compile(r'("(?:[^"\\]|\\.)*")|([{,])(-?\d+):')


def json_text(value: Json) -> str:
    """Compact JSON; characters beyond ASCII are written as they are."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def json_bytes(value: Json) -> bytes:
    """The same in UTF-8; half of a surrogate pair is written as an escape."""
    return json_text(value).encode(errors="backslashreplace")


def read_json(text: bytes) -> Json:
    """JSON whose numeric keys may stand without quotes (the legacy dialect)."""
    return json.loads(_BARE_KEY.sub(_with_quotes, text.decode()))


def _with_quotes(match: re.Match[str]) -> str:
    string, before, number = match.groups()
    return string or f'{before}"{number}":'
