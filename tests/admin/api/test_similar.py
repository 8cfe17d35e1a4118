"""Names that are nearly the one that was asked for."""

import pytest

from namesrv.admin.api.similar import MOST_COMPARED, similar_in, similar_to
from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.wire.java_json.write import write_string
from namesrv.work import Steps

MANY = {f"{letter}-topic-{n:05}": None for letter in "abxyz" for n in range(1000)}


def run(steps: Steps[list[str]]) -> tuple[list[str], int]:
    """The result, and the units spent."""
    units = 0
    while True:
        try:
            units += next(steps)
        except StopIteration as stop:
            return stop.value, units


def texts_of(names: dict[str, None]) -> OrderedTexts:
    texts = OrderedTexts(write_string)
    for name in names:
        texts.add(name)
    return texts


@pytest.mark.parametrize(
    "word", ["Ordres", "orders", "Order", "Orders2", "0rders", "Orders.", "Oders"]
)
def test_a_slip_is_found_in_a_small_and_in_a_large_table(word: str) -> None:
    small = {"Orders": None, "Payments": None}
    assert run(similar_in(word, texts_of(small), small))[0] == ["Orders"]
    large = {**MANY, **small}
    assert run(similar_in(word, texts_of(large), large))[0] == ["Orders"]


def test_the_best_come_first() -> None:
    names = ["TopicTest", "TopicTests", "TopicTestXY", "TopicTestXYZ", "Other"]
    assert run(similar_to("TopicTest1", names))[0][0] in ("TopicTest", "TopicTests")
    assert len(run(similar_to("TopicTest1", names))[0]) == 3


@pytest.mark.parametrize("length", [1, 32, 33, 250, 4000])
def test_no_name_costs_more_than_two_turns(length: int) -> None:
    """The cost does not grow with the square of the lengths, nor with the table."""
    names = {f"{'q' * 240}{n:010}": None for n in range(2000)}
    found, units = run(similar_in("q" * length, texts_of(names), names))
    assert units <= MOST_COMPARED * 8 + 2000
    assert len(found) <= 3


def test_nothing_is_similar_to_nothing() -> None:
    assert run(similar_to("", ["", "a"]))[0] == []
    assert run(similar_in("x", texts_of({}), {}))[0] == []
