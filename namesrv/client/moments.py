"""Dates and ages as people write them, read as milliseconds since 1970.

The server reads them in queries, and commands in flags. A date can lie outside the
years that `datetime` knows; then it is refused like another mistake.
"""

from __future__ import annotations

import re
from typing import Final

from namesrv.errors import MomentInvalid

EXPECTED: Final = (
    "an age such as 10m, 2h30m or 1d, a date such as 2026-11-28T14:30:00Z,"
    " or milliseconds since 1970"
)
_UNITS: Final = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_AGE: Final = re.compile(r"(?:[0-9]{1,12}(?:ms|[smhdw]))+")
_PART: Final = re.compile(r"([0-9]+)(ms|[smhdw])")
_MILLIS: Final = re.compile(r"[0-9]{11,15}")
_LONGEST: Final = 64


def read_moment(text: str, now_millis: int, *, is_local: bool = False) -> int:
    """The moment of an age before `now_millis`, of a date, or of milliseconds.

    A date without a zone is UTC, or the zone of this machine if `is_local`. Raises
    MomentInvalid for another text.
    """
    text = text.strip()
    if _MILLIS.fullmatch(text):
        return int(text)
    if is_age(text):
        parts = _PART.findall(text)
        return now_millis - sum(int(count) * _UNITS[unit] for count, unit in parts)
    return _millis_of_date(text, is_local=is_local)


def is_age(text: str) -> bool:
    """Whether a text is an age, which means the same on each machine."""
    return len(text) <= _LONGEST and _AGE.fullmatch(text.strip()) is not None


def _millis_of_date(text: str, *, is_local: bool) -> int:
    from datetime import UTC, datetime  # noqa: PLC0415

    try:
        date = datetime.fromisoformat(text)
        if date.tzinfo is None:
            date = date.astimezone() if is_local else date.replace(tzinfo=UTC)
        return round(date.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        raise MomentInvalid(f"{shown!r} is no moment, expected {EXPECTED}") from None


def date_text(millis: int) -> str:
    """A moment as a date in UTC, to the millisecond: `2026-11-28T14:30:00.000Z`. A
    moment that no calendar has is its number."""
    from datetime import UTC, datetime  # noqa: PLC0415

    try:
        date = datetime.fromtimestamp(millis / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(millis)
    return date.isoformat(timespec="milliseconds").replace("+00:00", "Z")
