"""A Java program of ours that answers lines: a question in, some lines out."""

import queue
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

END_OF_ANSWER = "\x01"
ANSWER_SECONDS = 60.0


class AnswerMissing(Exception):
    """The program ended, or did not answer in time."""


class Conversation:
    """Starts `argv`; `ask` sends words and returns the answer's text.

    Its standard error goes to `home/console.log`. The program ends when its
    standard input does, also if this interpreter is killed.
    """

    def __init__(self, name: str, argv: Sequence[str], home: Path) -> None:
        self.name = name
        self.home = home
        self._lines: queue.Queue[str | None] = queue.Queue()
        with (home / "console.log").open("ab") as log:
            self._child = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=home,
                text=True,
                encoding="utf-8",
            )
        assert self._child.stdin and self._child.stdout
        self._input: IO[str] = self._child.stdin
        self._output: IO[str] = self._child.stdout
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def ask(self, *words: str, seconds: float = ANSWER_SECONDS) -> str:
        """Send one line of `words`; return what is printed until the end mark."""
        self._input.write("\t".join(words) + "\n")
        self._input.flush()
        lines = []
        while (line := self._next_line(words, seconds)) != END_OF_ANSWER:
            lines.append(line)
        return "\n".join(lines).rstrip("\n")

    def close(self) -> None:
        self._child.kill()
        self._child.wait()
        self._reader.join()
        self._input.close()
        self._output.close()

    def _next_line(self, words: Sequence[str], seconds: float) -> str:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            line = None
        if line is None:
            question = " ".join(words)
            raise AnswerMissing(
                f"{self.name} gave no answer to `{question}` within {seconds:.0f} s"
            )
        return line

    def _read(self) -> None:
        for line in self._output:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)
