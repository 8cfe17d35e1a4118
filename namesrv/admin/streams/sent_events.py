"""Texts of a stream of events. Source: the section "Server-sent events" of HTML."""

import json
from collections.abc import Mapping
from typing import Final

import msgspec

CONTENT_TYPE: Final = "text/event-stream"
_encode_strictly: Final = msgspec.json.Encoder().encode


def _encode(data: Mapping[str, object]) -> bytes:
    """JSON; a lone surrogate in a name of a peer becomes `?`."""
    try:
        return _encode_strictly(data)
    except UnicodeEncodeError:
        return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")


def event_text(kind: str, data: Mapping[str, object], event_id: str = "") -> bytes:
    """One event; its data is JSON, which has no line end. Without an id a client that
    comes back asks for the events after the one before."""
    lines = f"id: {event_id}\n" if event_id else ""
    return b"%sevent: %s\ndata: %s\n\n" % (lines.encode(), kind.encode(), _encode(data))


def keep_alive_text(event_id: str) -> bytes:
    """A comment; an id without data makes no event, and is that of the last one."""
    return b": keep-alive\nid: %s\n\n" % event_id.encode()


def retry_text(millis: int) -> bytes:
    """How long a client that lost its connection waits before it comes back."""
    return b"retry: %d\n\n" % millis


def id_text(run: str, number: int) -> str:
    """The id of an event: the run of the server and the number of the event."""
    return f"{run}-{number}"


def read_id(text: str) -> tuple[str, int] | None:
    """Run and number of an id, None if it is none."""
    run, dash, number = text.strip().rpartition("-")
    if not dash or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return run, int(number)
