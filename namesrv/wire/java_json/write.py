"""JSON as Java's answers have it: strings, and objects whose names are numbers."""

import re
from collections.abc import Iterable
from typing import Final

_TO_ESCAPE: Final = re.compile('[\x00-\x1f"\\\\\ud800-\udfff]')
_ESCAPES: Final = {
    **{chr(code): f"\\u{code:04x}" for code in range(0x20)},
    **{"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"},
    **{'"': '\\"', "\\": "\\\\"},
}


def write_string(text: str) -> str:
    """A JSON string with its quotes; only the escapes that JSON requires are written.

    A lone surrogate, which UTF-8 cannot carry, becomes `?`.
    Source: protocol.md sections 1.3 and 1.8.
    """
    if _TO_ESCAPE.search(text):
        text = _TO_ESCAPE.sub(lambda match: _ESCAPES.get(match[0], "?"), text)
    return f'"{text}"'


def write_int_keys(items: Iterable[tuple[int, str]], quoted: bool) -> str:
    """An object whose names are numbers, from pairs of name and value as JSON text.

    Names are `quoted` in the standard dialect and bare in the legacy one; their order
    is kept. Source: protocol.md section 1.8.
    """
    quote = '"' if quoted else ""
    return "{" + ",".join(f"{quote}{key}{quote}:{text}" for key, text in items) + "}"
