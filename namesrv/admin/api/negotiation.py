"""The format of an answer, by the header Accept."""

from functools import lru_cache
from typing import Final

JSON: Final = "application/json"
MSGPACK: Final = "application/msgpack"
_FORMATS: Final = (JSON, MSGPACK)
_LONGEST: Final = 1024


@lru_cache(64)
def accepted_format(accept: str) -> str | None:
    """The wanted one of JSON and MessagePack, JSON if both are wanted alike, None for
    neither. Source: RFC 9110, "Accept"."""
    if not accept.strip() or len(accept) > _LONGEST:
        return JSON
    weights = {name: _weight(accept, name) for name in _FORMATS}
    best = max(_FORMATS, key=weights.__getitem__)
    return best if weights[best] > 0 else None


def _weight(accept: str, name: str) -> float:
    """The weight of the most exact range that a format is in."""
    ranges = {"*/*": 0, name.partition("/")[0] + "/*": 1, name: 2}
    exactness, weight = -1, 0.0
    for item in accept.lower().split(","):
        media, *parameters = (part.strip() for part in item.split(";"))
        rank = ranges.get(media, -1)
        if rank > exactness:
            exactness, weight = rank, _quality(parameters)
    return weight


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
