"""Remote configuration: an allow-list, typed, all of a request or none of it."""

from typing import Any

import pytest

from namesrv.errors import RequestFailed, StorageError
from namesrv.options import REMOTE_KEYS, Options
from namesrv.routing.events import Cause, CauseKind, ConfigChanged, Event, EventStream
from namesrv.routing.outbox import FileWrite, Outbox
from namesrv.routing.settings.configuration import LONGEST_UPDATE_BYTES, Configuration
from namesrv.routing.settings.file_changes import MOST_WAITING

PATH = "data/namesrv.properties"
CAUSE = Cause(CauseKind.REQUEST, 318, "r:1")


class Store:
    """A configuration, and a test that plays its file."""

    def __init__(self, **options: Any) -> None:
        self.options = Options(data_dir="data", **options)
        self.outbox = Outbox()
        self.changes = 0
        self.results: list[StorageError | None] = []
        self.events: list[Event] = []
        self.configuration = Configuration(
            self.options,
            self.outbox,
            EventStream(self.events.append, lambda: 5),
            self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1

    def update(self, text: str | bytes) -> list[FileWrite]:
        """Ask for a change; the writes that it leads to."""
        body = text.encode() if isinstance(text, str) else text
        self.configuration.update(body, CAUSE, self.results.append)
        return [e for e in self.outbox.take() if isinstance(e, FileWrite)]

    def written(self, text: str | bytes) -> bytes:
        """Ask for a change and write it; the content."""
        (write,) = self.update(text)
        assert write.path == PATH
        content = b"".join(write.content())
        write.done(None)
        return content

    def refused(self, text: str | bytes) -> RequestFailed:
        """Ask for a change that is refused."""
        before = str(self.options)
        with pytest.raises(RequestFailed) as caught:
            self.update(text)
        assert str(self.options) == before
        assert not self.outbox and self.results == [] and self.changes == 0
        return caught.value


@pytest.fixture
def store() -> Store:
    return Store()


def test_values_are_typed_and_applied_when_written(store: Store) -> None:
    text = "waitSecondsForService = 5\nenableTopicList:FALSE\n# comment\n"
    (write,) = store.update(text)
    assert store.options.wait_seconds_for_service == 45
    assert (
        b"".join(write.content()) == b"enableTopicList=false\nwaitSecondsForService=5\n"
    )
    write.done(None)
    assert store.options.wait_seconds_for_service == 5
    assert store.options.enable_topic_list is False
    assert (store.changes, store.results) == (1, [None])
    assert ConfigChanged(5, CAUSE, "enableTopicList", "true", "false") in store.events


@pytest.mark.parametrize("key", sorted(REMOTE_KEYS))
def test_every_key_of_the_list_may_be_changed(store: Store, key: str) -> None:
    value = (
        "77" if key in ("scanNotActiveBrokerInterval",) or "Seconds" in key else "true"
    )
    assert store.written(f"{key}={value}") == f"{key}={value}\n".encode()


def test_an_empty_text_changes_nothing_and_is_written(store: Store) -> None:
    assert store.written("\n# nothing\n") == b"# no option was changed remotely\n"
    assert store.results == [None]


@pytest.mark.parametrize(
    "text",
    [
        "listenPort=1",
        "unknownKey=1",
        "enableTopicList=false\nlistenPort=1",
        "listenPort=1\nenableTopicList=false",
        "kvConfigPath=/tmp/x",
        "rocketmqHome=/tmp/x",
        "EnableTopicList=false",
        "é=1",
        "=1",
    ],
)
def test_any_other_key_refuses_the_whole_request(store: Store, text: str) -> None:
    failure = store.refused(text)
    assert failure.code == 16
    assert failure.remark.endswith("can not be updated remotely")


def test_the_key_is_named(store: Store) -> None:
    remark = store.refused("kvConfigPath=x").remark
    assert remark == "config 'kvConfigPath' can not be updated remotely"


@pytest.mark.parametrize(
    "text",
    [
        "enableTopicList=yes",
        "enableTopicList",
        "waitSecondsForService=",
        "waitSecondsForService=five",
        "waitSecondsForService=-1",
        "waitSecondsForService=2147483648",
        "scanNotActiveBrokerInterval=9",
        "enableAllTopicList=false\nenableTopicList=1",
    ],
)
def test_a_value_of_the_wrong_type_refuses_the_whole_request(
    store: Store, text: str
) -> None:
    failure = store.refused(text)
    assert failure.code == 1
    assert "expected" in failure.remark


def test_a_wrong_value_is_named(store: Store) -> None:
    assert store.refused("enableTopicList=yes").remark == (
        "config enableTopicList is 'yes', expected true or false"
    )


@pytest.mark.parametrize(
    "text", ["enableTopicList=yes\nunknown=1", "unknown=1\nenableTopicList=yes"]
)
def test_a_forbidden_key_counts_more_than_a_wrong_value(
    store: Store, text: str
) -> None:
    assert store.refused(text).code == 16


@pytest.mark.parametrize("text", ["x=\\u12", "\\u=1", "enableTopicList=\\uqqqq"])
def test_a_malformed_escape(store: Store, text: str) -> None:
    failure = store.refused(text)
    assert (failure.code, failure.remark) == (1, "string2Properties error")


def test_a_text_beyond_the_limit_is_not_read(store: Store) -> None:
    line = b"waitSecondsForService=5\n"
    filled = line.ljust(LONGEST_UPDATE_BYTES, b"#")
    refusal = store.refused(filled + b"#")
    assert refusal.code == 1
    assert refusal.remark == (
        "a change of the configuration has 65537 bytes, the limit is 65536 bytes"
    )
    store.written(filled)
    assert store.options.wait_seconds_for_service == 5


def test_the_operators_black_list_stands_above_the_list() -> None:
    store = Store(config_black_list="enableTopicList;other")
    failure = store.refused("enableTopicList=false")
    assert (failure.code, failure.remark) == (
        16,
        "Can not update config in black list.",
    )
    assert store.written("enableAllTopicList=false")


def test_bytes_that_are_no_text_do_no_harm(store: Store) -> None:
    assert store.refused(b"\xff\xfe=\x00").code == 16


def test_a_failed_write_changes_nothing(store: Store) -> None:
    (write,) = store.update("enableTopicList=false")
    error = StorageError("write", PATH, "disk is full")
    write.done(error)
    assert store.options.enable_topic_list is True
    assert (store.changes, store.results) == (0, [error])
    assert store.written("enableAllTopicList=false") == b"enableAllTopicList=false\n"


def test_writes_that_wait_build_on_each_other(store: Store) -> None:
    (first,) = store.update("enableTopicList=false")
    first.content()
    assert store.update("enableAllTopicList=false") == []
    assert store.update("waitSecondsForService=7\nenableTopicList=true") == []
    first.done(None)
    assert (store.options.enable_topic_list, store.changes) == (False, 1)
    (second,) = (e for e in store.outbox.take() if isinstance(e, FileWrite))
    assert b"".join(second.content()) == (
        b"enableAllTopicList=false\nenableTopicList=true\nwaitSecondsForService=7\n"
    )
    second.done(None)
    assert (store.options.enable_topic_list, store.changes) == (True, 2)
    assert store.options.wait_seconds_for_service == 7
    assert store.results == [None] * 3


def test_updates_that_wait_are_bounded(store: Store) -> None:
    (first,) = store.update("enableTopicList=false")
    first.content()
    for _ in range(MOST_WAITING - 1):
        assert store.update("enableTopicList=true") == []
    with pytest.raises(RequestFailed, match="the disk is slow: 1024 changes of "):
        store.update("enableTopicList=true")


def test_a_write_after_a_failed_one_leaves_it_out(store: Store) -> None:
    (first,) = store.update("enableTopicList=false")
    first.content()
    store.update("enableAllTopicList=false")
    first.done(StorageError("write", PATH, "disk is full"))
    (second,) = store.outbox.take()
    assert isinstance(second, FileWrite)
    assert b"".join(second.content()) == b"enableAllTopicList=false\n"


def test_what_the_file_holds_is_kept(store: Store) -> None:
    store.configuration.load(
        b"waitSecondsForService=7\nlistenPort=1\n# comment\nunknown=x\n"
    )
    content = store.written("enableTopicList=false")
    assert content == b"enableTopicList=false\nwaitSecondsForService=7\n"


@pytest.mark.parametrize("data", [None, b"", b"x=\\u12"])
def test_no_file_or_a_broken_one_is_empty(store: Store, data: bytes | None) -> None:
    store.configuration.load(data)
    assert store.written("enableTopicList=false") == b"enableTopicList=false\n"
