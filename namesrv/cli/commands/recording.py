"""The history of a recorder's directory, for the command `history`."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgpack
import msgspec

from namesrv.admin.history.facts import facts_of
from namesrv.admin.history.filters import Filter
from namesrv.cli.commands.history import time_text
from namesrv.client.event_sentences import sentence_of, subject_of
from namesrv.client.moments import read_moment
from namesrv.errors import (
    HttpRefused,
    MomentInvalid,
    NotFound,
    OptionsInvalid,
    RecordingInvalid,
)
from namesrv.routing.history.record import Record, decoded
from namesrv.routing.history.replay import Replay, Routes
from namesrv.routing.history.segments import (
    check_first_line,
    contents,
    segment_number,
)
from namesrv.routing.history.touched import topics_changes

Map = dict[str, Any]


class _Dated(msgspec.Struct):
    """The members of a map by which it is found; others are not read."""

    at_millis: int = 0
    number: int = 0
    picture: str = ""
    run: str = ""


class _Place(NamedTuple):
    """The number of a map, and of the beginning of the last whole picture until it."""

    last: int
    picture: int


_read_dated: Final = msgspec.msgpack.Decoder(_Dated).decode
_LONGEST_LINE: Final = 64
_ODD: Final = (
    *(msgspec.MsgspecError, msgpack.UnpackException),
    *(KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError),
)


@contextmanager
def _understood() -> Iterator[None]:
    """Raises NotFound for a map that is not as a recorder writes it."""
    try:
        yield
    except _ODD as error:
        raise NotFound(
            f"the recording has a map that is not understood: {error!r}"
        ) from None


class Recording:
    """The segments of a directory, as the history of several runs.

    `complaints` are sentences about segments that are damaged. Raises OptionsInvalid
    for a directory without segments, or with those of a newer version.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._damaged: dict[str, str] = {}
        try:
            names = [n for n in os.listdir(path) if segment_number(n) is not None]
        except OSError as error:
            raise OptionsInvalid(
                [f"--directory {path} cannot be read: {error.strerror}"]
            ) from None
        if not names:
            raise OptionsInvalid(
                [f"--directory {path} has no files of a recorder; see recordDir"]
            )
        self._names = sorted(names, key=lambda name: (len(name), name))
        for name in self._names:
            self._check_version(name)

    @property
    def complaints(self) -> list[str]:
        """A sentence for each damaged segment."""
        return [f"{name}: {reason}" for name, reason in self._damaged.items()]

    @_understood()
    def events(
        self, filters: Mapping[str, str], limit: int
    ) -> tuple[list[Map], Map, str]:
        """The last events that the filters let pass, oldest first, with their runs."""
        wanted = _filter(filters)
        found: deque[tuple[str, Map]] = deque(maxlen=limit)
        runs: list[str] = []
        count = 0
        for one in self._contents():
            dated = _read_dated(one)
            if dated.number:
                count += 1
                record = Record(dated.number, dated.at_millis, one)
                if wanted.may_have(record) and wanted.has(facts_of(record)):
                    found.append((runs[-1] if runs else "", decoded(one)))
            elif dated.run and dated.run not in runs[-1:]:
                runs.append(dated.run)
        nothing = f"no such event among {count} in {self._path}"
        events = [
            {
                **one,
                "run": run,
                "subject": subject_of(one),
                "sentence": sentence_of(one),
            }
            for run, one in found
        ]
        return events, {"runs": runs, "count": count}, nothing

    @_understood()
    def at(self, moment: str, topic: str | None) -> Map:
        """Topics and brokers of a moment, or one topic with its brokers."""
        millis = _millis(moment)
        replay = self._replayed(millis)
        routes = _routes(replay)
        topics = routes.topics
        names = set(routes.addresses)
        if topic is not None:
            topics = {topic: topics[topic]} if topic in topics else {}
            names = topics.get(topic, set())
        return {
            "run": replay.run,
            "at_millis": millis,
            "number": replay.number,
            "is_complete": replay.is_complete,
            "topics": [
                {"topic": name, "brokers": sorted(topics[name])}
                for name in sorted(topics)
            ],
            "brokers": [_group(routes, name) for name in sorted(names)],
        }

    @_understood()
    def between(self, begin: str, end: str) -> Map:
        """Topics and brokers that differ between two moments."""
        first, last = _millis(begin), _millis(end)
        if first > last:
            raise OptionsInvalid(["--between: the first time is later than the second"])
        before, after = self._replayed(first), self._replayed(last)
        changed = self._changed(first, last)
        was, now = _routes(before), _routes(after)
        return {
            "from_number": before.number,
            "to_number": after.number,
            "is_complete": before.is_complete and after.is_complete,
            "topics": list(_topic_differences(was, now, changed)),
            "brokers": list(_group_differences(was, now)),
        }

    def _replayed(self, millis: int) -> Replay:
        """The state after the last map that is not later. Raises NotFound."""
        place = self._place_of(millis)
        replay = Replay()
        for number, content in enumerate(self._contents()):
            if number < place.picture and (event := _read_dated(content).number):
                replay.number = event
                continue
            replay.take(decoded(content))
            if number == place.last:
                break
        if replay.routes is None:
            raise NotFound(
                f"the recording in {self._path} has no whole picture of the routes"
                f" before {time_text(millis)}"
            )
        return replay

    def _place_of(self, millis: int) -> _Place:
        """The last map that is not later. Raises NotFound if all are later.

        If the clock was set back, a date means two moments; this is the later one.
        """
        place: _Place | None = None
        first_millis = whole = begun = 0
        for number, content in enumerate(self._contents()):
            dated = _read_dated(content)
            first_millis = first_millis or dated.at_millis
            if dated.picture == "begin":
                begun = number
            elif dated.picture == "end":
                whole = begun
            if dated.at_millis <= millis:
                place = _Place(number, whole)
        if place is None:
            raise NotFound(
                f"the recording in {self._path} begins at {time_text(first_millis)},"
                f" and {time_text(millis)} is earlier"
            )
        return place

    def _changed(self, first: int, last: int) -> dict[str, set[str]]:
        """The groups on which each topic got other queues meanwhile."""
        changed: dict[str, set[str]] = {}
        for content in self._contents():
            dated = _read_dated(content)
            if not dated.number or not first < dated.at_millis <= last:
                continue
            facts = decoded(content)
            for change in topics_changes(facts):
                if change.before and change.after:
                    for topic in change.topics:
                        changed.setdefault(topic, set()).update(change.brokers)
        return changed

    def _contents(self) -> Iterator[bytes]:
        """The maps of all segments, packed; those behind damage are skipped."""
        for name in self._names:
            try:
                yield from contents(_read(os.path.join(self._path, name)))
            except FileNotFoundError:
                continue  # the recorder has dropped it
            except RecordingInvalid as error:
                self._damaged[name] = str(error)
            except OSError as error:
                self._damaged[name] = f"it cannot be read: {error.strerror}"

    def _check_version(self, name: str) -> None:
        try:
            check_first_line(_read(os.path.join(self._path, name), _LONGEST_LINE))
        except RecordingInvalid as error:
            if "newer" in str(error):
                raise OptionsInvalid(
                    [f"--directory {self._path}: {name} cannot be read, {error}"]
                ) from None
        except OSError:
            return


