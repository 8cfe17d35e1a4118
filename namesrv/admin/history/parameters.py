"""Moments in queries, and links to the next page that keep them."""

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from namesrv.admin.api.endpoint import Call
from namesrv.admin.api.pages import encoded
from namesrv.client.moments import EXPECTED, read_moment
from namesrv.errors import HttpRefused, MomentInvalid


def moment_of(name: str, text: str | UnsetType, call: Call) -> int | None:
    """The moment of a parameter in milliseconds since 1970, None without one. Raises
    HttpRefused (400)."""
    if text is UNSET:
        return None
    try:
        return read_moment(text, call.inside.state.wall_millis())
    except MomentInvalid as error:
        raise HttpRefused(
            400,
            f"the parameter {name} is wrong: {error}",
            errors=[{"path": f"$.{name}", "expected": EXPECTED}],
        ) from None


def link_with(values: Mapping[str, object]) -> str:
    """A link with all of these values but UNSET. A moment has to be in milliseconds:
    an age would mean another moment by then."""
    given = {name: value for name, value in values.items() if value is not UNSET}
    return "?" + "&".join(f"{k}={encoded(str(v))}" for k, v in given.items())
