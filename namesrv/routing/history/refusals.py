"""The last registrations that were refused, bounded, for explanations."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from namesrv.wire.command import ExtFields

_MOST: Final = 64
_LONGEST: Final = 256
"""Characters of each text that are kept."""

_Key = tuple[str, str, str]


class Refusal:
    """The refused registrations of one broker since its last good one.

    `remark` is that of the last answer, `topic` the only topic of it if it was refused
    for that; `is_rejected` means that a newer broker holds the id, and that the answer
    was a success. Times are dates in milliseconds.
    """

    __slots__ = (
        *("address", "broker", "cluster", "count", "first_millis", "is_rejected"),
        *("last_millis", "peer", "remark", "topic"),
    )

    def __init__(self, key: _Key, first_millis: int) -> None:
        self.cluster, self.broker, self.address = key
        self.first_millis = self.last_millis = first_millis
        self.count = 0
        self.peer = ""
        self.remark = ""
        self.topic: str | None = None
        self.is_rejected = False


class Refusals:
    """By broker, the last 64 of them; a registration that is accepted ends its own."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[_Key, Refusal] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._by_key)

    def __iter__(self) -> Iterator[Refusal]:
        """The last one first."""
        return iter(tuple(reversed(self._by_key.values())))

    def note(
        self,
        ext_fields: ExtFields,
        peer: str,
        remark: str | None,
        topic: str | None,
        wall_millis: int,
        *,
        is_rejected: bool,
    ) -> None:
        """A registration with these fields was refused."""
        key = _key(ext_fields)
        refusal = self._by_key.pop(key, None) or Refusal(key, wall_millis)
        self._by_key[key] = refusal
        if len(self._by_key) > _MOST:
            self._by_key.popitem(last=False)
        refusal.count += 1
        refusal.last_millis = wall_millis
        refusal.peer = peer
        refusal.remark = (remark or "")[:_LONGEST]
        refusal.topic = None if topic is None else topic[:_LONGEST]
        refusal.is_rejected = is_rejected

    def forget(self, ext_fields: ExtFields) -> None:
        """A registration with these fields was accepted."""
        self._by_key.pop(_key(ext_fields), None)


def _key(ext_fields: ExtFields) -> _Key:
    cluster, broker, address = (
        (ext_fields.get(name) or "")[:_LONGEST]
        for name in ("clusterName", "brokerName", "brokerAddr")
    )
    return cluster, broker, address
