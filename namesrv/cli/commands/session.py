"""The NameServers that a command asks, from its flags and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from namesrv.cli.commands.words import Call
from namesrv.client.addresses import DEFAULT_ADDRESSES, Address, read_addresses
from namesrv.client.credentials import Credentials
from namesrv.client.nameservers import NameServers
from namesrv.client.questions import Questions
from namesrv.client.terms import TIMEOUT_SECONDS, Terms, Tls
from namesrv.errors import OptionsInvalid

if TYPE_CHECKING:
    from namesrv.client.http import HttpQuestions

ADDRESSES_VARIABLE: Final = "NAMESRV_ADDR"
ACCESS_KEY_VARIABLE: Final = "NAMESRV_ACCESS_KEY"
SECRET_KEY_VARIABLE: Final = "NAMESRV_SECRET_KEY"
TOKEN_VARIABLE: Final = "NAMESRV_TOKEN"
_LONGEST_SECRET_BYTES: Final = 4096
_LONGEST_SECONDS: Final = 3600.0
_RIGHTS: Final = ("read=", "write=", "#")
"""Beginnings of lines of the server's httpTokenFile, and of no token."""


def questions(
    call: Call,
    environ: Mapping[str, str] = os.environ,
    only: Sequence[Address] | None = None,
) -> Questions:
    """Questions to the servers of a call, or to some of them; the call closes them.
    Raises OptionsInvalid."""
    servers = NameServers(only or addresses(call, environ), terms(call, environ))
    call.opened.append(servers)
    return Questions(servers)


def http_questions(
    call: Call,
    environ: Mapping[str, str] = os.environ,
    only: Sequence[Address] | None = None,
    more_seconds: float = 0.0,
) -> HttpQuestions:
    """Questions over HTTP to the servers of a call, or to some of them, which may take
    so many more seconds. Raises OptionsInvalid."""
    from namesrv.client.http import HttpQuestions  # noqa: PLC0415

    token = _token(call, environ)
    servers = only or addresses(call, environ)
    known = terms(call, environ)
    known.timeout_seconds += more_seconds
    return HttpQuestions(servers, known, token or None)


def _token(call: Call, environ: Mapping[str, str]) -> str | None:
    """The token of --token-file, or of NAMESRV_TOKEN. Raises OptionsInvalid."""
    path = call.flag("token-file")
    if not path:
        return environ.get(TOKEN_VARIABLE)
    text = _text(path, "token-file")
    if "\n" in text or text.startswith(_RIGHTS):
        raise OptionsInvalid(
            [
                f"--token-file {path} is wrong: expected one token alone; this looks"
                " like the server's httpTokenFile"
            ]
        )
    return _one_line(text, path, "token-file")


def addresses(call: Call, environ: Mapping[str, str]) -> list[Address]:
    """From -n, from NAMESRV_ADDR, or this machine."""
    given = call.flag("namesrv-addr")
    if given is not None:
        return read_addresses(given, "-n")
    text = environ.get(ADDRESSES_VARIABLE)
    return read_addresses(text or DEFAULT_ADDRESSES, ADDRESSES_VARIABLE)


def terms(
    call: Call, environ: Mapping[str, str], *, bounds_diagnosis: bool = False
) -> Terms:
    """How long to wait, as whom to sign, and TLS."""
    seconds = read_seconds(call, "timeout", TIMEOUT_SECONDS)
    return Terms(
        seconds,
        _credentials(call, environ),
        _tls(call),
        bounds_diagnosis=bounds_diagnosis,
    )


def read_seconds(call: Call, flag: str, default: float) -> float:
    """The seconds of a flag. Raises OptionsInvalid if it is no such number."""
    text = call.flag(flag)
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    # A comparison with NaN is false.
    if not 0.0 < seconds <= _LONGEST_SECONDS:
        raise OptionsInvalid(
            [f"--{flag} is {text!r}, expected seconds above 0 and up to 3600"]
        )
    return seconds


def read_count(call: Call, flag: str, default: int, most: int) -> int:
    """The whole number of a flag, from 1 on. Raises OptionsInvalid."""
    text = call.flag(flag)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise OptionsInvalid(
            [f"--{flag} is {text!r}, expected a whole number from 1 to {most}"]
        )
    return int(text[:9])


def _tls(call: Call) -> Tls | None:
    if not any(flag.startswith("tls") for flag in call.flags):
        return None
    return Tls(
        call.flag("tls-ca"),
        call.flag("tls-name"),
        call.flag("tls-cert"),
        call.flag("tls-key"),
        trusting=call.has("tls-insecure"),
    )


def _credentials(call: Call, environ: Mapping[str, str]) -> Credentials | None:
    key = call.flag("access-key") or environ.get(ACCESS_KEY_VARIABLE)
    path = call.flag("secret-key-file")
    secret = (
        _secret(path, "secret-key-file") if path else environ.get(SECRET_KEY_VARIABLE)
    )
    if not key and not secret:
        return None
    if not key:
        raise OptionsInvalid(
            [
                f"there is a secret key and no access key: --access-key KEY,"
                f" or {ACCESS_KEY_VARIABLE}"
            ]
        )
    if not secret:
        raise OptionsInvalid(
            [
                f"there is an access key and no secret key: --secret-key-file FILE,"
                f" or {SECRET_KEY_VARIABLE}"
            ]
        )
    return Credentials(key, secret)


def _secret(path: str, flag: str) -> str:
    """The one line of the file of a flag. Raises OptionsInvalid."""
    return _one_line(_text(path, flag), path, flag)


def _text(path: str, flag: str) -> str:
    """The text of the file of a flag without the blanks around it; empty if it is too
    long or no UTF-8."""
    try:
        with open(path, "rb") as file:
            data = file.read(_LONGEST_SECRET_BYTES + 1)
    except OSError as error:
        raise OptionsInvalid(
            [f"--{flag} {path} cannot be read: {error.strerror}"]
        ) from None
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        return ""
    return text if len(data) <= _LONGEST_SECRET_BYTES else ""


def _one_line(text: str, path: str, flag: str) -> str:
    if not text or "\n" in text:
        raise OptionsInvalid(
            [f"--{flag} {path} has no secret: expected one line of UTF-8"]
        )
    return text
