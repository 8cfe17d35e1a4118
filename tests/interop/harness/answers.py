"""One answer's canonical form, and the difference of two.

Equal means: same header encoding, same header text, same body text, after the
collections that are unordered in Java are put in order. Keys (bare or quoted),
white space and the order of an object's own members are compared as they are.
"""

from harness.json_text import (
    Array,
    Node,
    NotCompactJson,
    Object,
    Path,
    Scalar,
    dump,
    ordered,
    parse,
)
from namesrv.testing.peer import Answer, Request

ANY_ADDRESS = '"<address of a broker>"'

# Per request code, the containers whose order is that of a Java hash table.
UNORDERED: dict[int, tuple[Path, ...]] = {
    103: (("table",),),
    105: (
        ("brokerDatas",),
        ("brokerDatas", "*", "brokerAddrs"),
        ("filterServerTable",),
        ("queueDatas",),
        ("topicQueueMappingByBroker",),
        ("topicQueueMappingByBroker", "*", "currIdMap"),
    ),
    106: (
        ("brokerAddrTable",),
        ("brokerAddrTable", "*", "brokerAddrs"),
        ("clusterAddrTable",),
        ("clusterAddrTable", "*"),
    ),
    206: (("topicList",),),
    219: (("table",),),
    224: (("topicList",),),
    304: (("topicList",),),
    311: (("topicList",),),
    312: (("topicList",),),
    313: (("topicList",),),
    901: (("brokerMemberGroup", "brokerAddrs"),),
}


def difference(request: Request, ours: Answer, java: Answer) -> str | None:
    """None if both answers mean the same; else a text that shows all their bytes."""
    if ours == java or canonical(request.code, ours) == canonical(request.code, java):
        return None
    return (
        f"request {request}\n"
        f"  java header {java.header_bytes!r}\n"
        f"  ours header {ours.header_bytes!r}\n"
        f"  java body   {java.body!r}\n"
        f"  ours body   {ours.body!r}"
    )


def canonical(code: int, answer: Answer) -> tuple[int, str, str]:
    """The header's encoding, header text and body text, put in order."""
    header = _canonical_text(answer.header_bytes, (("extFields",),))
    body = _canonical_text(answer.body, UNORDERED.get(code, ()))
    if code == 304 and body:
        body = dump(_without_address(parse(body)))
    return answer.serialize_type, header, body


def _canonical_text(text: bytes, unordered: tuple[Path, ...]) -> str:
    if not text:
        return ""
    try:
        node = parse(text.decode())
    except (NotCompactJson, UnicodeDecodeError) as error:
        return f"not readable ({error}): {text!r}"
    return dump(ordered(node, lambda path: _matches(path, unordered)))


def _matches(path: Path, patterns: tuple[Path, ...]) -> bool:
    return any(
        len(path) == len(pattern)
        and all(want in ("*", step) for step, want in zip(path, pattern, strict=True))
        for pattern in patterns
    )


def _without_address(body: Node) -> Node:
    """304 names one broker: Java the first of its table, we the first by name."""
    match body:
        case Object(members):
            return Object(
                [
                    (key, Scalar(ANY_ADDRESS) if key == '"brokerAddr"' else value)
                    for key, value in members
                ]
            )
        case Array() | Scalar():
            return body
