"""Tables and facts as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.cli.commands.text import Facts, Table, Value, columns_of
from namesrv.cli.printing import shown


def lines(table: Table, width: int | None = None) -> list[str]:
    return list(table.lines(width))


def test_columns_are_aligned_and_numbers_stand_right() -> None:
    table = Table(["NAME", "COUNT", "LAST"], [("a", 5, "x"), ("long name", 12345, "")])
    assert lines(table) == [
        "NAME       COUNT  LAST",
        "a              5  x",
        "long name  12345",
    ]


def test_list_has_no_heading_and_an_empty_table_no_lines() -> None:
    assert lines(Table(["NAME"], [("a",), ("b",)])) == ["a", "b"]
    assert lines(Table(["A", "B"], [])) == []
    empty = Table(["N", "B"], [(10, "x"), ("", "y"), (5, "z")])
    assert lines(empty) == [" N  B", "10  x", "    y", " 5  z"]


def test_wide_characters_take_two_columns() -> None:
    table = Table(["NAME", "X"], [("订单", "x"), ("é", "y"), ("e\u0301", "z")])
    assert [
        columns_of(line[: line.index(mark)])
        for line, mark in zip(lines(table), "Xxyz", strict=True)
    ] == [6, 6, 6, 6]


def test_table_is_never_cut_in_a_pipe_and_fits_a_terminal() -> None:
    table = Table(["A", "B"], [("x" * 50, "y" * 30), ("订" * 30, "z")])
    assert lines(table)[1] == "x" * 50 + " " * 12 + "y" * 30
    for width in (79, 40, 20):
        cut = lines(table, width)
        assert max(map(columns_of, cut)) <= width
        assert cut[1].count("…") >= 1
    assert lines(Table(["A"], [("x" * 50,)]), 10) == ["x" * 9 + "…"]


def test_very_narrow_terminal_keeps_some_of_each_column() -> None:
    table = Table(["A", "B", "C"], [("a" * 20, "b" * 20, "c" * 20)])
    assert lines(table, 5)[1] == "aaaaaaa…  bbbbbbb…  ccccccc…"


@given(
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1),
    st.integers(20, 60),
)
def test_any_text_fits_in_one_line_each(
    rows: list[tuple[str, str]], width: int
) -> None:
    cut = lines(Table(["ONE", "TWO"], rows), width)
    assert len(cut) == len(rows) + 1
    assert all(line.isprintable() for line in cut)
    assert max(map(columns_of, cut)) <= width


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain 订单 é", "plain 订单 é"),
        ("\x1b[31mred\n", "\\x1b[31mred\\n"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\x9b2J\x7f", "\\x9b2J\\x7f"),
        ("\ud800", "\\ud800"),
    ],
)
def test_characters_that_command_a_terminal_are_escaped(
    text: str, expected: str
) -> None:
    assert shown(text) == expected
    assert lines(Table(["T"], [(text,)])) == [expected]
    assert list(Facts([("t", text)]).lines()) == [f"t:  {expected}"]


def test_value_is_raw_in_a_pipe_only() -> None:
    assert list(Value("a\tb").lines()) == ["a\tb"]
    assert list(Value("a\tb").lines(80)) == ["a\\tb"]
