"""Surrogates: the halves in which Java's escapes write a character beyond U+FFFF."""

import re
from typing import Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def join_surrogates(text: str) -> str:
    """Join each high surrogate with the low one after it; lone ones stay."""
    if not _SURROGATE.search(text):
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    return units.decode("utf-16-le", "surrogatepass")
