"""Names in order, written in blocks."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from namesrv.routing.tables.ordered_texts import BLOCK_NAMES, OrderedTexts
from namesrv.wire.java_json.write import write_string
from namesrv.work import finish

names = st.text('ab\u00e9\ud800"', max_size=4)


class Texts(RuleBasedStateMachine):
    """Beside a set that is sorted each time."""

    def __init__(self) -> None:
        super().__init__()
        self.version: dict[str, int] = {}
        self.texts = OrderedTexts(self.write, block_names=3)

    def write(self, name: str) -> str:
        return f"{write_string(name)}:{self.version[name]}"

    @rule(name=names)
    def add(self, name: str) -> None:
        assert self.texts.add(name) == (name not in self.version)
        self.version.setdefault(name, 0)

    @rule(name=names)
    def discard(self, name: str) -> None:
        assert self.texts.discard(name) == (name in self.version)
        self.version.pop(name, None)

    @rule(name=names)
    def change(self, name: str) -> None:
        if name in self.version:
            self.version[name] += 1
            self.texts.changed(name)

    @rule()
    def write_all(self) -> None:
        assert b",".join(finish(self.texts.parts())) == self.naive()

    @rule(name=names, most=st.integers(1, 10), is_included=st.booleans())
    def read_neighbours(self, name: str, most: int, is_included: bool) -> None:
        later = sorted(n for n in self.version if n > name or n == name and is_included)
        found = self.texts.following(name, most, is_included=is_included)
        assert found == later[:most]
        earlier = sorted(n for n in self.version if n < name)
        assert self.texts.preceding(name, most) == earlier[-most:]

    @invariant()
    def all_is_true(self) -> None:
        assert len(self.texts) == len(self.version)
        assert self.texts.first == min(self.version, default=None)

    def naive(self) -> bytes:
        return ",".join(self.write(name) for name in sorted(self.version)).encode()


TestTexts = Texts.TestCase


@given(st.lists(names, unique=True))
def test_what_is_kept_is_counted(some: list[str]) -> None:
    texts = OrderedTexts(write_string)
    for name in some:
        texts.add(name)
        finish(texts.parts())
    assert texts.written_bytes == len(texts.written())
    for name in some:
        texts.discard(name)
    assert texts.written_bytes == 0


def test_a_change_is_followed_by_writing_one_block() -> None:
    written: list[str] = []

    def write(name: str) -> str:
        written.append(name)
        return write_string(name)

    texts = OrderedTexts(write)
    for number in range(10_000):
        texts.add(f"{number:05}")
    finish(texts.parts())
    assert len(written) == 10_000
    for change in (texts.changed, texts.discard, texts.add):
        written.clear()
        change("05000")
        finish(texts.parts())
        assert len(written) <= BLOCK_NAMES
    written.clear()
    finish(texts.parts())
    assert written == []


def test_writing_goes_in_steps_and_sees_what_changes_between_them() -> None:
    texts = OrderedTexts(write_string)
    for number in range(3 * BLOCK_NAMES):
        texts.add(f"{number:05}")
    steps = texts.parts()
    assert 0 < next(steps) <= BLOCK_NAMES
    texts.discard("00000")
    texts.add("x")
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            body = b",".join(stop.value)
            break
    assert body.startswith(b'"00001",') and body.endswith(b',"x"')
