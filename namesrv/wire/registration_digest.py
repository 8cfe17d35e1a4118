"""Recognising a registration that says the same as the last one.

A 5.x broker's body is never the same twice, because `mappingDataVersion.timestamp` is
the time of sending. No NameServer uses that value, so it is left out, by its place in
the JSON and not by its name: a topic may be called that.
"""

import re
from collections.abc import Mapping
from hashlib import sha1
from typing import Final

from namesrv.wire.signature import SIGNATURE

_NUMBER: Final = rb"-?[0-9]{1,19}"
_VERSION_HEAD: Final = rb'\{"counter":%b,"stateVersion":%b,"timestamp":' % (
    _NUMBER,
    _NUMBER,
)
# No apostrophe in the list: a text in single quotes may hold all that follows it here.
_MAPPING_TIMESTAMP: Final = re.compile(
    rb'\{"filterServerList":\[[^\]\']*\],"topicConfigSerializeWrapper":\{"dataVersion":'
    rb'%b%b\},"mappingDataVersion":%b(%b)\},"topicConfigTable":\{'
    % (_VERSION_HEAD, _NUMBER, _VERSION_HEAD, _NUMBER)
)
_LEFT_OUT: Final = ("bodyCrc32", SIGNATURE)
"""Fields that differ whenever that value does."""


def registration_digest(
    version: int, ext_fields: Mapping[str, str | None], body: bytes
) -> bytes:
    """Digest of a REGISTER_BROKER: header version, header fields, body.

    Equal digests say that the two registrations differ at most in the body's checksum
    field, in the signature, and in `mappingDataVersion.timestamp`.
    """
    # The fastest that there is where processors help, and nobody is deceived: whoever
    # makes two registrations with one digest has the second of his own ignored.
    digest = sha1(usedforsecurity=False)
    identity = [(n, v) for n, v in ext_fields.items() if n not in _LEFT_OUT]
    digest.update(repr((version, identity)).encode("utf-8", "backslashreplace"))
    place = _MAPPING_TIMESTAMP.match(body)
    if place is None:
        digest.update(body)
        return digest.digest()
    with memoryview(body) as view:
        digest.update(view[: place.start(1)])
        digest.update(b"-")
        digest.update(view[place.end(1) :])
    return digest.digest()
