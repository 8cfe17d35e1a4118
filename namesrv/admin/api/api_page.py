"""The API as one page for people: static, without scripts, from the OpenAPI document.

Its links are relative, so that it works behind a proxy's sub-path. Its style is in the
page, and the policy names that style by its hash.
"""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any, Final

from namesrv.work import Steps

Json = dict[str, Any]

# The library's own function brings a table of all entities with it.
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
)

STYLE: Final = """
:root{color-scheme:light dark;--line:#d5d9e0;--soft:#f4f6f9;--dim:#525c6b;
--link:#0b57a4;--write:#8f3608;--back:#fff;--text:#1a1f27}
@media(prefers-color-scheme:dark){:root{--line:#3a414d;--soft:#1d222b;--dim:#a3adbb;
--link:#86b8f5;--write:#f4a876;--back:#14181f;--text:#e4e8ee}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;line-height:1.5;
font-family:system-ui,sans-serif;background:var(--back);
color:var(--text);overflow-wrap:anywhere}
h1{margin:.5rem 0}h2{margin:2.5rem 0 .5rem}
code{font-family:ui-monospace,monospace;font-size:.95em}
a{color:var(--link)}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0}
summary{cursor:pointer;padding:.5rem .75rem}
summary b{display:inline-block;min-width:4.2rem;color:var(--link)}
summary b.write{color:var(--write)}
summary span{display:block;color:var(--dim)}
details>div{padding:.25rem .75rem .75rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:.75rem 0 .25rem}
dl{margin:0}dt{margin-top:.4rem}dd{margin:0 0 0 1rem;color:var(--dim)}
section>div{background:var(--soft);border-radius:.4rem;padding:.5rem .75rem;
margin:.5rem 0}
:target{outline:2px solid var(--link)}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
_OPERATION_UNITS: Final = 250
_RECORD: Final = "#/components/schemas/"
_RIGHTS: Final = {0: "needs no token", 1: "needs a write token", 2: "as configured"}


def api_page(document: Json) -> Steps[bytes]:
    """The page, one operation or record in each step."""
    parts = [_head(document["info"])]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts += _operation(path, method, operation)
            yield _OPERATION_UNITS
    parts.append('</section><section><h2 id="records">Records</h2>')
    for name, schema in document["components"]["schemas"].items():
        parts += _record(name, schema)
        yield _OPERATION_UNITS
    parts.append("</section></body></html>")
    return "".join(parts).encode()


def escape(text: str) -> str:
    """A text as HTML, also within quotes."""
    return text.translate(_ESCAPES)


def _head(info: Json) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{STYLE}</style></head>"
        f"<body><h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f"<p>{_prose(info['description'])}</p>"
        '<p>The same for programs: <a href="openapi.json">openapi.json</a>.'
        " Answers are JSON, or MessagePack on <code>Accept: application/msgpack</code>;"
        ' errors are <a href="#Problem">problems</a>.</p>'
        '<section><h2 id="endpoints">Endpoints</h2>'
    )


def _operation(path: str, method: str, operation: Json) -> Iterator[str]:
    security = operation["security"]
    mark = ' class="write"' if security == [{"token": []}] else ""
    yield (
        f'<details id="{escape(operation["operationId"])}"><summary>'
        f"<b{mark}>{method.upper()}</b> <code>{escape(path)}</code>"
        f"<span>{escape(operation['summary'])}</span></summary><div>"
    )
    yield f"<p>Access: {_RIGHTS[len(security)]}.</p>"
    if method == "get" and "{" not in path:
        yield f'<p><a href="{escape(path[1:] or ".")}">{escape(path)}</a></p>'
    if parameters := operation.get("parameters"):
        yield "<h3>Parameters</h3><dl>"
        for parameter in parameters:
            place = f"{parameter['in']}, {_type(parameter['schema'])}"
            yield _member(parameter["name"], place, parameter.get("description", ""))
        yield "</dl>"
    if "requestBody" in operation:
        yield f"<h3>Body</h3><p>{_content(operation['requestBody'])}</p>"
    yield "<h3>Answers</h3><dl>"
    yield from _answers(operation["responses"])
    yield "</dl></div></details>"


def _answers(responses: Json) -> Iterator[str]:
    errors = [status for status, response in responses.items() if "$ref" in response]
    for status, response in responses.items():
        if "$ref" not in response:
            yield _member(status, _content(response), response["description"])
    yield _member(", ".join(errors), '<a href="#Problem">Problem</a>', "errors")


def _content(holder: Json) -> str:
    """The type of a body, as JSON if there is a choice."""
    for media, content in holder.get("content", {}).items():
        schema = content["schema"]
        is_record = "$ref" in schema or "additionalProperties" in schema
        return _type(schema) if is_record else escape(media)
    return "without a body"


def _record(name: str, schema: Json) -> Iterator[str]:
    yield f'<div id="{escape(name)}"><h3>{escape(name)}</h3>'
    yield f"<p>{_prose(schema.get('description', ''))}</p><dl>"
    required = schema.get("required", ())
    for member, about in schema.get("properties", {}).items():
        kind = _type(about) + ("" if member in required else ", may be left out")
        yield _member(member, kind, about.get("description", ""))
    yield "</dl></div>"


def _member(name: str, kind: str, description: str) -> str:
    return f"<dt><code>{escape(name)}</code> {kind}</dt><dd>{_prose(description)}</dd>"


def _type(schema: Json) -> str:
    """A type in words, as HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(_RECORD))
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return "one of " + ", ".join(
            f"<code>{escape(str(v))}</code>" for v in schema["enum"]
        )
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map of {_type(schema['additionalProperties'])}"
    return escape(str(schema.get("type", "any"))) + _range(schema)


def _range(schema: Json) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and high is None:
        return ""
    return f" from {'' if low is None else low} to {'' if high is None else high}"


def _prose(text: str) -> str:
    """A sentence in which words in backticks are code."""
    parts = escape(text).split("`")
    return "".join(
        f"<code>{part}</code>" if number % 2 else part
        for number, part in enumerate(parts)
    )
