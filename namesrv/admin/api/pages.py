"""Pages of long lists: parameters, the cursor, the link to the next page.

A cursor is the name of the last entry of a page, and not a number, so that entries that
come or go between two pages neither repeat others nor hide them. Links are relative to
the address of the page itself, so that they hold behind a proxy's sub-path.
"""

from collections.abc import Callable, Generator
from typing import Annotated, Any, Final, NamedTuple, TypeAlias
from urllib.parse import quote

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from namesrv.admin.api.endpoint import MOST_ITEMS
from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.work import Steps

_FEW_ITEMS: Final = 100
_READ_AT_ONCE: Final = 64


class PageParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """The part of a list that is wanted."""

    limit: Annotated[
        int, Meta(ge=1, le=MOST_ITEMS, description="most items of the page")
    ] = _FEW_ITEMS
    after: Annotated[
        str | UnsetType,
        Meta(description="cursor: begin after this entry; `next` has it"),
    ] = UNSET


class NamedPageParameters(PageParameters, kw_only=True):
    """The part of a list of names that is wanted."""

    prefix: Annotated[
        str, Meta(description="only entries whose name begins with this")
    ] = ""


class Found(NamedTuple):
    """The items of a page, and the cursor of the next one, UNSET for the last page."""

    items: list[Any]
    after: str | UnsetType


Next = Annotated[
    str | UnsetType,
    Meta(description="link to the next page, relative to this one; none: the last"),
]


Made: TypeAlias = Struct | None | Steps[Struct | None]
"""The item of a name, None for a name that is left out; in steps if it is large."""


def names_page(
    texts: OrderedTexts,
    parameters: NamedPageParameters,
    make: Callable[[str], Made],
    units: int,
) -> Steps[Found]:
    """A page of entries by name; `units` is the cost of one that `make` makes at
    once."""
    items: list[Any] = []
    cursor, last = parameters.after, parameters.after
    prefix, limit = parameters.prefix, parameters.limit
    if cursor is UNSET or cursor < prefix:
        names = texts.following(prefix, _READ_AT_ONCE, is_included=True)
    else:
        names = texts.following(cursor, _READ_AT_ONCE)
    while names:
        for name in names:
            if not name.startswith(prefix):
                return Found(items, UNSET)
            item = make(name)
            if isinstance(item, Generator):
                item = yield from item
            if item is None:
                continue
            if len(items) == limit:
                return Found(items, last)
            items.append(item)
            last = name
        yield len(names) * units
        names = texts.following(names[-1], _READ_AT_ONCE)
    return Found(items, UNSET)


def next_link(parameters: PageParameters, after: str | UnsetType) -> Next:
    """The link to the page after a cursor, UNSET for none. It keeps the parameters of
    the query, which are those with a default."""
    if after is UNSET:
        return UNSET
    kept = [
        f"{field.name}={encoded(str(value))}"
        for field in structs.fields(parameters)
        if not field.required
        and field.name != "after"
        and (value := getattr(parameters, field.name)) != field.default
    ]
    return "?" + "&".join([*kept, f"after={encoded(str(after))}"])


def encoded(name: str) -> str:
    """A name as one segment of a link."""
    return quote(name, safe="", errors="surrogatepass")
