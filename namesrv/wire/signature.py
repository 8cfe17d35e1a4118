"""The signature of RocketMQ's ACL 1.0: a shared secret identifies the sender.

Source: `AclClientRPCHook#doBeforeRequest`, `AclUtils#combineRequestContent`,
`AclSigner#calSignature`; protocol.md section 9.14. It covers the values of the
extFields and the body: neither the request code, nor the names, nor the time.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

from namesrv.wire.java_json.surrogates import join_surrogates

ACCESS_KEY: Final = "AccessKey"
SIGNATURE: Final = "Signature"


def signature(
    ext_fields: Mapping[str, str | None], body: bytes | None, secret: bytes
) -> bytes:
    """The value of the ext field Signature: HMAC-SHA1 in base64.

    A value of None counts as an empty text, because the ROCKETMQ header decodes an
    empty text, which the sender signed, to None.
    """
    code = hmac.new(secret, _signed_text(ext_fields), "sha1")
    code.update(body or b"")
    return b64encode(code.digest())


def is_signed_with(
    ext_fields: Mapping[str, str | None], body: bytes | None, secret: bytes
) -> bool:
    """Whether Signature is that of `secret`; compared in constant time."""
    claimed = (ext_fields.get(SIGNATURE) or "").encode("utf-8", "replace")
    return hmac.compare_digest(signature(ext_fields, body, secret), claimed)


def _signed_text(ext_fields: Mapping[str, str | None]) -> bytes:
    """The values in the order of a Java TreeMap, which compares UTF-16 units."""
    names = sorted(ext_fields.keys() - {SIGNATURE}, key=_utf_16)
    text = "".join(ext_fields[name] or "" for name in names)
    return join_surrogates(text).encode("utf-8", "replace")


def _utf_16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")
