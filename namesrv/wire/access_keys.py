"""Access keys and their secrets, and the text of the file that holds them.

Each line is `accessKey=secretKey`, in UTF-8; the first = ends the access key. Empty
lines, lines that begin with #, blanks around keys and secrets, and a byte-order mark at
the beginning are ignored.
"""

import re
from collections.abc import Mapping
from typing import Final

from namesrv.errors import AccessKeysInvalid
from namesrv.wire.signature import ACCESS_KEY, is_signed_with

_UTF_8_MARK: Final = b"\xef\xbb\xbf"
_CONTROL_CHARACTER: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_PLACEHOLDERS: Final = ("accesskey", "secretkey")
"""Words of other formats, which would be keys and secrets that anybody can guess."""


class AccessKeys:
    """The secret of each access key; no method returns a secret."""

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = {name: text.encode() for name, text in secrets.items()}

    def __len__(self) -> int:
        return len(self._secrets)

    def __contains__(self, name: object) -> bool:
        return name in self._secrets

    def names_beside(self, others: "AccessKeys") -> list[str]:
        """The access keys that `others` lack or hold with another secret."""
        return sorted(
            name
            for name, secret in self._secrets.items()
            if others._secrets.get(name) != secret
        )

    def have_signed(
        self, ext_fields: Mapping[str, str | None], body: bytes | None
    ) -> bool:
        """Whether a request is signed with its AccessKey, and that is one of these.

        An unknown access key takes as long as a wrong signature.
        """
        secret = self._secrets.get(ext_fields.get(ACCESS_KEY) or "")
        is_right = is_signed_with(ext_fields, body, secret or b"nobody")
        return secret is not None and is_right


def read_access_keys(data: bytes) -> AccessKeys:
    """Read the keys from a file's content.

    Raises AccessKeysInvalid with the number of the line, and never with its text.
    """
    secrets: dict[str, str] = {}
    for number, line in enumerate(data.removeprefix(_UTF_8_MARK).split(b"\n"), 1):
        entry = _entry(line, number)
        if entry is None:
            continue
        name, secret = entry
        if name in secrets:
            raise AccessKeysInvalid("its access key stands in an earlier line", number)
        secrets[name] = secret
    if not secrets:
        raise AccessKeysInvalid("it holds no access key")
    return AccessKeys(secrets)


def _entry(line: bytes, number: int) -> tuple[str, str] | None:
    """Access key and secret of a line; None for an empty line or a comment."""
    try:
        text = line.decode().strip()
    except UnicodeDecodeError:
        raise AccessKeysInvalid("it is not UTF-8", number) from None
    if _CONTROL_CHARACTER.search(text):
        reason = "it has a control character, such as those of UTF-16"
        raise AccessKeysInvalid(reason, number)
    if not text or text.startswith("#"):
        return None
    name, _, secret = (part.strip() for part in text.partition("="))
    if not name or not secret:
        raise AccessKeysInvalid("expected accessKey=secretKey", number)
    if name.lower() in _PLACEHOLDERS:
        raise AccessKeysInvalid(
            "expected accessKey=secretKey with your own words for both", number
        )
    return name, secret
