"""The flags that may stand before a command, and the words that begin with one.

A server that starts with flags loads this, and not the table of commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from namesrv.cli.commands.command import Flag

HELP: Final = Flag("-h --help", "", "print this, and end")
ADDRESSES: Final = Flag(
    "-n --namesrv-addr --namesrvAddr",
    "LIST",
    "NameServers, as host:port;host:port [NAMESRV_ADDR, else 127.0.0.1:9876]",
)
JSON: Final = Flag("--json", "", "print JSON, for programs")
TIMEOUT: Final = Flag(
    "--timeout", "SECONDS", "longest wait for the answer of a server [5]"
)
_ACCESS: Final = (
    Flag("--access-key", "KEY", "sign requests with this key [NAMESRV_ACCESS_KEY]"),
    Flag(
        "--secret-key-file",
        "FILE",
        "a file with the secret of the access key [the secret: NAMESRV_SECRET_KEY]",
    ),
)
TLS: Final = (
    Flag("--tls", "", "use TLS, and check the certificate"),
    Flag("--tls-ca", "FILE", "certificates of trusted authorities; uses TLS"),
    Flag("--tls-cert", "FILE", "certificate of this client, and its key; uses TLS"),
    Flag("--tls-key", "FILE", "the key, if it is not in the file of --tls-cert"),
    Flag("--tls-name", "NAME", "host name that the certificate has; uses TLS"),
    Flag("--tls-insecure", "", "use TLS, and accept any certificate"),
)
CONNECTING: Final = (ADDRESSES, TIMEOUT, *_ACCESS, *TLS)
"""The flags of every command that asks a NameServer."""
_LEADING: Final = {
    name: flag for flag in (*CONNECTING, JSON, HELP) for name in flag.names
}


def begins_with_command(given: Sequence[str]) -> bool:
    """Whether the words are a command, or meant to be one: the first is no flag.

    Flags of a connection may stand before it.
    """
    at = words_before(given)
    if at >= len(given) or given[at].startswith("-") or given[at] == "serve":
        return False
    if at == 0:
        return True
    from namesrv.cli.commands.table import GROUPS  # noqa: PLC0415

    return given[at] in GROUPS


def words_before(given: Sequence[str]) -> int:
    """The number of words before the command: flags and their values."""
    at = 0
    while at < len(given):
        name, equals, _ = given[at].partition("=")
        flag = _LEADING.get(name)
        if flag is None or flag is HELP:
            break
        at += 2 if flag.value and not equals else 1
    return at
