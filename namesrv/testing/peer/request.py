"""Requests, in both encodings."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from namesrv.testing.peer.frame import frame
from namesrv.testing.peer.header import (
    BINARY,
    NEWEST,
    ExtFields,
    header_binary,
    header_json,
)

PUT_KV_CONFIG: Final = 100
GET_KV_CONFIG: Final = 101
GET_ROUTEINFO_BY_TOPIC: Final = 105


@dataclass(frozen=True)
class Request:
    """A request before it has an opaque; `code` of chapter 2 of docs/protocol.md."""

    code: int
    ext_fields: Mapping[str, Any] | None = field(default_factory=dict)
    body: bytes = b""
    version: int = NEWEST
    flag: int = 0

    def frame(self, opaque: int = 0, *, binary: bool = False) -> bytes:
        """The whole frame; its header is ROCKETMQ if `binary`, else JSON."""
        write = header_binary if binary else header_json
        header = write(
            self.code,
            self.ext_fields,
            opaque=opaque,
            version=self.version,
            flag=self.flag,
        )
        return frame(header, self.body, BINARY if binary else 0)

    def head(self, opaque: int = 0) -> bytes:
        """The frame up to its body, with a JSON header."""
        data = self.frame(opaque)
        return data[: len(data) - len(self.body)]

    def __str__(self) -> str:
        fields = "".join(f" {k}={v}" for k, v in (self.ext_fields or {}).items())
        return f"{self.code}{fields} (version {self.version})"


def request(
    code: int,
    ext_fields: ExtFields = None,
    body: bytes = b"",
    *,
    opaque: int = 0,
    **more: int,
) -> bytes:
    """The frame of a request with a JSON header; `more` is version and flag."""
    return Request(int(code), ext_fields, body, **more).frame(opaque)


def binary_request(
    code: int,
    ext_fields: ExtFields = None,
    body: bytes = b"",
    *,
    opaque: int = 0,
    **more: int,
) -> bytes:
    """The same with a ROCKETMQ header."""
    return Request(int(code), ext_fields, body, **more).frame(opaque, binary=True)


def lookup(topic: str, opaque: int = 0, version: int = NEWEST) -> bytes:
    """GET_ROUTEINFO_BY_TOPIC."""
    fields = {"topic": topic}
    return request(GET_ROUTEINFO_BY_TOPIC, fields, opaque=opaque, version=version)


def put_kv(namespace: str, key: str, value: str, opaque: int = 0) -> bytes:
    """PUT_KV_CONFIG."""
    fields = {"namespace": namespace, "key": key, "value": value}
    return request(PUT_KV_CONFIG, fields, opaque=opaque)


def get_kv(namespace: str, key: str, opaque: int = 0) -> bytes:
    """GET_KV_CONFIG."""
    fields = {"namespace": namespace, "key": key}
    return request(GET_KV_CONFIG, fields, opaque=opaque)


def signed(
    ext_fields: Mapping[str, str],
    body: bytes = b"",
    access_key: str = "ops",
    secret: str = "12345678",
    **more: str,
) -> dict[str, str]:
    """The fields as `AclClientRPCHook` completes them; `more` is SecurityToken."""
    fields = {**ext_fields, "AccessKey": access_key, **more}
    values = "".join(fields[name] for name in sorted(fields))
    digest = hmac.digest(secret.encode(), values.encode() + body, hashlib.sha1)
    return {**fields, "Signature": base64.b64encode(digest).decode()}
