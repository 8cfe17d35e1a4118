"""Seeds: what was sent to a Java NameServer in the recorded conversations."""

from collections.abc import Iterator
from functools import cache
from typing import Final

from tests.golden.transcript import read_transcript, transcript_names

_LONGEST: Final = 4096


@cache
def recorded_streams() -> tuple[bytes, ...]:
    """What each peer of each recorded conversation sent, as one stream of bytes."""
    streams: list[bytes] = []
    for name in transcript_names():
        sent: dict[str, bytes] = {}
        for step in read_transcript(name).steps:
            whole = sent.get(step.peer, b"") + step.request
            if len(whole) <= _LONGEST:
                sent[step.peer] = whole
        streams += [stream for stream in sent.values() if stream]
    return tuple(dict.fromkeys(streams))


def recorded_frames() -> Iterator[tuple[int, bytes, bytes]]:
    """Serialize type, header and body of each whole frame in them."""
    for stream in recorded_streams():
        while len(stream) >= 8:
            end, body_at = (
                4 + int.from_bytes(stream[:4]),
                8 + int.from_bytes(stream[5:8]),
            )
            if body_at > end or end > len(stream):
                break
            yield stream[4], stream[8:body_at], stream[body_at:end]
            stream = stream[end:]
