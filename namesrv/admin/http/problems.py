"""Errors as people and programs read them: problem+json (RFC 9457)."""

import json
from http import HTTPStatus
from typing import Final

from namesrv.admin.http.messages import HttpAnswer

PROBLEM_JSON: Final = "application/problem+json"


def problem(
    status: int, detail: str, *headers: tuple[str, str], **more: object
) -> HttpAnswer:
    """An error. `detail` is one sentence with the wrong value and a remedy; `more`
    are further members, such as `similar` names or the `errors` of a body."""
    title = HTTPStatus(status).phrase
    members = {"title": title, "status": status, "detail": detail, **more}
    # A name of a peer may have a lone surrogate.
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    body = text.encode("utf-8", "replace")
    return HttpAnswer(status, body, PROBLEM_JSON, headers)
