"""Lookups: a lane with the loop behind it, beside a connection on the loop."""

from collections.abc import Iterable
from typing import Final

from namesrv.testing.peer import binary_request, request
from tests.fuzz import frames
from tests.fuzz.structure import mutate_frames
from tests.fuzz.target import Target, chance, ways_to_cut
from tests.parity.lane_beside_loop import compare
from tests.parity.requests import TOPICS


def run(data: bytes) -> None:
    """Every way of cutting gives the same answers, of both twins."""
    hot_codes = chance(data).choice((7, 7, 7, 6))
    for reads in ways_to_cut(data):
        compare(reads, hot_codes)


def seeds() -> Iterable[bytes]:
    """Lookups alone and before other requests, and those of the target `frames`."""
    for form in (request, binary_request):
        lookups = [form(105, {"topic": topic}) for topic in (*TOPICS, "unknown")]
        yield b"".join(lookups)
        yield b"".join(form(105, {"topic": "b"}, version=v) for v in (317, 479)) * 3
        yield lookups[0] + form(904, {"clusterName": "c", "brokerAddr": "a"})
        yield form(105, {"topic": "a"}, flag=2) + form(105, {"topic": "a"}, b"body")
    yield from frames.seeds()


TARGET: Final = Target(
    "lookups", run, (), seeds, mutate_frames, (b"\0\0\0", b"topic"), 2560, 2
)
