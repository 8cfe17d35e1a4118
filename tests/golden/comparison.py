"""When two answers are the same: byte for byte, but for what a step leaves open."""

from typing import Any

from namesrv.testing.peer import frame_parts
from tests.golden.json_text import normalized, not_by_name, parse_json
from tests.golden.transcript import Outcome, Step


def is_same(step: Step, one: Outcome, other: Outcome) -> bool:
    """Whether two answers to this step are equal.

    Containers at the step's `unordered` pointers may be in any order, values at its
    `volatile` pointers may be anything.
    """
    if one.closed != other.closed or len(one.frames) != len(other.frames):
        return False
    pairs = zip(one.frames, other.frames, strict=True)
    return all(a == b or _readable(step, a) == _readable(step, b) for a, b in pairs)


def is_by_name(step: Step, answer: Outcome) -> bool:
    """Whether every container whose order the step leaves open is sorted by name."""
    places = [pointer for pointer in step.unordered if pointer[0] == "body"]
    bodies = [frame_parts(frame)[2] for frame in answer.frames] if places else []
    return not any(
        list(not_by_name(parse_json(body.decode()), places, ("body",)))
        for body in bodies
        if body
    )


def describe(answer: Outcome) -> str:
    """The answer for a person who looks for the difference."""
    lines = [_describe_frame(frame) for frame in answer.frames] or ["no frame"]
    if answer.closed:
        lines.append("connection closed")
    return "\n".join(f"      {line}" for line in lines)


def _describe_frame(frame: bytes) -> str:
    serialize_type, header, body = frame_parts(frame)
    text = header.hex() if serialize_type else header.decode("utf-8", "replace")
    return f"type {serialize_type} {text} {body.decode('utf-8', 'replace')}"


def _readable(step: Step, frame: bytes) -> Any:
    serialize_type, header, body = frame_parts(frame)
    head = header if serialize_type else _json(step, "header", header)
    masked_keys = {pointer[1] for pointer in step.volatile if pointer[0] == "config"}
    if masked_keys:
        lines = body.decode("iso-8859-1").splitlines(keepends=True)
        kept = [line for line in lines if line.partition("=")[0] not in masked_keys]
        return serialize_type, head, kept
    return serialize_type, head, _json(step, "body", body)


def _json(step: Step, root: str, data: bytes) -> Any:
    """Bytes stay bytes where the step leaves nothing open."""
    if not any(pointer[0] == root for pointer in (*step.unordered, *step.volatile)):
        return data
    try:
        node = parse_json(data.decode())
    except ValueError:
        return data
    return normalized(node, step.unordered, step.volatile, (root,))
