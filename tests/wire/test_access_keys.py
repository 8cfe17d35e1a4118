"""The text of access keys, and what they know."""

import pytest

from namesrv.errors import AccessKeysInvalid
from namesrv.testing.peer import signed
from namesrv.wire.access_keys import AccessKeys, read_access_keys

TEXT = """\
# operators
ops=12345678

  broker-a  =  s3cr=et/+  \r
键=密钥
"""

CONTROL = "it has a control character, such as those of UTF-16"
OWN_WORDS = "expected accessKey=secretKey with your own words for both"


def test_each_line_is_a_key() -> None:
    keys = read_access_keys(TEXT.encode())
    assert len(keys) == 3
    assert "ops" in keys and "broker-a" in keys and "键" in keys
    assert "12345678" not in keys and "# operators" not in keys
    for name, secret in (
        ("ops", "12345678"),
        ("broker-a", "s3cr=et/+"),
        ("键", "密钥"),
    ):
        fields = signed({"topic": "T"}, b"body", name, secret)
        assert keys.have_signed(fields, b"body")
        assert not keys.have_signed(fields, b"other")
        assert not keys.have_signed({**fields, "AccessKey": "nobody"}, b"body")


def test_byte_order_mark_does_not_count() -> None:
    assert "ops" in read_access_keys(b"\xef\xbb\xbfops=1")


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b"ops=1\nS3CRET\n", 2, "expected accessKey=secretKey"),
        (b"S3CRET=\n", 1, "expected accessKey=secretKey"),
        (b"\n=S3CRET", 2, "expected accessKey=secretKey"),
        (b"ops=1\nops=S3CRET", 2, "its access key stands in an earlier line"),
        (b"ops=S3CRET\xff", 1, "it is not UTF-8"),
        ("ops=S3CRET".encode("utf-16"), 1, "it is not UTF-8"),
        (b"ops=S3CRET\nops=1\0", 2, CONTROL),
        ("ops=S3CRET".encode("utf-16-le"), 1, CONTROL),
        (b"ops=S3CRET\rother=S3CRET", 1, CONTROL),
        (b"accessKey=S3CRET\nsecretKey=S3CRET", 1, OWN_WORDS),
        (b"ops=1\nSecretKey = S3CRET", 2, OWN_WORDS),
        (b"", None, "it holds no access key"),
        (b"# ops=S3CRET\n", None, "it holds no access key"),
    ],
)
def test_error_of_access_keys_quotes_no_secret(
    data: bytes, line: int | None, reason: str
) -> None:
    with pytest.raises(AccessKeysInvalid) as caught:
        read_access_keys(data)
    assert caught.value.line == line
    assert str(caught.value) == (reason if line is None else f"line {line}: {reason}")


@pytest.mark.parametrize("fields", [{}, {"AccessKey": None}, {"Signature": ""}])
def test_without_a_key_nothing_is_signed(fields: dict[str, str | None]) -> None:
    assert not AccessKeys({}).have_signed(fields, None)
    assert not AccessKeys({"ops": "12345678"}).have_signed(fields, None)


def test_request_of_an_unknown_key_is_never_signed() -> None:
    """Whatever stands in for its secret is no secret."""
    keys = AccessKeys({"ops": "12345678"})
    for secret in ("nobody", "12345678", ""):
        assert not keys.have_signed(signed({}, b"", "unknown", secret), b"")


def test_access_keys_show_no_secret() -> None:
    keys = AccessKeys({"ops": "S3CRET"})
    assert "S3CRET" not in f"{keys!r} {keys}"
