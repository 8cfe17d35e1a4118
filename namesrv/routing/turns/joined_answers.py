"""Late answers of requests that came together and wait for files.

A connection waits for all of them at once, so that changes in one packet join one write
(`namesrv.routing.settings.file_changes`). They are sent together, in the order of the
requests.
"""


class JoinedAnswers:
    """The frames of the answers, None for those that are awaited."""

    def __init__(self) -> None:
        self._frames: list[bytes | None] = []
        self._awaited = 0

    def __len__(self) -> int:
        return len(self._frames)

    def expect(self) -> int:
        """The place of an answer that comes later."""
        self._awaited += 1
        self._frames.append(None)
        return len(self._frames) - 1

    def add(self, frame: bytes) -> None:
        """An answer that is there already."""
        self._frames.append(frame)

    def fill(self, place: int, frame: bytes) -> bytes | None:
        """An awaited answer has come; all of them in one once none is awaited."""
        self._frames[place] = frame
        self._awaited -= 1
        return None if self._awaited else b"".join(f for f in self._frames if f)
