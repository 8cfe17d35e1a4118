"""The limits of one HTTP request, and the sizes on which its parts agree."""

from typing import Final

LONGEST_HEAD_BYTES: Final = 16 << 10
"""Request line and header together; a longer one is answered with 431."""
MOST_HEADERS: Final = 100
"""Lines of a header; more are answered with 431."""
LONGEST_BODY_BYTES: Final = 2 << 20
"""A body, also one in chunks; a longer one is answered with 413. A registration may
have it all: msgspec reads it in one step, 1 MiB of short topics in about 10 ms."""
GZIP_BYTES: Final = 4 << 10
"""A longer answer is compressed for a client that accepts it."""
