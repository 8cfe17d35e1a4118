"""The file of access keys: read, or refused without a word of what it says."""

from collections.abc import Iterable
from typing import Final

from namesrv.errors import AccessKeysInvalid
from namesrv.wire.access_keys import read_access_keys
from tests.fuzz.target import Target, tried

ALLOWED: Final = (AccessKeysInvalid,)


def run(data: bytes) -> None:
    """A complaint is ASCII, short, and says nothing of a secret."""
    seen = tried(ALLOWED, read_access_keys, data)
    if seen[0] == "ok":
        assert len(seen[1]) > 0
        assert (
            seen[1].have_signed({"AccessKey": "ops", "Signature": "x"}, data) is False
        )
        return
    said = str(seen[2][0])
    assert said.isascii() and len(said) < 100


def seeds() -> Iterable[bytes]:
    """Every rule of the format."""
    yield b"ops=12345678\n# who\n\n broker-a = s3cr=et/+ \r\n"
    yield b"\xef\xbb\xbfops=1\n"
    yield b"ops=1\nops=2\n"
    yield b"ops\n"
    yield b"#\n"
    yield b"ops=\xff\n"


TARGET: Final = Target("access-keys", run, ALLOWED, seeds, words=(b"=", b"\n", b"#"))
