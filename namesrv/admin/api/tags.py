"""ETags: a name for the state that an answer shows.

A tag is made of the values that the answer depends on (`Endpoint.depends`) and of a
text that no other process has, so that neither a restart nor another server behind the
same address repeats it. It is weak, because one state is written as JSON and as
MessagePack, and compressed.

An answer in steps is made of several states if something changes in between. So the
values are read before and after, and only an answer with equal ones has a tag. A
client that repeats a tag has thus an answer of exactly that state.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from namesrv.admin.api.endpoint import Call
from namesrv.admin.http.messages import HttpAnswer

_MOST_CANDIDATES: Final = 32
Depends = Callable[[Call], tuple[object, ...] | None]


class Tags:
    """The tags of one process; `process` is a text that no other one has."""

    def __init__(self, process: str) -> None:
        self._process = process

    def of(self, depends: Depends | None, call: Call) -> str:
        """The tag of the state as it is now, empty for an answer without one."""
        state = None if depends is None else depends(call)
        if state is None:
            return ""
        values = "-".join(map(_text, state))
        return f'W/"{self._process}-{values}"'


def is_known(tag: str, call: Call) -> bool:
    """Whether the client has the answer of this tag already."""
    known = call.request.headers.get("if-none-match", "")
    if not tag or not known:
        return False
    if known.strip() == "*":
        return True
    candidates = known.split(",", _MOST_CANDIDATES)[:_MOST_CANDIDATES]
    bare = tag.removeprefix("W/")
    return any(c.strip().removeprefix("W/") == bare for c in candidates)


def not_modified(tag: str) -> HttpAnswer:
    """The answer to a client that has it already."""
    return HttpAnswer(304, content_type="", headers=_headers(tag))


def tagged(answer: HttpAnswer, tag: str) -> HttpAnswer:
    """A success with its tag."""
    if not tag or answer.status != 200:
        return answer
    return replace(answer, headers=(*answer.headers, *_headers(tag)))


def _headers(tag: str) -> tuple[tuple[str, str], ...]:
    return ("ETag", tag), ("Cache-Control", "no-cache"), ("Vary", "Accept")


def _text(value: object) -> str:
    return f"{value:x}" if isinstance(value, int) else str(value)
