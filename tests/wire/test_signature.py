"""The ACL 1.0 signature, against what RocketMQ 5.3.3's `AclClientRPCHook` made."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.testing.peer import header_binary, header_json
from namesrv.wire.command import decode_command
from namesrv.wire.signature import is_signed_with, signature

# (ext fields without the signature, body, secret, Java's signature).
JAVA = {
    "fields": (
        {"namespace": "n", "key": "k", "value": "v", "AccessKey": "ops"},
        None,
        "12345678",
        "HRHO93OcVb5xFKdihvkutSRyV6U=",
    ),
    "body": (
        {"AccessKey": "broker"},
        "a=b\n键".encode(),
        "s3cr=et/+",
        "qMszTlrhLXDA6fgUKhmOClcVLtM=",
    ),
    "security token": (
        {"topic": "T", "SecurityToken": "tok-en", "AccessKey": "ops"},
        b"\x00\x01\xff",
        "12345678",
        "72cXG09lPNUoPUSyUl5XhoU+hRs=",
    ),
    "beyond ASCII": (
        {"topic": "主题", "键": "\U0001f600", "AccessKey": "ops"},
        "主题".encode(),
        "密钥\U0001f600",
        "m5gel5Ep0nXBI0AnYvuOouxwm4E=",
    ),
    "order of UTF-16 units": (
        {
            "\uff21": "1",
            "\U0001f600": "2",
            "z": "3",
            "Z": "4",
            "é": "5",
            "Signaturf": "6",
            "AccessKey": "ops",
        },
        None,
        "12345678",
        "gVe+mncliCI+i+oX3defTVx06zI=",
    ),
    "empty value": (
        {"a": "", "b": "x", "AccessKey": "ops"},
        b"",
        "12345678",
        "FTy4pQtTbLPPqwkWpMpYl8quR9Q=",
    ),
    "surrogates that meet, and a lone one": (
        {"a": "x\ud83d", "b": "\ude00y", "c": "\ud800 ", "AccessKey": "ops"},
        None,
        "12345678",
        "7vzucprlS/ndzB6901kp5EWGhXk=",
    ),
}
vectors = pytest.mark.parametrize(
    ("fields", "body", "secret", "expected"), JAVA.values(), ids=JAVA
)
Fields = dict[str, str | None]


@vectors
def test_signature_is_javas(
    fields: Fields, body: bytes | None, secret: str, expected: str
) -> None:
    assert signature(fields, body, secret.encode()) == expected.encode()


@vectors
def test_only_javas_signature_is_accepted(
    fields: Fields, body: bytes | None, secret: str, expected: str
) -> None:
    key = secret.encode()
    fields = {**fields, "Signature": expected}
    assert is_signed_with(fields, body, key)
    assert not is_signed_with(fields, body, key + b"x")
    assert not is_signed_with(fields, (body or b"") + b"x", key)
    assert not is_signed_with({**fields, "more": "x"}, body, key)
    assert not is_signed_with({**fields, "AccessKey": "other"}, body, key)
    for wrong in ("", None, expected[:-1], expected + "=", expected.swapcase(), "é"):
        assert not is_signed_with({**fields, "Signature": wrong}, body, key)


@vectors
def test_signature_survives_both_header_encodings(
    fields: Fields, body: bytes | None, secret: str, expected: str
) -> None:
    sendable = {
        name: (value or "").encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
        for name, value in fields.items()
    }
    key = secret.encode()
    sent = {**sendable, "Signature": signature(sendable, body, key).decode()}
    for serialize_type, header in ((0, header_json), (1, header_binary)):
        command = decode_command(serialize_type, header(100, sent), body)
        assert is_signed_with(command.ext_fields or {}, command.body, key)


def hmac_by_hand(secret: bytes, text: bytes) -> str:
    """RFC 2104."""
    key = hashlib.sha1(secret).digest() if len(secret) > 64 else secret
    key = key.ljust(64, b"\0")
    inner = hashlib.sha1(bytes(b ^ 0x36 for b in key) + text).digest()
    outer = hashlib.sha1(bytes(b ^ 0x5C for b in key) + inner).digest()
    return base64.b64encode(outer).decode()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    st.dictionaries(TEXTS.filter(lambda name: name != "Signature"), TEXTS),
    st.binary(max_size=100),
    st.binary(min_size=1, max_size=100),
)
def test_signature_is_the_hmac_of_values_and_body(
    fields: dict[str, str], body: bytes, secret: bytes
) -> None:
    names = sorted(fields, key=lambda name: name.encode("utf-16-be"))
    text = "".join(fields[name] for name in names).encode() + body
    expected = hmac_by_hand(secret, text)
    assert signature(fields, body, secret) == expected.encode()
    assert is_signed_with({**fields, "Signature": expected}, body, secret)
