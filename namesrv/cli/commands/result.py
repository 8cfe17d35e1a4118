"""The result of a command: text for people, a value for programs, an exit code."""

from __future__ import annotations

from collections.abc import Sequence

from namesrv.cli.commands.text import Facts, Table, Value


class Result:
    """`value` is printed as JSON with --json, and `blocks` without it.

    A value of None is not printed. `complaints` are sentences for standard error.
    """

    __slots__ = ("blocks", "complaints", "exit_code", "value")

    def __init__(
        self,
        value: object,
        blocks: Sequence[Table | Facts | Value | str],
        complaints: Sequence[str] = (),
        exit_code: int = 0,
    ) -> None:
        self.value = value
        self.blocks = blocks
        self.complaints = complaints
        self.exit_code = exit_code

    def text(self, width: int | None) -> str:
        """For people; `width` is that of the terminal, None where there is none."""
        blocks = (
            one if isinstance(one, str) else "\n".join(one.lines(width))
            for one in self.blocks
        )
        return "\n\n".join(block for block in blocks if block)

    def json(self, *, is_line: bool = False) -> str:
        """For programs: one JSON value, indented or on one line."""
        import json  # noqa: PLC0415

        return json.dumps(self.value, indent=None if is_line else 2, ensure_ascii=False)
