"""The results of requests of gunicorn's suite, which comes with `make fuzz`."""

import io
import tarfile
from pathlib import Path

import pytest

from tests.fuzz import http_suite
from tests.fuzz.http_suite import HANDLED, REFUSED, complaints_of, suite

GOOD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
BAD = b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("valid/a.http", GOOD, None),
        ("valid/a.http", b"GET / HTTP/1.1\r\n\r\n", None),
        ("valid/a.http", BAD.replace(b"Host ", b"Host: b\r\nX "), "was refused"),
        ("invalid/a.http", BAD, None),
        ("invalid/a.http", GOOD, "was handled"),
        ("invalid/040.http", GOOD, None),
        ("valid/027.http", GOOD, "was handled"),
    ],
)
def test_complaints(name: str, data: bytes, complaint: str | None) -> None:
    found = list(complaints_of(name, data))
    assert len(found) == (complaint is not None)
    assert complaint is None or complaint in found[0]


def test_escapes_are_the_line_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"GET / HTTP/1.1\\r\\n\nHost: a\\0\\t\\r\\n\n\\r\\n\n"
    with tarfile.open(tmp_path / http_suite.ARCHIVE, "w:gz") as archive:
        for name in ("valid/1.http", "valid/1.py", "other/1.http"):
            member = tarfile.TarInfo(f"gunicorn-23.0.0/tests/requests/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    monkeypatch.setattr(http_suite, "CACHE", tmp_path)
    assert list(suite()) == [("valid/1.http", b"GET / HTTP/1.1\r\nHost: a\0\t\r\n\r\n")]


def test_pinned_names_are_of_their_kind() -> None:
    assert all(name.startswith("invalid/") for name in HANDLED)
    assert all(name.startswith("valid/") for name in REFUSED)
