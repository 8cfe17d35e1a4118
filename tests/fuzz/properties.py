"""The .properties format: what was read can be written, and read again as it was."""

from collections.abc import Iterable
from typing import Final

from namesrv.errors import PropertiesInvalid
from namesrv.wire.properties import properties_text, read_properties, write_properties
from tests.fuzz.target import Target, repeated, tried

ALLOWED: Final = (PropertiesInvalid,)


def run(data: bytes) -> None:
    """As a file (ISO-8859-1) and as a request's body (UTF-8)."""
    tried(ALLOWED, read_properties, repeated(data).decode("latin-1"))
    decoded = tried(ALLOWED, properties_text, data)
    if decoded[0] == "ok":
        assert "\0" not in decoded[1]
        assert not decoded[1].startswith(("\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"))
    for text in (data.decode("latin-1"), data.decode("utf-8", "replace")):
        seen = tried(ALLOWED, read_properties, text)
        if seen[0] == "err":
            continue
        pairs = [(entry.key, entry.value) for entry in seen[1]]
        lines = [entry.line for entry in seen[1]]
        assert lines == sorted(set(lines))
        assert lines[-1:] <= [len(text) + 1]
        written = write_properties(pairs)
        assert written.isascii()
        again = read_properties(written)
        assert [(entry.key, entry.value) for entry in again] == pairs


def seeds() -> Iterable[bytes]:
    """A file as Java writes it, and every rule of the format."""
    yield b"#Tue Nov 24 00:00:00 UTC 2026\nlistenPort=9876\nrocketmqHome=/opt/mq\n"
    yield b"a\\ b\\=c\\:d\\\\ = \\ x\r\n!no\rk\\\n  ey\\\r\n\t:value\\\\\\\n"
    yield b"k=\\ud83d\\ude00\\ud83d\\u00e9\\q\\t\\n\nkey\nkey=\n=value\n"
    yield b"k=\\u12\n"
    yield b"\xef\xbb\xbflistenPort=1\n"
    yield "adminAccess=off\n".encode("utf-16")
    yield "schl\u00fcssel=wert \u4e2d\n".encode()


TARGET: Final = Target(
    "properties",
    run,
    ALLOWED,
    seeds,
    words=(
        b"\\u",
        b"\\\n",
        b"\\\r\n",
        b"=",
        b":",
        b"#",
        b"!",
        b"\\ud83d",
        b"\\ ",
        b"\f",
    ),
)
