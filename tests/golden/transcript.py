"""A recorded conversation with a Java NameServer: what was sent, what came back."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from namesrv.testing.peer import Answer

Pointer = tuple[str, ...]
"""A place in an answer: header, body or config, then keys; `*` is any of them."""

FOLDER: Final = Path(__file__).with_name("transcripts")
FRAME_HEAD_BYTES: Final = 8
OPAQUE: Final = ("header", "opaque")
QUIET_MILLIS: Final = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step leads to: whole frames, and whether the server closed the
    connection."""

    frames: tuple[bytes, ...] = ()
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the player does, and the answers that are right.

    The first of `right_answers` is Java 5.3.3's. `quiet_millis` is how long nothing may
    come when nothing is due; `piece_bytes` 0 sends the request in one write.
    """

    number: int
    op: str
    peer: str
    note: str
    pause_millis: int
    quiet_millis: int
    piece_bytes: int
    port: int
    request: bytes
    right_answers: tuple[Outcome, ...]
    unordered: tuple[Pointer, ...]
    volatile: tuple[Pointer, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A scenario; it assumes a fresh server with these properties, variables, files."""

    name: str
    properties: dict[str, str]
    environ: dict[str, str]
    files: dict[str, str]
    steps: tuple[Step, ...]

    @property
    def pause_millis(self) -> int:
        """How long the player pauses in all."""
        return sum(step.pause_millis for step in self.steps)

    @property
    def silence_millis(self) -> int:
        """How long the player listens in all where nothing is due."""
        return sum(
            step.quiet_millis
            for step in self.steps
            if step.op in ("request", "expect") and step.right_answers[0] == Outcome()
        )


def transcript_names() -> list[str]:
    """Names of all transcripts."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read_transcript(name: str) -> Transcript:
    """The transcript of that name."""
    content = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    server = content["server"]
    return Transcript(
        name,
        server["properties"],
        server.get("env", {}),
        server.get("files", {}),
        tuple(_step(number, step) for number, step in enumerate(content["steps"])),
    )


def _step(number: int, content: dict[str, Any]) -> Step:
    first = _answer(content)
    others = [_answer(_answer_members(other)) for other in content.get("also", ())]
    request = base64.b64decode(content.get("request_b64") or "")
    volatile = _pointers(content.get("volatile"))
    if _leaves_opaque_out(request):
        volatile = (*volatile, OPAQUE)
    return Step(
        number=number,
        op=content.get("op", "request"),
        peer=content.get("conn", ""),
        note=content.get("note", ""),
        pause_millis=content.get("advance_ms", 0),
        quiet_millis=content.get("quiet_ms", QUIET_MILLIS),
        piece_bytes=content.get("split", 0),
        port=content.get("port", 0),
        request=request,
        right_answers=(first, *others),
        unordered=_pointers(content.get("unordered")),
        volatile=volatile,
    )


def _answer_members(content: dict[str, Any]) -> dict[str, Any]:
    return {"closed": False} | content


def _answer(content: dict[str, Any]) -> Outcome:
    texts = content.get("responses_b64")
    if texts is None:
        texts = [content["response_b64"]] if content.get("response_b64") else []
    frames = [base64.b64decode(text) for text in texts]
    if content.get("match") == "opaque":
        frames.sort(key=lambda frame: Answer(frame).opaque)
    return Outcome(tuple(frames), bool(content.get("closed")))


def _pointers(texts: list[str] | None) -> tuple[Pointer, ...]:
    return tuple(
        tuple(
            part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]
        )
        for text in texts or ()
    )


def _leaves_opaque_out(request: bytes) -> bool:
    """Whether Java answers with a number of its own counter (protocol.md 1.4)."""
    header = request[FRAME_HEAD_BYTES:]
    return header.startswith(b"{") and b"opaque" not in header
