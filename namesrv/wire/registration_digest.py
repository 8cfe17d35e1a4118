"""The digest that recognises a registration equal to the last one.

Two bodies of a 5.x broker are never equal, because `mappingDataVersion.timestamp` is
the time of sending. No NameServer uses that value, so the digest skips it. It is found
by its place in the JSON and not by its name, because a topic can have that name.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from namesrv.errors import StartFailed
from namesrv.wire.signature import SIGNATURE

if TYPE_CHECKING:
    from blake3 import blake3

# It is imported late, and a server that refuses all brokers must not start.
if find_spec("blake3") is None:
    raise StartFailed(
        "blake3 is not installed: install namesrv with pip, which installs it, too"
    )

_DIGEST_BYTES: Final = 20
_NUMBER: Final = rb"-?[0-9]{1,19}"
_VERSION_HEAD: Final = rb'\{"counter":%b,"stateVersion":%b,"timestamp":' % (
    _NUMBER,
    _NUMBER,
)
# The list has no apostrophe, because a text in single quotes can contain the rest.
_MAPPING_TIMESTAMP: Final = re.compile(
    rb'\{"filterServerList":\[[^\]\']*\],"topicConfigSerializeWrapper":\{"dataVersion":'
    rb'%b%b\},"mappingDataVersion":%b(%b)\},"topicConfigTable":\{'
    % (_VERSION_HEAD, _NUMBER, _VERSION_HEAD, _NUMBER)
)
_LEFT_OUT: Final = ("bodyCrc32", SIGNATURE)
"""Header fields that differ whenever that timestamp does."""


def registration_digest(
    version: int, ext_fields: Mapping[str, str | None], body: bytes | memoryview
) -> bytes:
    """The digest of a REGISTER_BROKER: header version, header fields, body.

    Registrations with equal digests differ at most in the body's checksum field, in the
    signature, and in `mappingDataVersion.timestamp`.
    """
    # Nobody can make a body with the digest of another broker's: the registrations of
    # that one would be taken for repetitions, and change nothing.
    digest = _hash()()
    identity = [(n, v) for n, v in ext_fields.items() if n not in _LEFT_OUT]
    digest.update(repr((version, identity)).encode("utf-8", "backslashreplace"))
    place = _MAPPING_TIMESTAMP.match(body)
    if place is None:
        digest.update(body)
        return digest.digest(_DIGEST_BYTES)
    with memoryview(body) as view:
        digest.update(view[: place.start(1)])
        digest.update(b"-")
        digest.update(view[place.end(1) :])
    return digest.digest(_DIGEST_BYTES)


def import_hash() -> None:
    """Import the hash, for which a descriptor has to be free."""
    _hash()


@cache
def _hash() -> "type[blake3]":
    """BLAKE3 is imported for the first registration, because a server without one does
    not need its memory."""
    from blake3 import blake3  # noqa: PLC0415

    return blake3
