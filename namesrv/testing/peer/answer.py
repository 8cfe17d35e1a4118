"""Answers, as a peer reads them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from namesrv.testing.peer.frame import frame_parts, split_frames
from namesrv.testing.peer.header import read_header
from namesrv.testing.peer.json_text import Json, read_json


@dataclass(frozen=True)
class Answer:
    """One answer; two are equal if all their bytes are."""

    frame: bytes

    @property
    def serialize_type(self) -> int:
        """0 for a JSON header, 1 for a ROCKETMQ one."""
        return self.frame[4]

    @property
    def header_bytes(self) -> bytes:
        """The header as it came."""
        return frame_parts(self.frame)[1]

    @cached_property
    def header(self) -> dict[str, Any]:
        """The members of the header. Raises ValueError if it cannot be read."""
        return read_header(self.serialize_type, self.header_bytes)

    @property
    def body(self) -> bytes:
        """All that follows the header; an answer without a body has an empty one."""
        return frame_parts(self.frame)[2]

    @property
    def code(self) -> int:
        """The response code, 0 for success."""
        return int(self.header["code"])

    @property
    def opaque(self) -> int:
        """The opaque of the request."""
        return int(self.header["opaque"])

    @property
    def remark(self) -> str | None:
        """The reason of a failure, or None."""
        return self.header.get("remark")

    @property
    def ext_fields(self) -> dict[str, str] | None:
        """None if the header has no extFields."""
        return self.header.get("extFields")

    @property
    def json(self) -> Json:
        """The body as JSON of either dialect. Raises ValueError if it is none."""
        return read_json(self.body)


def read_answers(data: bytes) -> list[Answer]:
    """Each answer in `data`. Raises ValueError if the last one is cut off."""
    return [Answer(one) for one in split_frames(data)]
