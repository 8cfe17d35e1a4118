"""From a path to its endpoints."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote

from namesrv.admin.api.endpoint import Endpoint

_PARAMETER: Final = re.compile(r"([^{}]*)\{(\w+)\}")


class Place(NamedTuple):
    """The endpoints of a path by method, and the values in it, still encoded."""

    methods: Mapping[str, Endpoint]
    values: Mapping[str, str]


class _Node:
    """The rest of a path: fixed segments first, then those with a parameter, the
    longest fixed text first."""

    __slots__ = ("endpoints", "fixed", "open")

    def __init__(self) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.fixed: dict[str, _Node] = {}
        self.open: list[tuple[str, str, _Node]] = []


class Router:
    """All endpoints by path; `paths` are those of the table, in order."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        """Raises ValueError for two endpoints of one method and path."""
        self._root = _Node()
        self.paths: list[str] = []
        for endpoint in endpoints:
            self._add(endpoint)

    def find(self, path: str) -> Place | None:
        """The endpoints of a path as it was sent, None for an unknown one."""
        node, values = self._root, dict[str, str]()
        for segment in path.split("/")[1:]:
            following = node.fixed.get(segment)
            if following is None:
                following = _matching(node, segment, values)
            if following is None:
                return None
            node = following
        is_known = path.startswith("/") and bool(node.endpoints)
        return Place(node.endpoints, values) if is_known else None

    def _add(self, endpoint: Endpoint) -> None:
        node = self._root
        for segment in endpoint.path.split("/")[1:]:
            node = _entered(node, segment)
        if endpoint.method in node.endpoints:
            raise ValueError(f"two endpoints are {endpoint.method} {endpoint.path}")
        node.endpoints[endpoint.method] = endpoint
        if endpoint.path not in self.paths:
            self.paths.append(endpoint.path)


def _entered(node: _Node, segment: str) -> _Node:
    """The node of a segment of the table, made if it is new."""
    match = _PARAMETER.fullmatch(segment)
    if match is None:
        return node.fixed.setdefault(segment, _Node())
    for prefix, name, following in node.open:
        if (prefix, name) == match.groups():
            return following
    following = _Node()
    node.open.append((match[1], match[2], following))
    node.open.sort(key=lambda entry: -len(entry[0]))
    return following


def _matching(node: _Node, segment: str, values: dict[str, str]) -> _Node | None:
    for prefix, name, following in node.open:
        if segment.startswith(prefix) and len(segment) > len(prefix):
            values[name] = segment[len(prefix) :]
            return following
    return None


def decoded(text: str) -> str:
    """A percent-encoded text; a lone surrogate, which a name may have, is three bytes.

    Raises UnicodeDecodeError.
    """
    return unquote(text, errors="surrogatepass")
