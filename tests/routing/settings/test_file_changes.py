"""Changes that join: order, failures, room, and what is told to whom."""

from collections.abc import Iterable, Sequence

import pytest

from namesrv.errors import RequestFailed, StorageError
from namesrv.routing.outbox import FileWrite, Outbox
from namesrv.routing.settings.file_changes import (
    MOST_AT_ONCE,
    MOST_WAITING,
    MOST_WAITING_BYTES,
    FileChanges,
)

FULL = StorageError("write", "file", "disk is full")


class Numbers:
    """A file of numbers, and what happened, in order."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.stored: list[int] = []
        self.told: list[tuple[int, bool]] = []
        self.changes: FileChanges[int] = FileChanges(
            self.outbox, lambda: "file", self._content, self._settle
        )

    def add(self, *numbers: int, kept_bytes: int = 1) -> None:
        for number in numbers:
            self.changes.check(kept_bytes)
            self.changes.add(
                number,
                kept_bytes,
                lambda error, n=number: self.told.append(  # type: ignore[misc]
                    (n, error is None and n in self.stored)
                ),
            )

    def write(self) -> FileWrite:
        (write,) = self.outbox.take()
        assert isinstance(write, FileWrite) and write.path == "file"
        return write

    def _content(self, changes: Sequence[int]) -> Iterable[bytes]:
        return [b"%d " % number for number in [*self.stored, *changes]]

    def _settle(self, changes: Sequence[int], error: StorageError | None) -> None:
        if error is None:
            self.stored += changes


def test_what_comes_before_the_write_begins_is_in_it() -> None:
    numbers = Numbers()
    numbers.add(1, 2)
    write = numbers.write()
    numbers.add(3)
    assert b"".join(write.content()) == b"1 2 3 "
    numbers.add(4)
    assert not numbers.outbox and numbers.told == []
    write.done(None)
    assert numbers.told == [(1, True), (2, True), (3, True)]
    assert b"".join(numbers.write().content()) == b"1 2 3 4 "


def test_all_that_joined_are_told_of_a_failure_and_the_next_are_tried() -> None:
    numbers = Numbers()
    numbers.add(1, 2)
    write = numbers.write()
    write.content()
    numbers.add(3)
    write.done(FULL)
    assert numbers.told == [(1, False), (2, False)] and numbers.stored == []
    write = numbers.write()
    assert b"".join(write.content()) == b"3 "
    write.done(None)
    assert numbers.told[2:] == [(3, True)] and not numbers.outbox


def test_write_that_fails_before_it_begins_is_about_what_waits() -> None:
    numbers = Numbers()
    numbers.add(1, 2)
    numbers.write().done(FULL)
    assert numbers.told == [(1, False), (2, False)] and not numbers.outbox


def test_one_write_has_no_more_than_a_turn_can_answer() -> None:
    numbers = Numbers()
    numbers.add(*range(2 * MOST_AT_ONCE + 1))
    sizes = []
    while numbers.outbox:
        before = len(numbers.told)
        write = numbers.write()
        write.content()
        write.done(None)
        sizes.append(len(numbers.told) - before)
    assert sizes == [MOST_AT_ONCE, MOST_AT_ONCE, 1]
    assert numbers.stored == [*range(2 * MOST_AT_ONCE + 1)]


def test_bug_while_changes_settle_does_not_stop_the_line() -> None:
    numbers = Numbers()
    numbers.add(1)
    write = numbers.write()
    write.content()
    numbers.add(2)
    numbers.stored = None  # type: ignore[assignment]
    with pytest.raises(TypeError):
        write.done(None)
    numbers.stored = []
    assert b"".join(numbers.write().content()) == b"2 "


@pytest.mark.parametrize(
    ("count", "kept_bytes"), [(MOST_WAITING, 1), (4, MOST_WAITING_BYTES // 4)]
)
def test_those_that_wait_and_those_under_way_are_bounded(
    count: int, kept_bytes: int
) -> None:
    numbers = Numbers()
    numbers.add(0, kept_bytes=kept_bytes)
    write = numbers.write()
    write.content()
    numbers.add(*range(1, count), kept_bytes=kept_bytes)
    with pytest.raises(RequestFailed) as caught:
        numbers.add(count, kept_bytes=kept_bytes)
    assert (caught.value.code, caught.value.remark) == (
        1,
        f"the disk is slow: {count} changes of file wait already, the limit is 1024"
        " changes or 33554432 bytes; try again later",
    )
    write.done(FULL)
    numbers.add(count, kept_bytes=kept_bytes)
    while numbers.outbox:
        numbers.write().done(None)
    assert numbers.stored == [*range(1, count + 1)]
