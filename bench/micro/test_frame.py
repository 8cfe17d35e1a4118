"""Frame decoding: sixteen lookups that came in one read."""

from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from bench.micro.served import lookup_frames

FRAMES = 16


def test_decode_16_frames(twin: Any, benchmark: BenchmarkFixture) -> None:
    decoder = twin.FrameDecoder(16_777_216)
    data = lookup_frames(FRAMES)
    benchmark.extra_info["requests"] = FRAMES

    def decode() -> int:
        decoder.feed(data)
        count = 0
        while decoder.next_frame() is not None:
            count += 1
        return count

    assert benchmark(decode) == FRAMES
