"""What a long run says while it works."""

import sys
import time

_BEGAN = time.monotonic()


def say(text: str) -> None:
    """One line with the seconds since the start."""
    seconds = time.monotonic() - _BEGAN
    print(f"bench {seconds:6.1f} s: {text}", file=sys.stderr, flush=True)
