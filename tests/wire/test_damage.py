"""Damage that a crash did to a file that was being written."""

import pytest

from namesrv.wire.damage import damage_of


@pytest.mark.parametrize("data", [b"", b" ", b"\r\n\t\f\v"])
def test_file_without_text_is_damaged(data: bytes) -> None:
    assert damage_of(data) == "is empty, as after a crash"


@pytest.mark.parametrize("data", [b"\0", b" \0", b"{}\0\0", b"\0{}"])
def test_file_with_nul_bytes_is_damaged(data: bytes) -> None:
    assert damage_of(data) == "has NUL bytes, as after a crash"


@pytest.mark.parametrize("data", [b"null", b"{}", b" {", b"# none\n", b"\xff"])
def test_any_other_file_is_undamaged(data: bytes) -> None:
    assert damage_of(data) is None
