"""The OpenAPI document and the API page agree with the table."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlparse

import msgspec
import pytest
from msgspec import Struct, structs
from openapi_spec_validator import validate

from namesrv.admin.api.api_page import STYLE, escape
from namesrv.admin.api.documents import with_documents
from namesrv.admin.api.endpoint import Endpoint
from namesrv.admin.http.messages import Access
from namesrv.admin.table import ENDPOINTS
from tests.admin.api.asking import Api

PAGE = Path(__file__).parents[3] / "docs" / "http.md"
LARGEST_PAGE_BYTES = 80_000


def types_of(endpoint: Endpoint) -> list[Any]:
    kinds = (endpoint.parameters, endpoint.body, endpoint.answer)
    return [kind for kind in kinds if kind is not None]


def records() -> dict[str, type[Struct]]:
    """Every record of the table and those in their members, by name."""
    found: dict[str, type[Struct]] = {}

    def visit(info: Any) -> None:
        if isinstance(info, msgspec.inspect.StructType):
            name = info.cls.__name__
            if found.setdefault(name, info.cls) is not info.cls:
                raise AssertionError(f"two records are named {name}")
            for field in info.fields:
                visit(field.type)
        for part in ("type", "item_type", "key_type", "value_type"):
            if hasattr(info, part):
                visit(getattr(info, part))
        for other in getattr(info, "types", ()):
            visit(other)

    for endpoint in ENDPOINTS:
        for kind in types_of(endpoint):
            visit(msgspec.inspect.type_info(kind))
    return found


@pytest.fixture(scope="module")
def document() -> Any:
    return Api().get("/openapi.json")


def test_the_document_is_valid(document: Any) -> None:
    validate(document)
    assert document["openapi"] == "3.1.0"


def test_the_document_has_every_endpoint_and_no_other(document: Any) -> None:
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert described == {(e.method, e.path) for e in ENDPOINTS}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
def test_an_operation_has_the_facts_of_its_endpoint(
    document: Any, endpoint: Endpoint
) -> None:
    operation = document["paths"][endpoint.path][endpoint.method.lower()]
    statuses = {int(status) for status in operation["responses"]}
    wanted = {int(endpoint.status), *endpoint.problems}
    assert statuses == wanted | ({304} if endpoint.depends else set())
    names = {p["name"]: p for p in operation.get("parameters", ())}
    fields = structs.fields(endpoint.parameters) if endpoint.parameters else ()
    assert set(names) == {field.encode_name for field in fields}
    in_path = {name for name, p in names.items() if p["in"] == "path"}
    assert in_path == set(re.findall(r"\{(\w+)\}", endpoint.path))
    assert ("requestBody" in operation) is (endpoint.body is not None)
    is_write = operation["security"] == [{"token": []}]
    assert is_write is (endpoint.access is Access.WRITE)


def test_a_body_may_be_too_large_or_of_another_type(document: Any) -> None:
    with_body = [endpoint for endpoint in ENDPOINTS if endpoint.body is not None]
    assert len(with_body) >= 3
    for endpoint in with_body:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert {"413", "415"} <= operation["responses"].keys()


def test_operation_ids_are_unique(document: Any) -> None:
    ids = [o["operationId"] for ops in document["paths"].values() for o in ops.values()]
    assert len(ids) == len(set(ids))


def test_records_have_names_of_their_own() -> None:
    assert len(records()) > 40


@pytest.mark.parametrize("name", sorted(records()))
def test_every_record_and_member_is_documented(name: str) -> None:
    kind = records()[name]
    (_, components) = msgspec.json.schema_components([kind])
    schema = components[name]
    assert schema.get("description"), f"{name} has no docstring"
    for member, about in schema["properties"].items():
        others = (part.get("description") for part in about.get("anyOf", ()))
        description = about.get("description") or any(others)
        assert description, f"{name}.{member} has no description"
        assert member == member.lower() or name == "Changes", f"{name}.{member}"


class Page(HTMLParser):
    """Links, ids, and things that the policy forbids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.forbidden: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids.add(values.get("id") or "")
        if tag == "a":
            self.links.append(values["href"] or "")
        if tag in ("script", "img", "link", "iframe", "form", "base"):
            self.forbidden.append(tag)
        self.forbidden += [n for n in values if n == "style" or n.startswith("on")]


def test_the_page_keeps_to_its_policy() -> None:
    answer = Api().ask("/api")
    text = answer.body.decode()
    page = Page(text)
    assert page.forbidden == []
    assert text.count("<style>") == 1
    assert f"<style>{STYLE}</style>" in text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert len(answer.body) < LARGEST_PAGE_BYTES


def test_the_style_is_the_one_that_the_policy_names() -> None:
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415

    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = Api().ask("/api").headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}';" in policy


@pytest.mark.parametrize("place", ["/api", "/behind/a/proxy/api"])
def test_links_of_the_page_are_relative_and_lead_somewhere(place: str) -> None:
    api = Api()
    page = Page(api.ask("/api").body.decode())
    prefix = place.removesuffix("/api")
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
            continue
        assert not urlparse(link).scheme and not link.startswith("/")
        target = urljoin(place, link)
        assert target.startswith(f"{prefix}/")
        assert api.application._router.find(target.removeprefix(prefix)) is not None


def test_text_is_escaped_as_the_library_does() -> None:
    text = "<a href=\"x\">'&amp;'</a> \u00e9"
    assert escape(text) == html.escape(text)


def test_the_page_names_every_endpoint() -> None:
    text = Api().ask("/api").body.decode()
    for endpoint in ENDPOINTS:
        assert f"<code>{endpoint.path}</code>" in text


def test_documents_are_made_in_steps_and_kept() -> None:
    api = Api(endpoints=with_documents(ENDPOINTS[:5]))
    first = api.ask("/openapi.json")
    assert len(api.units) >= len(ENDPOINTS[:5])
    api.units.clear()
    assert api.ask("/openapi.json").body == first.body
    assert api.units == []
    tag = first.headers["ETag"]
    assert api.ask("/openapi.json", if_none_match=tag).status == 304


def test_the_page_of_the_documentation_lists_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    section = page.partition("## Endpoints\n")[2].partition("\n##")[0]
    rows = re.findall(r"(?m)^\| `([A-Z]+) (/[^`]*)` \| (\w+) \| (.*) \|$", section)
    assert rows == [
        (e.method, e.path, e.access.value, e.summary.rstrip(".")) for e in ENDPOINTS
    ]


def test_the_document_is_json_of_texts_and_numbers(document: Any) -> None:
    assert json.loads(json.dumps(document)) == document


def luminance(color: str) -> float:
    """The relative luminance of `#rrggbb` (WCAG 2.2)."""
    digits = color[1:] if len(color) == 7 else "".join(c * 2 for c in color[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colors_have_contrast_in_both_schemes() -> None:
    light, dark = (
        dict(re.findall(r"--(\w+):(#\w+)", block))
        for block in re.findall(r":root\{(.*?)\}", STYLE, re.DOTALL)
    )
    for scheme in (light, dark):
        for text in ("text", "dim", "link", "write"):
            for back in ("back", "soft"):
                pair = sorted((luminance(scheme[text]), luminance(scheme[back])))
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (text, back)
