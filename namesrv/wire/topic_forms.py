"""The forms in which brokers write the TopicConfig objects of a registration.

A broker writes all of them alike: only the topic's name and the numbers differ. A form
is the text around these. It is learned from one object, and the typed decoder decides
whether it was understood; then objects of this form need no decoder.
Source: protocol.md section 2.5.3.
"""

import re
from typing import Final, NamedTuple

import msgspec

from namesrv.wire.bodies import LONGEST_SHORT_NAME, TopicConfig

NAME_HOLE: Final = 0
"""The place of a topic's name in a form; the numbers have 1 to 4, in the order of
`TopicConfig`: perm, readQueueNums, topicSysFlag, writeQueueNums."""
HOLES: Final = 5
MOST_FORMS: Final = 8
LONGEST_NAME: Final = LONGEST_SHORT_NAME
"""Names of a form are ASCII without control characters, quotes and backslashes."""

_LONGEST_CONFIG: Final = 4096
_TEXT: Final = rb'"[ !#-\[\]-~]*+"'
_INNER: Final = rb"\{(?:[ !#-\[\]-z|~]|%b)*+\}" % _TEXT
_CONFIG: Final = re.compile(rb"\{(?:[ !#-\[\]-z|~]|%b|%b)*+\}" % (_TEXT, _INNER))
_NUMBER: Final = rb'"%b":(-?[0-9]{1,10})(?=[,}])'
_PATTERNS: Final = (
    re.compile(rb'"topicName":"([ !#-\[\]-~]+)"(?=[,}])'),
    *(
        re.compile(_NUMBER % member)
        for member in (b"perm", b"readQueueNums", b"topicSysFlag", b"writeQueueNums")
    ),
)
_PROBE: Final = TopicConfig(1001, -1002, "a probe", 1003, 1004)
_PROBE_TEXTS: Final = (b"a probe", b"1001", b"-1002", b"1003", b"1004")
_DECODER: Final = msgspec.json.Decoder(TopicConfig)


class TopicForm(NamedTuple):
    """`texts` are the pieces around the holes, one more than there are `holes`; each
    hole is NAME_HOLE or the place of a number."""

    texts: tuple[bytes, ...]
    holes: tuple[int, ...]


class TopicForms:
    """The forms that were seen last, the newest first."""

    def __init__(self) -> None:
        self.forms: list[TopicForm] = []

    def learn(self, body: bytes, at: int) -> TopicForm | None:
        """The form of the object that begins at `body[at]`; None for an unusual one."""
        config = _CONFIG.match(body, at, min(len(body), at + _LONGEST_CONFIG))
        form = None if config is None else learn_form(config[0])
        if form is not None and form not in self.forms:
            self.forms = [form, *self.forms[: MOST_FORMS - 1]]
        return form


def learn_form(config: bytes) -> TopicForm | None:
    """The form of one object; None unless each member is in it once, and the typed
    decoder finds other values in these places, too."""
    places: list[tuple[int, int, int]] = []
    for hole, pattern in enumerate(_PATTERNS):
        found = list(pattern.finditer(config))
        if len(found) != 1:
            return None
        places.append((*found[0].span(1), hole))
    texts: list[bytes] = []
    at = 0
    places.sort()
    for start, end, _ in places:
        texts.append(config[at:start])
        at = end
    texts.append(config[at:])
    form = TopicForm(tuple(texts), tuple(hole for _, _, hole in places))
    return form if _is_understood(form) else None


def _is_understood(form: TopicForm) -> bool:
    pieces = [form.texts[0]]
    for hole, text in zip(form.holes, form.texts[1:], strict=True):
        pieces += (_PROBE_TEXTS[hole], text)
    try:
        return _DECODER.decode(b"".join(pieces)) == _PROBE
    except msgspec.DecodeError:
        return False
