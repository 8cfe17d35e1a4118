"""The file of routes of a session, which a killed server leaves behind."""

from typing import Any, Final

from namesrv.routing.warm_start.records import FIRST_LINE

_SAVED_MILLIS: Final = 1_700_000_000_000


class KeptFile:
    """`data` is the file, None for none; `served_millis` how long all runs had served
    when it was written. `begin` is called for each run."""

    def __init__(self) -> None:
        self.data: bytes | None = None
        self.served_millis = 0
        self._names: dict[str, Any] = {}
        self._kept: Any = None
        self._state: Any = None

    def begin(self, names: dict[str, Any], state: Any, now_ms: int) -> None:
        """A run begins, over the twin that the names belong to."""
        self._names = names
        self._state = state
        self._kept = names["KeptRoutes"](state)
        if self.data is not None:
            snapshot = names["read_snapshot"](self.data)
            if snapshot.groups:
                self._kept.take_over(snapshot, self.served_millis, now_ms)

    def facts(self) -> tuple[bool, bool, bytes | None]:
        """All that the two twins have to have alike."""
        return self._kept.is_behind, self._kept.has_waiting, self.data

    def go_on(self, argument: int, now_ms: int) -> bool:
        """Pack some groups; whether the file is written, well or not."""
        if not self._kept.has_waiting:
            self._kept.begin()
        for _ in range(argument % 8 + 1):
            if self._kept.has_waiting:
                self._kept.pack_next()
        if self._kept.has_waiting:
            return False
        # A write that fails may have replaced the file nevertheless.
        self._write(now_ms, replaces=argument < 224, fails=argument >= 192)
        return True

    def save_all(self, now_ms: int) -> None:
        """The server's own end."""
        self._state.liveness.leases.drop_confirmed()
        self._kept.begin()
        while self._kept.has_waiting:
            self._kept.pack_next()
        self._write(now_ms)

    def _write(
        self, now_ms: int, *, replaces: bool = True, fails: bool = False
    ) -> None:
        draft = self._kept.finish(_SAVED_MILLIS, now_ms)
        data = FIRST_LINE + b"".join(map(self._whole, draft.records))
        self.data = data if replaces else self.data
        if fails:
            self._kept.lost()
            return
        self._kept.written(draft)
        self.served_millis = self._state.liveness.leases.served_millis

    def _whole(self, record: Any) -> bytes:
        """The bytes of a record; a place is one in the file that is replaced."""
        if isinstance(record, self._names["Place"]):
            assert self.data is not None
            return self.data[record.offset : record.offset + record.length]
        if isinstance(record, self._names["Pieces"]):
            return b"".join(record.whole())
        return bytes(record)