def _read(path: str, most: int = -1) -> bytes:
    """The first bytes of a file, or all. Raises OSError; another thing than a file is
    not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(descriptor)


def _filter(filters: Mapping[str, str]) -> Filter:
    since = filters.get("since")
    given = {name: filters[name] for name in ("topic", "broker") if name in filters}
    types = {"types": filters["type"]} if "type" in filters else {}
    try:
        return Filter(
            **given, **types, since_millis=None if since is None else _millis(since)
        )
    except HttpRefused as refused:
        raise OptionsInvalid([refused.detail]) from None


def _millis(moment: str) -> int:
    try:
        return read_moment(moment, time.time_ns() // 1_000_000, is_local=True)
    except MomentInvalid as error:
        raise OptionsInvalid([str(error)]) from None


def _routes(replay: Replay) -> Routes:
    assert replay.routes is not None
    return replay.routes


def _group(routes: Routes, name: str) -> Map:
    addresses = sorted(routes.addresses.get(name, {}).items())
    return {
        "broker": name,
        "cluster": routes.clusters.get(name),
        "addresses": {str(broker_id): address for broker_id, address in addresses},
    }


def _topic_differences(
    was: Routes, now: Routes, changed: Mapping[str, set[str]]
) -> Iterator[Map]:
    for topic in sorted({*was.topics, *now.topics}):
        before, after = was.topics.get(topic, set()), now.topics.get(topic, set())
        found = {
            "added_on": sorted(after - before),
            "changed_on": sorted(before & after & changed.get(topic, set())),
            "removed_from": sorted(before - after),
        }
        if any(found.values()):
            yield {"topic": topic, **found}


def _group_differences(was: Routes, now: Routes) -> Iterator[Map]:
    for name in sorted({*was.addresses, *now.addresses}):
        before, after = was.addresses.get(name, {}), now.addresses.get(name, {})
        ids = [i for i in sorted({*before, *after}) if before.get(i) != after.get(i)]
        if ids:
            yield {
                "broker": name,
                "before": {str(i): before[i] for i in ids if i in before},
                "after": {str(i): after[i] for i in ids if i in after},
            }
