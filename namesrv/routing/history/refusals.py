"""The last registrations that were refused, bounded, for explanations."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from namesrv.codes import RequestCode, ResponseCode
from namesrv.routing.access.request import Request
from namesrv.wire.command import ExtFields, RemotingCommand

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

    def __init__(self, wall_millis: Callable[[], int]) -> None:
        self._wall_millis = wall_millis
        self._by_key: OrderedDict[_Key, Refusal] = OrderedDict()

    def __iter__(self) -> Iterator[Refusal]:
        """The last one first."""
        return iter(tuple(reversed(self._by_key.values())))

    def note(self, request: Request, answer: RemotingCommand) -> None:
        """A request was answered; only registrations matter here."""
        if request.code != RequestCode.REGISTER_BROKER:
            return
        if answer.code != ResponseCode.SUCCESS or request.is_rejected:
            self._note_refused(request, answer.remark or "")
        elif self._by_key:
            self._by_key.pop(_key(request.ext_fields), None)

    def _note_refused(self, request: Request, remark: str) -> None:
        key, wall_millis = _key(request.ext_fields), self._wall_millis()
        refusal = self._by_key.pop(key, None) or Refusal(key, wall_millis)
        self._by_key[key] = refusal
        if len(self._by_key) > _MOST:
            self._by_key.popitem(last=False)
        topic = request.refused_topic
        refusal.count += 1
        refusal.last_millis = wall_millis
        refusal.peer = request.remote_address
        refusal.remark = remark[:_LONGEST]
        refusal.topic = None if topic is None else topic[:_LONGEST]
        refusal.is_rejected = request.is_rejected


def _key(ext_fields: ExtFields) -> _Key:
    cluster, broker, address = (
        (ext_fields.get(name) or "")[:_LONGEST]
        for name in ("clusterName", "brokerName", "brokerAddr")
    )
    return cluster, broker, address
