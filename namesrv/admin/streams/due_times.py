"""Things with a time at which they are due, in a few buckets."""

from typing import Final, Generic, TypeVar

Thing = TypeVar("Thing")

_BUCKET_MILLIS: Final = 128


class DueTimes(Generic[Thing]):
    """Each thing has one time; a thing that is dropped leaves nothing behind."""

    def __init__(self) -> None:
        self._buckets: dict[int, dict[Thing, None]] = {}
        self._next = 0

    def put(self, thing: Thing, due_ms: int) -> None:
        """A thing is due then, or up to a bucket later."""
        number = due_ms // _BUCKET_MILLIS
        self._buckets.setdefault(number, {})[thing] = None
        self._next = min(self._next, number) if len(self._buckets) > 1 else number

    def drop(self, thing: Thing, due_ms: int) -> None:
        """A thing that was put with this time is not wanted any more."""
        number = due_ms // _BUCKET_MILLIS
        bucket = self._buckets.get(number)
        if bucket is not None:
            bucket.pop(thing, None)
            if not bucket:
                del self._buckets[number]

    def take(self, now_ms: int) -> list[Thing]:
        """All that are due; they are forgotten."""
        found: list[Thing] = []
        last = now_ms // _BUCKET_MILLIS
        while self._buckets and self._next < last:
            found += self._buckets.pop(self._next, {})
            self._next += 1
        return found
