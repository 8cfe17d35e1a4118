"""`python -m namesrv.testing.simulator`: words in, a report and an exit code out."""

import shlex

import pytest

from namesrv.routing.brokers import unregistration
from namesrv.routing.brokers.liveness import Liveness
from namesrv.testing.simulator.__main__ import main

Capture = pytest.CaptureFixture[str]


def test_so_many_histories_from_a_seed_on(capsys: Capture) -> None:
    assert main(["--histories", "3", "--seed", "40"]) == 0
    said = capsys.readouterr().out
    assert "3 histories" in said and "seeds 40 to 42" in said and "no violation" in said


def test_it_ends_after_so_many_seconds(capsys: Capture) -> None:
    assert main(["--seconds", "1"]) == 0
    assert "no violation" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--histories", "0"], "'0' is not a whole number from 1 on"),
        (["--seconds", "x"], "'x' is not a whole number from 1 on"),
        (["--keep", "1,b"], "'1,b' is not a list of step numbers joined by commas"),
        (["--keep", ""], "'' is not a list of step numbers"),
        (["--keep", "60"], "step 60 is not among 0 to 59"),
        (["--histories", "2", "--keep", "1"], "--keep plays one history"),
    ],
)
def test_mistake_is_one_sentence(capsys: Capture, words: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_violation_is_reported_and_can_be_replayed(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unregistration, "is_superseded", lambda *arguments: False)
    assert main(["--histories", "100"]) == 1
    report = capsys.readouterr().out
    assert "breaks a promise" in report
    assert "  expected " in report and "  answered " in report
    words = shlex.split(report.strip().rpartition('ARGS="')[2].rstrip('"'))
    assert words[0] == "--seed" and words[2] == "--keep"
    assert main(words) == 1
    again = capsys.readouterr().out
    assert again == report
    monkeypatch.undo()
    assert main(words) == 0
    assert "keeps the promises" in capsys.readouterr().out


def test_fault_without_any_step_is_shown_by_no_step(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tick(self: Liveness, cpu_ms: int, now_ms: int) -> None:
        self._tables.join_cluster("c9", "nobody")

    monkeypatch.setattr(Liveness, "tick", tick)
    assert main(["--histories", "1"]) == 1
    assert "--keep none" in capsys.readouterr().out
    assert main(["--keep", "none"]) == 1
