"""Remote configuration (318): options that requests may change, and their file.

Only the keys of an allow-list are changed, typed, all of a request or none of it
(docs/protocol.md, chapter on differences). Source: `Configuration#update`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from namesrv.errors import PropertiesInvalid, RequestFailed, StorageError
from namesrv.option import Value, value_text
from namesrv.option_sources import parse_remote
from namesrv.options import BY_NAME, REMOTE_KEYS, Options, java_text
from namesrv.routing.events import Cause, ConfigChanged, EventStream
from namesrv.routing.outbox import Outbox
from namesrv.routing.settings.file_changes import Done, FileChanges
from namesrv.wire.properties import read_properties, write_properties

LONGEST_UPDATE_BYTES: Final = 1 << 16
"""All keys with their longest values are far shorter; millions of lines would take the
loop a quarter of a minute and a gigabyte."""
_KEPT_PER_BYTE: Final = 4
"""An update that waits is kept as a request, and as the values read from it."""
_NOTHING: Final = b"# no option was changed remotely\n"
"""A file without a byte is one that a crash has emptied."""


class _Update(NamedTuple):
    """New values by option name, as they are and as texts, and whose wish they are."""

    changes: dict[str, Value]
    texts: dict[str, str]
    cause: Cause


class Configuration:
    """The options that remote updates changed, and the way to change more.

    `stored` is the content of namesrv.properties: texts by option name. `on_change` is
    called after options have changed.
    """

    def __init__(
        self,
        options: Options,
        outbox: Outbox,
        events: EventStream,
        on_change: Callable[[], None],
    ) -> None:
        self._options = options
        self._events = events
        self._on_change = on_change
        self._updates: FileChanges[_Update] = FileChanges(
            outbox, lambda: options.config_store_path, self._content, self._settle
        )
        self._black_list = options.black_list
        self._stored: dict[str, str] = {}
        self._shown: bytes | None = None

    def load(self, data: bytes | None) -> None:
        """Remember the content of the file, so that an update keeps it; None for no
        file.

        The values themselves are options already. A file that cannot be read counts
        as empty here, because it was reported when the options were read.
        """
        try:
            found = read_properties((data or b"").decode("latin-1"))
        except PropertiesInvalid:
            return
        self._stored = {p.key: p.value for p in found if p.key in REMOTE_KEYS}

    def update(self, body: bytes, cause: Cause, done: Done) -> None:
        """Check a request's `key=value` lines, store them, then apply them.

        Raises RequestFailed: code 1 for a malformed or far too long text, a value of
        the wrong type or too many that wait, code 16 for a key that may not be changed.
        Source: protocol.md section 4.3.
        """
        changes = self._read(body)
        texts = {name: value_text(value) for name, value in changes.items()}
        kept_bytes = _KEPT_PER_BYTE * len(body)
        self._updates.check(kept_bytes)
        self._updates.add(_Update(changes, texts, cause), kept_bytes, done)

    def changes_text(self, body: bytes) -> str:
        """The changes of an update, as `key=value,...`; raises as `update` does."""
        changes = sorted(self._read(body).items())
        return ",".join(f"{name}={value_text(value)}" for name, value in changes)

    def shown(self) -> bytes:
        """The body of 319, made for the first request after a change."""
        if self._shown is None:
            self._shown = java_text(self._options).encode("utf-8", "replace")
        return self._shown

    def _read(self, body: bytes) -> dict[str, Value]:
        if len(body) > LONGEST_UPDATE_BYTES:
            raise RequestFailed(
                f"a change of the configuration has {len(body)} bytes, the limit is "
                f"{LONGEST_UPDATE_BYTES} bytes"
            )
        # Java encodes the text as UTF-8 and has it read as Latin-1 (trap 37).
        text = body.decode("utf-8", "replace").encode().decode("latin-1")
        try:
            found = read_properties(text)
        except PropertiesInvalid:
            raise RequestFailed("string2Properties error") from None
        # A forbidden key counts more than a wrong value, as in Java.
        found.sort(key=lambda p: p.key in REMOTE_KEYS and p.key not in self._black_list)
        return {p.key: parse_remote(p.key, p.value, self._black_list) for p in found}

    def apply(self, changes: Mapping[str, Value], cause: Cause) -> None:
        """Change options by name."""
        self._set(changes, cause)
        self._shown = None
        self._on_change()

    def _content(self, updates: Sequence[_Update]) -> Iterable[bytes]:
        merged = self._stored.copy()
        for update in updates:
            merged |= update.texts
        return [write_properties(sorted(merged.items())).encode("latin-1") or _NOTHING]

    def _settle(self, updates: Sequence[_Update], error: StorageError | None) -> None:
        if error is not None:
            return
        differ = False
        for update in updates:
            self._stored |= update.texts
            differ |= self._set(update.changes, update.cause)
        if differ:
            self._shown = None
            self._on_change()

    def _set(self, changes: Mapping[str, Value], cause: Cause) -> bool:
        """Whether a value differs from the one before."""
        differ = False
        for name, value in changes.items():
            option = BY_NAME[name]
            old = getattr(self._options, option.attribute)
            if old == value:
                continue
            differ = True
            setattr(self._options, option.attribute, value)
            shown = option.shown(old), option.shown(value)
            wall_millis = self._events.wall_millis()
            self._events.put(ConfigChanged(wall_millis, cause, name, *shown))
        return differ
