"""Java's names of the TLS options, in the `-c` file and in a file of their own.

With Java they are system properties, which the file of `tls.config.file` overrides.
Source: `TlsSystemConfig`, `TlsHelper#extractTlsConfigFromFile`, 5.5.0's for protocols
and ciphers; section 5.2.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from namesrv.misspellings import JAVA_KEYS, meant_name, similar_names
from namesrv.option import Option
from namesrv.option_sources import Given, Source
from namesrv.options import BY_NAME, OPTIONS

PREFIX: Final = "tls."
_CONFIG_FILE: Final = BY_NAME["tlsConfigFile"]


def _option_name(java_name: str) -> str:
    first, *words = java_name.split(".")
    return first + "".join(word[0].upper() + word[1:] for word in words)


_NAMES: Final = """tls.server.mode tls.config.file tls.test.mode.enable
    tls.server.certPath tls.server.keyPath tls.server.keyPassword
    tls.server.trustCertPath tls.server.authClient tls.server.need.client.auth
    tls.protocols tls.ciphers"""
JAVA_NAMES: Final = {name: _option_name(name) for name in _NAMES.split()}
"""Java's name -> the name of the option: tls.server.keyPath -> tlsServerKeyPath."""

_ENABLE: Final = "tls.enable"
_OF_CLIENTS: Final = (
    _ENABLE,
    "tls.client.keyPath",
    "tls.client.keyPassword",
    "tls.client.certPath",
    "tls.client.authServer",
    "tls.client.trustCertPath",
)
_MODE: Final = "tls.server.mode"
_ENFORCING: Final = "enforcing"
_NOT_IN_FILE: Final = (_MODE, "tls.config.file")
"""Java does not read these from the file of `tls.config.file`."""


def translated(
    items: Iterable[Given], source: str, mistakes: list[str], warnings: list[str]
) -> Iterator[Given]:
    """The items with Java's TLS names replaced by ours, without those of clients.

    A name that is none of them may be a misspelt demand for safety: a mistake.
    """
    for item in items:
        if item.key == _ENABLE and item.text.strip().lower() == "true":
            warnings.append(
                f"{source}, {item.location}: tls.enable has no effect: what this server"
                " sends to brokers and other servers by itself is not encrypted"
            )
        if item.key in JAVA_NAMES:
            yield item._replace(key=JAVA_NAMES[item.key])
        elif not item.key.startswith(PREFIX):
            yield item
        elif item.key not in _OF_CLIENTS:
            near = similar_names(item.key, JAVA_NAMES)
            hint = f"; did you mean {near[0]}?" if near else ""
            mistakes.append(
                f"{source}, {item.location}: there is no TLS option {item.key!r}{hint}"
            )


def config_file(sources: Sequence[Source]) -> str | None:
    """The file of `tls.config.file`; None if it is the usual one, which is missing."""
    path = _given(_CONFIG_FILE, sources)
    if path is not None:
        return os.path.expanduser(path) or None
    usual = str(_CONFIG_FILE.default)
    return None if is_missing(usual) else usual


def _given(option: Option, sources: Sequence[Source]) -> str | None:
    """The text of the last source that gives an option; None if none does."""
    text = None
    for source in sources:
        for item in source.items:
            if item.key == source.spell(option):
                text = item.text.strip()
    return text


def is_missing(path: str) -> bool:
    """Whether there is no such file; a file that cannot be examined exists."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def of_config_file(
    path: str,
    items: Iterable[Given],
    sources: Sequence[Source],
    mistakes: list[str],
    warnings: list[str],
) -> Source:
    """The TLS options of that file; its other keys belong to others, as with Java.

    `sources` are the other sources, which give the mode.
    """
    kept: list[Given] = []
    for item in items:
        if not item.key.startswith(PREFIX):
            mistakes += _misplaced(path, item)
        elif item.key in _NOT_IN_FILE:
            # Without an error, a server that is to demand TLS would serve everybody.
            is_demand = item.key == _MODE and item.text.strip().lower() == _ENFORCING
            mode = _given(BY_NAME[JAVA_NAMES[_MODE]], sources) or ""
            is_missed = is_demand and mode.lower() != _ENFORCING
            (mistakes if is_missed else warnings).append(
                f"file {path}, {item.location}: {item.key} has no effect in this file,"
                " as in Java; give it in the -c file"
            )
        else:
            kept.append(item)
    name = f"file {path}"
    return Source(name, list(translated(kept, name, mistakes, warnings)))


def _misplaced(path: str, item: Given) -> Iterator[str]:
    """A mistake if the key is nearly an option that has no effect in this file."""
    ours = [option.name for option in OPTIONS if not option.java]
    meant = None if item.key in JAVA_KEYS else meant_name(item.key, ours)
    if meant is None:
        return
    java_names = [java for java, name in JAVA_NAMES.items() if name == meant]
    where = f"did you mean {java_names[0]}?" if java_names else "give it in the -c file"
    place = f"file {path}, {item.location}"
    yield f"{place}: {item.key!r} has no effect in this file; {where}"
