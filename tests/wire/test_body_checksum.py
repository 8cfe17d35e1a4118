"""The checksum of a registration's body, with and without ISA-L."""

import platform
import subprocess
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.wire.body_checksum import body_checksum

CHECK_VALUE = 1274296614
"""That of b"123456789" in protocol.md 2.5.2."""


@given(st.binary(max_size=5000), st.integers(0, 64))
def test_it_is_that_of_zlib_without_the_sign(body: bytes, start: int) -> None:
    assert body_checksum(body) == zlib.crc32(body) & 0x7FFFFFFF
    view = memoryview(body)[start:]
    assert body_checksum(view) == zlib.crc32(view) & 0x7FFFFFFF


def test_value_of_the_protocol() -> None:
    assert body_checksum(b"123456789") == CHECK_VALUE
    assert body_checksum(b"") == 0


@pytest.mark.parametrize("line", ["", "sys.modules['isal'] = None"])
def test_library_is_imported_for_the_first_registration(line: str) -> None:
    """Idle servers save its memory; without it zlib computes the same."""
    script = f"""
import sys
import namesrv.server.running.run
{line}
print("isal.isal_zlib" in sys.modules)
from namesrv.wire.body_checksum import body_checksum
print(body_checksum(b"123456789"), "isal.isal_zlib" in sys.modules)
"""
    words = [sys.executable, "-c", script]
    ran = subprocess.run(words, capture_output=True, text=True, check=True)
    # pip installs it on these processors.
    has_wheels = platform.machine() in ("x86_64", "aarch64", "arm64")
    assert ran.stdout == f"False\n{CHECK_VALUE} {has_wheels and not line}\n"
