"""The file of HTTP's tokens (`httpTokenFile`): lines `read=TOKEN` and `write=TOKEN`.

It fails closed: a file that cannot be read, that others may open or that has a mistake
gives no token at all. Errors name the number of a line, and never quote its text.
"""

import logging
import os
import re
import stat
from typing import Final, NamedTuple

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.server.logs.events import EventLog

CHECK_MILLIS: Final = 1000
"""Interval of checks of the file."""
SHORTEST_TOKEN: Final = 16
LONGEST_TOKEN: Final = 512
_LONGEST_FILE_BYTES: Final = 1 << 16
_TOKEN: Final = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
"""Characters of RFC 6750, which every client can send."""

_Stamp = tuple[str, int, int, int, int, int] | tuple[str]


class HttpTokens(NamedTuple):
    """The tokens of each right; one that writes reads, too."""

    readers: tuple[bytes, ...] = ()
    writers: tuple[bytes, ...] = ()


def read_http_tokens(path: str) -> HttpTokens:
    """The tokens of a file. Raises StartFailed."""
    try:
        with open(path, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_LONGEST_FILE_BYTES + 1)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise _unusable(path, f"others may open it (mode {mode:04o}), chmod 600 it")
    if len(data) > _LONGEST_FILE_BYTES:
        raise _unusable(path, f"it is longer than {_LONGEST_FILE_BYTES} bytes")
    found: dict[bytes, list[bytes]] = {b"read": [], b"write": []}
    for number, line in enumerate(data.split(b"\n"), 1):
        entry = line.strip()
        if not entry or entry.startswith(b"#"):
            continue
        right, _, token = (part.strip() for part in entry.partition(b"="))
        reason = _mistake(right, token)
        if reason is not None:
            raise _unusable(path, f"line {number}: {reason}")
        if any(token in found[other] for other in found if other != right):
            raise _unusable(path, f"line {number}: the token has the other right, too")
        found[right].append(token)
    if not any(found.values()):
        raise _unusable(path, "it has no token")
    return HttpTokens(tuple(found[b"read"]), tuple(found[b"write"]))


def _mistake(right: bytes, token: bytes) -> str | None:
    if right not in (b"read", b"write"):
        return "expected read=TOKEN or write=TOKEN"
    if not _TOKEN.fullmatch(token):
        return "a token has letters, digits and -._~+/ only, and = at its end"
    if not SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN:
        return (
            f"the token has {len(token)} characters, expected {SHORTEST_TOKEN} to"
            f" {LONGEST_TOKEN}"
        )
    return None


def _unusable(path: str, reason: str) -> StartFailed:
    return StartFailed(f"cannot use the HTTP tokens of {path}: {reason}")


class HttpTokenFile:
    """The tokens of `httpTokenFile`, read again when it changes."""

    def __init__(self, options: Options, log: EventLog) -> None:
        self._options = options
        self._log = log
        self._tokens = HttpTokens()
        self._loaded: _Stamp | None = None
        self._next_check_ms: int | None = None

    def load(self) -> None:
        """Read it at the start. Raises StartFailed."""
        path = self._options.http_token_file
        self._loaded = _stamp(path)
        self._tokens = read_http_tokens(path) if path else HttpTokens()

    def tokens(self, now_ms: int) -> HttpTokens:
        """The tokens now; none while the file has a mistake, which is logged once."""
        if self._next_check_ms is None or now_ms >= self._next_check_ms:
            self._next_check_ms = now_ms + CHECK_MILLIS
            if _stamp(self._options.http_token_file) != self._loaded:
                self._reload()
        return self._tokens

    def _reload(self) -> None:
        before, self._tokens = self._tokens, HttpTokens()
        try:
            self.load()
        except StartFailed as error:
            event = "HTTP tokens cannot be used, none is accepted"
            self._log.log_own(logging.ERROR, event, {"reason": str(error)})
            return
        fields: dict[str, object] = {
            "readers": len(self._tokens.readers),
            "writers": len(self._tokens.writers),
        }
        is_wider = any(
            set(now) - set(old) for now, old in zip(self._tokens, before, strict=True)
        )
        level = logging.WARNING if is_wider else logging.INFO
        self._log.log_own(level, "HTTP tokens reloaded", fields)


def _stamp(path: str) -> _Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return (path,)
    return (
        path,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        found.st_mode,
    )
